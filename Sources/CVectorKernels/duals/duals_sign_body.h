// Sign: kappa = (2 / pi) asin(c) with c = q12 / sqrt(q11 q22); 0 where a variance is 0, exactly 1 for equal inputs.
// Its derivative in a network is zero almost everywhere, so the derivative dual is taken as 0.

typedef struct {
  VR scale;
} TYPED(nt_sign_constants);

static NT_INLINE TYPED(nt_sign_constants) TYPED(nt_sign_prepare)(const nt_dual *dual) {
  (void)dual;
  TYPED(nt_sign_constants) constants = {SPLAT_R(2 / NT_PI)};
  return constants;
}

static void TYPED(nt_sign_factors)(const nt_dual *dual, long n, const REAL *q, REAL *factors, long stride) {
  (void)dual;
  for (long j = 0; j < n; j += D_LANES) TYPED(nt_correlation_factors)(LOAD_WIDE(q + j), 1, factors + j, stride);
}

static NT_INLINE VR TYPED(nt_sign)(const TYPED(nt_sign_constants) *constants, const VR *factors1, const VR *factors2,
                                   VR q12, VR *slope) {
  TYPED(nt_angle) angle;
  VR t = TYPED(nt_distance)(factors1, factors2, q12, &angle.sine);
  angle.cosine = V_SQRT(t * (SPLAT_R(2) - t));
  MASK_R is_small;
  VR part = constants->scale * TYPED(nt_angle_arc)(&angle, &is_small);
  *slope = t * SPLAT_R(0);
  return V_COPYSIGN(V_SELECT(is_small, part, SPLAT_R(1) - part), q12);
}

DEFINE_DUAL_LOOPS(sign)
