// Included once per element type by CLinearAlgebra.h, with NT_SCALAR the type.
//
// LAPACK here takes its arguments by value, allocates its own workspace, and returns its info: 0, a routine's own
// failure (> 0), or nt_no_workspace. Matrices are column-major with leading dimension their number of rows.

void NT_NAME(gemm)(int order, int transpose_a, int transpose_b, int m, int n, int k, NT_SCALAR alpha,
                     const NT_SCALAR *a, int lda, const NT_SCALAR *b, int ldb, NT_SCALAR beta, NT_SCALAR *c, int ldc);
void NT_NAME(gemv)(int order, int transpose_a, int m, int n, NT_SCALAR alpha, const NT_SCALAR *a, int lda,
                     const NT_SCALAR *x, int incx, NT_SCALAR beta, NT_SCALAR *y, int incy);
void NT_NAME(symv)(int order, int uplo, int n, NT_SCALAR alpha, const NT_SCALAR *a, int lda, const NT_SCALAR *x,
                     int incx, NT_SCALAR beta, NT_SCALAR *y, int incy);
void NT_NAME(syrk)(int order, int uplo, int transpose_a, int n, int k, NT_SCALAR alpha, const NT_SCALAR *a, int lda,
                     NT_SCALAR beta, NT_SCALAR *c, int ldc);
void NT_NAME(trsm)(int order, int side, int uplo, int transpose_a, int diagonal, int m, int n, NT_SCALAR alpha,
                     const NT_SCALAR *a, int lda, NT_SCALAR *b, int ldb);

// Cholesky factor in the triangle `uplo` ('L' or 'U'); info > 0: that leading minor (counted from one) is not positive.
int NT_NAME(potrf)(char uplo, int n, NT_SCALAR *a);
// Inverse, in the triangle `uplo`, from the Cholesky factor in it.
int NT_NAME(potri)(char uplo, int n, NT_SCALAR *a);
// Eigenvalues in ascending order; with job 'V' the eigenvectors replace the columns of a. Divide and conquer.
int NT_NAME(syevd)(char job, char uplo, int n, NT_SCALAR *a, NT_SCALAR *values);
// Eigenvalues number first ... last (from one, ascending); with job 'V' their vectors in the columns of z.
int NT_NAME(syevr)(char job, char uplo, int n, NT_SCALAR *a, int first, int last, NT_SCALAR *values, NT_SCALAR *z);
// Singular values, descending; job 'N' none, 'S' thin or 'A' full u (m rows) and vt (n columns, ldvt rows).
int NT_NAME(gesdd)(char job, int m, int n, NT_SCALAR *a, NT_SCALAR *values, NT_SCALAR *u, NT_SCALAR *vt, int ldvt);
// A = L Q: L in the lower trapezoid, Q as reflectors with their factors in tau (min(m, n)).
int NT_NAME(gelqf)(int m, int n, NT_SCALAR *a, NT_SCALAR *tau);
// The first m rows of the Q that gelqf left in k reflectors; a has m rows and n columns.
int NT_NAME(orglq)(int m, int n, int k, NT_SCALAR *a, const NT_SCALAR *tau);
// Pivoted LU factors; info > 0: that pivot (counted from one) is exactly zero.
int NT_NAME(getrf)(int n, NT_SCALAR *a, int *pivots);
// Solves with the factors of getrf, or of its transpose ('T'), in place of the columns of b.
int NT_NAME(getrs)(char transpose, int n, int columns, const NT_SCALAR *a, const int *pivots, NT_SCALAR *b);
