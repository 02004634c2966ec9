// Polynomial: phi(x) = sum of c_k x^k, Monomial of any degree among them, and power series in q12.
//
//   kappa = sum over l of s_l(q11) s_l(q22) q12^l,   s_l(q) = sum over i of c_{2i+l} (2i+l)! / (2^i i! sqrt(l!)) q^i
// Hermite's expansion without its division by the variance: zero variances are ordinary. A power series has constants
// a_l in place of s_l(q11) s_l(q22); a normalised Hermite polynomial of degree n of a unit-variance input is q12^n.

static void TYPED(nt_polynomial_factors)(const nt_dual *dual, long n, const REAL *q, REAL *factors, long stride) {
  int count = dual->coefficient_count;
  double root_of_factorial = 1;
  for (int l = 0; l < count; l++) {
    if (l > 0) root_of_factorial *= __builtin_sqrt(l);
    // Horner's rule from the highest i; `weight` falls from its ratio there to the one at i = 0.
    int top = (count - 1 - l) / 2;
    double top_weight = root_of_factorial;
    for (int i = 0; i < top; i++) top_weight *= (2.0 * i + l + 1) * (2.0 * i + l + 2) / (2.0 * (i + 1));
    for (long j = 0; j < n; j += D_LANES) {
      VD variance = LOAD_WIDE(q + j), sum = variance * SPLAT_D(0);
      double weight = top_weight;
      for (int i = top; i >= 0; i--) {
        sum = V_FMA(sum, variance, SPLAT_D(dual->coefficients[2 * i + l] * weight));
        if (i > 0) weight /= (2.0 * i + l - 1) * (2.0 * i + l) / (2.0 * i);
      }
      STORE_NARROW(factors + l * stride + j, sum);
    }
  }
}

// One more term in front: the series times q12 plus the term, and its derivative.
static NT_INLINE void TYPED(nt_horner_step)(VR q12, VR term, VR *value, VR *slope) {
  *slope = V_FMA(*slope, q12, *value);
  *value = V_FMA(*value, q12, term);
}

static NT_INLINE void TYPED(nt_polynomial_loop)(const nt_dual *dual, long n, const REAL *first, long first_stride,
                                                const REAL *second, long stride, REAL *restrict k,
                                                REAL *restrict theta, int is_row) {
  for (long j = 0; j < n; j += R_LANES) {
    // Zero, unless q12 is not finite.
    VR q12 = LOAD_R(k + j), value = q12 * SPLAT_R(0), slope = value;
    for (long l = dual->coefficient_count - 1; l >= 0; l--) {
      VR s1 = is_row ? SPLAT_R(first[l * first_stride]) : LOAD_R(first + l * first_stride + j);
      TYPED(nt_horner_step)(q12, s1 * LOAD_R(second + l * stride + j), &value, &slope);
    }
    STORE_R(k + j, value);
    if (theta != NULL) STORE_R(theta + j, LOAD_R(theta + j) * slope);
  }
}

static void TYPED(nt_polynomial_row)(const nt_dual *dual, long n, const REAL *first, long first_stride,
                                     const REAL *second, long stride, REAL *k, REAL *theta) {
  TYPED(nt_polynomial_loop)(dual, n, first, first_stride, second, stride, k, theta, 1);
}
static void TYPED(nt_polynomial_diagonal)(const nt_dual *dual, long n, const REAL *factors, long stride, REAL *k,
                                          REAL *theta) {
  TYPED(nt_polynomial_loop)(dual, n, factors, stride, factors, stride, k, theta, 0);
}

typedef struct {
  const double *coefficients;
  int count;
} TYPED(nt_power_series_constants);

static NT_INLINE TYPED(nt_power_series_constants) TYPED(nt_power_series_prepare)(const nt_dual *dual) {
  TYPED(nt_power_series_constants) constants = {dual->coefficients, dual->coefficient_count};
  return constants;
}

static void TYPED(nt_power_series_factors)(const nt_dual *dual, long n, const REAL *q, REAL *factors, long stride) {
  (void)dual, (void)n, (void)q, (void)factors, (void)stride;
}

static NT_INLINE VR TYPED(nt_power_series)(const TYPED(nt_power_series_constants) *constants, const VR *factors1,
                                           const VR *factors2, VR q12, VR *slope) {
  (void)factors1, (void)factors2;
  VR value = q12 * SPLAT_R(0);
  *slope = value;
  for (int l = constants->count - 1; l >= 0; l--)
    TYPED(nt_horner_step)(q12, SPLAT_R(constants->coefficients[l]), &value, slope);
  return value;
}

DEFINE_DUAL_LOOPS(power_series)
