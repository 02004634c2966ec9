// ABRelu: phi(x) = a min(x, 0) + b max(x, 0); Relu, LeakyRelu and Abs among them.
//
// With c = q12 / sqrt(q11 q22), t = 1 - |c| and s = sqrt(t (2 - t)), which is sqrt(1 - c^2), the angle is
// acos|c| / pi = s A(t), where A is smooth on [0, 1]. Then
//   kappa' = (a+b)^2/4 + sign(q12) (a-b)^2/2 (1/2 - s A(t))
//   kappa  = q12 kappa' + (a-b)^2/2 sqrt(q11 q22) s / pi:
// kappa is homogeneous in the covariances, so one polynomial and one square root serve both. Where the terms of kappa
// cancel, near c = -1, the errors are those of s, far below the rounding of sqrt(kappa11 kappa22).
// The processor multiplies and takes roots on the same units and adds on others, so products are what counts: A is
// divided by its leading coefficient, with which s is multiplied instead, as it is with (a-b)^2/2. In float32 that
// product is spared too: t is counted in a unit for which A has both in its coefficients, and the leading one is 1.
// In float64 the powers of the unit would cost accuracy.
// Source: Cho and Saul, Kernel methods for deep learning (2009), degree 1.

enum { TYPED(nt_arc_count) = sizeof((REAL[]){POLYNOMIAL_R(RELU_ARC)}) / sizeof(REAL) };

typedef struct {
  VR mean, half_bend, unit, two_units, lead;  // lead is used in float64 only
  VR arc[TYPED(nt_arc_count) - 1];            // coefficients of A; the one that is not there is 1
} TYPED(nt_ab_relu_constants);

// The unit of t: one, or that for which the leading coefficient with (a-b)^2/2 in it is one.
static NT_INLINE REAL TYPED(nt_ab_relu_unit)(double bend) {
  return NT_REAL_BITS == 64 ? 1 : powf((float)(bend * POLYNOMIAL_R(RELU_ARC_LEAD)), 1.0f / TYPED(nt_arc_count));
}

// A without its leading coefficient. The many terms for float64 make two chains of half the length.
static NT_INLINE VR TYPED(nt_relu_arc)(const VR *coefficients, VR t) {
  const int last = TYPED(nt_arc_count) - 2;
  if (NT_REAL_BITS == 32) {
    VR sum = t + coefficients[last];
    NT_UNROLL for (int i = last - 1; i >= 0; i--) sum = V_FMA(sum, t, coefficients[i]);
    return sum;
  }
  VR square = t * t, even = coefficients[last], odd = square + coefficients[last - 1];
  NT_UNROLL for (int i = last - 2; i >= 0; i -= 2) {
    even = V_FMA(even, square, coefficients[i]);
    if (i > 0) odd = V_FMA(odd, square, coefficients[i - 1]);
  }
  return V_FMA(odd, t, even);
}

static NT_INLINE double TYPED(nt_ab_relu_bend)(const nt_dual *dual) {
  double difference = dual->parameters[0] - dual->parameters[1];
  return difference * difference / 2;
}

static NT_INLINE TYPED(nt_ab_relu_constants) TYPED(nt_ab_relu_prepare)(const nt_dual *dual) {
  static const REAL arc[] = {POLYNOMIAL_R(RELU_ARC)};
  const double sum = dual->parameters[0] + dual->parameters[1], bend = TYPED(nt_ab_relu_bend)(dual);
  const double unit = TYPED(nt_ab_relu_unit)(bend), lead = bend * POLYNOMIAL_R(RELU_ARC_LEAD);
  TYPED(nt_ab_relu_constants) constants = {
    SPLAT_R(sum * sum / 4), SPLAT_R(bend / 2), SPLAT_R(unit), SPLAT_R(2 * unit), SPLAT_R(lead), {0}};
  // Powers of the unit, times what its rounding makes of the leading coefficient.
  double powers[TYPED(nt_arc_count)], power = 1;
  NT_UNROLL for (int i = TYPED(nt_arc_count) - 1; i >= 0; i--) powers[i] = power, power *= unit;
  const double share = NT_REAL_BITS == 32 && power > 0 ? lead / power : 1;
  NT_UNROLL for (int i = 0; i < TYPED(nt_arc_count) - 1; i++) constants.arc[i] = SPLAT_R(arc[i] * (powers[i] * share));
  return constants;
}

