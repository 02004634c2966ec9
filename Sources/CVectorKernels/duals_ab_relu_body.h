// ABRelu: phi(x) = a min(x, 0) + b max(x, 0); Relu, LeakyRelu and Abs among them.
//
// With c = q12 / sqrt(q11 q22), t = 1 - |c|, g = (sqrt(1 - c^2) - |c| acos|c|) / pi = t sqrt(t) G(t) and
// h = acos|c| / pi = sqrt(t) H(t), where G and H are smooth on [0, 1],
//   kappa  = m q12 + (a-b)^2/2 sqrt(q11 q22) g,   m = (a^2 + b^2)/2 where q12 >= 0, else a b
//   kappa' = m -+ (a-b)^2/2 h,                    minus where q12 >= 0
// Neither cancels as |c| approaches 1. Where q12 = 0, kappa' = (a+b)^2/4.
// Source: Cho and Saul, Kernel methods for deep learning (2009), degree 1.

typedef struct {
  VR same, opposite, bend;
} TYPED(nt_ab_relu_constants);

static NT_INLINE TYPED(nt_ab_relu_constants) TYPED(nt_ab_relu_prepare)(const nt_dual *dual) {
  double a = dual->parameters[0], b = dual->parameters[1];
  TYPED(nt_ab_relu_constants) constants = {
    SPLAT_R((a * a + b * b) / 2), SPLAT_R(a * b), SPLAT_R((a - b) * (a - b) / 2)};
  return constants;
}

static void TYPED(nt_ab_relu_factors)(const nt_dual *dual, long n, const REAL *q, REAL *factors, long stride) {
  (void)dual;
  for (long j = 0; j < n; j += D_LANES) {
    VD variance = LOAD_WIDE(q + j);
    TYPED(nt_correlation_factors)(variance, factors + j, stride);
    STORE_NARROW(factors + 2 * stride + j, V_SQRT(variance));
  }
}

static NT_INLINE VR TYPED(nt_ab_relu)(const TYPED(nt_ab_relu_constants) *constants, const VR *factors1,
                                      const VR *factors2, VR q12, VR *slope) {
  VR magnitude;
  VR t = TYPED(nt_distance)(factors1, factors2, q12, &magnitude);
  VR root = V_SQRT(t);
  VR bend = constants->bend;
  VR linear = V_SELECT(q12 >= SPLAT_R(0), constants->same, constants->opposite);
  VR turn = V_SELECT(q12 >= SPLAT_R(0), -bend, bend);
  *slope = V_FMA(turn * root, TYPED(nt_relu_h)(t), linear);
  VR scale = (factors1[2] * bend) * factors2[2];
  return V_FMA(scale * (t * root), TYPED(nt_relu_g)(t), linear * q12);
}

DEFINE_DUAL_LOOPS(ab_relu)
