#include "elementwise_loops.h"
#include "nt_elementwise.h"

// Elements summed plainly before compensation takes over: their rounding errors stay below those of the input.
#define SUM_BLOCK 2048

// Neumaier's variant of Kahan summation: error collects what rounding takes from sum.
static void nt_add_compensated(double *sum, double *error, double x) {
  const double total = *sum + x;
  *error += __builtin_fabs(*sum) >= __builtin_fabs(x) ? (*sum - total) + x : (x - total) + *sum;
  *sum = total;
}

// The error of an infinite sum is NaN, the sum is not.
static double nt_compensated(double sum, double error) { return __builtin_isfinite(sum) ? sum + error : sum; }

#define NT_BODY "elementwise_reduce_body.h"
#include "every_instruction_set.h"

static nt_partial nt_neutral(nt_reduction f, nt_dtype type) {
  const bool real = type == nt_float32 || type == nt_float64;
  switch (f) {
    case nt_sum: return real ? (nt_partial){.real = 0} : (nt_partial){.integer = 0};
    case nt_product: return real ? (nt_partial){.real = 1} : (nt_partial){.integer = 1};
    case nt_reduce_min:
      return real ? (nt_partial){.real = __builtin_inf()} : (nt_partial){.integer = type == nt_bool ? 1 : INT32_MAX};
    case nt_reduce_max:
      return real ? (nt_partial){.real = -__builtin_inf()} : (nt_partial){.integer = type == nt_bool ? 0 : INT32_MIN};
  }
}

void nt_reduce_rows(
  nt_reduction f, nt_dtype type, const void *x, size_t rows, size_t columns, ptrdiff_t row, nt_partial *partials) {
  if (columns == 0)
    for (size_t i = 0; i < rows; i++) partials[i] = nt_neutral(f, type);
  else
    NT_DISPATCH(nt_reduce_rows)(f, type, x, rows, columns, row, partials);
}

void nt_reduce_columns(
  nt_reduction f, nt_dtype type, const void *x, size_t rows, size_t columns, ptrdiff_t row, nt_partial *partials) {
  NT_DISPATCH(nt_reduce_columns)(f, type, x, rows, columns, row, partials);
}

static double nt_reduce_real(nt_reduction f, const nt_partial *p, size_t rows, size_t columns) {
  double result = p[0].real, error = 0;
  for (size_t i = 1; i < rows; i++) {
    const double v = p[i * columns].real;
    switch (f) {
      case nt_sum: nt_add_compensated(&result, &error, v); break;
      case nt_product: result *= v; break;
      case nt_reduce_min: result = v < result || v != v ? v : result; break;
      case nt_reduce_max: result = v > result || v != v ? v : result; break;
    }
  }
  return nt_compensated(result, error);
}

static int64_t nt_reduce_integer(nt_reduction f, const nt_partial *p, size_t rows, size_t columns) {
  int64_t result = p[0].integer;
  for (size_t i = 1; i < rows; i++) {
    const int64_t v = p[i * columns].integer;
    switch (f) {
      case nt_sum: result += v; break;
      case nt_product: result = (int64_t)((uint64_t)result * (uint64_t)v); break;
      case nt_reduce_min: result = v < result ? v : result; break;
      case nt_reduce_max: result = v > result ? v : result; break;
    }
  }
  return result;
}

void nt_reduce_partials(
  nt_reduction f, nt_dtype type, const nt_partial *partials, size_t rows, size_t columns, void *out) {
  for (size_t j = 0; j < columns; j++) switch (type) {
      case nt_float32: ((float *)out)[j] = (float)nt_reduce_real(f, partials + j, rows, columns); break;
      case nt_float64: ((double *)out)[j] = nt_reduce_real(f, partials + j, rows, columns); break;
      case nt_int32:
        ((uint32_t *)out)[j] = (uint32_t)(uint64_t)nt_reduce_integer(f, partials + j, rows, columns);
        break;
      case nt_bool: ((bool *)out)[j] = nt_reduce_integer(f, partials + j, rows, columns) != 0; break;
    }
}
