// The angle between the inputs (1, u) and (1, v): what the duals of Erf, Gelu, Gaussian and Gabor are made of.
//
// For variances A = beta q11, B = beta q22 and the covariance C = beta q12 let
//   s = C / sqrt((1 + A)(1 + B)),   w = 1 - s^2.
// Per input there are x = 1/(1 + A) and m = A/(1 + A) = 1 - x. Then with t = 1 - |q12 / sqrt(q11 q22)|
//   w = base + m1 m2 t (2 - t),   base = x1 + x2 m1 = 1 - m1 m2,
// a sum of positive terms when beta > 0: w keeps its digits for variances of any size, when s is near 1.
// w's relative error is a few roundings, except that where t is below eps it is as large as eps^2 / w.

typedef struct {
  VR sine, cosine, cosine_squared, base;
} TYPED(nt_angle);

// Factors: r and low of the correlation, sigma / sqrt(1 + beta q), x, m. With sigma^2 = beta, s is the product of the
// third ones and q12.
static NT_INLINE void TYPED(nt_angle_factors)(double beta, double sigma, long n, const REAL *q, REAL *factors,
                                              long stride) {
  for (long j = 0; j < n; j += D_LANES) {
    VD variance = LOAD_WIDE(q + j);
    TYPED(nt_correlation_factors)(variance, factors + j, stride);
    VD a = SPLAT_D(beta) * variance;
    VD x = SPLAT_D(1) / (SPLAT_D(1) + a);
    STORE_NARROW(factors + 2 * stride + j, SPLAT_D(sigma) * V_SQRT(x));
    STORE_NARROW(factors + 3 * stride + j, x);
    STORE_NARROW(factors + 4 * stride + j, V_SELECT(a > SPLAT_D(1), SPLAT_D(1) - x, a * x));
  }
}

static NT_INLINE TYPED(nt_angle) TYPED(nt_angle_between)(const VR *factors1, const VR *factors2, VR q12) {
  VR magnitude;
  VR t = TYPED(nt_distance)(factors1, factors2, q12, &magnitude);
  TYPED(nt_angle) angle;
  angle.base = V_FMA(factors2[3], factors1[4], factors1[3]);
  angle.cosine_squared = V_FMA(factors1[4] * factors2[4], t * (SPLAT_R(2) - t), angle.base);
  angle.cosine = V_SQRT(angle.cosine_squared);
  angle.sine = (q12 * factors1[2]) * factors2[2];
  return angle;
}

// asin|s| where |s| is small, acos|s| where it is large, and which it is.
static NT_INLINE VR TYPED(nt_angle_arc)(const TYPED(nt_angle) *angle, MASK_R *is_small) {
  *is_small = angle->cosine_squared > SPLAT_R(0.5);
  VR x = V_SELECT(*is_small, V_ABS(angle->sine), angle->cosine);
  VR z = V_SELECT(*is_small, angle->sine * angle->sine, angle->cosine_squared);
  return x * TYPED(nt_asin_ratio)(z);
}

static NT_INLINE VR TYPED(nt_angle_asin)(const TYPED(nt_angle) *angle) {
  MASK_R is_small;
  VR arc = TYPED(nt_angle_arc)(angle, &is_small);
  return V_COPYSIGN(V_SELECT(is_small, arc, SPLAT_R(NT_PI / 2) - arc), angle->sine);
}
