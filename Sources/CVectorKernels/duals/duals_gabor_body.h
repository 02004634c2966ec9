// Gabor: phi(x) = exp(-x^2) sin x.
//
// With D and E of duals_angle_body.h for beta = 2, S = q11 + q22, v = q12 / E and e = exp(-(S + 4 D) / 2E),
//   kappa  = e sinh(v) / sqrt(E)
//   kappa' = e ((1 + 8 q12 v) cosh v + 4 q12 v (1 + (1 + S) / E) sinh(v) / v) / sqrt(E)^3
// Here |v| < 1/4 and the exponent lies in [-1/2, 0], so short polynomials do; moving it by 1/4 centres their interval.
// The derivative is a sum of positive terms.

typedef struct {
  VR middle;
} TYPED(nt_gabor_constants);

static NT_INLINE TYPED(nt_gabor_constants) TYPED(nt_gabor_prepare)(const nt_dual *dual) {
  (void)dual;
  TYPED(nt_gabor_constants) constants = {SPLAT_R(0.77880078307140486825)};  // exp(-1/4)
  return constants;
}

static void TYPED(nt_gabor_factors)(const nt_dual *dual, long n, const REAL *q, REAL *factors, long stride) {
  (void)dual, (void)stride;
  __builtin_memcpy(factors, q, (unsigned long)n * sizeof(REAL));
}

static NT_INLINE VR TYPED(nt_gabor)(const TYPED(nt_gabor_constants) *constants, const VR *factors1,
                                    const VR *factors2, VR q12, VR *slope) {
  TYPED(nt_spread) spread = TYPED(nt_spread_of)(SPLAT_R(2), factors1[0], factors2[0], q12);
  VR inverse = SPLAT_R(1) / spread.expanded, inverse_root = V_SQRT(inverse);
  VR v = q12 * inverse, g = q12 * v, square = v * v;
  VR decay = V_FMA(SPLAT_R(4), spread.determinant, spread.sum) * inverse;
  VR r = V_FMA(decay, SPLAT_R(-0.5), SPLAT_R(0.25));
  VR exponential = V_FMA(V_FMA(r * r, TYPED(nt_exp_tail)(r), r), constants->middle, constants->middle);
  VR sinh_ratio = TYPED(nt_sinh_ratio)(square);
  VR even = V_FMA(SPLAT_R(8), g, SPLAT_R(1)) * TYPED(nt_cosh_root)(square);
  VR odd = SPLAT_R(4) * g * V_FMA(SPLAT_R(1) + spread.sum, inverse, SPLAT_R(1));
  VR common = exponential * inverse_root;
  *slope = (common * inverse) * V_FMA(odd, sinh_ratio, even);
  return (common * v) * sinh_ratio;
}

DEFINE_DUAL_LOOPS(gabor)
