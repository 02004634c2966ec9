// The routines of BLAS and LAPACK that this package calls, once per element type. Included with NT_SCALAR the type,
// NT_CBLAS(name) and NT_FORTRAN(name) the symbols, and NT_ROUTINE(symbol, parameters) what becomes of each.

NT_ROUTINE(
  NT_CBLAS(gemm), (int order, int transpose_a, int transpose_b, int m, int n, int k, NT_SCALAR alpha,
                   const NT_SCALAR *a, int lda, const NT_SCALAR *b, int ldb, NT_SCALAR beta, NT_SCALAR *c, int ldc))
NT_ROUTINE(
  NT_CBLAS(gemv), (int order, int transpose_a, int m, int n, NT_SCALAR alpha, const NT_SCALAR *a, int lda,
                   const NT_SCALAR *x, int incx, NT_SCALAR beta, NT_SCALAR *y, int incy))
NT_ROUTINE(
  NT_CBLAS(symv), (int order, int uplo, int n, NT_SCALAR alpha, const NT_SCALAR *a, int lda, const NT_SCALAR *x,
                   int incx, NT_SCALAR beta, NT_SCALAR *y, int incy))
NT_ROUTINE(
  NT_CBLAS(syrk), (int order, int uplo, int transpose_a, int n, int k, NT_SCALAR alpha, const NT_SCALAR *a, int lda,
                   NT_SCALAR beta, NT_SCALAR *c, int ldc))
NT_ROUTINE(
  NT_CBLAS(trsm), (int order, int side, int uplo, int transpose_a, int diagonal, int m, int n, NT_SCALAR alpha,
                   const NT_SCALAR *a, int lda, NT_SCALAR *b, int ldb))

NT_ROUTINE(NT_FORTRAN(potrf), (const char *uplo, const int *n, NT_SCALAR *a, const int *lda, int *info))
NT_ROUTINE(NT_FORTRAN(potri), (const char *uplo, const int *n, NT_SCALAR *a, const int *lda, int *info))
NT_ROUTINE(
  NT_FORTRAN(syevd), (const char *job, const char *uplo, const int *n, NT_SCALAR *a, const int *lda, NT_SCALAR *w,
                      NT_SCALAR *work, const int *lwork, int *iwork, const int *liwork, int *info))
NT_ROUTINE(
  NT_FORTRAN(syevr), (const char *job, const char *range, const char *uplo, const int *n, NT_SCALAR *a,
                      const int *lda, const NT_SCALAR *vl, const NT_SCALAR *vu, const int *il, const int *iu,
                      const NT_SCALAR *abstol, int *m, NT_SCALAR *w, NT_SCALAR *z, const int *ldz, int *isuppz,
                      NT_SCALAR *work, const int *lwork, int *iwork, const int *liwork, int *info))
NT_ROUTINE(
  NT_FORTRAN(gesdd), (const char *job, const int *m, const int *n, NT_SCALAR *a, const int *lda, NT_SCALAR *s,
                      NT_SCALAR *u, const int *ldu, NT_SCALAR *vt, const int *ldvt, NT_SCALAR *work,
                      const int *lwork, int *iwork, int *info))
NT_ROUTINE(
  NT_FORTRAN(gelqf), (const int *m, const int *n, NT_SCALAR *a, const int *lda, NT_SCALAR *tau, NT_SCALAR *work,
                      const int *lwork, int *info))
NT_ROUTINE(
  NT_FORTRAN(orglq), (const int *m, const int *n, const int *k, NT_SCALAR *a, const int *lda, const NT_SCALAR *tau,
                      NT_SCALAR *work, const int *lwork, int *info))
NT_ROUTINE(
  NT_FORTRAN(getrf), (const int *m, const int *n, NT_SCALAR *a, const int *lda, int *pivots, int *info))
NT_ROUTINE(
  NT_FORTRAN(getrs), (const char *transpose, const int *n, const int *nrhs, const NT_SCALAR *a, const int *lda,
                      const int *pivots, NT_SCALAR *b, const int *ldb, int *info))

#undef NT_SCALAR
#undef NT_CBLAS
#undef NT_FORTRAN
