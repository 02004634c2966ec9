// Activations that are series: values as rows of kernels have them, and derivatives as series of the same coefficients.
//
// With the coefficients alpha_n of nt_series.h, E[phi^(j)(sqrt(q) z) h_n(z)] = q^((1-j)/2) sqrt((n+j)!/n!) alpha_{n+j}. Let
// s = sqrt(q1 q2), rho = k / s, lambda_n = sqrt((n+1)(n+2)) alpha_{n+2}, and over n >= 1
//   G = sum of alpha_n(q1) alpha_n(q2) rho^n, H1 = sum of lambda_n(q1) alpha_n(q2) rho^n, H2 = sum of alpha_n(q1) lambda_n(q2) rho^n.
// Then kappa = a_0(q1) a_0(q2) + s G and, by Price's theorem,
//   d kappa/dk = kappa-dot = G'                 d kappa/dq1 = (lambda_0(q1) a_0(q2) / sqrt(q1) + sqrt(q2/q1) H1) / 2
//   d kappa-dot/dk = G'' / s                    d kappa-dot/dq1 = H1' / (2 q1).
// What is left out after some blocks of terms is in all of these, relative to sqrt(kappa-dot(q1,q1) kappa-dot(q2,q2)) and to what
// the variances are, at most |rho|^n sqrt(D(q1) D(q2)) for the first such n, with D the sum of n^2 alpha_n^2 over what is left
// out divided by the sum of n alpha_n^2. Where that is too much for all terms, integrals take the place of the series.

enum {
  // Entries at once, whose factors stay in cache.
  TYPED(nt_series_chunk) = 64,
  // The most terms of a smooth function's series.
  TYPED(nt_series_smooth_terms) = 128,
  TYPED(nt_series_smooth_blocks) = TYPED(nt_series_smooth_terms) / nt_series_block,
  TYPED(nt_series_most_factors) = TYPED(nt_series_rests) + TYPED(nt_series_smooth_blocks) + TYPED(nt_series_smooth_terms),
};

// How far off derivatives may be, as above.
#define SERIES_GRADIENT_TOLERANCE SPLAT_R(NT_REAL_BITS == 32 ? 0x1p-24 : 0x1p-38)

// The inputs of a chunk, with their factors, [factor][entry], and sqrt(D) after every block.
typedef struct {
  long count;
  REAL q[TYPED(nt_series_chunk)];
  REAL factors[TYPED(nt_series_most_factors) * TYPED(nt_series_chunk)];
  REAL rests[TYPED(nt_series_smooth_blocks) * TYPED(nt_series_chunk)];
} TYPED(nt_series_inputs);

// Makes the factors of n inputs, unless they are there: one after another, rows of a tile have the same inputs.
static void TYPED(nt_series_prepare)(const nt_dual *dual, long n, const REAL *q, TYPED(nt_series_inputs) *inputs) {
  enum { stride = TYPED(nt_series_chunk) };
  if (inputs->count == n && __builtin_memcmp(inputs->q, q, n * sizeof(REAL)) == 0) return;
  inputs->count = n;
  __builtin_memcpy(inputs->q, q, n * sizeof(REAL));
  // Entries of a row have one input in common.
  long made = R_LANES;
  for (long j = 1; j < n; j++)
    if (q[j] != q[0]) made = n;
  TYPED(nt_series_factors)(dual, made, q, inputs->factors, stride);
  const nt_series *series = dual->series;
  const int blocks = series->terms / nt_series_block, terms = TYPED(nt_series_rests) + blocks;
  const REAL last = (REAL)(series->first + series->step * series->terms);
  for (long j = 0; j < made; j += R_LANES) {
    const REAL *own = inputs->factors + j;
    const VR slope = LOAD_R(own + (TYPED(nt_series_columns) + nt_series_slope) * stride);
    const VR beyond = LOAD_R(own + (TYPED(nt_series_rests) + blocks - 1) * stride);
    // beyond^2 is at least the sum of n alpha_n^2 beyond the terms, relative. Coefficients of smooth functions fall so fast that
    // most of it belongs to the first of these n.
    VR sum = beyond * beyond * slope * SPLAT_R(2 * last);
    for (int b = blocks - 1; b >= 0; b--) {
      STORE_R(inputs->rests + b * stride + j, V_SQRT(sum / slope));
      for (int i = b * nt_series_block; i < (b + 1) * nt_series_block; i++) {
        const VR term = SPLAT_R(series->first + i * series->step) * LOAD_R(own + (terms + i) * stride);
        sum = V_FMA(term, term, sum);
      }
    }
  }
  if (made == n) return;
  for (int f = 0; f < terms + series->terms; f++)
    for (long j = R_LANES; j < n; j += R_LANES)
      STORE_R(inputs->factors + f * stride + j, LOAD_R(inputs->factors + f * stride));
  for (int b = 0; b < blocks; b++)
    for (long j = R_LANES; j < n; j += R_LANES) STORE_R(inputs->rests + b * stride + j, LOAD_R(inputs->rests + b * stride));
}

