// Erf: phi(x) = a erf(b x) + c.
//
// With E and s of duals_angle_body.h for beta = 2 b^2,
//   kappa  = (2 a^2 / pi) asin(s) + c^2
//   kappa' = (4 a^2 b^2 / pi) / sqrt(E)
// Source: Williams, Computing with infinite networks (1996).

typedef struct {
  VR beta, inverse_beta, scale, offset, slope_scale;
} TYPED(nt_erf_constants);

static NT_INLINE TYPED(nt_erf_constants) TYPED(nt_erf_prepare)(const nt_dual *dual) {
  double a = dual->parameters[0], b = dual->parameters[1], c = dual->parameters[2], beta = 2 * b * b;
  TYPED(nt_erf_constants) constants = {
    SPLAT_R(beta), SPLAT_R(beta > 0 ? 1 / beta : 0), SPLAT_R(2 * a * a / NT_PI), SPLAT_R(c * c),
    SPLAT_R(2 * a * a * beta / NT_PI)};
  return constants;
}

static void TYPED(nt_erf_factors)(const nt_dual *dual, long n, const REAL *q, REAL *factors, long stride) {
  double b = dual->parameters[1];
  TYPED(nt_angle_factors)(2 * b * b, n, q, factors, stride);
}

static NT_INLINE VR TYPED(nt_erf)(const TYPED(nt_erf_constants) *constants, const VR *factors1, const VR *factors2,
                                  VR q12, VR *slope) {
  VR root = V_SQRT(TYPED(nt_spread_of)(constants->beta, factors1[0], factors2[0], q12).expanded);
  VR scaled = factors1[1] * factors2[1];
  TYPED(nt_angle) angle = {q12 * factors1[1] * factors2[1], root * scaled * constants->inverse_beta};
  *slope = constants->slope_scale / root;
  return V_FMA(TYPED(nt_angle_asin)(&angle), constants->scale, constants->offset);
}

DEFINE_DUAL_LOOPS(erf)
