// What a cluster offers, against what is known: sums, matrices with a known solution, a known spectrum. Runs on as many processes as
// it is started with; built without MPI, on one, where matrices are not dealt out.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "CDistributed.h"

static nt_cluster_place place;

static void require(bool holds, const char *what, double found) {
  if (holds) return;
  fprintf(stderr, "process %d: %s: found %g (%s)\n", place.rank, what, found, nt_cluster_error());
  nt_cluster_abort(1);
}

// M = D + e e^T with D = diag(1, 2, ..., n): positive definite, and M^-1 is known by Sherman and Morrison.
static double element(long i, long j) { return (i == j ? (double)(i + 1) : 0) + 1; }

static void fill(nt_dealt_matrix *matrix, double (*f)(long, long)) {
  double *elements = nt_dealt_matrix_elements(matrix);
  long rows = (long)nt_dealt_matrix_local_rows(matrix), columns = (long)nt_dealt_matrix_local_columns(matrix);
  for (long j = 0; j < columns; j++)
    for (long i = 0; i < rows; i++)
      elements[j * rows + i] = f((long)nt_dealt_matrix_row(matrix, i), (long)nt_dealt_matrix_column(matrix, j));
}

// The largest difference between the part of this process and what it should be.
static double difference(nt_dealt_matrix *matrix, double (*f)(long, long)) {
  double *elements = nt_dealt_matrix_elements(matrix), largest = 0;
  long rows = (long)nt_dealt_matrix_local_rows(matrix), columns = (long)nt_dealt_matrix_local_columns(matrix);
  for (long j = 0; j < columns; j++)
    for (long i = 0; i < rows; i++)
      largest = fmax(largest, fabs(elements[j * rows + i] - f((long)nt_dealt_matrix_row(matrix, i),
                                                              (long)nt_dealt_matrix_column(matrix, j))));
  return largest;
}

static double solution(long i, long j) { return cos((double)(i + 1) * (double)(j + 2)); }

static long size;
static double right_hand_side(long i, long j) {
  double sum = 0;
  for (long k = 0; k < size; k++) sum += element(i, k) * solution(k, j);
  return sum;
}

// The path graph's matrix, whose eigenvalues are 2 - 2 cos(k pi / (n + 1)).
static double path(long i, long j) { return i == j ? 2 : labs(i - j) == 1 ? -1 : 0; }

static void check_sums(void) {
  enum { count = 1000 };
  double numbers[count];
  for (int k = 0; k < count; k++) numbers[k] = k + place.rank;
  require(nt_cluster_sum(numbers, count) == 0, "a sum", 0);
  double ranks = place.count * (place.count - 1) / 2.0;
  for (int k = 0; k < count; k++) require(numbers[k] == k * (double)place.count + ranks, "a sum", numbers[k]);
  double text[3] = {place.rank, 2, 3};
  int last = place.count - 1;
  require(nt_cluster_broadcast(text, sizeof text, last) == 0 && text[0] == last, "what the last one sends", text[0]);
  require(nt_cluster_barrier() == 0, "a barrier", 0);
}

