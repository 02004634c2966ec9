// BLAS and LAPACK as this package calls them: the same symbols in OpenBLAS and in Apple's Accelerate (32-bit integers,
// Fortran LAPACK with hidden string lengths left out, which both accept for one-letter options).
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

// Threads that one BLAS or LAPACK call may use. Without effect where the library decides by itself (Accelerate).
void nt_blas_set_threads(int count);
int nt_blas_threads(void);
// The library and its configuration, for people to read.
const char *nt_blas_description(void);

#define NT_SCALAR float
#define NT_BLAS(name) cblas_s##name
#define NT_LAPACK(name) nt_s##name
#include "nt_linear_algebra.h"
#undef NT_SCALAR
#undef NT_BLAS
#undef NT_LAPACK

#define NT_SCALAR double
#define NT_BLAS(name) cblas_d##name
#define NT_LAPACK(name) nt_d##name
#include "nt_linear_algebra.h"
#undef NT_SCALAR
#undef NT_BLAS
#undef NT_LAPACK

#ifdef __cplusplus
}
#endif
