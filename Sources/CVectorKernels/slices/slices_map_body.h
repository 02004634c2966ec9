// Products, scalings and sums of slices.

// `count` positions of a row at a time: one chain of sums each, so that none waits for the other.
static NT_INLINE void TYPED(nt_product_points)(int count, long channels, VR scale, const REAL *first,
                                               const REAL *second, int has_lanes, REAL *k) {
  const long step = has_lanes ? SLICE_LANES : 1;
  NT_UNROLL for (long v = 0; v < SLICE_LANES; v += R_LANES) {
    VR sums[4];
    NT_UNROLL for (int i = 0; i < count; i++) sums[i] = SPLAT_R(0);
    for (long c = 0; c < channels; c++)
      NT_UNROLL for (int i = 0; i < count; i++) {
        const REAL *p = first + (i * channels + c) * step;
        VR x1 = has_lanes ? LOAD_R(p + v) : SPLAT_R(*p);
        sums[i] = V_FMA(x1, LOAD_R(second + (i * channels + c) * SLICE_LANES + v), sums[i]);
      }
    NT_UNROLL for (int i = 0; i < count; i++) STORE_R(k + i * SLICE_LANES + v, sums[i] * scale);
  }
}

static NT_INLINE void TYPED(nt_product_loop)(long rows, long columns, long channels, REAL scale,
                                             const nt_slice_factors *inputs, REAL *k, int has_lanes) {
  const long step = has_lanes ? SLICE_LANES : 1;
  for (long y = 0; y < rows; y++, k += columns * SLICE_LANES) {
    const REAL *first = (const REAL *)inputs->first + y * inputs->first_row * channels * step;
    const REAL *second = (const REAL *)inputs->second + y * inputs->second_row * channels * SLICE_LANES;
    long x = 0;
    for (; x + 4 <= columns; x += 4)
      TYPED(nt_product_points)(4, channels, SPLAT_R(scale), first + x * channels * step,
                               second + x * channels * SLICE_LANES, has_lanes, k + x * SLICE_LANES);
    for (; x < columns; x++)
      TYPED(nt_product_points)(1, channels, SPLAT_R(scale), first + x * channels * step,
                               second + x * channels * SLICE_LANES, has_lanes, k + x * SLICE_LANES);
  }
}

static void TYPED(nt_slice_product)(long rows, long columns, long channels, REAL scale, const nt_slice_factors *inputs,
                                    REAL *k) {
  if (inputs->first_has_lanes)
    TYPED(nt_product_loop)(rows, columns, channels, scale, inputs, k, 1);
  else
    TYPED(nt_product_loop)(rows, columns, channels, scale, inputs, k, 0);
}

static void TYPED(nt_slice_scale)(long rows, long columns, const nt_slice_factors *factors, REAL *k, REAL *theta) {
  for (long y = 0; y < rows; y++) {
    const REAL *first = FIRST_FACTORS(factors, y), *second = SECOND_FACTORS(factors, y);
    for (long x = 0; x < columns; x++)
      for (long v = 0; v < SLICE_LANES; v += R_LANES) {
        const long place = (y * columns + x) * SLICE_LANES + v;
        VR factor1 = factors->first_has_lanes ? LOAD_R(first + x * SLICE_LANES + v) : SPLAT_R(first[x]);
        VR factor2 = LOAD_R(second + x * SLICE_LANES + v);
        STORE_R(k + place, (LOAD_R(k + place) * factor1) * factor2);
        if (theta != NULL) STORE_R(theta + place, (LOAD_R(theta + place) * factor1) * factor2);
      }
  }
}

static void TYPED(nt_slice_add_run)(nt_slice_run run, REAL weight, const REAL *x, REAL *out) {
  const VR w = SPLAT_R(weight);
  for (long i = 0; i < run.outer; i++)
    for (long o = run.first; o < run.last; o++) {
      const REAL *from = x + (i * run.length + o * run.step + run.offset) * run.inner;
      REAL *to = out + (i * run.out_length + o) * run.inner;
      for (long j = 0; j < run.inner; j += R_LANES) STORE_R(to + j, V_FMA(w, LOAD_R(from + j), LOAD_R(to + j)));
    }
}

// `count` rows at a time, so that none of their sums waits for another; they join in their order.
static NT_INLINE void TYPED(nt_sum_rows)(int count, long columns, const REAL *k, double *sums) {
  NT_UNROLL for (long v = 0; v < SLICE_LANES; v += R_LANES) {
    VR parts[4];
    NT_UNROLL for (int i = 0; i < count; i++) parts[i] = SPLAT_R(0);
    for (long x = 0; x < columns; x++)
      NT_UNROLL for (int i = 0; i < count; i++) parts[i] += LOAD_R(k + (i * columns + x) * SLICE_LANES + v);
    REAL narrow[4][R_LANES];
    NT_UNROLL for (int i = 0; i < count; i++) STORE_R(narrow[i], parts[i]);
    NT_UNROLL for (long l = 0; l < R_LANES; l += D_LANES) {
      VD sum = LOAD_D(sums + v + l);
      NT_UNROLL for (int i = 0; i < count; i++) sum += LOAD_WIDE(narrow[i] + l);
      STORE_D(sums + v + l, sum);
    }
  }
}

static void TYPED(nt_slice_sum)(long rows, long columns, const REAL *k, double *sums) {
  long y = 0;
  for (; y + 4 <= rows; y += 4) TYPED(nt_sum_rows)(4, columns, k + y * columns * SLICE_LANES, sums);
  for (; y < rows; y++) TYPED(nt_sum_rows)(1, columns, k + y * columns * SLICE_LANES, sums);
}
