#include "duals.h"

#define NT_BODY "duals_body.h"
#include "every_instruction_set.h"

int nt_dual_factor_count(const nt_dual *dual) {
#define CASE(kind, count) \
  case nt_dual_##kind:       \
    return count == -1 ? dual->coefficient_count : count == -2 ? nt_series_factors_per_input(dual->series) : count;
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
  void nt_series_variances_##bits(const nt_dual *dual, long n, REAL *q) {                                             \
    NT_DISPATCH(nt_series_variances_##bits)(dual, n, q);                                                              \
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
