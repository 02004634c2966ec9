#include "nt_gradients.h"

#include "duals.h"

// The highest degree of a polynomial whose derivatives are known here.
enum { nt_gradient_degree = 15 };

// Every kind of dual whose derivatives are known here in closed form.
#define FOR_EACH_GRADIENT(DO) \
  DO(ab_relu)                 \
  DO(erf)                     \
  DO(gelu)                    \
  DO(sign)                    \
  DO(sin)                     \
  DO(gaussian)                \
  DO(exp)                     \
  DO(exp_normalized)          \
  DO(rbf)                     \
  DO(polynomial)              \
  DO(power_series)

int nt_has_gradient(const nt_dual *dual) {
  if (dual->kind == nt_dual_series) return dual->series->derivatives != NULL;
#define CASE(kind) case nt_dual_##kind:
  switch (dual->kind) {
    FOR_EACH_GRADIENT(CASE)
      return (dual->kind != nt_dual_polynomial && dual->kind != nt_dual_power_series) ||
             dual->coefficient_count <= nt_gradient_degree + 1;
    default: return 0;
  }
#undef CASE
}

// Shared headers define more than is used here.
#pragma clang diagnostic ignored "-Wunused-function"

#define NT_BODY "gradients_body.h"
#include "every_instruction_set.h"

// The public functions, for the selected instruction set.
#define DEFINE_FOR(REAL, bits)                                                                                            \
  void nt_gradient_dual_values_##bits(const nt_dual *dual, nt_gradient_plane plane, const REAL *q1, const REAL *q2,        \
                                      const REAL *k, const REAL *theta, REAL *k_out, REAL *theta_out) {                    \
    NT_DISPATCH(nt_gradient_dual_values_##bits)(dual, plane, q1, q2, k, theta, k_out, theta_out);                          \
  }                                                                                                                        \
  void nt_gradient_dual_cotangents_##bits(const nt_dual *dual, nt_gradient_plane plane, const REAL *q1, const REAL *q2,    \
                                          const REAL *k, const REAL *theta, REAL *gk, REAL *gtheta, REAL *gq1,             \
                                          REAL *gq2) {                                                                     \
    NT_DISPATCH(nt_gradient_dual_cotangents_##bits)(dual, plane, q1, q2, k, theta, gk, gtheta, gq1, gq2);                  \
  }                                                                                                                        \
  void nt_gradient_scale_values_##bits(nt_gradient_plane plane, const REAL *f1, const REAL *f2, const REAL *k,             \
                                       const REAL *theta, REAL *k_out, REAL *theta_out) {                                  \
    NT_DISPATCH(nt_gradient_scale_values_##bits)(plane, f1, f2, k, theta, k_out, theta_out);                               \
  }                                                                                                                        \
  void nt_gradient_scale_cotangents_##bits(nt_gradient_plane plane, const REAL *f1, const REAL *f2, const REAL *k,         \
                                           const REAL *theta, REAL *gk, REAL *gtheta, REAL *gf1, REAL *gf2) {              \
    NT_DISPATCH(nt_gradient_scale_cotangents_##bits)(plane, f1, f2, k, theta, gk, gtheta, gf1, gf2);                       \
  }                                                                                                                        \
  void nt_gradient_affine_cotangents_##bits(long n, double weight, double share, REAL *gk, REAL *gtheta) {                 \
    NT_DISPATCH(nt_gradient_affine_cotangents_##bits)(n, weight, share, gk, gtheta);                                       \
  }                                                                                                                        \
  void nt_gradient_product_cotangents_##bits(long n, const REAL *k2, const REAL *theta2, const REAL *gk,                   \
                                             const REAL *gtheta, REAL *gk_out, REAL *gtheta_out) {                         \
    NT_DISPATCH(nt_gradient_product_cotangents_##bits)(n, k2, theta2, gk, gtheta, gk_out, gtheta_out);                     \
  }                                                                                                                        \
  void nt_gradient_window_values_##bits(nt_gradient_window window, const REAL *x, REAL *out) {                             \
    NT_DISPATCH(nt_gradient_window_values_##bits)(window, x, out);                                                         \
  }                                                                                                                        \
  void nt_gradient_window_cotangents_##bits(nt_gradient_window window, const REAL *out, REAL *x) {                         \
    NT_DISPATCH(nt_gradient_window_cotangents_##bits)(window, out, x);                                                     \
  }                                                                                                                        \
  void nt_gradient_add_runs_##bits(nt_gradient_runs runs, double weight, const REAL *from, REAL *to) {                     \
    NT_DISPATCH(nt_gradient_add_runs_##bits)(runs, weight, from, to);                                                      \
  }                                                                                                                        \
  void nt_gradient_sum_##bits(long count, long lanes, double scale, const REAL *x, REAL *out) {                            \
    NT_DISPATCH(nt_gradient_sum_##bits)(count, lanes, scale, x, out);                                                      \
  }                                                                                                                        \
  void nt_gradient_spread_##bits(long count, long lanes, double scale, const REAL *g, REAL *x) {                           \
    NT_DISPATCH(nt_gradient_spread_##bits)(count, lanes, scale, g, x);                                                     \
  }                                                                                                                        \
  void nt_gradient_combine_##bits(long n, double a, const REAL *x, double b, REAL *out) {                                  \
    NT_DISPATCH(nt_gradient_combine_##bits)(n, a, x, b, out);                                                              \
  }                                                                                                                        \
  void nt_gradient_input_values_##bits(nt_gradient_plane plane, long channels, long lanes, double scale, const REAL *x1,   \
                                       const REAL *x2, REAL *k) {                                                          \
    NT_DISPATCH(nt_gradient_input_values_##bits)(plane, channels, lanes, scale, x1, x2, k);                                \
  }                                                                                                                        \
  void nt_gradient_input_cotangents_##bits(nt_gradient_plane plane, long channels, long lanes, double scale,               \
                                           const REAL *x1, const REAL *x2, const REAL *gk, REAL *gx1, REAL *gx2) {         \
    NT_DISPATCH(nt_gradient_input_cotangents_##bits)(plane, channels, lanes, scale, x1, x2, gk, gx1, gx2);                 \
  }

DEFINE_FOR(float, f32)
DEFINE_FOR(double, f64)