static void TYPED(nt_series_gradient_values)(const nt_dual *dual, nt_gradient_plane plane, const REAL *q1, const REAL *q2,
                                             const REAL *k, const REAL *theta, REAL *k_out, REAL *theta_out) {
  enum { chunk = TYPED(nt_series_chunk) };
  TYPED(nt_series_inputs) first, second;
  first.count = second.count = 0;
  TYPED(nt_series_pending) pending;
  pending.count = 0;
  for (long j = 0; j < plane.length; j += chunk) {
    const long n = plane.length - j < chunk ? plane.length - j : chunk;
    for (long row = 0; row < plane.rows; row++) {
      const long start = row * plane.length + j, place = row * plane.stride + j;
      TYPED(nt_series_prepare)(dual, n, q1 + place, &first);
      TYPED(nt_series_prepare)(dual, n, q2 + place, &second);
      __builtin_memmove(k_out + start, k + start, n * sizeof(REAL));
      if (theta) __builtin_memmove(theta_out + start, theta + start, n * sizeof(REAL));
      TYPED(nt_series_loop)(
        dual->series, &pending, n, first.factors, chunk, second.factors, chunk, k_out + start,
        theta ? theta_out + start : NULL, 0);
    }
  }
  TYPED(nt_series_finish)(dual->series, &pending);
}

