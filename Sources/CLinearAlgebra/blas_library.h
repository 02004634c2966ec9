// Where the routines of BLAS and LAPACK come from: NT_CALL(symbol) is one to call.
#pragma once

#if defined(__APPLE__)

#define NT_ROUTINE(symbol, parameters) void symbol parameters;
#include "blas_routines_of_both_types.h"
#define NT_CALL(symbol) symbol

#else

// OpenBLAS is loaded at the first use, not linked, because what it takes the processor for can only be said before.
typedef struct nt_blas_library {
#define NT_ROUTINE(symbol, parameters) void(*symbol) parameters;
#include "blas_routines_of_both_types.h"
  void (*set_threads)(int count);
  int (*get_threads)(void);
  char *(*get_config)(void);
  char *(*get_core)(void);
} nt_blas_library;

// Loads OpenBLAS at the first call. Stops the process, with a line that says what to install, where there is none.
const nt_blas_library *nt_get_blas_library(void);
#define NT_CALL(symbol) nt_get_blas_library()->symbol

#endif