// Factors: r and low of the correlation, and sqrt(q) times the root of what makes s the last term of kappa.
static void TYPED(nt_ab_relu_factors)(const nt_dual *dual, long n, const REAL *q, REAL *factors, long stride) {
  const double bend = TYPED(nt_ab_relu_bend)(dual), unit = TYPED(nt_ab_relu_unit)(bend);
  const double scale = NT_REAL_BITS == 64 ? 1 / POLYNOMIAL_R(RELU_ARC_LEAD) : unit > 0 ? bend / unit : 0;
  const double root = sqrt(unit), share = sqrt(scale / NT_PI);
  for (long j = 0; j < n; j += D_LANES) {
    VD variance = LOAD_WIDE(q + j);
    TYPED(nt_correlation_factors)(variance, root, factors + j, stride);
    STORE_NARROW(factors + 2 * stride + j, V_SQRT(variance) * SPLAT_D(share));
  }
}

// The work falls in three parts, so that a loop can do each for another entry: from the first operation to the last
// takes longer than the processor looks ahead.
typedef struct {
  VR distance, square, scale;  // t, s^2 and the product of the third factors
} TYPED(nt_ab_relu_begun);

typedef struct {
  VR root, arc, side;  // s and A, with the leading coefficient in s, and what is added to q12 kappa'
} TYPED(nt_ab_relu_turned);

static NT_INLINE TYPED(nt_ab_relu_begun) TYPED(nt_ab_relu_begin)(const TYPED(nt_ab_relu_constants) *constants,
                                                                 const VR *factors1, const VR *factors2, VR q12) {
  VR magnitude;
  VR t = TYPED(nt_clamp_below)(TYPED(nt_signed_distance)(factors1, factors2, q12, constants->unit, &magnitude));
  TYPED(nt_ab_relu_begun) begun = {t, t * (constants->two_units - t), factors1[2] * factors2[2]};
  return begun;
}

static NT_INLINE TYPED(nt_ab_relu_turned) TYPED(nt_ab_relu_turn)(const TYPED(nt_ab_relu_constants) *constants,
                                                                 const TYPED(nt_ab_relu_begun) *begun) {
  VR root = V_SQRT(begun->square);
  if (NT_REAL_BITS == 64) root *= constants->lead;
  TYPED(nt_ab_relu_turned) turned = {
    root, TYPED(nt_relu_arc)(constants->arc, begun->distance), begun->scale * root};
  return turned;
}

static NT_INLINE VR TYPED(nt_ab_relu_end)(const TYPED(nt_ab_relu_constants) *constants,
                                          const TYPED(nt_ab_relu_turned) *turned, VR q12, VR *slope) {
  VR turn = V_FMA(-turned->root, turned->arc, constants->half_bend);
  *slope = constants->mean + TYPED(nt_with_sign_of)(q12, turn);
  return V_FMA(q12, *slope, turned->side);
}

static NT_INLINE VR TYPED(nt_ab_relu)(const TYPED(nt_ab_relu_constants) *constants, const VR *factors1,
                                      const VR *factors2, VR q12, VR *slope) {
  TYPED(nt_ab_relu_begun) begun = TYPED(nt_ab_relu_begin)(constants, factors1, factors2, q12);
  TYPED(nt_ab_relu_turned) turned = TYPED(nt_ab_relu_turn)(constants, &begun);
  return TYPED(nt_ab_relu_end)(constants, &turned, q12, slope);
}

DEFINE_DUAL_LOOPS(ab_relu)
