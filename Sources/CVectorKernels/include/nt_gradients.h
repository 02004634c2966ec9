// Derivatives of kernels: what a covariance operation makes of a slice, and what becomes of cotangents on the way back.
//
// A slice is contiguous, [position][lane]; numbers of inputs, as variances, are there for all positions in lanes, so that the
// rows of a slice lie `stride` apart in them. Lengths are multiples of 16. Cotangents of the operand overwrite those of the
// result, those of inputs are added to what is there; the latter may be one array for both inputs.
//
// Conventions at the ends: where the inputs of an activation that is straight between kinks have correlation 1 or -1 exactly,
// or a variance of zero, the terms that would be infinite count as zero.
#pragma once

#include "nt_duals.h"

#ifdef __cplusplus
extern "C" {
#endif

// Rows of a slice: how many, their length, and how far apart those of numbers of inputs are.
typedef struct nt_gradient_plane {
  long rows, length, stride;
} nt_gradient_plane;

// Whether derivatives of this dual are known here.
int nt_has_gradient(const nt_dual *dual);

// k_out = kappa(q1, k, q2) and theta_out = theta kappa-dot; theta may be NULL.
void nt_gradient_dual_values_f32(const nt_dual *dual, nt_gradient_plane plane, const float *q1, const float *q2, const float *k,
                                 const float *theta, float *k_out, float *theta_out);
void nt_gradient_dual_values_f64(const nt_dual *dual, nt_gradient_plane plane, const double *q1, const double *q2,
                                 const double *k, const double *theta, double *k_out, double *theta_out);

// Cotangents gk and gtheta of these become those of k and theta; those of q1 and q2 are added to. theta and gtheta may be NULL.
void nt_gradient_dual_cotangents_f32(const nt_dual *dual, nt_gradient_plane plane, const float *q1, const float *q2,
                                     const float *k, const float *theta, float *gk, float *gtheta, float *gq1, float *gq2);
void nt_gradient_dual_cotangents_f64(const nt_dual *dual, nt_gradient_plane plane, const double *q1, const double *q2,
                                     const double *k, const double *theta, double *gk, double *gtheta, double *gq1,
                                     double *gq2);

// k_out = k f1 f2, theta_out likewise; theta may be NULL.
void nt_gradient_scale_values_f32(nt_gradient_plane plane, const float *f1, const float *f2, const float *k,
                                  const float *theta, float *k_out, float *theta_out);
void nt_gradient_scale_values_f64(nt_gradient_plane plane, const double *f1, const double *f2, const double *k,
                                  const double *theta, double *k_out, double *theta_out);
void nt_gradient_scale_cotangents_f32(nt_gradient_plane plane, const float *f1, const float *f2, const float *k,
                                      const float *theta, float *gk, float *gtheta, float *gf1, float *gf2);
void nt_gradient_scale_cotangents_f64(nt_gradient_plane plane, const double *f1, const double *f2, const double *k,
                                      const double *theta, double *gk, double *gtheta, double *gf1, double *gf2);

// Cotangents through k' = w k, theta' = w theta + share k: gk = w gk + share gtheta, gtheta = w gtheta. gtheta may be NULL.
void nt_gradient_affine_cotangents_f32(long n, double weight, double share, float *gk, float *gtheta);
void nt_gradient_affine_cotangents_f64(long n, double weight, double share, double *gk, double *gtheta);

// Cotangents through k' = k k2, theta' = theta k2 + k theta2, added to those of the first operand. theta2 and gtheta may be
// NULL, and gtheta_out where the operand has no theta.
void nt_gradient_product_cotangents_f32(long n, const float *k2, const float *theta2, const float *gk, const float *gtheta,
                                        float *gk_out, float *gtheta_out);
void nt_gradient_product_cotangents_f64(long n, const double *k2, const double *theta2, const double *gk,
                                        const double *gtheta, double *gk_out, double *gtheta_out);

// A window sum: out[o][i] is the sum over k < size of x[o][i stride + k dilation - low], where there is such a one. The
// innermost runs are `inner` numbers.
typedef struct nt_gradient_window {
  long outer, length, out_length, inner;
  long size, stride, dilation, low;
} nt_gradient_window;
void nt_gradient_window_values_f32(nt_gradient_window window, const float *x, float *out);
void nt_gradient_window_values_f64(nt_gradient_window window, const double *x, double *out);
// The same backwards: x is written.
void nt_gradient_window_cotangents_f32(nt_gradient_window window, const float *out, float *x);
void nt_gradient_window_cotangents_f64(nt_gradient_window window, const double *out, double *x);

// to[o][i] += weight from[o][i] for runs of `inner` numbers: `outer` times `count` of them.
typedef struct nt_gradient_runs {
  long outer, count, inner;
  long from_outer, from_step, to_outer, to_step;
} nt_gradient_runs;
void nt_gradient_add_runs_f32(nt_gradient_runs runs, double weight, const float *from, float *to);
void nt_gradient_add_runs_f64(nt_gradient_runs runs, double weight, const double *from, double *to);

// out[l] += scale sum over i < count of x[i lanes + l].
void nt_gradient_sum_f32(long count, long lanes, double scale, const float *x, float *out);
void nt_gradient_sum_f64(long count, long lanes, double scale, const double *x, double *out);
// x[i lanes + l] = scale g[l].
void nt_gradient_spread_f32(long count, long lanes, double scale, const float *g, float *x);
void nt_gradient_spread_f64(long count, long lanes, double scale, const double *g, double *x);
// out = a x + b out.
void nt_gradient_combine_f32(long n, double a, const float *x, double b, float *out);
void nt_gradient_combine_f64(long n, double a, const double *x, double b, double *out);

// Inputs are [position][channel][lane]; rows of positions lie `stride` positions apart, and a row has `length` positions here.
// k[position][lane] = scale sum over channels of x1 x2.
void nt_gradient_input_values_f32(nt_gradient_plane plane, long channels, long lanes, double scale, const float *x1,
                                  const float *x2, float *k);
void nt_gradient_input_values_f64(nt_gradient_plane plane, long channels, long lanes, double scale, const double *x1,
                                  const double *x2, double *k);
// gx1 += scale gk x2 and gx2 += scale gk x1.
void nt_gradient_input_cotangents_f32(nt_gradient_plane plane, long channels, long lanes, double scale, const float *x1,
                                      const float *x2, const float *gk, float *gx1, float *gx2);
void nt_gradient_input_cotangents_f64(nt_gradient_plane plane, long channels, long lanes, double scale, const double *x1,
                                      const double *x2, const double *gk, double *gx1, double *gx2);

#ifdef __cplusplus
}
#endif
