// BLAS and LAPACK as this package calls them: OpenBLAS, loaded at the first use, or Apple's Accelerate, linked. Both have
// the same routines, with 32-bit integers; hidden string lengths of Fortran are left out, which both accept for
// one-letter options.
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { nt_row_major = 101, nt_column_major = 102, nt_no_transpose = 111, nt_transpose = 112 };
enum { nt_upper = 121, nt_lower = 122, nt_non_unit = 131, nt_unit = 132, nt_left = 141, nt_right = 142 };

// Returned in place of LAPACK's info when the routine's workspace cannot be allocated, or is larger than 32-bit LAPACK
// can be told.
enum { nt_no_workspace = -1000 };

// BLAS has one number of threads for the whole process. Between nt_blas_enter and nt_blas_leave, both called by the same
// thread, it is `count` (or the most that BLAS can have). Others who want the same number work at the same time; those who
// want another wait, each in turn. When nobody is inside, the number is the one that BLAS had before. A thread that is
// inside already stays with the number of its first call. Who is inside must not wait for a thread that wants to enter.
// Without effect where the library decides by itself (Accelerate).
void nt_blas_enter(int count);
void nt_blas_leave(void);
// Whether the calling thread is inside.
int nt_blas_is_entered(void);
// The number now. Setting it is for the owner of the process, and for tests.
int nt_blas_threads(void);
void nt_blas_set_threads(int count);

// Why BLAS runs on the core that it runs on.
typedef enum nt_core_origin {
  nt_core_detected,      // it found the core by itself, which is right for the processor
  nt_core_asked,         // OPENBLAS_CORETYPE names it
  nt_core_corrected,     // it took the processor for a lesser one, and was loaded again for the right core
  nt_core_refused,       // OPENBLAS_CORETYPE names one that the processor cannot run: it was loaded again
  nt_core_shared,        // lesser than the processor, but somebody in this process had loaded BLAS before
  nt_core_unchangeable,  // lesser than the processor, but this BLAS would not take another
} nt_core_origin;

// The kind of processor that BLAS uses the inner loops of.
typedef struct nt_blas_core {
  const char *name;        // "" where the library does not tell
  const char *first_name;  // the core at the first loading
  nt_core_origin origin;
  int is_lesser;           // uses fewer instructions than the processor has, without anybody asking for that
} nt_blas_core;

// Loads BLAS where it is loaded at the first use (OpenBLAS), like every routine below. OpenBLAS looks up processors in a
// list that ends with those that were known when it was released, and takes newer ones for very old ones. Where the
// processor has more instructions than the core uses, OpenBLAS is loaded again with OPENBLAS_CORETYPE set for as long as
// that takes. Somebody's own OPENBLAS_CORETYPE is obeyed if the processor can run it.
nt_blas_core nt_get_blas_core(void);
// Whether BLAS can be loaded; where it cannot, every other call here stops the process.
int nt_blas_is_there(void);
// The library and its configuration, for people to read.
const char *nt_blas_description(void);
// For tests, before the first use: BLAS takes the processor for this core.
void nt_blas_pretend_core(const char *name);

#define NT_SCALAR float
#define NT_NAME(name) nt_s##name
#include "nt_linear_algebra.h"
#undef NT_SCALAR
#undef NT_NAME

#define NT_SCALAR double
#define NT_NAME(name) nt_d##name
#include "nt_linear_algebra.h"
#undef NT_SCALAR
#undef NT_NAME

#ifdef __cplusplus
}
#endif
