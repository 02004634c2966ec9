// The entries of functions that are straight between kinks, where their series are not accurate.
//
// phi'' is then a sum of jumps J_s at the kinks s, so that by Price's theorem, with a = s / sqrt(q11), b = t / sqrt(q22),
//   d kappa/d q12 = E[phi'(u)] E[phi'(v)] + sum over s, t of J_s J_t / 2 pi * integral of e^(-E)
//   kappa = E[phi(u)] E[phi(v)] + q12 E[phi'(u)] E[phi'(v)] + the same with |rho| - sin of the angle, times sqrt(q11 q22)
// over angles from 0 to asin |rho|. With the tangent u of half the angle from the other end, and the sign c of rho,
//   E = (a - c b)^2 (1 + u^2)^2 / (8 u^2) + c a b (1 + u^2) / 2
// which changes fast where u is about as large as d = |a - c b|, and is nothing far below. Gauss-Legendre rules on panels
// that get narrower towards that: to 2e-8 in single precision and 3e-14 in double precision.
//
// Where the jumps add up to zero, functions are bounded, and for kinks much nearer to each other than a standard deviation
// the integrals are nearly one and cancel. There e^(-E) - 1 takes the place of e^(-E) beyond the largest d, for which the
// ones add up to nothing.
// Source: Price, A useful theorem for nonlinear devices having Gaussian inputs (1958).

enum {
  TYPED(nt_arc_panels) = NT_REAL_BITS == 32 ? 4 : 8,
  TYPED(nt_arc_nodes) = NT_REAL_BITS == 32 ? 8 : 10,
};

static const REAL TYPED(nt_arc_places)[TYPED(nt_arc_nodes)] = {
#if NT_REAL_BITS == 32
  0.019855071751231884f, 0.10166676129318663f, 0.23723379504183551f, 0.4082826787521751f, 0.5917173212478249f, 0.76276620495816449f, 0.89833323870681337f, 0.98014492824876812f
#else
  0.01304673574141414, 0.067468316655507745, 0.1602952158504878, 0.2833023029353764, 0.42556283050918439, 0.57443716949081561, 0.7166976970646236, 0.8397047841495122, 0.93253168334449226, 0.98695326425858586
#endif
};

static const REAL TYPED(nt_arc_weights)[TYPED(nt_arc_nodes)] = {
#if NT_REAL_BITS == 32
  0.05061426814518813f, 0.11119051722668724f, 0.15685332293894364f, 0.18134189168918099f, 0.18134189168918099f, 0.15685332293894364f, 0.11119051722668724f, 0.05061426814518813f
#else
  0.033335672154344069, 0.074725674575290297, 0.10954318125799102, 0.13463335965499818, 0.14776211235737644, 0.14776211235737644, 0.13463335965499818, 0.10954318125799102, 0.074725674575290297, 0.033335672154344069
#endif
};

// One pair of kinks in one order, in standard deviations; b times the sign of rho, t = 1 - |rho|. Adds both integrals over u
// from `least`, or where |rho| is, to `most`; of e^(-E) - 1 if less_one.
static void TYPED(nt_arc_add)(VR t, VR a, VR b, REAL weight, VR least, VR most, int less_one, VR *value, VR *slope) {
  const VR product = a * b, distance = V_ABS(a - b), half_square = distance * distance * SPLAT_R(0.125);
  // Below which e^(-E) is nothing, but e^(-E) - 1 is something; in panels of distances that differ by a factor of ratio.
  VR low = less_one ? SPLAT_R(0) : distance * SPLAT_R(NT_REAL_BITS == 32 ? 0.081 : 0.0589);
  const VR end = V_SQRT(t / (SPLAT_R(2) - t)), below = SPLAT_R(0.999) * most;
  low = V_SELECT(low > below, below, low);
  low = V_SELECT(low < end, end, low);
  low = V_SELECT(low < least, least, low);
  low = V_SELECT(low > most, most, low);
  const VR smallest = SPLAT_R(NT_REAL_BITS == 32 ? 1e-4 : 1e-5), largest = SPLAT_R(0.05);
  VR ratio = distance * SPLAT_R(0.03);
  ratio = V_SELECT(ratio < smallest, smallest, V_SELECT(ratio > largest, largest, ratio));
  ratio = V_SQRT(V_SQRT(ratio));
  if (TYPED(nt_arc_panels) == 8) ratio = V_SQRT(ratio);
  VR sum = SPLAT_R(0), slope_sum = SPLAT_R(0), upper = most - low;
  for (int panel = 0; panel < TYPED(nt_arc_panels); panel++) {
    const VR lower = panel + 1 < TYPED(nt_arc_panels) ? upper * ratio : SPLAT_R(0);
    const VR width = upper - lower, start = low + lower;
    for (int i = 0; i < TYPED(nt_arc_nodes); i++) {
      const VR u = V_FMA(width, SPLAT_R(TYPED(nt_arc_places)[i]), start), square = u * u, q = SPLAT_R(1) + square;
      const VR inverse = SPLAT_R(1) / (u * q), over_q = inverse * u, root = q * q * inverse;
      TYPED(nt_pair) exponent = {-V_FMA(half_square * root, root, SPLAT_R(0.5) * product * q), SPLAT_R(0)};
      const VR decay = less_one ? TYPED(nt_exponential_less_one)(exponent) : TYPED(nt_decay)(exponent);
      const VR part = decay * (width * SPLAT_R(TYPED(nt_arc_weights)[i])) * over_q;
      slope_sum += part;
      sum = V_FMA(V_FMA(square + square, over_q, -t), part, sum);
    }
    upper = lower;
  }
  *value = V_FMA(SPLAT_R(2 * weight), sum, *value);
  *slope = V_FMA(SPLAT_R(2 * weight), slope_sum, *slope);
}

