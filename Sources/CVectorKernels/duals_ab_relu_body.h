// ABRelu: phi(x) = a min(x, 0) + b max(x, 0); Relu, LeakyRelu and Abs among them.
//
// With c = q12 / sqrt(q11 q22), d = 2 (1 - |c|) and w = sqrt(d (4 - d)), which is 2 sqrt(1 - c^2), the angle is
// acos|c| / pi = w A(d), where A is smooth on [0, 2]. Then
//   kappa' = (a+b)^2/4 + sign(q12) (a-b)^2/2 (1/2 - w A(d))
//   kappa  = q12 kappa' + (a-b)^2/2 sqrt(q11 q22) w / (2 pi):
// kappa is homogeneous in the covariances, so one polynomial and one square root serve both. Where the terms of kappa
// cancel, near c = -1, the errors are those of w, far below the rounding of sqrt(kappa11 kappa22).
// The processor multiplies and takes roots on the same units and adds on others, so products are what counts: A is
// divided by its leading coefficient, with which w is multiplied instead, as it is with (a-b)^2/2.
// That coefficient is small, so that the product of the factors overflows first: in float32 beyond variances of 1e34.
// Source: Cho and Saul, Kernel methods for deep learning (2009), degree 1.

enum { TYPED(nt_arc_count) = sizeof((REAL[]){POLYNOMIAL_R(RELU_ARC)}) / sizeof(REAL) };

typedef struct {
  VR mean, half_bend, lead;
  VR arc[TYPED(nt_arc_count) - 1];  // coefficients of A; the one that is not there is 1
} TYPED(nt_ab_relu_constants);

// A without its leading coefficient. The many terms for float64 make two chains of half the length.
static NT_INLINE VR TYPED(nt_relu_arc)(const VR *coefficients, VR d) {
  const int last = TYPED(nt_arc_count) - 2;
  if (NT_REAL_BITS == 32) {
    VR sum = d + coefficients[last];
    NT_UNROLL for (int i = last - 1; i >= 0; i--) sum = V_FMA(sum, d, coefficients[i]);
    return sum;
  }
  VR square = d * d, even = coefficients[last], odd = square + coefficients[last - 1];
  NT_UNROLL for (int i = last - 2; i >= 0; i -= 2) {
    even = V_FMA(even, square, coefficients[i]);
    if (i > 0) odd = V_FMA(odd, square, coefficients[i - 1]);
  }
  return V_FMA(odd, d, even);
}

// For the dual times `scale`.
static NT_INLINE TYPED(nt_ab_relu_constants) TYPED(nt_ab_relu_prepare_scaled)(const nt_dual *dual, double scale) {
  double a = dual->parameters[0], b = dual->parameters[1], bend = scale * (a - b) * (a - b) / 2;
  TYPED(nt_ab_relu_constants) constants = {
    SPLAT_R(scale * (a + b) * (a + b) / 4), SPLAT_R(bend / 2), SPLAT_R(bend * POLYNOMIAL_R(RELU_ARC_LEAD)), {0}};
  static const REAL arc[] = {POLYNOMIAL_R(RELU_ARC)};
  NT_UNROLL for (int i = 0; i < TYPED(nt_arc_count) - 1; i++) constants.arc[i] = SPLAT_R(arc[i]);
  return constants;
}

static NT_INLINE TYPED(nt_ab_relu_constants) TYPED(nt_ab_relu_prepare)(const nt_dual *dual) {
  return TYPED(nt_ab_relu_prepare_scaled)(dual, 1);
}

// Factors: r and low of the correlation, and sqrt(q) without half of what w has too much.
static void TYPED(nt_ab_relu_factors)(const nt_dual *dual, long n, const REAL *q, REAL *factors, long stride) {
  (void)dual;
  const VD share = V_SQRT(SPLAT_D(1 / (2 * NT_PI * POLYNOMIAL_R(RELU_ARC_LEAD))));
  for (long j = 0; j < n; j += D_LANES) {
    VD variance = LOAD_WIDE(q + j);
    TYPED(nt_correlation_factors)(variance, factors + j, stride);
    STORE_NARROW(factors + 2 * stride + j, V_SQRT(variance) * share);
  }
}

// The work falls in three parts, so that a loop can do each for another entry: from the first operation to the last
// takes longer than the processor looks ahead.
typedef struct {
  VR distance, square, scale;  // d, w^2 and the product of the roots of the variances
} TYPED(nt_ab_relu_begun);

typedef struct {
  VR root, arc, side;  // w and A, with the leading coefficient in w, and what is added to q12 kappa'
} TYPED(nt_ab_relu_turned);

static NT_INLINE TYPED(nt_ab_relu_begun) TYPED(nt_ab_relu_begin)(const VR *factors1, const VR *factors2, VR q12) {
  VR magnitude, t = TYPED(nt_signed_distance)(factors1, factors2, q12, &magnitude);
  // Twice what is positive of t. Unlike a maximum this adds, and it passes NaN.
  VR d = t + V_ABS(t);
  TYPED(nt_ab_relu_begun) begun = {d, d * (SPLAT_R(4) - d), factors1[2] * factors2[2]};
  return begun;
}

static NT_INLINE TYPED(nt_ab_relu_turned) TYPED(nt_ab_relu_turn)(const TYPED(nt_ab_relu_constants) *constants,
                                                                 const TYPED(nt_ab_relu_begun) *begun) {
  VR root = V_SQRT(begun->square) * constants->lead;
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
  TYPED(nt_ab_relu_begun) begun = TYPED(nt_ab_relu_begin)(factors1, factors2, q12);
  TYPED(nt_ab_relu_turned) turned = TYPED(nt_ab_relu_turn)(constants, &begun);
  return TYPED(nt_ab_relu_end)(constants, &turned, q12, slope);
}

DEFINE_DUAL_LOOPS(ab_relu)
