#include "nt_convolution.h"

// The pixels that follow each other before `last`, at most `limit`, in numbers for which there is an inner loop.
static inline long nt_rows_of_step(long limit, long rows) {
  return rows >= limit ? limit : rows >= 4 ? 4 : rows;
}

#define NT_BODY "convolution_body.h"
#include "every_instruction_set.h"

// int32 wraps around, which only unsigned arithmetic may.
#define NT_DISPATCH_TYPE(f, ...)                              \
  switch (type) {                                             \
    case nt_float32: return NT_DISPATCH(f##_f)(__VA_ARGS__);  \
    case nt_float64: return NT_DISPATCH(f##_d)(__VA_ARGS__);  \
    default: return NT_DISPATCH(f##_i)(__VA_ARGS__);          \
  }

nt_convolution_tile nt_get_convolution_tile(nt_dtype type) { NT_DISPATCH_TYPE(nt_convolution_tile) }

void nt_convolve(
  nt_dtype type, const nt_convolution_table *table, nt_convolution_part part, const void *source, const void *zeros,
  const void *panel, long channels, long vectors, void *target, long columns) {
  NT_DISPATCH_TYPE(nt_convolve, table, part, source, zeros, panel, channels, vectors, target, columns)
}

void nt_convolve_depthwise(
  nt_dtype type, const nt_convolution_table *table, const void *source, const void *zeros, const void *filter,
  long channels, void *target) {
  NT_DISPATCH_TYPE(nt_convolve_depthwise, table, source, zeros, filter, channels, target)
}

void nt_correlate(
  nt_dtype type, long count, const long *pairs, const void *source, const void *other, long rows, long vectors,
  void *sums) {
  NT_DISPATCH_TYPE(nt_correlate, count, pairs, source, other, rows, vectors, sums)
}

void nt_correlate_depthwise(
  nt_dtype type, long count, const long *pairs, const void *source, const void *other, long channels, void *sums) {
  NT_DISPATCH_TYPE(nt_correlate_depthwise, count, pairs, source, other, channels, sums)
}
