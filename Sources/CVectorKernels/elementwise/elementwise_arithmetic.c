#include "elementwise_functions.h"
#include "elementwise_loops.h"
#include "nt_elementwise.h"

// base to the power of exponent modulo 2^32; a negative exponent gives the reciprocal rounded towards zero.
static uint32_t nt_integer_power(int32_t base, int32_t exponent) {
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent & 1 ? UINT32_MAX : 1) : 0;
  uint32_t result = 1, square = (uint32_t)base;
  for (uint32_t bits = (uint32_t)exponent; bits != 0; bits >>= 1, square *= square)
    if (bits & 1) result *= square;
  return result;
}

static void nt_integer_powers(nt_operand a, nt_operand b, uint32_t *out, size_t rows, size_t columns) {
  for (size_t i = 0; i < rows; i++) {
    const int32_t *x = (const int32_t *)a.start + (ptrdiff_t)i * a.row;
    const int32_t *y = (const int32_t *)b.start + (ptrdiff_t)i * b.row;
    for (size_t j = 0; j < columns; j++)
      out[i * columns + j] = nt_integer_power(x[(ptrdiff_t)j * a.step], y[(ptrdiff_t)j * b.step]);
  }
}

#define NT_BODY "elementwise_arithmetic_body.h"
#include "every_instruction_set.h"

void nt_binary(
  nt_binary_function f, nt_dtype type, nt_operand a, nt_operand b, void *out, size_t rows, size_t columns) {
  switch (type) {
    case nt_float32:
      if (f == nt_power || f == nt_atan2) return nt_elementary_2_f(f, a, b, out, rows, columns);
      return NT_DISPATCH(nt_arithmetic_f)(f, a, b, out, rows, columns);
    case nt_float64:
      if (f == nt_power || f == nt_atan2) return nt_elementary_2_d(f, a, b, out, rows, columns);
      return NT_DISPATCH(nt_arithmetic_d)(f, a, b, out, rows, columns);
    case nt_int32:
      if (f == nt_power) return nt_integer_powers(a, b, out, rows, columns);
      return NT_DISPATCH(nt_arithmetic_i)(f, a, b, out, rows, columns);
    case nt_bool: return NT_DISPATCH(nt_arithmetic_b)(f, a, b, out, rows, columns);
  }
}

void nt_compare(nt_comparison f, nt_dtype type, nt_operand a, nt_operand b, bool *out, size_t rows, size_t columns) {
  switch (type) {
    case nt_float32: return NT_DISPATCH(nt_compare_f)(f, a, b, out, rows, columns);
    case nt_float64: return NT_DISPATCH(nt_compare_d)(f, a, b, out, rows, columns);
    case nt_int32: return NT_DISPATCH(nt_compare_i)(f, a, b, out, rows, columns);
    case nt_bool: return NT_DISPATCH(nt_compare_b)(f, a, b, out, rows, columns);
  }
}

void nt_multiply_add(
  nt_dtype type, nt_operand a, nt_operand b, nt_operand c, void *out, size_t rows, size_t columns) {
  NT_DISPATCH(nt_multiply_add)(type, a, b, c, out, rows, columns);
}

void nt_select(
  nt_dtype type, nt_operand mask, nt_operand a, nt_operand b, void *out, size_t rows, size_t columns) {
  NT_DISPATCH(nt_select)(type, mask, a, b, out, rows, columns);
}
