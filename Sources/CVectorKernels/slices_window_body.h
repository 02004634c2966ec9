// Window sums along one axis of slices.

// The taps of output o that are inside: `count` rows from row `first`, a dilation apart.
typedef struct {
  long first, count;
} TYPED(nt_taps);

static NT_INLINE TYPED(nt_taps) TYPED(nt_taps_of)(const nt_window *g, long o) {
  const long start = o * g->stride - g->low;
  const long begin = start < 0 ? (g->dilation - 1 - start) / g->dilation : 0;
  const long room = g->length - start;
  long end = room > 0 ? (room + g->dilation - 1) / g->dilation : 0;
  if (end > g->window) end = g->window;
  TYPED(nt_taps) taps = {start + begin * g->dilation, end > begin ? end - begin : 0};
  return taps;
}

// out = scale times the sum of `count` rows of `inner` elements, `step` elements apart.
static NT_INLINE void TYPED(nt_sum_of_rows)(const REAL *x, long step, long count, long inner, VR scale, REAL *out) {
  for (long j = 0; j < inner; j += R_LANES) {
    VR sum = LOAD_R(x + j);
    for (long i = 1; i < count; i++) sum += LOAD_R(x + i * step + j);
    STORE_R(out + j, sum * scale);
  }
}

static NT_INLINE void TYPED(nt_window_point)(const nt_window *g, long o, VR scale, const REAL *x, REAL *out) {
  const TYPED(nt_taps) taps = TYPED(nt_taps_of)(g, o);
  const REAL *p = x + taps.first * g->inner;
  const long step = g->dilation * g->inner;
  switch (taps.count) {
    case 0:
      for (long j = 0; j < g->inner; j += R_LANES) STORE_R(out + j, SPLAT_R(0));
      break;
    case 1: TYPED(nt_sum_of_rows)(p, step, 1, g->inner, scale, out); break;
    case 2: TYPED(nt_sum_of_rows)(p, step, 2, g->inner, scale, out); break;
    case 3: TYPED(nt_sum_of_rows)(p, step, 3, g->inner, scale, out); break;
    default: TYPED(nt_sum_of_rows)(p, step, taps.count, g->inner, scale, out); break;
  }
}

// A sum over the last `window` (2 or 3) elements of a sequence, with zeros before the first.
typedef struct {
  VR last, pair;
} TYPED(nt_trail);

static NT_INLINE VR TYPED(nt_trailing_sum)(TYPED(nt_trail) *trail, int window, VR next) {
  VR sum = (window == 3 ? trail->pair : trail->last) + next;
  trail->pair = trail->last + next;
  trail->last = next;
  return sum;
}

// Windows of 2 or 3 neighbours, every element read once: output o ends with element o - low + window - 1.
static NT_INLINE void TYPED(nt_window_slide)(const nt_window *g, int window, VR scale, const REAL *x, REAL *out) {
  const long shift = g->low - (window - 1), inner = g->inner;
  for (long v = 0; v < inner; v += R_LANES) {
    TYPED(nt_trail) trail = {SPLAT_R(0), SPLAT_R(0)};
    long o = 0, i = -shift;
    for (; o < g->out_length && i < 0; o++, i++) STORE_R(out + o * inner + v, SPLAT_R(0));
    // What the first window sees before its last element.
    for (long j = i - (window - 1) > 0 ? i - (window - 1) : 0; j < i; j++)
      TYPED(nt_trailing_sum)(&trail, window, j < g->length ? LOAD_R(x + j * inner + v) : SPLAT_R(0));
    for (; o < g->out_length && i < g->length; o++, i++)
      STORE_R(out + o * inner + v, TYPED(nt_trailing_sum)(&trail, window, LOAD_R(x + i * inner + v)) * scale);
    for (; o < g->out_length; o++)
      STORE_R(out + o * inner + v, TYPED(nt_trailing_sum)(&trail, window, SPLAT_R(0)) * scale);
  }
}

// Whether nt_window_slide is for this window.
static NT_INLINE int TYPED(nt_window_slides)(const nt_window *g) {
  return g->stride == 1 && g->dilation == 1 && (g->window == 2 || g->window == 3);
}

static void TYPED(nt_slice_window)(nt_window g, REAL scale, const REAL *x, REAL *out) {
  const VR factor = SPLAT_R(scale);
  for (long i = 0; i < g.outer; i++, x += g.length * g.inner, out += g.out_length * g.inner) {
    if (TYPED(nt_window_slides)(&g) && g.inner == SLICE_LANES) {
      if (g.window == 3)
        TYPED(nt_window_slide)(&g, 3, factor, x, out);
      else
        TYPED(nt_window_slide)(&g, 2, factor, x, out);
    } else {
      for (long o = 0; o < g.out_length; o++) TYPED(nt_window_point)(&g, o, factor, x, out + o * g.inner);
    }
  }
}
