// Elementwise maps, comparisons, conversions, copies and reductions over contiguous memory.
//
// Elements are named by an nt_dtype; strides are in elements. Inputs may be the output itself (same address), never
// overlap it in part. The functions use one thread and touch nothing outside the elements they are given.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum nt_dtype { nt_float32 = 0, nt_float64 = 1, nt_int32 = 2, nt_bool = 3 } nt_dtype;

typedef enum nt_unary_function {
  nt_negate, nt_absolute, nt_sign, nt_square, nt_not,
  nt_floor, nt_ceil, nt_round, nt_sqrt, nt_rsqrt, nt_reciprocal,
  nt_cbrt, nt_exp, nt_expm1, nt_log, nt_log1p,
  nt_sin, nt_cos, nt_tan, nt_asin, nt_acos, nt_atan,
  nt_sinh, nt_cosh, nt_tanh, nt_asinh, nt_acosh, nt_atanh,
  nt_erf, nt_erfc, nt_erf_inverse,
} nt_unary_function;

typedef enum nt_binary_function {
  nt_add, nt_subtract, nt_multiply, nt_divide, nt_minimum, nt_maximum, nt_power, nt_atan2, nt_and, nt_or, nt_xor,
} nt_binary_function;

typedef enum nt_comparison {
  nt_less, nt_less_equal, nt_equal, nt_not_equal, nt_greater_equal, nt_greater,
} nt_comparison;

typedef enum nt_reduction { nt_sum, nt_product, nt_reduce_min, nt_reduce_max } nt_reduction;

// A matrix of elements: element (i, j) is at start[i * row + j * step]; step is 0 (the row repeats one element) or 1.
typedef struct nt_operand {
  const void *start;
  ptrdiff_t row;
  ptrdiff_t step;
} nt_operand;

// y[i] = f(x[i]). Floating point: at most 1 ulp (erfc 1.5, erf_inverse 3). int32: negate, absolute, sign, square.
// bool: not.
void nt_unary(nt_unary_function f, nt_dtype type, const void *x, void *y, size_t count);

// out[i][j] = f(a[i][j], b[i][j]); out is contiguous. Both steps are 0 only if columns is 1. Integers wrap around.
// float: all but and, or, xor; int32: all but divide, atan2, and, or, xor; bool: minimum, maximum, and, or, xor.
// A NaN operand of minimum or maximum is the result.
void nt_binary(nt_binary_function f, nt_dtype type, nt_operand a, nt_operand b, void *out, size_t rows, size_t columns);

void nt_compare(nt_comparison f, nt_dtype type, nt_operand a, nt_operand b, bool *out, size_t rows, size_t columns);

// out = a * b + c, rounded once where the processor fuses it.
void nt_multiply_add(
  nt_dtype type, nt_operand a, nt_operand b, nt_operand c, void *out, size_t rows, size_t columns);

// out = mask ? a : b.
void nt_select(
  nt_dtype type, nt_operand mask, nt_operand a, nt_operand b, void *out, size_t rows, size_t columns);

// Converts elements to another type. To int32: towards zero, saturating, NaN to 0. To bool: is not zero.
void nt_convert(nt_dtype from, nt_dtype to, const void *x, void *y, size_t count);

// Copies a matrix: target[i * target_row + j * target_step] = source[i * source_row + j * source_step].
void nt_copy(
  nt_dtype type, void *target, ptrdiff_t target_row, ptrdiff_t target_step, const void *source, ptrdiff_t source_row,
  ptrdiff_t source_step, size_t rows, size_t columns);

// Partial results of reductions: a double for float32 and float64, an int64 for int32 and bool.
typedef union nt_partial {
  double real;
  int64_t integer;
} nt_partial;

// partials[i] is the reduction of row i. Sums of float32 accumulate in double, those of float64 are compensated.
void nt_reduce_rows(
  nt_reduction f, nt_dtype type, const void *x, size_t rows, size_t columns, ptrdiff_t row, nt_partial *partials);

// partials[j] is the reduction of column j.
void nt_reduce_columns(
  nt_reduction f, nt_dtype type, const void *x, size_t rows, size_t columns, ptrdiff_t row, nt_partial *partials);

// out[j] is the reduction of partials[i * columns + j] over i, as an element of `type`.
void nt_reduce_partials(
  nt_reduction f, nt_dtype type, const nt_partial *partials, size_t rows, size_t columns, void *out);

// indices[i] is the first index of the largest (or smallest) element of row i; the first NaN is larger (smaller).
void nt_arg_reduce_rows(
  bool largest, nt_dtype type, const void *x, size_t rows, size_t columns, ptrdiff_t row, int32_t *indices);

// indices[j] is the same for column j.
void nt_arg_reduce_columns(
  bool largest, nt_dtype type, const void *x, size_t rows, size_t columns, ptrdiff_t row, int32_t *indices);

// y[i][j] is the sum of x[0 ... i][j]; both have the row stride `row`. Floating point accumulates in double. Not bool.
void nt_cumulative_sum(nt_dtype type, const void *x, void *y, size_t rows, size_t columns, ptrdiff_t row);

#ifdef __cplusplus
}
#endif