static NT_INLINE VR TYPED(nt_arc_kink)(double place, VR inverse) {
  const VR far = SPLAT_R(60), x = SPLAT_R(place) * inverse;
  return V_SELECT(x > far, far, V_SELECT(x < -far, -far, x));
}

// What the pairs of kinks add, over u from `least` to `most`. Exchanging the inputs changes no bit.
static void TYPED(nt_arcs_between)(const nt_series *series, VR t, VR q12, VR inverse1, VR inverse2, VR least, VR most,
                                   int less_one, VR *value, VR *slope) {
  for (int i = 0; i < series->arc_count; i++) {
    const nt_series_arc *arc = &series->arcs[i];
    const VR a1 = TYPED(nt_arc_kink)(arc->s, inverse1), b1 = TYPED(nt_arc_kink)(arc->t, inverse2);
    VR own = SPLAT_R(0), own_slope = own;
    TYPED(nt_arc_add)(
      t, a1, TYPED(nt_with_sign_of)(q12, b1), (REAL)arc->weight, least, most, less_one, &own, &own_slope);
    if (arc->is_twice) {
      const VR a2 = TYPED(nt_arc_kink)(arc->t, inverse1), b2 = TYPED(nt_arc_kink)(arc->s, inverse2);
      VR other = SPLAT_R(0), other_slope = other;
      TYPED(nt_arc_add)(
        t, a2, TYPED(nt_with_sign_of)(q12, b2), (REAL)arc->weight, least, most, less_one, &other, &other_slope);
      own += other;
      own_slope += other_slope;
    }
    *value += own;
    *slope += own_slope;
  }
}

// What the pairs of kinks add to kappa / sqrt(q11 q22) and, but for the sign of rho, to its derivative. The inverse roots of
// the variances, and t as above.
static void TYPED(nt_arcs)(const nt_series *series, VR t, VR q12, VR inverse1, VR inverse2, VR *value, VR *slope) {
  const VR zero = SPLAT_R(0), one = SPLAT_R(1);
  VR farthest = zero;
  for (int i = 0; i < series->arc_count; i++) {
    const nt_series_arc *arc = &series->arcs[i];
    for (int way = 0; way < 2; way++) {
      const VR a = TYPED(nt_arc_kink)(way ? arc->t : arc->s, inverse1);
      const VR b = TYPED(nt_with_sign_of)(q12, TYPED(nt_arc_kink)(way ? arc->s : arc->t, inverse2));
      const VR distance = V_ABS(a - b);
      farthest = V_SELECT(distance > farthest, distance, farthest);
    }
  }
  *value = zero;
  *slope = zero;
  // Elsewhere little cancels, and a kink that counts as nearer than it is would not cancel.
  const MASK_R is_near = farthest < SPLAT_R(series->is_bounded ? 0.25 : -1);
  if (__builtin_reduce_or(is_near) != 0) {
    const VR split = V_SELECT(is_near, farthest, one);
    TYPED(nt_arcs_between)(series, t, q12, inverse1, inverse2, split, one, 1, value, slope);
    TYPED(nt_arcs_between)(series, t, q12, inverse1, inverse2, zero, split, 0, value, slope);
  }
  if (__builtin_reduce_or(~is_near) != 0) {
    VR all = zero, all_slope = zero;
    TYPED(nt_arcs_between)(series, t, q12, inverse1, inverse2, zero, one, 0, &all, &all_slope);
    *value = V_SELECT(is_near, *value, all);
    *slope = V_SELECT(is_near, *slope, all_slope);
  }
}
