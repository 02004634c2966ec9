// Duals with all the derivatives that a reverse pass takes: of kappa in its three arguments, and of kappa-dot.
//
// For u, v Gaussian with variances q1, q2 and covariance k, by Price's theorem d kappa/dk = E[phi'(u) phi'(v)] = kappa-dot and
// d kappa/dq1 = E[phi''(u) phi(v)] / 2; where that is no help the closed form is differentiated.
// Source: Price, A useful theorem for nonlinear devices having Gaussian inputs (1958).

typedef struct {
  VR value, slope;            // kappa and kappa-dot
  VR lift, value1, value2;    // derivatives of kappa in k, which is kappa-dot but for steps, and in q1 and q2
  VR curvature;               // the derivative of kappa-dot in k
  VR slope1, slope2;          // those in q1 and q2
} TYPED(nt_derivatives);

// sqrt(q1 q2), exactly q1 where both are equal, and its inverse; zero both where a variance is zero.
static NT_INLINE VR TYPED(nt_gradient_root)(VR q1, VR q2, VR *inverse) {
  const MASK_R is_larger = q1 >= q2;
  const VR larger = V_SELECT(is_larger, q1, q2), smaller = V_SELECT(is_larger, q2, q1);
  const MASK_R is_zero = smaller <= SPLAT_R(0);
  const VR root = larger * V_SQRT(V_SELECT(is_zero, SPLAT_R(0), smaller / V_SELECT(is_zero, SPLAT_R(1), larger)));
  *inverse = V_SELECT(is_zero, SPLAT_R(0), SPLAT_R(1) / V_SELECT(is_zero, SPLAT_R(1), root));
  return V_SELECT(is_zero, SPLAT_R(0), root);
}

// a min(x, 0) + b max(x, 0). With s = sqrt(q1 q2), the acute angle and its sine, F = (a-b)^2/2pi and m = (a^2+b^2)/2, ab where
// k is negative: kappa = F (s sine - |k| angle) + m k. The derivative of s sine in q1 is (q2 / s) / (2 sine), and what the
// angle's derivative makes of it is sine s / (2 q1).
typedef struct {
  VR bend, positive, negative;
} TYPED(nt_ab_relu_gradient_constants);

static NT_INLINE TYPED(nt_ab_relu_gradient_constants) TYPED(nt_ab_relu_gradient_prepare)(const nt_dual *dual) {
  const double a = dual->parameters[0], b = dual->parameters[1];
  TYPED(nt_ab_relu_gradient_constants) constants = {
    SPLAT_R((a - b) * (a - b) / (2 * NT_PI)), SPLAT_R((a * a + b * b) / 2), SPLAT_R(a * b)};
  return constants;
}

static NT_INLINE TYPED(nt_derivatives) TYPED(nt_ab_relu_derivatives)(
  const TYPED(nt_ab_relu_gradient_constants) *constants, VR k, VR q1, VR q2) {
  static const REAL arc[] = {POLYNOMIAL_R(RELU_ARC)};
  enum { count = sizeof arc / sizeof(REAL) };
  const VR zero = SPLAT_R(0), one = SPLAT_R(1), bend = constants->bend;
  VR inverse;
  const VR scale = TYPED(nt_gradient_root)(q1, q2, &inverse);
  const MASK_R is_nonnegative = k >= zero;
  const VR size = V_ABS(k);
  const VR distance = TYPED(nt_clamp_below)(V_SELECT(inverse > zero, (scale - size) * inverse, one));
  const VR cosine = one - distance, sine = V_SQRT(distance * (SPLAT_R(2) - distance));
  const VR angle = sine * TYPED(nt_horner)(arc, count, distance) * SPLAT_R(NT_PI * POLYNOMIAL_R(RELU_ARC_LEAD));
  const MASK_R is_sharp = sine > zero;
  const VR inverse_sine = V_SELECT(is_sharp, one / V_SELECT(is_sharp, sine, one), zero);
  TYPED(nt_derivatives) result;
  const VR linear = V_SELECT(is_nonnegative, constants->positive, constants->negative);
  result.value = V_FMA(linear, k, bend * (scale * sine - size * angle));
  result.slope = linear - TYPED(nt_with_sign_of)(k, bend * angle);
  const VR half1 = SPLAT_R(0.5) * (q2 * inverse) * inverse, half2 = SPLAT_R(0.5) * (q1 * inverse) * inverse;
  const VR height = bend * scale * sine;
  result.lift = result.slope;
  result.value1 = height * half1;
  result.value2 = height * half2;
  result.curvature = bend * inverse * inverse_sine;
  const VR turn = -TYPED(nt_with_sign_of)(k, bend * cosine * inverse_sine);
  result.slope1 = turn * half1;
  result.slope2 = turn * half2;
  return result;
}

