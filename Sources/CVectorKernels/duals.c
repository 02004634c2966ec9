#include "nt_duals.h"

#include <stddef.h>

#include "polynomials.h"

// Rounding is part of what these functions promise: products and sums join only where the text says V_FMA.
#pragma STDC FP_CONTRACT OFF

#define NT_INLINE inline __attribute__((always_inline))
#define NT_UNROLL _Pragma("clang loop unroll(full)")
#define NT_PI 3.14159265358979323846

// Every kind and how many arrays of factors it needs; -1 is as many as it has coefficients.
#define FOR_EACH_DUAL(DO)  \
  DO(ab_relu, 3)           \
  DO(erf, 3)               \
  DO(gelu, 3)              \
  DO(sin, 1)               \
  DO(gaussian, 2)          \
  DO(exp, 1)               \
  DO(exp_normalized, 3)    \
  DO(gabor, 1)             \
  DO(sign, 2)              \
  DO(rbf, 1)               \
  DO(polynomial, -1)       \
  DO(power_series, 0)      \
  DO(rectified_monomial, 4)

#define FACTOR_COUNT(kind, count) nt_##kind##_factor_count = count,
enum { FOR_EACH_DUAL(FACTOR_COUNT) };

#define NT_BODY "duals_body.h"
#include "every_instruction_set.h"

int nt_dual_factor_count(const nt_dual *dual) {
#define CASE(kind, count) \
  case nt_dual_##kind: return count < 0 ? dual->coefficient_count : count;
  switch (dual->kind) { FOR_EACH_DUAL(CASE) }
#undef CASE
  return 0;
}

// The public functions, for the selected instruction set.
#define DEFINE_FOR(REAL, bits)                                                                                        \
  void nt_dual_factors_##bits(const nt_dual *dual, long n, const REAL *q, REAL *factors, long stride) {               \
    NT_DISPATCH(nt_dual_factors_##bits)(dual, n, q, factors, stride);                                                 \
  }                                                                                                                   \
  void nt_dual_row_##bits(const nt_dual *dual, long n, const REAL *row_factors, long row_stride,                      \
                          const REAL *column_factors, long stride, REAL *k, REAL *theta) {                            \
    NT_DISPATCH(nt_dual_row_##bits)(dual, n, row_factors, row_stride, column_factors, stride, k, theta);              \
  }                                                                                                                   \
  void nt_dual_diagonal_##bits(const nt_dual *dual, long n, const REAL *factors, long stride, REAL *k, REAL *theta) { \
    NT_DISPATCH(nt_dual_diagonal_##bits)(dual, n, factors, stride, k, theta);                                         \
  }                                                                                                                   \
  void nt_affine_##bits(const nt_affine *affine, long n, int theta_is_zero, REAL *k, REAL *theta) {                   \
    NT_DISPATCH(nt_affine_##bits)(affine, n, theta_is_zero, k, theta);                                                \
  }                                                                                                                   \
  void nt_scale_row_##bits(long n, REAL row_scale, const REAL *column_scale, REAL *k, REAL *theta) {                  \
    NT_DISPATCH(nt_scale_row_##bits)(n, row_scale, column_scale, k, theta);                                           \
  }                                                                                                                   \
  void nt_scale_diagonal_##bits(long n, const REAL *scale, REAL *k, REAL *theta) {                                    \
    NT_DISPATCH(nt_scale_diagonal_##bits)(n, scale, k, theta);                                                        \
  }                                                                                                                   \
  void nt_weighted_add_##bits(long n, double weight, int theta_is_zero, REAL *k, REAL *theta, double weight2,         \
                              const REAL *k2, const REAL *theta2) {                                                   \
    NT_DISPATCH(nt_weighted_add_##bits)(n, weight, theta_is_zero, k, theta, weight2, k2, theta2);                     \
  }                                                                                                                   \
  void nt_add_##bits(long n, int theta_is_zero, REAL *k, REAL *theta, const REAL *k2, const REAL *theta2) {           \
    NT_DISPATCH(nt_add_##bits)(n, theta_is_zero, k, theta, k2, theta2);                                               \
  }                                                                                                                   \
  void nt_multiply_##bits(long n, int theta_is_zero, REAL *k, REAL *theta, const REAL *k2, const REAL *theta2) {      \
    NT_DISPATCH(nt_multiply_##bits)(n, theta_is_zero, k, theta, k2, theta2);                                          \
  }

DEFINE_FOR(float, f32)
DEFINE_FOR(double, f64)
