// Included with NT_ROUTINE, and forgets it.

#define NT_SCALAR float
#define NT_CBLAS(name) cblas_s##name
#define NT_FORTRAN(name) s##name##_
#include "blas_routines.h"

#define NT_SCALAR double
#define NT_CBLAS(name) cblas_d##name
#define NT_FORTRAN(name) d##name##_
#include "blas_routines.h"

#undef NT_ROUTINE
