// Sin: phi(x) = a sin(b x + c), Cos among them, and Rbf, the limit of random Fourier features.
//
// With S = q11 + q22,
//   Sin: kappa  = a^2/2 (expm1(b^2 (q12 - S/2)) - cos(2c) expm1(-b^2 (q12 + S/2))) + a^2 sin^2 c
//        kappa' = a^2 b^2/2 (expm1(b^2 (q12 - S/2)) + cos(2c) expm1(-b^2 (q12 + S/2))) + a^2 b^2 cos^2 c
//   Rbf: kappa  = exp(2 gamma (q12 - S/2)),  kappa' = 2 gamma kappa
// Taking the ones out of the exponentials keeps the digits of small variances.
// Source: Rahimi and Recht, Random features for large-scale kernel machines (2007).

typedef struct {
  TYPED(nt_pair) rate;
  VR first, second, offset, slope_first, slope_second, slope_offset;
} TYPED(nt_sin_constants);

static NT_INLINE TYPED(nt_sin_constants) TYPED(nt_sin_prepare)(const nt_dual *dual) {
  double a = dual->parameters[0], b = dual->parameters[1], sine = __builtin_sin(dual->parameters[2]);
  double cosine = __builtin_cos(dual->parameters[2]), twice = (cosine - sine) * (cosine + sine);
  TYPED(nt_sin_constants) constants = {
    TYPED(nt_pair_product)(1, b, b),
    SPLAT_R(a * a / 2), SPLAT_R(-a * a / 2 * twice), SPLAT_R(a * a * sine * sine),
    SPLAT_R(a * a * b * b / 2), SPLAT_R(a * a * b * b / 2 * twice), SPLAT_R(a * a * b * b * cosine * cosine)};
  return constants;
}

static void TYPED(nt_sin_factors)(const nt_dual *dual, long n, const REAL *q, REAL *factors, long stride) {
  (void)dual, (void)stride;
  TYPED(nt_half_variances)(n, q, factors);
}

// q12 - S/2, from the halves of the variances.
static NT_INLINE TYPED(nt_pair) TYPED(nt_closeness)(VR half1, VR half2, VR q12) {
  TYPED(nt_pair) mean = TYPED(nt_two_sum)(half1, half2);
  TYPED(nt_pair) difference = TYPED(nt_two_sum)(q12, -mean.high);
  difference.low -= mean.low;
  return difference;
}

static NT_INLINE VR TYPED(nt_sin)(const TYPED(nt_sin_constants) *constants, const VR *factors1, const VR *factors2,
                                  VR q12, VR *slope) {
  TYPED(nt_pair) same = TYPED(nt_closeness)(factors1[0], factors2[0], q12);
  TYPED(nt_pair) opposite = TYPED(nt_closeness)(factors1[0], factors2[0], -q12);
  VR first = TYPED(nt_exponential_less_one)(TYPED(nt_scaled)(same, constants->rate));
  VR second = TYPED(nt_exponential_less_one)(TYPED(nt_scaled)(opposite, constants->rate));
  *slope = V_FMA(constants->slope_first, first, V_FMA(constants->slope_second, second, constants->slope_offset));
  return V_FMA(constants->first, first, V_FMA(constants->second, second, constants->offset));
}

DEFINE_DUAL_LOOPS(sin)

typedef struct {
  TYPED(nt_pair) rate;
} TYPED(nt_rbf_constants);

static NT_INLINE TYPED(nt_rbf_constants) TYPED(nt_rbf_prepare)(const nt_dual *dual) {
  TYPED(nt_rbf_constants) constants = {TYPED(nt_pair_of)(2 * dual->parameters[0], 0)};
  return constants;
}

static void TYPED(nt_rbf_factors)(const nt_dual *dual, long n, const REAL *q, REAL *factors, long stride) {
  (void)dual, (void)stride;
  TYPED(nt_half_variances)(n, q, factors);
}

static NT_INLINE VR TYPED(nt_rbf)(const TYPED(nt_rbf_constants) *constants, const VR *factors1, const VR *factors2,
                                  VR q12, VR *slope) {
  TYPED(nt_pair) same = TYPED(nt_closeness)(factors1[0], factors2[0], q12);
  VR value = TYPED(nt_exponential)(TYPED(nt_scaled)(same, constants->rate), SPLAT_R(1));
  *slope = value * constants->rate.high;
  return value;
}

DEFINE_DUAL_LOOPS(rbf)
