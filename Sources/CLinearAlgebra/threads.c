#include "CLinearAlgebra.h"

#if defined(__APPLE__)

void nt_blas_set_threads(int count) { (void)count; }
int nt_blas_threads(void) { return 0; }
const char *nt_blas_description(void) { return "Accelerate"; }

#else

void openblas_set_num_threads(int count);
int openblas_get_num_threads(void);
char *openblas_get_config(void);

void nt_blas_set_threads(int count) { openblas_set_num_threads(count); }
int nt_blas_threads(void) { return openblas_get_num_threads(); }
const char *nt_blas_description(void) { return openblas_get_config(); }

#endif
