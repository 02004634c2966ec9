// What is not an activation, on slices, forwards and backwards.

static void TYPED(nt_gradient_scale_values)(nt_gradient_plane plane, const REAL *f1, const REAL *f2, const REAL *k,
                                            const REAL *theta, REAL *k_out, REAL *theta_out) {
  for (long row = 0; row < plane.rows; row++) {
    const long start = row * plane.length, place = row * plane.stride;
    for (long j = 0; j < plane.length; j += R_LANES) {
      const VR factor = LOAD_R(f1 + place + j) * LOAD_R(f2 + place + j);
      STORE_R(k_out + start + j, LOAD_R(k + start + j) * factor);
      if (theta) STORE_R(theta_out + start + j, LOAD_R(theta + start + j) * factor);
    }
  }
}

static void TYPED(nt_gradient_scale_cotangents)(nt_gradient_plane plane, const REAL *f1, const REAL *f2, const REAL *k,
                                                const REAL *theta, REAL *gk, REAL *gtheta, REAL *gf1, REAL *gf2) {
  for (long row = 0; row < plane.rows; row++) {
    const long start = row * plane.length, place = row * plane.stride;
    for (long j = 0; j < plane.length; j += R_LANES) {
      const VR a = LOAD_R(f1 + place + j), b = LOAD_R(f2 + place + j), factor = a * b, g = LOAD_R(gk + start + j);
      VR whole = g * LOAD_R(k + start + j);
      STORE_R(gk + start + j, g * factor);
      if (theta) {
        const VR h = LOAD_R(gtheta + start + j);
        whole = V_FMA(h, LOAD_R(theta + start + j), whole);
        STORE_R(gtheta + start + j, h * factor);
      }
      STORE_R(gf1 + place + j, V_FMA(whole, b, LOAD_R(gf1 + place + j)));
      STORE_R(gf2 + place + j, V_FMA(whole, a, LOAD_R(gf2 + place + j)));
    }
  }
}

static void TYPED(nt_gradient_affine_cotangents)(long n, double weight, double share, REAL *gk, REAL *gtheta) {
  const VR w = SPLAT_R(weight), s = SPLAT_R(share);
  for (long j = 0; j < n; j += R_LANES) {
    VR g = LOAD_R(gk + j) * w;
    if (gtheta) {
      const VR h = LOAD_R(gtheta + j);
      g = V_FMA(h, s, g);
      STORE_R(gtheta + j, h * w);
    }
    STORE_R(gk + j, g);
  }
}

static void TYPED(nt_gradient_product_cotangents)(long n, const REAL *k2, const REAL *theta2, const REAL *gk,
                                                  const REAL *gtheta, REAL *gk_out, REAL *gtheta_out) {
  for (long j = 0; j < n; j += R_LANES) {
    const VR other = LOAD_R(k2 + j);
    VR sum = V_FMA(LOAD_R(gk + j), other, LOAD_R(gk_out + j));
    if (gtheta) {
      const VR h = LOAD_R(gtheta + j);
      if (theta2) sum = V_FMA(h, LOAD_R(theta2 + j), sum);
      if (gtheta_out) STORE_R(gtheta_out + j, V_FMA(h, other, LOAD_R(gtheta_out + j)));
    }
    STORE_R(gk_out + j, sum);
  }
}

// out[j] = a[j] + b[j] + c[j], the usual window.
static NT_INLINE void TYPED(nt_gradient_sum_of_three)(long n, const REAL *a, const REAL *b, const REAL *c, REAL *out) {
  for (long j = 0; j < n; j += R_LANES) STORE_R(out + j, (LOAD_R(a + j) + LOAD_R(b + j)) + LOAD_R(c + j));
}

// Windows that read past the ends read nothing.
static void TYPED(nt_gradient_window_values)(nt_gradient_window window, const REAL *x, REAL *out) {
  const int is_usual = window.size == 3 && window.stride == 1 && window.dilation == 1;
  for (long o = 0; o < window.outer; o++) {
    const REAL *source = x + o * window.length * window.inner;
    REAL *target = out + o * window.out_length * window.inner;
    for (long i = 0; i < window.out_length; i++) {
      const long start = i - window.low;
      if (is_usual && start >= 0 && start + 2 < window.length) {
        const REAL *at = source + start * window.inner;
        TYPED(nt_gradient_sum_of_three)(
          window.inner, at, at + window.inner, at + 2 * window.inner, target + i * window.inner);
        continue;
      }
      long first = 0, last = window.size;
      const long base = i * window.stride - window.low;
      while (first < last && base + first * window.dilation < 0) first++;
      while (last > first && base + (last - 1) * window.dilation >= window.length) last--;
      for (long j = 0; j < window.inner; j += R_LANES) {
        VR sum = SPLAT_R(0);
        for (long k = first; k < last; k++) sum += LOAD_R(source + (base + k * window.dilation) * window.inner + j);
        STORE_R(target + i * window.inner + j, sum);
      }
    }
  }
}