// The derivatives of one vector of entries, and which of them the series does not give. `first` and `second` are factors of the
// inputs, `lambdas` the factors sqrt((n+1)(n+2)) of the terms, and 0 where there is no coefficient alpha_{n+2}.
static NT_INLINE void TYPED(nt_series_derivatives)(const nt_series *series, const REAL *lambdas, const REAL *first,
                                                   const REAL *rests1, const REAL *second, const REAL *rests2, VR k,
                                                   VR *results, MASK_R *is_exact) {
  enum { stride = TYPED(nt_series_chunk) };
#define FIRST(f) LOAD_R(first + (long)(f) * stride)
#define SECOND(f) LOAD_R(second + (long)(f) * stride)
#define COLUMN(c) (TYPED(nt_series_columns) + (c))
  const int blocks = series->terms / nt_series_block, step = series->step, is_even = series->first == 2;
  const int terms = TYPED(nt_series_rests) + blocks;
  const VR zero = SPLAT_R(0), one = SPLAT_R(1), half = SPLAT_R(0.5), two = SPLAT_R(2);
  VR inverse;
  TYPED(nt_gradient_root)(FIRST(TYPED(nt_series_variance)), SECOND(TYPED(nt_series_variance)), &inverse);
  VR rho = k * inverse;
  rho = V_SELECT(rho > one, one, V_SELECT(rho < -one, -one, rho));
  const VR x = step == 2 ? rho * rho : rho;
  VR power = one, x8 = x * x;
  x8 *= x8;
  x8 *= x8;
  int top = 1;
  MASK_R is_short = zero > zero;
  for (int b = 0; b < blocks; b++) {
    power *= x8;
    const VR bound = power * (LOAD_R(rests1 + b * stride) * LOAD_R(rests2 + b * stride));
    is_short = bound > SERIES_GRADIENT_TOLERANCE;
    if (!TYPED(nt_series_any)(is_short)) break;
    top = b + 2;
  }
  if (top > blocks) top = blocks;
  // Polynomials in x and their derivatives; the second one is half of it.
  VR g = zero, g1 = zero, g2 = zero, u = zero, u1 = zero, v = zero, v1 = zero;
  const int shift = 2 / step;
  for (int i = top * nt_series_block - 1; i >= 0; i--) {
    const int next = terms + (i + shift < series->terms ? i + shift : i);
    const VR a = FIRST(terms + i), b = SECOND(terms + i), lambda = SPLAT_R(lambdas[i]);
    g2 = V_FMA(g2, x, g1);
    g1 = V_FMA(g1, x, g);
    g = V_FMA(g, x, a * b);
    u1 = V_FMA(u1, x, u);
    u = V_FMA(u, x, lambda * FIRST(next) * b);
    v1 = V_FMA(v1, x, v);
    v = V_FMA(v, x, lambda * SECOND(next) * a);
  }
  const VR twice = SPLAT_R(step) * x;
  VR lift, bend, h1, h2, turn1, turn2;
  if (!is_even) {
    // G = rho P(x), and x = rho^step.
    lift = V_FMA(twice, g1, g);
    bend = step == 1 ? V_FMA(rho, two * g2, two * g1) : rho * V_FMA(SPLAT_R(8) * x, g2, SPLAT_R(6) * g1);
    h1 = rho * u;
    h2 = rho * v;
    turn1 = V_FMA(twice, u1, u);
    turn2 = V_FMA(twice, v1, v);
  } else {
    // G = alpha_1 alpha_1 rho + x P(x), x = rho^2.
    const VR inner = V_FMA(x, g1, g), inner2 = two * V_FMA(x, g2, g1);
    lift = V_FMA(two * rho, inner, FIRST(COLUMN(nt_series_other)) * SECOND(COLUMN(nt_series_other)));
    bend = V_FMA(SPLAT_R(4) * x, inner2, two * inner);
    h1 = x * u;
    h2 = x * v;
    turn1 = two * rho * V_FMA(x, u1, u);
    turn2 = two * rho * V_FMA(x, v1, v);
  }
  const VR root1 = FIRST(0), root2 = SECOND(0);
  results[nt_series_lift] = lift;
  results[nt_series_curvature] = bend * inverse;
  results[nt_series_slope1] = half * root1 * root1 * turn1;
  results[nt_series_slope2] = half * root2 * root2 * turn2;
  // sqrt(q2 / q1) = q2 / s.
  VR value1 = FIRST(TYPED(nt_series_variance)) * inverse, value2 = value1;
  value2 = value1 * h2;
  value1 = SECOND(TYPED(nt_series_variance)) * inverse * h1;
  if (is_even || step == 1) {
    const int place = terms + (is_even ? 0 : 1);
    const VR root = SPLAT_R(NT_ROOT_TWO);
    value1 = V_FMA(root * FIRST(place) * root1, SECOND(COLUMN(nt_series_mean)), value1);
    value2 = V_FMA(root * SECOND(place) * root2, FIRST(COLUMN(nt_series_mean)), value2);
  }
  results[nt_series_value1] = half * value1;
  results[nt_series_value2] = half * value2;
  const VR unknown = SPLAT_R(0x1p116);
  *is_exact = is_short | (FIRST(COLUMN(nt_series_fit_error)) + SECOND(COLUMN(nt_series_fit_error)) >= unknown);
#undef FIRST
#undef SECOND
#undef COLUMN
}

