// Gelu: phi(x) = x (1 + erf(x / sqrt 2)) / 2.
//
// With E and s of duals_angle_body.h for beta = 1, S = q11 + q22, rho = 1/sqrt(1 + q) and y = rho1 rho2 sqrt(E),
//   kappa  = (q12 (pi/2 + asin s) + s^2 / sqrt(E) + (q11 rho1)(q22 rho2) y) / 2 pi
//   kappa' = (pi/2 + asin s + (q12 / sqrt(E))(1/E + (2 + S)(rho1 rho2)^2)) / 2 pi
// Source: Tsuchida, Pearce, van der Heide, Roosta and Gallagher, Avoiding kernel fixed points (2020).

typedef struct {
  VR scale;
} TYPED(nt_gelu_constants);

static NT_INLINE TYPED(nt_gelu_constants) TYPED(nt_gelu_prepare)(const nt_dual *dual) {
  (void)dual;
  TYPED(nt_gelu_constants) constants = {SPLAT_R(0.5 / NT_PI)};
  return constants;
}

// Factors: q, rho, q rho.
static void TYPED(nt_gelu_factors)(const nt_dual *dual, long n, const REAL *q, REAL *factors, long stride) {
  (void)dual;
  TYPED(nt_angle_factors)(1, n, q, factors, stride);
  for (long j = 0; j < n; j += D_LANES) {
    VD variance = LOAD_WIDE(q + j);
    STORE_NARROW(factors + 2 * stride + j, variance / V_SQRT(SPLAT_D(1) + variance));
  }
}

static NT_INLINE VR TYPED(nt_gelu)(const TYPED(nt_gelu_constants) *constants, const VR *factors1, const VR *factors2,
                                   VR q12, VR *slope) {
  TYPED(nt_spread) spread = TYPED(nt_spread_of)(SPLAT_R(1), factors1[0], factors2[0], q12);
  VR root = V_SQRT(spread.expanded), inverse = SPLAT_R(1) / root;
  VR rho = factors1[1] * factors2[1];
  TYPED(nt_angle) angle = {q12 * factors1[1] * factors2[1], root * rho};
  VR turn = TYPED(nt_angle_turn)(&angle);
  VR rest = V_FMA(inverse, inverse, ((SPLAT_R(2) + spread.sum) * rho) * rho);
  *slope = constants->scale * V_FMA(q12 * inverse, rest, turn);
  VR side = V_FMA(factors1[2] * factors2[2], angle.cosine, (angle.sine * inverse) * angle.sine);
  return constants->scale * V_FMA(q12, turn, side);
}

DEFINE_DUAL_LOOPS(gelu)
