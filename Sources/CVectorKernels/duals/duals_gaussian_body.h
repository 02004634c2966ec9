// Gaussian: phi(x) = a exp(b x^2).
//
// With E of duals_angle_body.h for beta = -2 b,
//   kappa = a^2 / sqrt(E),   kappa' = 4 a^2 b^2 q12 / sqrt(E)^3
// The expectation is finite where 2 b q < 1 for both inputs and E > 0, as always when b <= 0; elsewhere kappa is
// infinite.

typedef struct {
  VR beta, scale, slope_scale;
} TYPED(nt_gaussian_constants);

static NT_INLINE TYPED(nt_gaussian_constants) TYPED(nt_gaussian_prepare)(const nt_dual *dual) {
  double a = dual->parameters[0], b = dual->parameters[1];
  TYPED(nt_gaussian_constants) constants = {SPLAT_R(-2 * b), SPLAT_R(a * a), SPLAT_R(4 * a * a * b * b)};
  return constants;
}

// Factors: q, and what puts E below zero where the input's own expectation diverges.
static void TYPED(nt_gaussian_factors)(const nt_dual *dual, long n, const REAL *q, REAL *factors, long stride) {
  double beta = -2 * dual->parameters[1];
  for (long j = 0; j < n; j += D_LANES) {
    VD variance = LOAD_WIDE(q + j);
    NAME(nt_wide_mask) diverges = SPLAT_D(beta) * variance <= SPLAT_D(-1);
    STORE_NARROW(factors + j, V_SELECT(diverges, SPLAT_D(0), variance));
    STORE_NARROW(factors + stride + j, V_SELECT(diverges, SPLAT_D(-__builtin_inf()), SPLAT_D(0)));
  }
}

static NT_INLINE VR TYPED(nt_gaussian)(const TYPED(nt_gaussian_constants) *constants, const VR *factors1,
                                       const VR *factors2, VR q12, VR *slope) {
  VR expanded = TYPED(nt_spread_of)(constants->beta, factors1[0], factors2[0], q12).expanded;
  expanded = TYPED(nt_clamp_below)(expanded + (factors1[1] + factors2[1]));
  VR inverse = SPLAT_R(1) / V_SQRT(expanded);
  *slope = (constants->slope_scale * ((q12 * inverse) * inverse)) * inverse;
  return constants->scale * inverse;
}

DEFINE_DUAL_LOOPS(gaussian)
