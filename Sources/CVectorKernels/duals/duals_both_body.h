// The covariance operations in one precision.
#include "duals_real.h"
#include "duals_loops.h"

#include "duals_kinds_body.h"
#include "duals_rows_body.h"

static void TYPED(nt_dual_factors)(const nt_dual *dual, long n, const REAL *q, REAL *factors, long stride) {
#define CASE(kind, count) \
  case nt_dual_##kind: TYPED(nt_##kind##_factors)(dual, n, q, factors, stride); break;
  switch (dual->kind) { FOR_EACH_DUAL(CASE) }
#undef CASE
}

static void TYPED(nt_dual_row)(const nt_dual *dual, long n, const REAL *row_factors, long row_stride,
                               const REAL *column_factors, long stride, REAL *k, REAL *theta) {
#define CASE(kind, count)     \
  case nt_dual_##kind: \
    TYPED(nt_##kind##_row)(dual, n, row_factors, row_stride, column_factors, stride, k, theta); break;
  switch (dual->kind) { FOR_EACH_DUAL(CASE) }
#undef CASE
}

static void TYPED(nt_dual_diagonal)(const nt_dual *dual, long n, const REAL *factors, long stride, REAL *k,
                                    REAL *theta) {
#define CASE(kind, count) \
  case nt_dual_##kind: TYPED(nt_##kind##_diagonal)(dual, n, factors, stride, k, theta); break;
  switch (dual->kind) { FOR_EACH_DUAL(CASE) }
#undef CASE
}

#include "duals_real_end.h"
