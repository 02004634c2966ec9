// The angle between the inputs (1, u) and (1, v): what the duals of Erf, Gelu, Gaussian and Gabor are made of.
//
// For variances A = beta q11, B = beta q22 and the covariance C = beta q12 they need
//   E = (1 + A)(1 + B) - C^2   and   s = C / sqrt((1 + A)(1 + B)).
// Multiplied out, E = 1 + beta (q11 + q22 + beta D) with the determinant D = q11 q22 - q12^2, a sum of positive terms
// when beta > 0. D's two products are carried exactly (Kahan), so that E keeps its digits for large variances and s
// near 1, where 1 - s^2 would have none; D is exactly 0 for equal inputs. D overflows, and the results are NaN, beyond
// variances of 1e19 (1e154 in float64).

typedef struct {
  VR sum, determinant, expanded;  // q11 + q22, D, E
} TYPED(nt_spread);

static NT_INLINE TYPED(nt_spread) TYPED(nt_spread_of)(VR beta, VR q11, VR q22, VR q12) {
  TYPED(nt_spread) spread;
  VR product = q11 * q22, square = q12 * q12;
  VR lost = PRODUCT_ERROR(q11, q22, product) - PRODUCT_ERROR(q12, q12, square);
  spread.determinant = TYPED(nt_clamp_below)((product - square) + lost);
  spread.sum = q11 + q22;
  spread.expanded = V_FMA(beta, V_FMA(beta, spread.determinant, spread.sum), SPLAT_R(1));
  return spread;
}

// What the last rounding of E took: E is 1 + beta inner.
static NT_INLINE VR TYPED(nt_spread_lost)(VR beta, const TYPED(nt_spread) *spread) {
  VR inner = V_FMA(beta, spread->determinant, spread->sum);
  return PRODUCT_MINUS(beta, inner, spread->expanded - SPLAT_R(1));
}

// Factors of n inputs: the variance q, and sqrt(beta / (1 + beta q)).
static NT_INLINE void TYPED(nt_angle_factors)(double beta, long n, const REAL *q, REAL *factors, long stride) {
  for (long j = 0; j < n; j += D_LANES) {
    VD variance = LOAD_WIDE(q + j);
    STORE_NARROW(factors + j, variance);
    STORE_NARROW(factors + stride + j, V_SQRT(SPLAT_D(beta) / (SPLAT_D(1) + SPLAT_D(beta) * variance)));
  }
}

// One factor more: what rounding to REAL took from sqrt(beta / (1 + beta q)), relative to it.
static NT_INLINE void TYPED(nt_angle_lost_factors)(double beta, long n, const REAL *q, REAL *factors, long stride) {
  for (long j = 0; j < n; j += D_LANES) {
    VD exact = V_SQRT(SPLAT_D(beta) / (SPLAT_D(1) + SPLAT_D(beta) * LOAD_WIDE(q + j)));
    VD rounded = LOAD_WIDE(factors + stride + j);
    STORE_NARROW(factors + 2 * stride + j, (exact - rounded) / (rounded + SPLAT_D(beta == 0)));
  }
}

typedef struct {
  VR sine, cosine;  // of an angle in [-pi/2, pi/2]; each is accurate where it is the smaller
} TYPED(nt_angle);

// asin|s| where |s| is small, acos|s| where it is large, and which it is.
static NT_INLINE VR TYPED(nt_angle_arc)(const TYPED(nt_angle) *angle, MASK_R *is_small) {
  *is_small = angle->sine * angle->sine < SPLAT_R(0.5);
  VR x = V_SELECT(*is_small, V_ABS(angle->sine), angle->cosine);
  // asin x = x + x (ratio - 1): the small part carries the rounding of the polynomial.
  VR excess = TYPED(nt_asin_excess)(x * x);
  return V_FMA(x, excess, x);
}

// asin s, and asin s + pi/2, which keeps its digits as s approaches -1.
static NT_INLINE VR TYPED(nt_angle_asin)(const TYPED(nt_angle) *angle) {
  MASK_R is_small;
  VR arc = TYPED(nt_angle_arc)(angle, &is_small);
  // With what rounding takes from pi/2, which float32 would otherwise add to every entry near correlation 1.
  VR from_right_angle = SPLAT_R(NT_PI / 2) - (arc - SPLAT_R(NT_PI / 2 - (REAL)(NT_PI / 2)));
  return V_COPYSIGN(V_SELECT(is_small, arc, from_right_angle), angle->sine);
}
static NT_INLINE VR TYPED(nt_angle_turn)(const TYPED(nt_angle) *angle) {
  MASK_R is_small;
  VR arc = TYPED(nt_angle_arc)(angle, &is_small);
  VR small = SPLAT_R(NT_PI / 2) + V_COPYSIGN(arc, angle->sine);
  return V_SELECT(is_small, small, V_SELECT(angle->sine >= SPLAT_R(0), SPLAT_R(NT_PI) - arc, arc));
}