// a erf(b x) + c. With det = (1 + 2b^2 q1)(1 + 2b^2 q2) - 4b^4 k^2 and y = 1 + 2b^2 q: kappa-dot = 4 a^2 b^2 / (pi sqrt det),
// kappa = 2 a^2 / pi asin(2b^2 k / sqrt(y1 y2)) + c^2.
typedef struct {
  VR k, k_square, height, slope, square;
} TYPED(nt_erf_gradient_constants);

static NT_INLINE TYPED(nt_erf_gradient_constants) TYPED(nt_erf_gradient_prepare)(const nt_dual *dual) {
  const double a = dual->parameters[0], b = dual->parameters[1], c = dual->parameters[2];
  TYPED(nt_erf_gradient_constants) constants = {
    SPLAT_R(2 * b * b), SPLAT_R(4 * b * b * b * b), SPLAT_R(2 * a * a / NT_PI), SPLAT_R(4 * a * a * b * b / NT_PI),
    SPLAT_R(c * c)};
  return constants;
}

static NT_INLINE TYPED(nt_derivatives) TYPED(nt_erf_derivatives)(
  const TYPED(nt_erf_gradient_constants) *constants, VR k, VR q1, VR q2) {
  const VR one = SPLAT_R(1), half = SPLAT_R(0.5), double_square = constants->k;
  const VR y1 = V_FMA(double_square, q1, one), y2 = V_FMA(double_square, q2, one);
  const VR sum = V_FMA(double_square, q1 + q2, one);
  const VR gap = TYPED(nt_clamp_below)(PRODUCT_MINUS(q1, q2, k * k));
  const VR determinant = V_FMA(constants->k_square, gap, sum);
  const VR root = V_SQRT(determinant), inverse_root = one / root, inverse = inverse_root * inverse_root;
  const VR sine = double_square * k / V_SQRT(y1 * y2);
  TYPED(nt_derivatives) result;
  result.value = V_FMA(constants->height, NT_SLEEF_R(asin, u10)(V_SELECT(sine > one, one, V_SELECT(sine < -one, -one, sine))),
                       constants->square);
  const VR slope = constants->slope * inverse_root;
  result.slope = result.lift = slope;
  const VR share = -slope * double_square * half;
  result.value1 = share * k / y1;
  result.value2 = share * k / y2;
  result.curvature = slope * constants->k_square * k * inverse;
  result.slope1 = share * y2 * inverse;
  result.slope2 = share * y1 * inverse;
  return result;
}

// x (1 + erf(x / sqrt 2)) / 2. With y = 1 + q, Q = y1 y2, D^2 = Q - k^2, A = atan(k / D) and R = 1/y1 + 1/y2:
// 2 pi kappa = pi k / 2 + k^2 / (Q D) + q1 q2 D / Q + k A and 2 pi kappa-dot = pi / 2 + A + k (1 / D^3 + R / D).
typedef struct {
  VR half_pi, share;
} TYPED(nt_gelu_gradient_constants);

static NT_INLINE TYPED(nt_gelu_gradient_constants) TYPED(nt_gelu_gradient_prepare)(const nt_dual *dual) {
  TYPED(nt_gelu_gradient_constants) constants = {SPLAT_R(NT_PI / 2), SPLAT_R(1 / (2 * NT_PI))};
  return constants;
}

