// Activation duals and the other covariance operations, fused over rows of a tile of a Gram matrix.
//
// A row is one x1 input (scalar factors) against n x2 inputs (contiguous lanes). n is a multiple of 16: the caller pads
// rows, and padding with ones is harmless. Rows that start on 64-byte boundaries are fastest. Every entry is computed
// by the same operations whatever its place and whatever n. An array that is written overlaps no other.
//
// For a dual the caller first turns the variances q of the inputs into factors, once per input; nt_dual_factor_count
// says how many arrays of them there are, and factor f of input j stands at factors[f * stride + j].
//
// Equal inputs (k, q1 and q2 bitwise the same) have correlation one exactly. A covariance that is slightly too large
// for its variances counts as correlation one. A zero variance gives correlation zero and the finite values that
// follow; duals of the correlation take one below 2^-126 (2^-990 in float64) for it. NaN gives NaN, an infinite
// covariance nothing finite.
//
// Errors, the largest seen against 100-digit values on the fixture of DualKernelTests (correlations up to 1 - 1e-7,
// variances from 1e-25 to 1e15 where the result fits), in units of 2^-24 (float32) and 2^-53 (float64) of
// sqrt(kappa11 kappa22), and of the same root for the derivative:
//
//                              float32: kappa  derivative    float64: kappa  derivative
//   ABRelu                              1.6    2.9                    2.2    3.4
//   Erf                                 2.5    2.4                    2.8    2.3
//   Gelu                                3.1    2.8                    1.8    2.0
//   Sin                                 2.2    2.0                    4.4    2.6
//   Gaussian                            1.7    5.4                    2.0    6.0
//   Exp                                 1.1    1.1                    1.2    1.2
//   ExpNormalized                       2.6    1.0                    2.3    1.4
//   Gabor                               2.6    3.4                    3.2    3.6
//   Sign                                1.0    0                      1.5    0
//   Rbf                                 0.5    1.2                    0.5    1.2
//   polynomials to degree 8             4.0    2.4                    4.0    4.5
//   power series of degree 3            1.1    1.2                    1.6    2.0
//   RectifiedMonomial to degree 5       2.5    3.4                    4.6    3.6
//
// A series leaves out less than 2^-26 (float32) or 2^-42 (float64) of the same roots, by its own bound. Seen in float32: 1.8
// and 1.5 units, for tanh, SELU, softplus and softsign at variances from 0.3 to 3 and correlations to 0.9999.
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

// The activation phi whose dual kappa(q11, q12, q22) = E[phi(u) phi(v)] is wanted; q12 is the covariance of u and v,
// q11 and q22 their variances, rho = q12 / sqrt(q11 q22). p[i] is parameters[i].
typedef enum nt_dual_kind {
  nt_dual_ab_relu,              // p[0] min(x, 0) + p[1] max(x, 0)
  nt_dual_erf,                  // p[0] erf(p[1] x) + p[2]
  nt_dual_gelu,                 // x (1 + erf(x / sqrt 2)) / 2
  nt_dual_sin,                  // p[0] sin(p[1] x + p[2])
  nt_dual_gaussian,             // p[0] exp(p[1] x^2); where the expectation diverges, kappa is infinite
  nt_dual_exp,                  // p[0] exp(p[1] x)
  nt_dual_exp_normalized,       // no function: kappa = sqrt(q11 q22) exp(p[0] (rho + p[1]))
  nt_dual_gabor,                // exp(-x^2) sin x
  nt_dual_sign,                 // sign(x), with sign(0) = 0; its derivative dual is taken as 0
  nt_dual_rbf,                  // sqrt 2 sin(sqrt(2 p[0]) x + pi/4): kappa = exp(p[0] (2 q12 - q11 - q22))
  nt_dual_polynomial,           // sum over k of coefficients[k] x^k
  nt_dual_power_series,         // no function: kappa = sum over l of coefficients[l] q12^l
  nt_dual_rectified_monomial,   // x^p[0] where x >= 0, else 0; coefficients from nt_rectified_monomial_coefficients
  nt_dual_series,               // any function, by the table of the dual's series; see nt_series.h
} nt_dual_kind;

