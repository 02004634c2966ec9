// Sin: phi(x) = a sin(b x + c), Cos among them, and Rbf, the limit of random Fourier features.
//
// With S = q11 + q22, beta = b^2 and the two waves
//   M = E[sin(bu) sin(bv)] = sign(q12) exp(-beta (S/2 - |q12|)) h,        h = -expm1(-2 beta |q12|) / 2
//   P = E[cos(bu) cos(bv)] = exp(-beta (S/2 - |q12|)) (1 - h)
// the duals are
//   Sin: kappa  = a^2 (cos^2 c M + sin^2 c P)
//        kappa' = a^2 b^2 (sin^2 c M + cos^2 c P)
//   Rbf: kappa  = exp(2 gamma (q12 - S/2)),  kappa' = 2 gamma kappa
// Each wave has all its digits, however much smaller one variance is than the other. By the Cauchy-Schwarz inequality,
// where the two cancel the sum still has those of sqrt(kappa11 kappa22).
// Source: Rahimi and Recht, Random features for large-scale kernel machines (2007).

typedef struct {
  TYPED(nt_pair) rate;
  VR sines, cosines, slope_sines, slope_cosines;
} TYPED(nt_sin_constants);

static NT_INLINE TYPED(nt_sin_constants) TYPED(nt_sin_prepare)(const nt_dual *dual) {
  double a = dual->parameters[0], b = dual->parameters[1];
  double sine = __builtin_sin(dual->parameters[2]), cosine = __builtin_cos(dual->parameters[2]);
  TYPED(nt_sin_constants) constants = {
    TYPED(nt_pair_product)(1, b, b),
    SPLAT_R(a * a * cosine * cosine), SPLAT_R(a * a * sine * sine),
    SPLAT_R(a * a * b * b * sine * sine), SPLAT_R(a * a * b * b * cosine * cosine)};
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
  VR magnitude = V_ABS(q12);
  TYPED(nt_pair) below = TYPED(nt_closeness)(factors1[0], factors2[0], magnitude);
  // Where covariance and mean variance cancel, what the mean lost by rounding can be all that is left.
  below = TYPED(nt_fast_two_sum)(below.high, below.low);
  VR decay = TYPED(nt_decay)(TYPED(nt_scaled)(below, constants->rate));
  TYPED(nt_pair) twice = {SPLAT_R(-2) * magnitude, SPLAT_R(0)};
  VR half = SPLAT_R(-0.5) * TYPED(nt_exponential_less_one)(TYPED(nt_scaled)(twice, constants->rate));
  VR signed_half = V_COPYSIGN(half, q12);
  VR slope_sum = V_FMA(-constants->slope_cosines, half, constants->slope_cosines);
  *slope = decay * V_FMA(constants->slope_sines, signed_half, slope_sum);
  VR sum = V_FMA(-constants->cosines, half, constants->cosines);
  return decay * V_FMA(constants->sines, signed_half, sum);
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
