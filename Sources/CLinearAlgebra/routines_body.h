// Included once per element type by routines.c.

void NT_NAME(gemm)(int order, int transpose_a, int transpose_b, int m, int n, int k, NT_SCALAR alpha,
                     const NT_SCALAR *a, int lda, const NT_SCALAR *b, int ldb, NT_SCALAR beta, NT_SCALAR *c, int ldc) {
  NT_CALL(NT_CBLAS(gemm))(order, transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

void NT_NAME(gemv)(int order, int transpose_a, int m, int n, NT_SCALAR alpha, const NT_SCALAR *a, int lda,
                     const NT_SCALAR *x, int incx, NT_SCALAR beta, NT_SCALAR *y, int incy) {
  NT_CALL(NT_CBLAS(gemv))(order, transpose_a, m, n, alpha, a, lda, x, incx, beta, y, incy);
}

void NT_NAME(symv)(int order, int uplo, int n, NT_SCALAR alpha, const NT_SCALAR *a, int lda, const NT_SCALAR *x,
                     int incx, NT_SCALAR beta, NT_SCALAR *y, int incy) {
  NT_CALL(NT_CBLAS(symv))(order, uplo, n, alpha, a, lda, x, incx, beta, y, incy);
}

void NT_NAME(syrk)(int order, int uplo, int transpose_a, int n, int k, NT_SCALAR alpha, const NT_SCALAR *a, int lda,
                     NT_SCALAR beta, NT_SCALAR *c, int ldc) {
  NT_CALL(NT_CBLAS(syrk))(order, uplo, transpose_a, n, k, alpha, a, lda, beta, c, ldc);
}

void NT_NAME(trsm)(int order, int side, int uplo, int transpose_a, int diagonal, int m, int n, NT_SCALAR alpha,
                     const NT_SCALAR *a, int lda, NT_SCALAR *b, int ldb) {
  NT_CALL(NT_CBLAS(trsm))(order, side, uplo, transpose_a, diagonal, m, n, alpha, a, lda, b, ldb);
}

int NT_NAME(potrf)(char uplo, int n, NT_SCALAR *a) {
  int info = 0;
  NT_CALL(NT_FORTRAN(potrf))(&uplo, &n, a, &n, &info);
  return info;
}

int NT_NAME(potri)(char uplo, int n, NT_SCALAR *a) {
  int info = 0;
  NT_CALL(NT_FORTRAN(potri))(&uplo, &n, a, &n, &info);
  return info;
}

int NT_NAME(syevd)(char job, char uplo, int n, NT_SCALAR *a, NT_SCALAR *values) {
  // From the documented sizes, not a query: LAPACK answers the query in 32 bits and overflows silently.
  double needed = job == 'V' ? 1 + 6.0 * n + 2.0 * n * n : 2.0 * n + 1;
  if (needed > 2147483647.0) return nt_no_workspace;
  int info = 0, query = -1, iwork_answer = 0;
  NT_SCALAR answer = 0;
  NT_CALL(NT_FORTRAN(syevd))(&job, &uplo, &n, a, &n, values, &answer, &query, &iwork_answer, &query, &info);
  if (info != 0) return info;
  int lwork = workspace_length(answer > needed ? answer : needed), liwork = iwork_answer;
  if (lwork < 0) return nt_no_workspace;
  NT_SCALAR *work = malloc(sizeof(NT_SCALAR) * lwork);
  int *iwork = malloc(sizeof(int) * liwork);
  info = nt_no_workspace;
  if (work && iwork) {
    info = 0;
    NT_CALL(NT_FORTRAN(syevd))(&job, &uplo, &n, a, &n, values, work, &lwork, iwork, &liwork, &info);
  }
  free(work);
  free(iwork);
  return info;
}

int NT_NAME(syevr)(char job, char uplo, int n, NT_SCALAR *a, int first, int last, NT_SCALAR *values, NT_SCALAR *z) {
  int info = 0, query = -1, iwork_answer = 0, found = 0;
  NT_SCALAR answer = 0, zero = 0;
  int *support = malloc(sizeof(int) * 2 * (last - first + 1));
  NT_SCALAR *all = malloc(sizeof(NT_SCALAR) * n);
  NT_SCALAR *work = NULL;
  int *iwork = NULL;
  if (!support || !all) {
    info = nt_no_workspace;
  } else {
    NT_CALL(NT_FORTRAN(syevr))(&job, "I", &uplo, &n, a, &n, &zero, &zero, &first, &last, &zero, &found, all, z, &n, support,
                      &answer, &query, &iwork_answer, &query, &info);
  }
  if (info == 0) {
    int lwork = workspace_length(answer), liwork = iwork_answer;
    work = lwork < 0 ? NULL : malloc(sizeof(NT_SCALAR) * lwork);
    iwork = malloc(sizeof(int) * liwork);
    if (!work || !iwork) {
      info = nt_no_workspace;
    } else {
      NT_CALL(NT_FORTRAN(syevr))(&job, "I", &uplo, &n, a, &n, &zero, &zero, &first, &last, &zero, &found, all, z, &n, support,
                        work, &lwork, iwork, &liwork, &info);
      for (int i = 0; i < found && i < last - first + 1; i++) values[i] = all[i];
    }
  }
  free(support);
  free(all);
  free(work);
  free(iwork);
  return info;
}

int NT_NAME(gesdd)(char job, int m, int n, NT_SCALAR *a, NT_SCALAR *values, NT_SCALAR *u, NT_SCALAR *vt, int ldvt) {
  int info = 0, query = -1, least = m < n ? m : n;
  double most = m < n ? n : m;
  // An upper bound of the documented sizes, for the same reason as in syevd.
  if (4.0 * least * least + 7.0 * least + most > 2147483647.0) return nt_no_workspace;
  NT_SCALAR answer = 0;
  int *iwork = malloc(sizeof(int) * 8 * least);
  if (!iwork) return nt_no_workspace;
  NT_CALL(NT_FORTRAN(gesdd))(&job, &m, &n, a, &m, values, u, &m, vt, &ldvt, &answer, &query, iwork, &info);
  int lwork = info == 0 ? workspace_length(answer) : nt_no_workspace;
  NT_SCALAR *work = lwork < 0 ? NULL : malloc(sizeof(NT_SCALAR) * lwork);
  if (info == 0 && !work) info = nt_no_workspace;
  if (info == 0) NT_CALL(NT_FORTRAN(gesdd))(&job, &m, &n, a, &m, values, u, &m, vt, &ldvt, work, &lwork, iwork, &info);
  free(work);
  free(iwork);
  return info;
}

int NT_NAME(gelqf)(int m, int n, NT_SCALAR *a, NT_SCALAR *tau) {
  int info = 0, query = -1;
  NT_SCALAR answer = 0;
  NT_CALL(NT_FORTRAN(gelqf))(&m, &n, a, &m, tau, &answer, &query, &info);
  int lwork = info == 0 ? workspace_length(answer) : nt_no_workspace;
  NT_SCALAR *work = lwork < 0 ? NULL : malloc(sizeof(NT_SCALAR) * lwork);
  if (info == 0 && !work) info = nt_no_workspace;
  if (info == 0) NT_CALL(NT_FORTRAN(gelqf))(&m, &n, a, &m, tau, work, &lwork, &info);
  free(work);
  return info;
}

int NT_NAME(orglq)(int m, int n, int k, NT_SCALAR *a, const NT_SCALAR *tau) {
  int info = 0, query = -1;
  NT_SCALAR answer = 0;
  NT_CALL(NT_FORTRAN(orglq))(&m, &n, &k, a, &m, tau, &answer, &query, &info);
  int lwork = info == 0 ? workspace_length(answer) : nt_no_workspace;
  NT_SCALAR *work = lwork < 0 ? NULL : malloc(sizeof(NT_SCALAR) * lwork);
  if (info == 0 && !work) info = nt_no_workspace;
  if (info == 0) NT_CALL(NT_FORTRAN(orglq))(&m, &n, &k, a, &m, tau, work, &lwork, &info);
  free(work);
  return info;
}

int NT_NAME(getrf)(int n, NT_SCALAR *a, int *pivots) {
  int info = 0;
  NT_CALL(NT_FORTRAN(getrf))(&n, &n, a, &n, pivots, &info);
  return info;
}

int NT_NAME(getrs)(char transpose, int n, int columns, const NT_SCALAR *a, const int *pivots, NT_SCALAR *b) {
  int info = 0;
  NT_CALL(NT_FORTRAN(getrs))(&transpose, &n, &columns, a, &n, pivots, b, &n, &info);
  return info;
}