static NT_INLINE TYPED(nt_derivatives) TYPED(nt_gelu_derivatives)(
  const TYPED(nt_gelu_gradient_constants) *constants, VR k, VR q1, VR q2) {
  const VR one = SPLAT_R(1), half = SPLAT_R(0.5), share = constants->share;
  const VR y1 = one + q1, y2 = one + q2, inverse1 = one / y1, inverse2 = one / y2, inverse_q = inverse1 * inverse2;
  const VR gap = PRODUCT_MINUS(q1, q2, k * k), square = (one + (q1 + q2)) + TYPED(nt_clamp_below)(gap);
  const VR root = V_SQRT(square), inverse = one / root, inverse_square = inverse * inverse;
  const VR angle = NT_SLEEF_R(atan, u10)(k * inverse), ratio = inverse1 + inverse2;
  const VR k_square = k * k, rest = inverse_square + ratio;
  TYPED(nt_derivatives) result;
  result.value = share * (constants->half_pi * k + k_square * inverse_q * inverse + q1 * inverse1 * q2 * inverse2 * root +
                          k * angle);
  result.slope = result.lift = share * (constants->half_pi + angle + k * inverse * rest);
  const VR first = k_square * inverse_q * inverse, second = half * inverse_square;
  result.value1 = share * (-first * (inverse1 + y2 * second) + q2 * root * inverse_q * inverse1 + half * gap * inverse * inverse1);
  result.value2 = share * (-first * (inverse2 + y1 * second) + q1 * root * inverse_q * inverse2 + half * gap * inverse * inverse2);
  result.curvature =
    share * inverse * (one + rest * (y1 * y2) * inverse_square + SPLAT_R(2) * k_square * inverse_square * inverse_square);
  const VR bend = half * inverse_square * (SPLAT_R(3) * inverse_square + ratio), scaled = -share * k * inverse;
  result.slope1 = scaled * (half * inverse1 + y2 * bend + inverse1 * inverse1);
  result.slope2 = scaled * (half * inverse2 + y1 * bend + inverse2 * inverse2);
  return result;
}

// sign(x): kappa = 2/pi asin(k / s) with s = sqrt(q1 q2); kappa-dot is taken as zero.
typedef struct {
  VR height;
} TYPED(nt_sign_gradient_constants);

static NT_INLINE TYPED(nt_sign_gradient_constants) TYPED(nt_sign_gradient_prepare)(const nt_dual *dual) {
  TYPED(nt_sign_gradient_constants) constants = {SPLAT_R(2 / NT_PI)};
  return constants;
}

static NT_INLINE TYPED(nt_derivatives) TYPED(nt_sign_derivatives)(
  const TYPED(nt_sign_gradient_constants) *constants, VR k, VR q1, VR q2) {
  static const REAL arc[] = {POLYNOMIAL_R(RELU_ARC)};
  enum { count = sizeof arc / sizeof(REAL) };
  const VR zero = SPLAT_R(0), one = SPLAT_R(1), height = constants->height;
  VR inverse;
  const VR scale = TYPED(nt_gradient_root)(q1, q2, &inverse), size = V_ABS(k);
  const VR distance = TYPED(nt_clamp_below)(V_SELECT(inverse > zero, (scale - size) * inverse, one));
  const VR sine = V_SQRT(distance * (SPLAT_R(2) - distance));
  const VR angle = sine * TYPED(nt_horner)(arc, count, distance) * SPLAT_R(NT_PI * POLYNOMIAL_R(RELU_ARC_LEAD));
  const MASK_R is_sharp = sine > zero;
  const VR steepness = height * inverse * V_SELECT(is_sharp, one / V_SELECT(is_sharp, sine, one), zero);
  TYPED(nt_derivatives) result = {zero, zero, zero, zero, zero, zero, zero, zero};
  result.value = TYPED(nt_with_sign_of)(k, V_SELECT(inverse > zero, one - height * angle, zero));
  result.lift = steepness;
  const VR turn = SPLAT_R(-0.5) * steepness * k;
  result.value1 = turn * (q2 * inverse) * inverse;
  result.value2 = turn * (q1 * inverse) * inverse;
  return result;
}

// a sin(b x + c): kappa = a^2/2 (e^(b^2 k) - cos(2c) e^(-b^2 k)) e^(-b^2 (q1 + q2) / 2).
typedef struct {
  VR square, half_square, height, shift;
} TYPED(nt_sin_gradient_constants);

static NT_INLINE TYPED(nt_sin_gradient_constants) TYPED(nt_sin_gradient_prepare)(const nt_dual *dual) {
  const double a = dual->parameters[0], b = dual->parameters[1], c = dual->parameters[2];
  TYPED(nt_sin_gradient_constants) constants = {
    SPLAT_R(b * b), SPLAT_R(b * b / 2), SPLAT_R(a * a / 2), SPLAT_R(cos(2 * c))};
  return constants;
}

