// Included once per element type by lapack.c.

void NT_FORTRAN(potrf)(const char *uplo, const int *n, NT_SCALAR *a, const int *lda, int *info);
void NT_FORTRAN(potri)(const char *uplo, const int *n, NT_SCALAR *a, const int *lda, int *info);
void NT_FORTRAN(syevd)(const char *job, const char *uplo, const int *n, NT_SCALAR *a, const int *lda, NT_SCALAR *w,
                       NT_SCALAR *work, const int *lwork, int *iwork, const int *liwork, int *info);
void NT_FORTRAN(syevr)(const char *job, const char *range, const char *uplo, const int *n, NT_SCALAR *a,
                       const int *lda, const NT_SCALAR *vl, const NT_SCALAR *vu, const int *il, const int *iu,
                       const NT_SCALAR *abstol, int *m, NT_SCALAR *w, NT_SCALAR *z, const int *ldz, int *isuppz,
                       NT_SCALAR *work, const int *lwork, int *iwork, const int *liwork, int *info);
void NT_FORTRAN(gesdd)(const char *job, const int *m, const int *n, NT_SCALAR *a, const int *lda, NT_SCALAR *s,
                       NT_SCALAR *u, const int *ldu, NT_SCALAR *vt, const int *ldvt, NT_SCALAR *work,
                       const int *lwork, int *iwork, int *info);
void NT_FORTRAN(gelqf)(const int *m, const int *n, NT_SCALAR *a, const int *lda, NT_SCALAR *tau, NT_SCALAR *work,
                       const int *lwork, int *info);
void NT_FORTRAN(orglq)(const int *m, const int *n, const int *k, NT_SCALAR *a, const int *lda, const NT_SCALAR *tau,
                       NT_SCALAR *work, const int *lwork, int *info);
void NT_FORTRAN(getrf)(const int *m, const int *n, NT_SCALAR *a, const int *lda, int *pivots, int *info);
void NT_FORTRAN(getrs)(const char *transpose, const int *n, const int *nrhs, const NT_SCALAR *a, const int *lda,
                       const int *pivots, NT_SCALAR *b, const int *ldb, int *info);

int NT_LAPACK(potrf)(char uplo, int n, NT_SCALAR *a) {
  int info = 0;
  NT_FORTRAN(potrf)(&uplo, &n, a, &n, &info);
  return info;
}

int NT_LAPACK(potri)(char uplo, int n, NT_SCALAR *a) {
  int info = 0;
  NT_FORTRAN(potri)(&uplo, &n, a, &n, &info);
  return info;
}

int NT_LAPACK(syevd)(char job, char uplo, int n, NT_SCALAR *a, NT_SCALAR *values) {
  // From the documented sizes, not a query: LAPACK answers the query in 32 bits and overflows silently.
  double needed = job == 'V' ? 1 + 6.0 * n + 2.0 * n * n : 2.0 * n + 1;
  if (needed > 2147483647.0) return nt_no_workspace;
  int info = 0, query = -1, iwork_answer = 0;
  NT_SCALAR answer = 0;
  NT_FORTRAN(syevd)(&job, &uplo, &n, a, &n, values, &answer, &query, &iwork_answer, &query, &info);
  if (info != 0) return info;
  int lwork = workspace_length(answer > needed ? answer : needed), liwork = iwork_answer;
  if (lwork < 0) return nt_no_workspace;
  NT_SCALAR *work = malloc(sizeof(NT_SCALAR) * lwork);
  int *iwork = malloc(sizeof(int) * liwork);
  info = nt_no_workspace;
  if (work && iwork) {
    info = 0;
    NT_FORTRAN(syevd)(&job, &uplo, &n, a, &n, values, work, &lwork, iwork, &liwork, &info);
  }
  free(work);
  free(iwork);
  return info;
}

