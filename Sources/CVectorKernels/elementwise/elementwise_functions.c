#include "elementwise_functions.h"

#define NT_BODY "elementwise_functions_body.h"
#include "every_instruction_set.h"

// Unsigned, because int32 arithmetic wraps around.
static void nt_unary_i(nt_unary_function f, const uint32_t *x, uint32_t *y, size_t count) {
  switch (f) {
    case nt_negate:
      for (size_t i = 0; i < count; i++) y[i] = -x[i];
      break;
    case nt_absolute:
      for (size_t i = 0; i < count; i++) y[i] = (int32_t)x[i] < 0 ? -x[i] : x[i];
      break;
    case nt_sign:
      for (size_t i = 0; i < count; i++) y[i] = (uint32_t)(((int32_t)x[i] > 0) - ((int32_t)x[i] < 0));
      break;
    case nt_square:
      for (size_t i = 0; i < count; i++) y[i] = x[i] * x[i];
      break;
    default: break;
  }
}

void nt_unary(nt_unary_function f, nt_dtype type, const void *x, void *y, size_t count) {
  switch (type) {
    case nt_float32: return NT_DISPATCH(nt_elementary_f)(f, x, y, count);
    case nt_float64: return NT_DISPATCH(nt_elementary_d)(f, x, y, count);
    case nt_int32: return nt_unary_i(f, x, y, count);
    case nt_bool:
      for (size_t i = 0; i < count; i++) ((uint8_t *)y)[i] = ((const uint8_t *)x)[i] ^ 1;
  }
}

void nt_elementary_2_f(
  nt_binary_function f, nt_operand a, nt_operand b, float *out, size_t rows, size_t columns) {
  NT_DISPATCH(nt_elementary_2_f)(f, a, b, out, rows, columns);
}

void nt_elementary_2_d(
  nt_binary_function f, nt_operand a, nt_operand b, double *out, size_t rows, size_t columns) {
  NT_DISPATCH(nt_elementary_2_d)(f, a, b, out, rows, columns);
}