static NT_INLINE TYPED(nt_derivatives) TYPED(nt_sin_derivatives)(
  const TYPED(nt_sin_gradient_constants) *constants, VR k, VR q1, VR q2) {
  const VR decay = -constants->half_square * (q1 + q2), growth = constants->square * k;
  const VR up = constants->height * NT_SLEEF_R(exp, u10)(decay + growth);
  const VR down = constants->height * constants->shift * NT_SLEEF_R(exp, u10)(decay - growth);
  TYPED(nt_derivatives) result;
  result.value = up - down;
  result.slope = result.lift = constants->square * (up + down);
  result.value1 = result.value2 = -constants->half_square * result.value;
  result.curvature = constants->square * constants->square * result.value;
  result.slope1 = result.slope2 = -constants->half_square * result.slope;
  return result;
}

// a exp(b x^2). With det = (1 - 2b q1)(1 - 2b q2) - 4b^2 k^2: kappa = a^2 / sqrt det, kappa-dot = 4b^2 k kappa / det.
typedef struct {
  VR height, minus_double, square, b;
} TYPED(nt_gaussian_gradient_constants);

static NT_INLINE TYPED(nt_gaussian_gradient_constants) TYPED(nt_gaussian_gradient_prepare)(const nt_dual *dual) {
  const double a = dual->parameters[0], b = dual->parameters[1];
  TYPED(nt_gaussian_gradient_constants) constants = {
    SPLAT_R(a * a), SPLAT_R(-2 * b), SPLAT_R(4 * b * b), SPLAT_R(b)};
  return constants;
}

static NT_INLINE TYPED(nt_derivatives) TYPED(nt_gaussian_derivatives)(
  const TYPED(nt_gaussian_gradient_constants) *constants, VR k, VR q1, VR q2) {
  const VR one = SPLAT_R(1), three = SPLAT_R(3);
  const VR y1 = V_FMA(constants->minus_double, q1, one), y2 = V_FMA(constants->minus_double, q2, one);
  const VR determinant =
    V_FMA(constants->square, PRODUCT_MINUS(q1, q2, k * k), V_FMA(constants->minus_double, q1 + q2, one));
  const VR inverse = one / determinant, value = constants->height * V_SQRT(inverse);
  TYPED(nt_derivatives) result;
  result.value = value;
  const VR steepness = constants->square * value * inverse;
  result.slope = result.lift = steepness * k;
  const VR share1 = constants->b * y2 * inverse, share2 = constants->b * y1 * inverse;
  result.value1 = value * share1;
  result.value2 = value * share2;
  result.curvature = steepness * V_FMA(three * constants->square * inverse * k, k, one);
  result.slope1 = three * result.slope * share1;
  result.slope2 = three * result.slope * share2;
  return result;
}

// a exp(b x): kappa = a^2 e^(b^2 (k + (q1 + q2) / 2)).
typedef struct {
  VR square, half_square, height;
} TYPED(nt_exp_gradient_constants);

static NT_INLINE TYPED(nt_exp_gradient_constants) TYPED(nt_exp_gradient_prepare)(const nt_dual *dual) {
  const double a = dual->parameters[0], b = dual->parameters[1];
  TYPED(nt_exp_gradient_constants) constants = {SPLAT_R(b * b), SPLAT_R(b * b / 2), SPLAT_R(a * a)};
  return constants;
}

static NT_INLINE TYPED(nt_derivatives) TYPED(nt_exp_derivatives)(
  const TYPED(nt_exp_gradient_constants) *constants, VR k, VR q1, VR q2) {
  const VR exponent = V_FMA(constants->half_square, q1 + q2, constants->square * k);
  TYPED(nt_derivatives) result;
  result.value = constants->height * NT_SLEEF_R(exp, u10)(exponent);
  result.slope = result.lift = constants->square * result.value;
  result.value1 = result.value2 = constants->half_square * result.value;
  result.curvature = constants->square * result.slope;
  result.slope1 = result.slope2 = constants->half_square * result.slope;
  return result;
}

// kappa = s e^(gamma (k/s + shift)) with s = sqrt(q1 q2); where s is zero e^(gamma shift) gamma k.
typedef struct {
  VR gamma, offset;
} TYPED(nt_exp_normalized_gradient_constants);