static void TYPED(nt_series_gradient_cotangents)(const nt_dual *dual, nt_gradient_plane plane, const REAL *q1, const REAL *q2,
                                                 const REAL *k, const REAL *theta, REAL *gk, REAL *gtheta, REAL *gq1,
                                                 REAL *gq2) {
  enum { chunk = TYPED(nt_series_chunk), kinds = nt_series_derivative_count };
  const nt_series *series = dual->series;
  TYPED(nt_series_inputs) first, second;
  first.count = second.count = 0;
  REAL lambdas[TYPED(nt_series_smooth_terms)];
  for (int i = 0; i < series->terms; i++) {
    const double order = series->first + i * series->step;
    lambdas[i] = i + 2 / series->step < series->terms ? (REAL)__builtin_sqrt((order + 1) * (order + 2)) : 0;
  }
  for (long j = 0; j < plane.length; j += chunk) {
    const long n = plane.length - j < chunk ? plane.length - j : chunk;
    for (long row = 0; row < plane.rows; row++) {
      const long start = row * plane.length + j, place = row * plane.stride + j;
      TYPED(nt_series_prepare)(dual, n, q1 + place, &first);
      TYPED(nt_series_prepare)(dual, n, q2 + place, &second);
      REAL results[kinds][chunk];
      long count = 0, places[chunk];
      double exact[kinds * chunk], q12[chunk], q11[chunk], q22[chunk];
      for (long i = 0; i < n; i += R_LANES) {
        VR found[kinds];
        MASK_R is_exact;
        TYPED(nt_series_derivatives)(
          series, lambdas, first.factors + i, first.rests + i, second.factors + i, second.rests + i, LOAD_R(k + start + i),
          found, &is_exact);
        NT_UNROLL for (int d = 0; d < kinds; d++) STORE_R(results[d] + i, found[d]);
        // Derivatives are of no use without cotangents, as of lanes that only fill a vector.
        MASK_R is_wanted = LOAD_R(gk + start + i) != SPLAT_R(0);
        if (theta) is_wanted |= LOAD_R(gtheta + start + i) != SPLAT_R(0);
        is_exact &= is_wanted;
        if (!TYPED(nt_series_any)(is_exact)) continue;
        for (long l = 0; l < R_LANES; l++) {
          if (is_exact[l] == 0) continue;
          q12[count] = k[start + i + l];
          q11[count] = q1[place + i + l];
          q22[count] = q2[place + i + l];
          places[count++] = i + l;
        }
      }
      if (count > 0) {
        series->derivatives(series, count, q12, q11, q22, exact);
        for (int d = 0; d < kinds; d++)
          for (long i = 0; i < count; i++) results[d][places[i]] = (REAL)exact[d * count + i];
      }
      for (long i = 0; i < n; i += R_LANES) {
        const VR g = LOAD_R(gk + start + i), lift = LOAD_R(results[nt_series_lift] + i);
        VR to_k = g * lift, to_1 = g * LOAD_R(results[nt_series_value1] + i), to_2 = g * LOAD_R(results[nt_series_value2] + i);
        if (theta) {
          const VR h = LOAD_R(gtheta + start + i), bend = h * LOAD_R(theta + start + i);
          to_k = V_FMA(bend, LOAD_R(results[nt_series_curvature] + i), to_k);
          to_1 = V_FMA(bend, LOAD_R(results[nt_series_slope1] + i), to_1);
          to_2 = V_FMA(bend, LOAD_R(results[nt_series_slope2] + i), to_2);
          STORE_R(gtheta + start + i, h * lift);
        }
        STORE_R(gk + start + i, to_k);
        STORE_R(gq1 + place + i, LOAD_R(gq1 + place + i) + to_1);
        STORE_R(gq2 + place + i, LOAD_R(gq2 + place + i) + to_2);
      }
    }
  }
}

#undef SERIES_GRADIENT_TOLERANCE
