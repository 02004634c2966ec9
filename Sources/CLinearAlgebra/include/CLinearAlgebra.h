// BLAS and LAPACK as this package calls them: the same symbols in OpenBLAS and in Apple's Accelerate (32-bit integers,
// Fortran LAPACK with hidden string lengths left out, which both accept for one-letter options).
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { nt_row_major = 101, nt_column_major = 102, nt_no_transpose = 111, nt_transpose = 112 };
enum { nt_upper = 121, nt_lower = 122 };

// Threads that one BLAS or LAPACK call may use. Without effect where the library decides by itself (Accelerate).
void nt_blas_set_threads(int count);
int nt_blas_threads(void);
// The library and its configuration, for people to read.
const char *nt_blas_description(void);

void cblas_sgemm(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a, int lda,
                 const float *b, int ldb, float beta, float *c, int ldc);
void cblas_dgemm(int order, int transpose_a, int transpose_b, int m, int n, int k, double alpha, const double *a,
                 int lda, const double *b, int ldb, double beta, double *c, int ldc);

#ifdef __cplusplus
}
#endif
