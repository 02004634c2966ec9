// What CDistributed.h promises, where MPI is not built in: one process, which shares nothing.
#ifndef NT_MPI

#include <stdlib.h>

#include "CDistributed.h"

bool nt_cluster_is_built(void) { return false; }

const char *nt_cluster_error(void) { return "built without MPI; `swift build --traits MPI` builds with it"; }

int nt_cluster_start(nt_cluster_place *place) {
  place->rank = 0;
  place->count = 1;
  return 0;
}

void nt_cluster_stop(void) {}
_Noreturn void nt_cluster_abort(int status) { _Exit(status); }

int nt_cluster_barrier(void) { return 0; }
int nt_cluster_sum(double *numbers, size_t count) { return 0; }
int nt_cluster_broadcast(void *bytes, size_t count, int root) { return root == 0 ? 0 : -1; }

nt_dealt_matrix *nt_dealt_matrix_make(int64_t rows, int64_t columns, int64_t block) { return NULL; }
void nt_dealt_matrix_free(nt_dealt_matrix *matrix) {}
double *nt_dealt_matrix_elements(nt_dealt_matrix *matrix) { return NULL; }
int64_t nt_dealt_matrix_local_rows(const nt_dealt_matrix *matrix) { return 0; }
int64_t nt_dealt_matrix_local_columns(const nt_dealt_matrix *matrix) { return 0; }
int64_t nt_dealt_matrix_row(const nt_dealt_matrix *matrix, int64_t local) { return 0; }
int64_t nt_dealt_matrix_column(const nt_dealt_matrix *matrix, int64_t local) { return 0; }
int nt_dealt_matrix_cholesky(nt_dealt_matrix *matrix, int64_t *pivot) { return -1; }
int nt_dealt_matrix_solve(nt_dealt_matrix *factor, nt_dealt_matrix *b) { return -1; }
int nt_dealt_matrix_solve_lower(nt_dealt_matrix *factor, nt_dealt_matrix *b) { return -1; }
int nt_dealt_matrix_eigen(nt_dealt_matrix *matrix, double *values, nt_dealt_matrix *vectors) { return -1; }

#endif