int NT_LAPACK(syevr)(char job, char uplo, int n, NT_SCALAR *a, int first, int last, NT_SCALAR *values, NT_SCALAR *z) {
  int info = 0, query = -1, iwork_answer = 0, found = 0;
  NT_SCALAR answer = 0, zero = 0;
  int *support = malloc(sizeof(int) * 2 * (last - first + 1));
  NT_SCALAR *all = malloc(sizeof(NT_SCALAR) * n);
  NT_SCALAR *work = NULL;
  int *iwork = NULL;
  if (!support || !all) {
    info = nt_no_workspace;
  } else {
    NT_FORTRAN(syevr)(&job, "I", &uplo, &n, a, &n, &zero, &zero, &first, &last, &zero, &found, all, z, &n, support,
                      &answer, &query, &iwork_answer, &query, &info);
  }
  if (info == 0) {
    int lwork = workspace_length(answer), liwork = iwork_answer;
    work = lwork < 0 ? NULL : malloc(sizeof(NT_SCALAR) * lwork);
    iwork = malloc(sizeof(int) * liwork);
    if (!work || !iwork) {
      info = nt_no_workspace;
    } else {
      NT_FORTRAN(syevr)(&job, "I", &uplo, &n, a, &n, &zero, &zero, &first, &last, &zero, &found, all, z, &n, support,
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

int NT_LAPACK(gesdd)(char job, int m, int n, NT_SCALAR *a, NT_SCALAR *values, NT_SCALAR *u, NT_SCALAR *vt, int ldvt) {
  int info = 0, query = -1, least = m < n ? m : n;
  double most = m < n ? n : m;
  // An upper bound of the documented sizes, for the same reason as in syevd.
  if (4.0 * least * least + 7.0 * least + most > 2147483647.0) return nt_no_workspace;
  NT_SCALAR answer = 0;
  int *iwork = malloc(sizeof(int) * 8 * least);
  if (!iwork) return nt_no_workspace;
  NT_FORTRAN(gesdd)(&job, &m, &n, a, &m, values, u, &m, vt, &ldvt, &answer, &query, iwork, &info);
  int lwork = info == 0 ? workspace_length(answer) : nt_no_workspace;
  NT_SCALAR *work = lwork < 0 ? NULL : malloc(sizeof(NT_SCALAR) * lwork);
  if (info == 0 && !work) info = nt_no_workspace;
  if (info == 0) NT_FORTRAN(gesdd)(&job, &m, &n, a, &m, values, u, &m, vt, &ldvt, work, &lwork, iwork, &info);
  free(work);
  free(iwork);
  return info;
}

int NT_LAPACK(gelqf)(int m, int n, NT_SCALAR *a, NT_SCALAR *tau) {
  int info = 0, query = -1;
  NT_SCALAR answer = 0;
  NT_FORTRAN(gelqf)(&m, &n, a, &m, tau, &answer, &query, &info);
  int lwork = info == 0 ? workspace_length(answer) : nt_no_workspace;
  NT_SCALAR *work = lwork < 0 ? NULL : malloc(sizeof(NT_SCALAR) * lwork);
  if (info == 0 && !work) info = nt_no_workspace;
  if (info == 0) NT_FORTRAN(gelqf)(&m, &n, a, &m, tau, work, &lwork, &info);
  free(work);
  return info;
}

int NT_LAPACK(orglq)(int m, int n, int k, NT_SCALAR *a, const NT_SCALAR *tau) {
  int info = 0, query = -1;
  NT_SCALAR answer = 0;
  NT_FORTRAN(orglq)(&m, &n, &k, a, &m, tau, &answer, &query, &info);
  int lwork = info == 0 ? workspace_length(answer) : nt_no_workspace;
  NT_SCALAR *work = lwork < 0 ? NULL : malloc(sizeof(NT_SCALAR) * lwork);
  if (info == 0 && !work) info = nt_no_workspace;
  if (info == 0) NT_FORTRAN(orglq)(&m, &n, &k, a, &m, tau, work, &lwork, &info);
  free(work);
  return info;
}

int NT_LAPACK(getrf)(int n, NT_SCALAR *a, int *pivots) {
  int info = 0;
  NT_FORTRAN(getrf)(&n, &n, a, &n, pivots, &info);
  return info;
}

int NT_LAPACK(getrs)(char transpose, int n, int columns, const NT_SCALAR *a, const int *pivots, NT_SCALAR *b) {
  int info = 0;
  NT_FORTRAN(getrs)(&transpose, &n, &columns, a, &n, pivots, b, &n, &info);
  return info;
}
