// RectifiedMonomial: phi(x) = x^n where x >= 0, else 0.
//
// With c = q12 / sqrt(q11 q22) and t = 1 - |c| write kappa = (q11 q22)^(n/2) K_n(c). Then K_n' = n^2 K_{n-1} and
//   K_n(c) = t^n sqrt(t) F_n(t)                          where c < 0
//   K_n(c) = M_n(|c|) / 2 - (-1)^n t^n sqrt(t) F_n(t)    where c >= 0
// F_n is smooth and positive on [0, 1] and comes as a Chebyshev series; M_n is the dual of x^n,
//   M_{n+1} = (2n+1) c M_n + n^2 (1 - c^2) M_{n-1},   M_0 = 1,   M_1 = c,
// whose terms are positive. So nothing cancels, at c = -1 and c = 1 no more than between; and a variance of zero means
// c = 0. There kappa' of degree 1 is 1/4, as for Relu, while degree 0 takes phi(0) = 1: kappa is 1/2 for one zero
// variance and 1 for two.
// Source: Cho and Saul, Kernel methods for deep learning (2009).

typedef struct {
  int degree;
  VR series[2][24];
} TYPED(nt_rectified_monomial_constants);

// A Chebyshev series converges by a factor of 5.8 per term: what float does not see is left out.
enum { TYPED(nt_rectified_terms) = NT_REAL_BITS == 32 ? 10 : 23 };

static NT_INLINE TYPED(nt_rectified_monomial_constants)
TYPED(nt_rectified_monomial_prepare)(const nt_dual *dual) {
  TYPED(nt_rectified_monomial_constants) constants;
  constants.degree = (int)dual->parameters[0];
  for (int i = 0; i < 24; i++) {
    constants.series[0][i] = SPLAT_R(dual->coefficients[i]);
    constants.series[1][i] = SPLAT_R(dual->coefficients[24 + i]);
  }
  return constants;
}

// Factors: r and low of the correlation, q^(n/2), n q^((n-1)/2).
static void TYPED(nt_rectified_monomial_factors)(const nt_dual *dual, long n, const REAL *q, REAL *factors,
                                                 long stride) {
  int degree = (int)dual->parameters[0];
  for (long j = 0; j < n; j += D_LANES) {
    VD variance = LOAD_WIDE(q + j), root = V_SQRT(variance);
    TYPED(nt_correlation_factors)(variance, 1, factors + j, stride);
    VD whole = SPLAT_D(1);
    for (int i = 0; i < (degree - 1) / 2; i++) whole *= variance;
    VD lower = degree & 1 ? whole : whole * root;
    VD power = degree & 1 ? whole * root : whole * variance;
    if (degree == 0) power = V_SELECT(variance == SPLAT_D(0), SPLAT_D(2), SPLAT_D(1));
    STORE_NARROW(factors + 2 * stride + j, power);
    STORE_NARROW(factors + 3 * stride + j, SPLAT_D(degree) * lower);
  }
}

// A Chebyshev series in 2t - 1 (Clenshaw).
static NT_INLINE VR TYPED(nt_chebyshev)(const VR *series, VR t) {
  VR x = V_FMA(SPLAT_R(2), t, SPLAT_R(-1)), twice = x + x;
  VR next = SPLAT_R(0), after = SPLAT_R(0);
  NT_UNROLL
  for (int i = TYPED(nt_rectified_terms) - 1; i > 0; i--) {
    VR now = V_FMA(twice, next, series[i] - after);
    after = next;
    next = now;
  }
  return V_FMA(x, next, series[0] - after);
}

static NT_INLINE VR TYPED(nt_rectified_monomial)(const TYPED(nt_rectified_monomial_constants) *constants,
                                                 const VR *factors1, const VR *factors2, VR q12, VR *slope) {
  VR magnitude;
  VR t = TYPED(nt_distance)(factors1, factors2, q12, &magnitude);
  VR c = SPLAT_R(1) - t, square = t * (SPLAT_R(2) - t);
  // M_{n-1} and M_n, t^(n-1) sqrt(t) and t^n sqrt(t).
  VR before = SPLAT_R(0), monomial = SPLAT_R(1), power_before = SPLAT_R(0), power = V_SQRT(t);
  for (int i = 0; i < constants->degree; i++) {
    VR next = V_FMA(SPLAT_R(2 * i + 1) * c, monomial, (SPLAT_R((REAL)i * i) * square) * before);
    before = monomial;
    monomial = next;
    power_before = power;
    power *= t;
  }
  VR side = power * TYPED(nt_chebyshev)(constants->series[0], t);
  VR side_before = power_before * TYPED(nt_chebyshev)(constants->series[1], t);
  VR half = SPLAT_R(0.5), sign = SPLAT_R(constants->degree & 1 ? 1 : -1);
  MASK_R is_same = q12 >= SPLAT_R(0);
  VR value = V_SELECT(is_same, V_FMA(half, monomial, sign * side), side);
  VR value_before = V_SELECT(is_same, V_FMA(half, before, -sign * side_before), side_before);
  *slope = (value_before * factors1[3]) * factors2[3];
  return (value * factors1[2]) * factors2[2];
}

DEFINE_DUAL_LOOPS(rectified_monomial)
