// Erf: phi(x) = a erf(b x) + c.
//
// With E and s of duals_angle_body.h for beta = 2 b^2,
//   kappa  = (2 a^2 / pi) asin(s) + c^2
//   kappa' = (4 a^2 b^2 / pi) / sqrt(E)
// Source: Williams, Computing with infinite networks (1996).

// Constants that multiply every entry come with what their rounding lost: in float32 it would add up, with the same sign,
// over the layers of a deep network.
typedef struct {
  VR beta, inverse_beta, scale, scale_lost, offset, slope_scale, slope_scale_lost;
} TYPED(nt_erf_constants);

static NT_INLINE TYPED(nt_erf_constants) TYPED(nt_erf_prepare)(const nt_dual *dual) {
  double a = dual->parameters[0], b = dual->parameters[1], c = dual->parameters[2], beta = 2 * b * b;
  double scale = 2 * a * a / NT_PI, slope_scale = 2 * a * a * beta / NT_PI;
  TYPED(nt_erf_constants) constants = {
    SPLAT_R(beta), SPLAT_R(beta > 0 ? 1 / beta : 0), SPLAT_R(scale), SPLAT_R(scale - (REAL)scale), SPLAT_R(c * c),
    SPLAT_R(slope_scale), SPLAT_R(slope_scale - (REAL)slope_scale)};
  return constants;
}

static void TYPED(nt_erf_factors)(const nt_dual *dual, long n, const REAL *q, REAL *factors, long stride) {
  double b = dual->parameters[1];
  TYPED(nt_angle_factors)(2 * b * b, n, q, factors, stride);
  TYPED(nt_angle_lost_factors)(2 * b * b, n, q, factors, stride);
}

static NT_INLINE VR TYPED(nt_erf)(const TYPED(nt_erf_constants) *constants, const VR *factors1, const VR *factors2,
                                  VR q12, VR *slope) {
  TYPED(nt_spread) spread = TYPED(nt_spread_of)(constants->beta, factors1[0], factors2[0], q12);
  VR root = V_SQRT(spread.expanded), inverse = SPLAT_R(1) / root;
  // In a deep network the roundings of every layer add up, so they are carried along, relative to what they belong to:
  // sqrt(E) = root (1 + root_lost), 1 / root = inverse (1 + inverse_lost), and those of the factors and their products.
  VR root_lost = SPLAT_R(0.5) * inverse * inverse *
                 (TYPED(nt_spread_lost)(constants->beta, &spread) - PRODUCT_MINUS(root, root, spread.expanded));
  VR inverse_lost = LESS_PRODUCT(SPLAT_R(1), root, inverse);
  VR lost = factors1[2] + factors2[2];
  VR half = q12 * factors1[1], scaled = factors1[1] * factors2[1];
  VR correction = V_FMA(half, lost, PRODUCT_ERROR(q12, factors1[1], half));
  TYPED(nt_angle) angle = {
    V_FMA(half, factors2[1], correction * factors2[1]),
    root * V_FMA(scaled, lost + root_lost, scaled) * constants->inverse_beta};
  VR arc = TYPED(nt_angle_asin)(&angle);
  *slope = V_FMA(inverse, constants->slope_scale,
                 inverse * V_FMA(constants->slope_scale, inverse_lost - root_lost, constants->slope_scale_lost));
  return V_FMA(arc, constants->scale, V_FMA(arc, constants->scale_lost, constants->offset));
}

DEFINE_DUAL_LOOPS(erf)