static NT_INLINE TYPED(nt_exp_normalized_gradient_constants) TYPED(nt_exp_normalized_gradient_prepare)(const nt_dual *dual) {
  TYPED(nt_exp_normalized_gradient_constants) constants = {
    SPLAT_R(dual->parameters[0]), SPLAT_R(dual->parameters[0] * dual->parameters[1])};
  return constants;
}

static NT_INLINE TYPED(nt_derivatives) TYPED(nt_exp_normalized_derivatives)(
  const TYPED(nt_exp_normalized_gradient_constants) *constants, VR k, VR q1, VR q2) {
  VR inverse;
  const VR scale = TYPED(nt_gradient_root)(q1, q2, &inverse), gamma = constants->gamma;
  const VR exponent = gamma * (k * inverse);
  const VR growth = NT_SLEEF_R(exp, u10)(exponent + constants->offset);
  TYPED(nt_derivatives) result;
  result.slope = result.lift = gamma * growth;
  result.value = V_SELECT(inverse > SPLAT_R(0), scale * growth, result.slope * k);
  const VR half1 = SPLAT_R(0.5) * (q2 * inverse) * inverse, half2 = SPLAT_R(0.5) * (q1 * inverse) * inverse;
  const VR height = scale * growth * (SPLAT_R(1) - exponent);
  result.value1 = height * half1;
  result.value2 = height * half2;
  result.curvature = gamma * result.slope * inverse;
  result.slope1 = -result.slope * exponent * half1;
  result.slope2 = -result.slope * exponent * half2;
  return result;
}

// kappa = e^(gamma (2k - q1 - q2)).
typedef struct {
  VR gamma;
} TYPED(nt_rbf_gradient_constants);

static NT_INLINE TYPED(nt_rbf_gradient_constants) TYPED(nt_rbf_gradient_prepare)(const nt_dual *dual) {
  TYPED(nt_rbf_gradient_constants) constants = {SPLAT_R(dual->parameters[0])};
  return constants;
}

static NT_INLINE TYPED(nt_derivatives) TYPED(nt_rbf_derivatives)(
  const TYPED(nt_rbf_gradient_constants) *constants, VR k, VR q1, VR q2) {
  const VR gamma = constants->gamma;
  TYPED(nt_derivatives) result;
  result.value = NT_SLEEF_R(exp, u10)(gamma * ((k - q1) + (k - q2)));
  result.slope = result.lift = SPLAT_R(2) * gamma * result.value;
  result.value1 = result.value2 = -gamma * result.value;
  result.curvature = SPLAT_R(2) * gamma * result.slope;
  result.slope1 = result.slope2 = -gamma * result.slope;
  return result;
}

// Polynomials: with A_n(q) = E[phi^(n)(u)], kappa = sum over n of A_n(q1) A_n(q2) k^n / n!, and A_n' = A_(n+2) / 2.
typedef struct {
  int count;
  // table[n][m] is the coefficient of q^m in A_n.
  REAL table[nt_gradient_degree + 4][nt_gradient_degree / 2 + 1];
  REAL inverse_factorials[nt_gradient_degree + 1];
} TYPED(nt_polynomial_gradient_constants);

static NT_INLINE TYPED(nt_polynomial_gradient_constants) TYPED(nt_polynomial_gradient_prepare)(const nt_dual *dual) {
  TYPED(nt_polynomial_gradient_constants) constants = {dual->coefficient_count, {{0}}, {0}};
  double factorials[nt_gradient_degree + 1] = {1};
  for (int n = 1; n <= nt_gradient_degree; n++) factorials[n] = n * factorials[n - 1];
  for (int n = 0; n < constants.count; n++) {
    constants.inverse_factorials[n] = (REAL)(1 / factorials[n]);
    double power = 1;
    for (int m = 0; n + 2 * m < constants.count; m++) {
      constants.table[n][m] = (REAL)(dual->coefficients[n + 2 * m] * factorials[n + 2 * m] / (power * factorials[m]));
      power *= 2;
    }
  }
  return constants;
}