static void TYPED(nt_gradient_window_cotangents)(nt_gradient_window window, const REAL *out, REAL *x) {
  if (window.stride == 1) {
    // What a window gives comes back by a window from the other end.
    const nt_gradient_window back = {
      window.outer, window.out_length, window.length, window.inner,
      window.size,  1,                 window.dilation, (window.size - 1) * window.dilation - window.low};
    TYPED(nt_gradient_window_values)(back, out, x);
    return;
  }
  for (long o = 0; o < window.outer; o++) {
    const REAL *source = out + o * window.out_length * window.inner;
    REAL *target = x + o * window.length * window.inner;
    for (long place = 0; place < window.length; place++) {
      for (long j = 0; j < window.inner; j += R_LANES) {
        VR sum = SPLAT_R(0);
        for (long k = 0; k < window.size; k++) {
          const long at = place + window.low - k * window.dilation;
          if (at < 0 || at % window.stride != 0 || at / window.stride >= window.out_length) continue;
          sum += LOAD_R(source + at / window.stride * window.inner + j);
        }
        STORE_R(target + place * window.inner + j, sum);
      }
    }
  }
}

static void TYPED(nt_gradient_add_runs)(nt_gradient_runs runs, double weight, const REAL *from, REAL *to) {
  const VR w = SPLAT_R(weight);
  for (long o = 0; o < runs.outer; o++) {
    for (long i = 0; i < runs.count; i++) {
      const REAL *source = from + o * runs.from_outer + i * runs.from_step;
      REAL *target = to + o * runs.to_outer + i * runs.to_step;
      for (long j = 0; j < runs.inner; j += R_LANES)
        STORE_R(target + j, V_FMA(w, LOAD_R(source + j), LOAD_R(target + j)));
    }
  }
}

static void TYPED(nt_gradient_sum)(long count, long lanes, double scale, const REAL *x, REAL *out) {
  for (long l = 0; l < lanes; l += R_LANES) {
    VR even = SPLAT_R(0), odd = SPLAT_R(0);
    long i = 0;
    for (; i + 1 < count; i += 2) {
      even += LOAD_R(x + i * lanes + l);
      odd += LOAD_R(x + (i + 1) * lanes + l);
    }
    if (i < count) even += LOAD_R(x + i * lanes + l);
    STORE_R(out + l, V_FMA(SPLAT_R(scale), even + odd, LOAD_R(out + l)));
  }
}

static void TYPED(nt_gradient_spread)(long count, long lanes, double scale, const REAL *g, REAL *x) {
  for (long i = 0; i < count; i++)
    for (long l = 0; l < lanes; l += R_LANES) STORE_R(x + i * lanes + l, SPLAT_R(scale) * LOAD_R(g + l));
}

static void TYPED(nt_gradient_combine)(long n, double a, const REAL *x, double b, REAL *out) {
  const VR va = SPLAT_R(a), vb = SPLAT_R(b);
  for (long j = 0; j < n; j += R_LANES) STORE_R(out + j, V_FMA(va, LOAD_R(x + j), vb * LOAD_R(out + j)));
}

static void TYPED(nt_gradient_input_values)(nt_gradient_plane plane, long channels, long lanes, double scale, const REAL *x1,
                                            const REAL *x2, REAL *k) {
  const long position = channels * lanes;
  for (long row = 0; row < plane.rows; row++) {
    for (long i = 0; i < plane.length; i++) {
      const REAL *a = x1 + (row * plane.stride + i) * position, *b = x2 + (row * plane.stride + i) * position;
      REAL *target = k + (row * plane.length + i) * lanes;
      for (long l = 0; l < lanes; l += R_LANES) {
        VR sum = SPLAT_R(0);
        for (long c = 0; c < channels; c++) sum = V_FMA(LOAD_R(a + c * lanes + l), LOAD_R(b + c * lanes + l), sum);
        STORE_R(target + l, SPLAT_R(scale) * sum);
      }
    }
  }
}

static void TYPED(nt_gradient_input_cotangents)(nt_gradient_plane plane, long channels, long lanes, double scale,
                                                const REAL *x1, const REAL *x2, const REAL *gk, REAL *gx1, REAL *gx2) {
  const long position = channels * lanes;
  for (long row = 0; row < plane.rows; row++) {
    for (long i = 0; i < plane.length; i++) {
      const long place = (row * plane.stride + i) * position;
      const REAL *source = gk + (row * plane.length + i) * lanes;
      for (long l = 0; l < lanes; l += R_LANES) {
        const VR g = SPLAT_R(scale) * LOAD_R(source + l);
        for (long c = 0; c < channels; c++) {
          const long at = place + c * lanes + l;
          STORE_R(gx1 + at, V_FMA(g, LOAD_R(x2 + at), LOAD_R(gx1 + at)));
          STORE_R(gx2 + at, V_FMA(g, LOAD_R(x1 + at), LOAD_R(gx2 + at)));
        }
      }
    }
  }
}