typedef struct nt_dual {
  nt_dual_kind kind;
  double parameters[8];
  const double *coefficients;  // of the kinds that name them; the caller keeps them alive
  int coefficient_count;
  const struct nt_series *series;  // of nt_dual_series; the caller keeps it alive
} nt_dual;

// How many coefficients a rectified monomial has.
enum { nt_rectified_monomial_coefficient_count = 48 };

// What a dual of nt_dual_rectified_monomial of this degree (0 or more) needs as its coefficients.
void nt_rectified_monomial_coefficients(int degree, double *coefficients);

// How many arrays of factors the dual needs.
int nt_dual_factor_count(const nt_dual *dual);

// The factors of n inputs with variances q.
void nt_dual_factors_f32(const nt_dual *dual, long n, const float *q, float *factors, long stride);
void nt_dual_factors_f64(const nt_dual *dual, long n, const double *q, double *factors, long stride);

// k <- kappa(q1, k, q2) and theta <- theta * (d kappa / d q12). theta is NULL when no NTK is wanted. Factor f of the x1
// input stands at row_factors[f * row_stride].
void nt_dual_row_f32(const nt_dual *dual, long n, const float *row_factors, long row_stride,
                     const float *column_factors, long stride, float *k, float *theta);
void nt_dual_row_f64(const nt_dual *dual, long n, const double *row_factors, long row_stride,
                     const double *column_factors, long stride, double *k, double *theta);

// The same for covariances of inputs with themselves: k[j] comes in as the covariance of input j with itself. Gives
// bitwise what a row gives for that entry.
void nt_dual_diagonal_f32(const nt_dual *dual, long n, const float *factors, long stride, float *k, float *theta);
void nt_dual_diagonal_f64(const nt_dual *dual, long n, const double *factors, long stride, double *k, double *theta);

// q <- kappa(q, q, q) of a dual of nt_dual_series, without factors: bitwise what nt_dual_diagonal gives.
void nt_series_variances_f32(const nt_dual *dual, long n, float *q);
void nt_series_variances_f64(const nt_dual *dual, long n, double *q);

// An affine layer: k' = weight_variance k + bias_variance and
// theta' = weight_variance theta + theta_from_input k + theta_from_output k' + theta_constant.
// With theta_is_zero theta is only written; with theta NULL it is left out.
typedef struct nt_affine {
  double weight_variance, bias_variance;
  double theta_from_input, theta_from_output, theta_constant;
} nt_affine;
void nt_affine_f32(const nt_affine *affine, long n, int theta_is_zero, float *k, float *theta);
void nt_affine_f64(const nt_affine *affine, long n, int theta_is_zero, double *k, double *theta);

// k <- (k row_scale) column_scale[j], theta likewise or NULL.
void nt_scale_row_f32(long n, float row_scale, const float *column_scale, float *k, float *theta);
void nt_scale_row_f64(long n, double row_scale, const double *column_scale, double *k, double *theta);
// k <- (k scale[j]) scale[j], theta likewise or NULL: bitwise what a row gives for that entry.
void nt_scale_diagonal_f32(long n, const float *scale, float *k, float *theta);
void nt_scale_diagonal_f64(long n, const double *scale, double *k, double *theta);

// Two branches meet: the other branch's k2 and theta2 are taken into k and theta. theta is NULL when no NTK is wanted;
// theta_is_zero says that theta is zero and only written, theta2 == NULL that the other branch's is zero.
//
// k <- weight k + weight2 k2, theta <- weight theta + weight2 theta2.
void nt_weighted_add_f32(long n, double weight, int theta_is_zero, float *k, float *theta,
                         double weight2, const float *k2, const float *theta2);
void nt_weighted_add_f64(long n, double weight, int theta_is_zero, double *k, double *theta,
                         double weight2, const double *k2, const double *theta2);
// k <- k + k2, theta <- theta + theta2.
void nt_add_f32(long n, int theta_is_zero, float *k, float *theta, const float *k2, const float *theta2);
void nt_add_f64(long n, int theta_is_zero, double *k, double *theta, const double *k2, const double *theta2);
// k <- k k2, theta <- theta k2 + k theta2.
void nt_multiply_f32(long n, int theta_is_zero, float *k, float *theta, const float *k2, const float *theta2);
void nt_multiply_f64(long n, int theta_is_zero, double *k, double *theta, const double *k2, const double *theta2);

#ifdef __cplusplus
}
#endif
