#include "CLinearAlgebra.h"
#include "blas_library.h"

#include <stdlib.h>

// A workspace query answers in floating point; float cannot hold large integers exactly, so round it up.
static int workspace_length(double answer) {
  double length = answer * (1 + 1.2e-7) + 1;
  return length < 2147483647.0 ? (int)length : nt_no_workspace;
}

#define NT_SCALAR float
#define NT_NAME(name) nt_s##name
#define NT_CBLAS(name) cblas_s##name
#define NT_FORTRAN(name) s##name##_
#include "routines_body.h"
#undef NT_SCALAR
#undef NT_NAME
#undef NT_CBLAS
#undef NT_FORTRAN

#define NT_SCALAR double
#define NT_NAME(name) nt_d##name
#define NT_CBLAS(name) cblas_d##name
#define NT_FORTRAN(name) d##name##_
#include "routines_body.h"
