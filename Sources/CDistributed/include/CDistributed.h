// Processes that share the work of one program, over MPI, ScaLAPACK and ELPA; one process where they are not built in.
//
// Nothing of MPI is in this header, as Swift cannot import its macros. Functions return zero, or the number of an error whose text
// `nt_cluster_error` gives.
#ifndef NT_CDISTRIBUTED_H
#define NT_CDISTRIBUTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  // From zero.
  int rank;
  int count;
} nt_cluster_place;

// Whether this was built with MPI.
bool nt_cluster_is_built(void);

// Begins to work together with the other processes that mpirun started; again does nothing.
int nt_cluster_start(nt_cluster_place *place);
// Ends it, once and for all; every process has to call it.
void nt_cluster_stop(void);
// Ends all processes with this status.
_Noreturn void nt_cluster_abort(int status);
// What went wrong last, in this process.
const char *nt_cluster_error(void);

int nt_cluster_barrier(void);
// Sums numbers of all processes, element by element, into all of them, with the same bits.
int nt_cluster_sum(double *numbers, size_t count);
// Gives all processes the bytes of one.
int nt_cluster_broadcast(void *bytes, size_t count, int root);

// A matrix whose blocks of `block` rows and columns are dealt out to a grid of processes.
typedef struct nt_dealt_matrix nt_dealt_matrix;

// Nil, with an error, where there is no memory or the library cannot address a process's part. All processes have to call this and
// what follows together.
nt_dealt_matrix *nt_dealt_matrix_make(int64_t rows, int64_t columns, int64_t block);
void nt_dealt_matrix_free(nt_dealt_matrix *matrix);

// This process's part, column after column.
double *nt_dealt_matrix_elements(nt_dealt_matrix *matrix);
int64_t nt_dealt_matrix_local_rows(const nt_dealt_matrix *matrix);
int64_t nt_dealt_matrix_local_columns(const nt_dealt_matrix *matrix);
// Where a row or column of this process's part is in the whole.
int64_t nt_dealt_matrix_row(const nt_dealt_matrix *matrix, int64_t local);
int64_t nt_dealt_matrix_column(const nt_dealt_matrix *matrix, int64_t local);

// The lower triangle L of A = L Lᵀ in place of A's. `*pivot` is zero, or the row from one on that is not positive definite.
int nt_dealt_matrix_cholesky(nt_dealt_matrix *matrix, int64_t *pivot);
// A⁻¹ b in place of b, from L.
int nt_dealt_matrix_solve(nt_dealt_matrix *factor, nt_dealt_matrix *b);
// L⁻¹ b in place of b.
int nt_dealt_matrix_solve_lower(nt_dealt_matrix *factor, nt_dealt_matrix *b);
// All eigenvalues of A, ascending and in all processes, and its eigenvectors in the columns of `vectors`; A is lost.
int nt_dealt_matrix_eigen(nt_dealt_matrix *matrix, double *values, nt_dealt_matrix *vectors);

#ifdef __cplusplus
}
#endif

#endif
