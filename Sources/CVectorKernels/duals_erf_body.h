// Erf: phi(x) = a erf(b x) + c.
//
// With the angle of duals_angle_body.h for the variances 2 b^2 q,
//   kappa  = (2 a^2 / pi) asin(s) + c^2
//   kappa' = (4 a^2 b^2 / pi) / sqrt((1 + 2 b^2 q11)(1 + 2 b^2 q22) - 4 b^4 q12^2)
// Source: Williams, Computing with infinite networks (1996).

typedef struct {
  VR scale, offset;
} TYPED(nt_erf_constants);

static NT_INLINE TYPED(nt_erf_constants) TYPED(nt_erf_prepare)(const nt_dual *dual) {
  double a = dual->parameters[0], c = dual->parameters[2];
  TYPED(nt_erf_constants) constants = {SPLAT_R(2 * a * a / NT_PI), SPLAT_R(c * c)};
  return constants;
}

static void TYPED(nt_erf_factors)(const nt_dual *dual, long n, const REAL *q, REAL *factors, long stride) {
  double b = dual->parameters[1];
  TYPED(nt_angle_factors)(2 * b * b, 1.4142135623730950488 * (b < 0 ? -b : b), n, q, factors, stride);
}

static NT_INLINE VR TYPED(nt_erf)(const TYPED(nt_erf_constants) *constants, const VR *factors1, const VR *factors2,
                                  VR q12, VR *slope) {
  TYPED(nt_angle) angle = TYPED(nt_angle_between)(factors1, factors2, q12);
  *slope = constants->scale * factors1[2] * factors2[2] / angle.cosine;
  return V_FMA(TYPED(nt_angle_asin)(&angle), constants->scale, constants->offset);
}

DEFINE_DUAL_LOOPS(nt_erf, 5)
