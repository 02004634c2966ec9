#include "nt_rows.h"

#define NT_BODY "rows_body.h"
#include "every_instruction_set.h"

#define PAIR(type, suffix)                                                                                         \
  long nt_find_at_least_##suffix(long n, long start, const type *k, type factor, const type *scale) {              \
    return NT_DISPATCH(find_at_least_##suffix)(n, start, k, factor, scale);                                         \
  }                                                                                                                \
  int nt_all_finite_##suffix(long n, const type *x) { return NT_DISPATCH(all_finite_##suffix)(n, x); }             \
  int nt_store_block_##suffix(long rows, long columns, const type *source, long source_stride, type *target,       \
                              long target_stride) {                                                                \
    return NT_DISPATCH(store_block_##suffix)(rows, columns, source, source_stride, target, target_stride);         \
  }                                                                                                                \
  double nt_sum_of_squares_##suffix(long n, const type *x) { return NT_DISPATCH(sum_of_squares_##suffix)(n, x); }   \
  void nt_transpose_##suffix(long rows, long columns, const type *source, long source_stride, type *target,        \
                             long target_stride) {                                                                 \
    NT_DISPATCH(transpose_##suffix)(rows, columns, source, source_stride, target, target_stride);                  \
  }

PAIR(float, f32)
PAIR(double, f64)
