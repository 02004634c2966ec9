// What CDistributed.h promises, over MPI, ScaLAPACK and ELPA.
#ifdef NT_MPI

#include <elpa/elpa.h>
#include <errno.h>
#include <limits.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "CDistributed.h"

// No header declares these. BLACS in C, ScaLAPACK with Fortran's conventions.
int Csys2blacs_handle(MPI_Comm communicator);
void Cblacs_gridinit(int *context, const char *order, int rows, int columns);
void Cblacs_gridinfo(int context, int *rows, int *columns, int *row, int *column);
void Cblacs_gridexit(int context);
int numroc_(const int *count, const int *block, const int *place, const int *source, const int *places);
void descinit_(int *descriptor, const int *m, const int *n, const int *mb, const int *nb, const int *source_row,
               const int *source_column, const int *context, const int *leading, int *info);
void pdpotrf_(const char *triangle, const int *n, double *a, const int *ia, const int *ja, const int *desca, int *info);
void pdpotrs_(const char *triangle, const int *n, const int *columns, const double *a, const int *ia, const int *ja,
              const int *desca, double *b, const int *ib, const int *jb, const int *descb, int *info);
void pdtrtrs_(const char *triangle, const char *transpose, const char *diagonal, const int *n, const int *columns,
              const double *a, const int *ia, const int *ja, const int *desca, double *b, const int *ib, const int *jb,
              const int *descb, int *info);

static char message[512] = "";
static nt_cluster_place here = {0, 1};
static bool has_started = false;

// The grid of processes: as square as their number allows.
static struct {
  bool is_made;
  int context, rows, columns, row, column;
} grid;

static int failed(const char *what, long number) {
  snprintf(message, sizeof message, "%s (%ld)", what, number);
  return -1;
}

static int checked(const char *what, int code) {
  if (code == MPI_SUCCESS) return 0;
  char reason[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, reason, &length);
  snprintf(message, sizeof message, "%s: %.*s", what, length, reason);
  return -1;
}

bool nt_cluster_is_built(void) { return true; }

const char *nt_cluster_error(void) { return message; }

int nt_cluster_start(nt_cluster_place *place) {
  if (!has_started) {
    int is_initialized = 0, provided = 0;
    MPI_Initialized(&is_initialized);
    if (!is_initialized) {
      if (checked("MPI_Init_thread", MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &provided))) return -1;
      if (provided < MPI_THREAD_SERIALIZED) return failed("MPI allows calls from its first thread only", provided);
    }
    MPI_Comm_rank(MPI_COMM_WORLD, &here.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &here.count);
    has_started = true;
  }
  *place = here;
  return 0;
}

void nt_cluster_stop(void) {
  int is_finalized = 0;
  MPI_Finalized(&is_finalized);
  if (!has_started || is_finalized) return;
  if (grid.is_made) Cblacs_gridexit(grid.context);
  grid.is_made = false;
  MPI_Finalize();
}

_Noreturn void nt_cluster_abort(int status) {
  if (has_started) MPI_Abort(MPI_COMM_WORLD, status);
  _Exit(status);
}

// Processes wait for minutes while one of them computes with all processors of a machine, so that they look again and again and
// sleep between, longer and longer, instead of looking all the time.
static int patient(const char *what, int code, MPI_Request *request) {
  if (checked(what, code)) return -1;
  int is_done = 0;
  long pause = 0;
  for (int looks = 0;; looks++) {
    if (checked(what, MPI_Test(request, &is_done, MPI_STATUS_IGNORE))) return -1;
    if (is_done) return 0;
    if (looks < 1000) continue;
    pause = pause < 500000 ? pause + 2000 : pause;
    struct timespec time = {0, pause};
    nanosleep(&time, NULL);
  }
}

int nt_cluster_barrier(void) {
  MPI_Request request;
  return patient("MPI_Ibarrier", MPI_Ibarrier(MPI_COMM_WORLD, &request), &request);
}

// Counts of MPI are of type int.
static const size_t piece = 1 << 26;

int nt_cluster_broadcast(void *bytes, size_t count, int root) {
  for (size_t start = 0; start < count; start += piece) {
    size_t part = count - start < piece ? count - start : piece;
    MPI_Request request;
    if (patient("MPI_Ibcast",
                MPI_Ibcast((char *)bytes + start, (int)part, MPI_BYTE, root, MPI_COMM_WORLD, &request), &request))
      return -1;
  }
  return 0;
}

int nt_cluster_sum(double *numbers, size_t count) {
  // Summed in one process and given to all: MPI does not promise that a sum in all processes has the same bits everywhere.
  for (size_t start = 0; start < count; start += piece) {
    size_t part = count - start < piece ? count - start : piece;
    MPI_Request request;
    double *own = numbers + start;
    int code = MPI_Ireduce(here.rank == 0 ? MPI_IN_PLACE : own, here.rank == 0 ? own : NULL, (int)part, MPI_DOUBLE,
                           MPI_SUM, 0, MPI_COMM_WORLD, &request);
    if (patient("MPI_Ireduce", code, &request)) return -1;
  }
  return nt_cluster_broadcast(numbers, 8 * count, 0);
}

// MARK: - Dealt matrices

struct nt_dealt_matrix {
  int rows, columns, block, local_rows, local_columns;
  int descriptor[9];
  double *elements;
};

static void make_grid(void) {
  if (grid.is_made) return;
  int rows = 1;
  for (int candidate = 1; candidate * candidate <= here.count; candidate++)
    if (here.count % candidate == 0) rows = candidate;
  grid.context = Csys2blacs_handle(MPI_COMM_WORLD);
  Cblacs_gridinit(&grid.context, "Row", rows, here.count / rows);
  Cblacs_gridinfo(grid.context, &grid.rows, &grid.columns, &grid.row, &grid.column);
  grid.is_made = true;
}