static NT_INLINE void TYPED(nt_polynomial_expectations)(
  const TYPED(nt_polynomial_gradient_constants) *constants, VR q, VR *expectations) {
  for (int n = 0; n < constants->count + 3; n++) {
    VR sum = SPLAT_R(0);
    const int last = (constants->count - 1 - n) / 2;
    if (n < constants->count)
      for (int m = last; m >= 0; m--) sum = V_FMA(sum, q, SPLAT_R(constants->table[n][m]));
    expectations[n] = sum;
  }
}

static NT_INLINE TYPED(nt_derivatives) TYPED(nt_polynomial_derivatives)(
  const TYPED(nt_polynomial_gradient_constants) *constants, VR k, VR q1, VR q2) {
  VR a[nt_gradient_degree + 4], b[nt_gradient_degree + 4];
  TYPED(nt_polynomial_expectations)(constants, q1, a);
  TYPED(nt_polynomial_expectations)(constants, q2, b);
  const VR zero = SPLAT_R(0), half = SPLAT_R(0.5);
  TYPED(nt_derivatives) sum = {zero, zero, zero, zero, zero, zero, zero, zero};
  VR power = SPLAT_R(1);
  for (int n = 0; n < constants->count; n++) {
    const VR term = power * SPLAT_R(constants->inverse_factorials[n]);
    sum.value = V_FMA(a[n] * b[n], term, sum.value);
    sum.slope = V_FMA(a[n + 1] * b[n + 1], term, sum.slope);
    sum.curvature = V_FMA(a[n + 2] * b[n + 2], term, sum.curvature);
    sum.value1 = V_FMA(a[n + 2] * b[n], half * term, sum.value1);
    sum.value2 = V_FMA(a[n] * b[n + 2], half * term, sum.value2);
    sum.slope1 = V_FMA(a[n + 3] * b[n + 1], half * term, sum.slope1);
    sum.slope2 = V_FMA(a[n + 1] * b[n + 3], half * term, sum.slope2);
    power *= k;
  }
  sum.lift = sum.slope;
  return sum;
}

// kappa = sum over l of coefficients[l] k^l, whatever the variances are.
typedef struct {
  int count;
  REAL coefficients[nt_gradient_degree + 1];
} TYPED(nt_power_series_gradient_constants);

static NT_INLINE TYPED(nt_power_series_gradient_constants) TYPED(nt_power_series_gradient_prepare)(const nt_dual *dual) {
  TYPED(nt_power_series_gradient_constants) constants = {dual->coefficient_count, {0}};
  for (int l = 0; l < constants.count; l++) constants.coefficients[l] = (REAL)dual->coefficients[l];
  return constants;
}

static NT_INLINE TYPED(nt_derivatives) TYPED(nt_power_series_derivatives)(
  const TYPED(nt_power_series_gradient_constants) *constants, VR k, VR q1, VR q2) {
  const VR zero = SPLAT_R(0);
  TYPED(nt_derivatives) sum = {zero, zero, zero, zero, zero, zero, zero, zero};
  for (int l = constants->count - 1; l >= 0; l--) {
    sum.curvature = V_FMA(sum.curvature, k, sum.slope + sum.slope);
    sum.slope = V_FMA(sum.slope, k, sum.value);
    sum.value = V_FMA(sum.value, k, SPLAT_R(constants->coefficients[l]));
  }
  sum.lift = sum.slope;
  return sum;
}

