#include "elementwise_loops.h"
#include "nt_elementwise.h"

#define NT_BODY "elementwise_scan_body.h"
#include "every_instruction_set.h"

#define DEFINE_ARG_ROW_INTEGER(T, SUFFIX)                                                      \
  static int32_t nt_arg_row_##SUFFIX(bool largest, const T *x, size_t columns) {               \
    size_t best = 0;                                                                           \
    for (size_t j = 1; j < columns; j++)                                                       \
      if (largest ? x[j] > x[best] : x[j] < x[best]) best = j;                                 \
    return (int32_t)best;                                                                      \
  }

DEFINE_ARG_ROW_INTEGER(int32_t, i)
DEFINE_ARG_ROW_INTEGER(uint8_t, b)

void nt_arg_reduce_rows(
  bool largest, nt_dtype type, const void *x, size_t rows, size_t columns, ptrdiff_t row, int32_t *indices) {
  for (size_t i = 0; i < rows; i++) {
    const ptrdiff_t start = (ptrdiff_t)i * row;
    switch (type) {
      case nt_float32:
        indices[i] = (largest ? NT_DISPATCH(nt_arg_max_row_f) : NT_DISPATCH(nt_arg_min_row_f))(
          (const float *)x + start, columns);
        break;
      case nt_float64:
        indices[i] = (largest ? NT_DISPATCH(nt_arg_max_row_d) : NT_DISPATCH(nt_arg_min_row_d))(
          (const double *)x + start, columns);
        break;
      case nt_int32: indices[i] = nt_arg_row_i(largest, (const int32_t *)x + start, columns); break;
      case nt_bool: indices[i] = nt_arg_row_b(largest, (const uint8_t *)x + start, columns); break;
    }
  }
}

void nt_arg_reduce_columns(
  bool largest, nt_dtype type, const void *x, size_t rows, size_t columns, ptrdiff_t row, int32_t *indices) {
  switch (type) {
    case nt_float32: return NT_DISPATCH(nt_arg_columns_f)(largest, x, rows, columns, row, indices);
    case nt_float64: return NT_DISPATCH(nt_arg_columns_d)(largest, x, rows, columns, row, indices);
    case nt_int32: return NT_DISPATCH(nt_arg_columns_i)(largest, x, rows, columns, row, indices);
    case nt_bool: return NT_DISPATCH(nt_arg_columns_b)(largest, x, rows, columns, row, indices);
  }
}

// One column: the sum stays in a register.
#define DEFINE_CUMULATIVE_ROW(T, SUM, SUFFIX)                                                  \
  static void nt_cumulative_row_##SUFFIX(const T *x, T *y, size_t count, ptrdiff_t step) {     \
    SUM sum = 0;                                                                               \
    for (size_t i = 0; i < count; i++) {                                                       \
      sum += (SUM)x[(ptrdiff_t)i * step];                                                      \
      y[(ptrdiff_t)i * step] = (T)sum;                                                         \
    }                                                                                          \
  }

DEFINE_CUMULATIVE_ROW(float, double, f)
DEFINE_CUMULATIVE_ROW(double, double, d)
DEFINE_CUMULATIVE_ROW(int32_t, uint32_t, i)

void nt_cumulative_sum(nt_dtype type, const void *x, void *y, size_t rows, size_t columns, ptrdiff_t row) {
  switch (type) {
    case nt_float32:
      if (columns == 1) return nt_cumulative_row_f(x, y, rows, row);
      return NT_DISPATCH(nt_cumulative_columns_f)(x, y, rows, columns, row);
    case nt_float64:
      if (columns == 1) return nt_cumulative_row_d(x, y, rows, row);
      return NT_DISPATCH(nt_cumulative_columns_d)(x, y, rows, columns, row);
    case nt_int32:
      if (columns == 1) return nt_cumulative_row_i(x, y, rows, row);
      return NT_DISPATCH(nt_cumulative_columns_i)(x, y, rows, columns, row);
    case nt_bool: return;
  }
}