nt_dealt_matrix *nt_dealt_matrix_make(int64_t rows, int64_t columns, int64_t block) {
  if (rows < 1 || columns < 1 || block < 1 || rows > INT_MAX || columns > INT_MAX || block > INT_MAX) {
    failed("a matrix whose sizes ScaLAPACK cannot address", (long)rows);
    return NULL;
  }
  make_grid();
  nt_dealt_matrix *matrix = calloc(1, sizeof *matrix);
  double is_missing = matrix == NULL;
  if (matrix != NULL) {
    const int zero = 0;
    matrix->rows = (int)rows;
    matrix->columns = (int)columns;
    matrix->block = (int)block;
    matrix->local_rows = numroc_(&matrix->rows, &matrix->block, &grid.row, &zero, &grid.rows);
    matrix->local_columns = numroc_(&matrix->columns, &matrix->block, &grid.column, &zero, &grid.columns);
    const int leading = matrix->local_rows > 1 ? matrix->local_rows : 1;
    int64_t count = (int64_t)leading * (matrix->local_columns > 1 ? matrix->local_columns : 1);
    // Its index arithmetic is in 32 bits.
    matrix->elements = count <= INT_MAX ? calloc((size_t)count, sizeof(double)) : NULL;
    int info = 0;
    descinit_(matrix->descriptor, &matrix->rows, &matrix->columns, &matrix->block, &matrix->block, &zero, &zero,
              &grid.context, &leading, &info);
    is_missing = matrix->elements == NULL || info != 0;
  }
  // All processes go on, or none.
  if (nt_cluster_sum(&is_missing, 1) || is_missing > 0) {
    failed("processes without memory for their part, or with one of more than 2^31 numbers", (long)is_missing);
    nt_dealt_matrix_free(matrix);
    return NULL;
  }
  return matrix;
}

void nt_dealt_matrix_free(nt_dealt_matrix *matrix) {
  if (matrix == NULL) return;
  free(matrix->elements);
  free(matrix);
}

double *nt_dealt_matrix_elements(nt_dealt_matrix *matrix) { return matrix->elements; }
int64_t nt_dealt_matrix_local_rows(const nt_dealt_matrix *matrix) { return matrix->local_rows; }
int64_t nt_dealt_matrix_local_columns(const nt_dealt_matrix *matrix) { return matrix->local_columns; }

static int64_t whole(int64_t local, int64_t block, int64_t place, int64_t places) {
  return (local / block * places + place) * block + local % block;
}

int64_t nt_dealt_matrix_row(const nt_dealt_matrix *matrix, int64_t local) {
  return whole(local, matrix->block, grid.row, grid.rows);
}

int64_t nt_dealt_matrix_column(const nt_dealt_matrix *matrix, int64_t local) {
  return whole(local, matrix->block, grid.column, grid.columns);
}

static const int one = 1;

int nt_dealt_matrix_cholesky(nt_dealt_matrix *matrix, int64_t *pivot) {
  int info = 0;
  pdpotrf_("L", &matrix->rows, matrix->elements, &one, &one, matrix->descriptor, &info);
  *pivot = info > 0 ? info : 0;
  return info < 0 ? failed("pdpotrf", info) : 0;
}

int nt_dealt_matrix_solve(nt_dealt_matrix *factor, nt_dealt_matrix *b) {
  int info = 0;
  pdpotrs_("L", &factor->rows, &b->columns, factor->elements, &one, &one, factor->descriptor, b->elements, &one, &one,
           b->descriptor, &info);
  return info == 0 ? 0 : failed("pdpotrs", info);
}

int nt_dealt_matrix_solve_lower(nt_dealt_matrix *factor, nt_dealt_matrix *b) {
  int info = 0;
  pdtrtrs_("L", "N", "N", &factor->rows, &b->columns, factor->elements, &one, &one, factor->descriptor, b->elements,
           &one, &one, b->descriptor, &info);
  return info == 0 ? 0 : failed("pdtrtrs", info);
}

int nt_dealt_matrix_eigen(nt_dealt_matrix *matrix, double *values, nt_dealt_matrix *vectors) {
  int error = ELPA_OK;
  if (elpa_init(20211125) != ELPA_OK) return failed("this version of ELPA has another interface", 20211125);
  elpa_t handle = elpa_allocate(&error);
  if (error != ELPA_OK) return failed("elpa_allocate", error);
  const struct {
    const char *name;
    int value;
  } settings[] = {
      {"na", matrix->rows},
      {"nev", matrix->rows},
      {"local_nrows", matrix->local_rows},
      {"local_ncols", matrix->local_columns},
      {"nblk", matrix->block},
      {"mpi_comm_parent", MPI_Comm_c2f(MPI_COMM_WORLD)},
      {"process_row", grid.row},
      {"process_col", grid.column},
  };
  for (size_t k = 0; k < sizeof settings / sizeof *settings && error == ELPA_OK; k++) {
    elpa_set_integer(handle, settings[k].name, settings[k].value, &error);
    if (error != ELPA_OK) failed(settings[k].name, error);
  }
  if (error == ELPA_OK) {
    error = elpa_setup(handle);
    if (error != ELPA_OK) failed("elpa_setup", error);
  }
  if (error == ELPA_OK) {
    elpa_set_integer(handle, "solver", ELPA_SOLVER_2STAGE, &error);
    if (error == ELPA_OK)
      elpa_eigenvectors_double(handle, matrix->elements, values, vectors->elements, &error);
    if (error != ELPA_OK) failed("elpa_eigenvectors", error);
  }
  int ignored = 0;
  elpa_deallocate(handle, &ignored);
  elpa_uninit(&ignored);
  return error == ELPA_OK ? 0 : -1;
}

#endif