#define DEFINE_LOOPS(kind)                                                                                                  \
  static NT_INLINE void TYPED(nt_##kind##_gradient_values)(                                                                 \
    const nt_dual *dual, nt_gradient_plane plane, const REAL *q1, const REAL *q2, const REAL *k, const REAL *theta,         \
    REAL *k_out, REAL *theta_out, const int has_theta) {                                                                    \
    const TYPED(nt_##kind##_gradient_constants) constants = TYPED(nt_##kind##_gradient_prepare)(dual);                      \
    for (long row = 0; row < plane.rows; row++) {                                                                           \
      const long start = row * plane.length, place = row * plane.stride;                                                    \
      for (long j = 0; j < plane.length; j += R_LANES) {                                                                    \
        const TYPED(nt_derivatives) d = TYPED(nt_##kind##_derivatives)(                                                     \
          &constants, LOAD_R(k + start + j), LOAD_R(q1 + place + j), LOAD_R(q2 + place + j));                               \
        STORE_R(k_out + start + j, d.value);                                                                                \
        if (has_theta) STORE_R(theta_out + start + j, LOAD_R(theta + start + j) * d.slope);                                 \
      }                                                                                                                     \
    }                                                                                                                       \
  }                                                                                                                         \
  static NT_INLINE void TYPED(nt_##kind##_gradient_cotangents)(                                                             \
    const nt_dual *dual, nt_gradient_plane plane, const REAL *q1, const REAL *q2, const REAL *k, const REAL *theta,         \
    REAL *gk, REAL *gtheta, REAL *gq1, REAL *gq2, const int has_theta) {                                                    \
    const TYPED(nt_##kind##_gradient_constants) constants = TYPED(nt_##kind##_gradient_prepare)(dual);                      \
    for (long row = 0; row < plane.rows; row++) {                                                                           \
      const long start = row * plane.length, place = row * plane.stride;                                                    \
      for (long j = 0; j < plane.length; j += R_LANES) {                                                                    \
        const TYPED(nt_derivatives) d = TYPED(nt_##kind##_derivatives)(                                                     \
          &constants, LOAD_R(k + start + j), LOAD_R(q1 + place + j), LOAD_R(q2 + place + j));                               \
        const VR g = LOAD_R(gk + start + j);                                                                                \
        VR to_k = g * d.lift, to_1 = g * d.value1, to_2 = g * d.value2;                                                    \
        if (has_theta) {                                                                                                    \
          const VR h = LOAD_R(gtheta + start + j), bend = h * LOAD_R(theta + start + j);                                    \
          to_k = V_FMA(bend, d.curvature, to_k);                                                                            \
          to_1 = V_FMA(bend, d.slope1, to_1);                                                                               \
          to_2 = V_FMA(bend, d.slope2, to_2);                                                                               \
          STORE_R(gtheta + start + j, h * d.slope);                                                                         \
        }                                                                                                                   \
        STORE_R(gk + start + j, to_k);                                                                                      \
        STORE_R(gq1 + place + j, LOAD_R(gq1 + place + j) + to_1);                                                           \
        STORE_R(gq2 + place + j, LOAD_R(gq2 + place + j) + to_2);                                                           \
      }                                                                                                                     \
    }                                                                                                                       \
  }
FOR_EACH_GRADIENT(DEFINE_LOOPS)
#undef DEFINE_LOOPS

#include "gradients_series_body.h"

static void TYPED(nt_gradient_dual_values)(const nt_dual *dual, nt_gradient_plane plane, const REAL *q1, const REAL *q2,
                                           const REAL *k, const REAL *theta, REAL *k_out, REAL *theta_out) {
#define CASE(kind)                                                                                                   \
  case nt_dual_##kind:                                                                                               \
    if (theta)                                                                                                       \
      TYPED(nt_##kind##_gradient_values)(dual, plane, q1, q2, k, theta, k_out, theta_out, 1);                         \
    else                                                                                                             \
      TYPED(nt_##kind##_gradient_values)(dual, plane, q1, q2, k, NULL, k_out, NULL, 0);                               \
    break;
  switch (dual->kind) {
    FOR_EACH_GRADIENT(CASE)
    case nt_dual_series:
      TYPED(nt_series_gradient_values)(dual, plane, q1, q2, k, theta, k_out, theta_out);
      break;
    default: break;
  }
#undef CASE
}

static void TYPED(nt_gradient_dual_cotangents)(const nt_dual *dual, nt_gradient_plane plane, const REAL *q1, const REAL *q2,
                                               const REAL *k, const REAL *theta, REAL *gk, REAL *gtheta, REAL *gq1,
                                               REAL *gq2) {
#define CASE(kind)                                                                                                   \
  case nt_dual_##kind:                                                                                               \
    if (theta)                                                                                                       \
      TYPED(nt_##kind##_gradient_cotangents)(dual, plane, q1, q2, k, theta, gk, gtheta, gq1, gq2, 1);                 \
    else                                                                                                             \
      TYPED(nt_##kind##_gradient_cotangents)(dual, plane, q1, q2, k, NULL, gk, NULL, gq1, gq2, 0);                    \
    break;
  switch (dual->kind) {
    FOR_EACH_GRADIENT(CASE)
    case nt_dual_series:
      TYPED(nt_series_gradient_cotangents)(dual, plane, q1, q2, k, theta, gk, gtheta, gq1, gq2);
      break;
    default: break;
  }
#undef CASE
}