static void check_matrices(long n, long block, long columns) {
  size = n;
  nt_dealt_matrix *a = nt_dealt_matrix_make(n, n, block), *b = nt_dealt_matrix_make(n, columns, block);
  require(a != NULL && b != NULL, "matrices", (double)n);
  fill(a, element);
  fill(b, right_hand_side);
  int64_t pivot = -1;
  require(nt_dealt_matrix_cholesky(a, &pivot) == 0 && pivot == 0, "a factor", (double)pivot);
  require(nt_dealt_matrix_solve(a, b) == 0, "a solution", 0);
  double error = difference(b, solution);
  require(error < 1e-10 * (double)n, "the error of a solution", error);
  // |L^-1 b|^2 = b^T x for each column.
  fill(b, right_hand_side);
  require(nt_dealt_matrix_solve_lower(a, b) == 0, "half a solution", 0);
  double *sums = calloc((size_t)columns, sizeof *sums);
  double *elements = nt_dealt_matrix_elements(b);
  long rows = (long)nt_dealt_matrix_local_rows(b);
  for (long j = 0; j < nt_dealt_matrix_local_columns(b); j++)
    for (long i = 0; i < rows; i++)
      sums[nt_dealt_matrix_column(b, j)] += elements[j * rows + i] * elements[j * rows + i];
  require(nt_cluster_sum(sums, (size_t)columns) == 0, "sums of squares", 0);
  for (long j = 0; j < columns; j++) {
    double expected = 0;
    for (long i = 0; i < n; i++) expected += right_hand_side(i, j) * solution(i, j);
    require(fabs(sums[j] - expected) <= 1e-10 * fabs(expected), "a square", sums[j] - expected);
  }
  free(sums);
  // Not positive definite from its third row on, and that is said.
  fill(a, path);
  double *own = nt_dealt_matrix_elements(a);
  rows = (long)nt_dealt_matrix_local_rows(a);
  for (long j = 0; j < nt_dealt_matrix_local_columns(a); j++)
    for (long i = 0; i < rows; i++)
      if (nt_dealt_matrix_row(a, i) == 2 && nt_dealt_matrix_column(a, j) == 2) own[j * rows + i] = -1;
  require(nt_dealt_matrix_cholesky(a, &pivot) == 0 && pivot == 3, "the pivot", (double)pivot);
  nt_dealt_matrix_free(a);
  nt_dealt_matrix_free(b);
}

static void check_spectrum(long n, long block) {
  nt_dealt_matrix *a = nt_dealt_matrix_make(n, n, block), *vectors = nt_dealt_matrix_make(n, n, block);
  require(a != NULL && vectors != NULL, "matrices", (double)n);
  fill(a, path);
  double *values = calloc((size_t)n, sizeof *values);
  require(nt_dealt_matrix_eigen(a, values, vectors) == 0, "a spectrum", 0);
  double largest = 0;
  for (long k = 0; k < n; k++)
    largest = fmax(largest, fabs(values[k] - (2 - 2 * cos((double)(k + 1) * M_PI / (double)(n + 1)))));
  require(largest < 1e-12 * (double)n, "the error of eigenvalues", largest);
  // Every process puts its part of V in place; A V = V diag(values) is checked by the whole.
  double *whole = calloc((size_t)(n * n), sizeof *whole);
  double *elements = nt_dealt_matrix_elements(vectors);
  long rows = (long)nt_dealt_matrix_local_rows(vectors);
  for (long j = 0; j < nt_dealt_matrix_local_columns(vectors); j++)
    for (long i = 0; i < rows; i++)
      whole[nt_dealt_matrix_column(vectors, j) * n + nt_dealt_matrix_row(vectors, i)] = elements[j * rows + i];
  require(nt_cluster_sum(whole, (size_t)(n * n)) == 0, "eigenvectors", 0);
  largest = 0;
  for (long k = 0; k < n; k++) {
    double *v = whole + k * n;
    for (long i = 0; i < n; i++) {
      double image = 2 * v[i] - (i > 0 ? v[i - 1] : 0) - (i + 1 < n ? v[i + 1] : 0);
      largest = fmax(largest, fabs(image - values[k] * v[i]));
    }
  }
  require(largest < 1e-11 * (double)n, "the error of eigenvectors", largest);
  free(values);
  free(whole);
  nt_dealt_matrix_free(a);
  nt_dealt_matrix_free(vectors);
}

int main(void) {
  if (nt_cluster_start(&place) != 0) {
    fprintf(stderr, "%s\n", nt_cluster_error());
    return 1;
  }
  check_sums();
  if (nt_cluster_is_built()) {
    check_matrices(97, 8, 3);
    check_matrices(300, 32, 10);
    check_spectrum(97, 8);
    check_spectrum(256, 16);
  } else {
    require(nt_dealt_matrix_make(4, 4, 2) == NULL, "a dealt matrix without MPI", 0);
  }
  if (place.rank == 0)
    printf("%d %s: sums%s agree with what is known\n", place.count, place.count == 1 ? "process" : "processes",
           nt_cluster_is_built() ? ", factors, solutions and spectra" : "");
  nt_cluster_stop();
  return 0;
}
