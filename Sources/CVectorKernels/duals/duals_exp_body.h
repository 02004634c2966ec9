// Exp: phi(x) = a exp(b x), and the normalised exponential kernel, which no function has as its dual.
//
// With S = q11 + q22 and c = q12 / sqrt(q11 q22),
//   Exp:            kappa = a^2 exp(b^2 (q12 + S/2)),                     kappa' = b^2 kappa
//   ExpNormalized:  kappa = sqrt(q11 q22) exp(gamma (c + shift)),         kappa' = gamma exp(gamma (c + shift))
// c is held in [-1, 1] and is 0 where a variance is 0.
// Source of the second: Mairal, Koniusz, Harchaoui and Schmid, Convolutional kernel networks (2014).

typedef struct {
  TYPED(nt_pair) rate;
  VR scale;
} TYPED(nt_exp_constants);

static NT_INLINE TYPED(nt_exp_constants) TYPED(nt_exp_prepare)(const nt_dual *dual) {
  double a = dual->parameters[0], b = dual->parameters[1];
  TYPED(nt_exp_constants) constants = {TYPED(nt_pair_product)(1, b, b), SPLAT_R(a * a)};
  return constants;
}

static void TYPED(nt_exp_factors)(const nt_dual *dual, long n, const REAL *q, REAL *factors, long stride) {
  (void)dual, (void)stride;
  TYPED(nt_half_variances)(n, q, factors);
}

static NT_INLINE VR TYPED(nt_exp)(const TYPED(nt_exp_constants) *constants, const VR *factors1, const VR *factors2,
                                  VR q12, VR *slope) {
  TYPED(nt_pair) sum = TYPED(nt_closeness)(-factors1[0], -factors2[0], q12);
  VR value = TYPED(nt_exponential)(TYPED(nt_scaled)(sum, constants->rate), constants->scale);
  *slope = value * constants->rate.high;
  return value;
}

DEFINE_DUAL_LOOPS(exp)

// Near c = 1 the exponent is gamma (1 + shift) - gamma t, with t = 1 - |c|.
typedef struct {
  TYPED(nt_pair) rate, top;
} TYPED(nt_exp_normalized_constants);

static NT_INLINE TYPED(nt_exp_normalized_constants) TYPED(nt_exp_normalized_prepare)(const nt_dual *dual) {
  double gamma = dual->parameters[0], shift = dual->parameters[1], sum = 1 + shift, part = sum - 1;
  double lost = (1 - (sum - part)) + (shift - part);
  TYPED(nt_exp_normalized_constants) constants = {
    TYPED(nt_pair_of)(gamma, 0), TYPED(nt_pair_product)(1, gamma, sum)};
  constants.top.low += SPLAT_R(gamma * lost);
  return constants;
}

static void TYPED(nt_exp_normalized_factors)(const nt_dual *dual, long n, const REAL *q, REAL *factors, long stride) {
  (void)dual;
  for (long j = 0; j < n; j += D_LANES) {
    VD variance = LOAD_WIDE(q + j);
    TYPED(nt_correlation_factors)(variance, 1, factors + j, stride);
    STORE_NARROW(factors + 2 * stride + j, V_SQRT(variance));
  }
}

static NT_INLINE VR TYPED(nt_exp_normalized)(const TYPED(nt_exp_normalized_constants) *constants, const VR *factors1,
                                             const VR *factors2, VR q12, VR *slope) {
  VR magnitude;
  VR t = TYPED(nt_distance)(factors1, factors2, q12, &magnitude);
  TYPED(nt_pair) below = {V_SELECT(q12 >= SPLAT_R(0), t, SPLAT_R(2) - t), SPLAT_R(0)};
  TYPED(nt_pair) fall = TYPED(nt_scaled)(below, constants->rate);
  TYPED(nt_pair) exponent = TYPED(nt_two_sum)(constants->top.high, -fall.high);
  exponent.low += constants->top.low - fall.low;
  VR value = TYPED(nt_exponential)(exponent, SPLAT_R(1));
  *slope = value * constants->rate.high;
  return (value * factors1[2]) * factors2[2];
}

DEFINE_DUAL_LOOPS(exp_normalized)
