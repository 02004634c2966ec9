// Window sums along one axis of slices.

// The taps of output o that are inside: `count` rows from row `first`, a dilation apart.
typedef struct {
  long first, count;
} TYPED(nt_taps);

static NT_INLINE TYPED(nt_taps) TYPED(nt_taps_of)(const nt_window *g, long o) {
  const long start = o * g->stride - g->low;
  const long before = start < 0 ? -start : 0, room = g->length > start ? g->length - start : 0;
  // Division takes longer than a short row.
  const long begin = g->dilation == 1 ? before : (before + g->dilation - 1) / g->dilation;
  long end = g->dilation == 1 ? room : (room + g->dilation - 1) / g->dilation;
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

// All lanes of a slice at one position.
enum { TYPED(nt_slice_vectors) = SLICE_LANES / R_LANES };
typedef struct {
  TYPED(nt_trail) parts[TYPED(nt_slice_vectors)];
} TYPED(nt_trails);

// Takes the sum of `count` rows at x, `step` elements apart (zero if count is 0), and stores the sum that ends there,
// unless out is NULL.
static NT_INLINE void TYPED(nt_trail_on)(TYPED(nt_trails) *trails, int window, const REAL *x, int count, long step,
                                         VR scale, REAL *out) {
  NT_UNROLL for (int v = 0; v < TYPED(nt_slice_vectors); v++) {
    VR next = count == 0 ? SPLAT_R(0) : LOAD_R(x + v * R_LANES);
    NT_UNROLL for (int i = 1; i < count; i++) next += LOAD_R(x + i * step + v * R_LANES);
    VR sum = TYPED(nt_trailing_sum)(&trails->parts[v], window, next);
    if (out != NULL) STORE_R(out + v * R_LANES, sum * scale);
  }
}

// Windows of 2 or 3 neighbours along one row of positions, which is the sum of `count` rows; every element is read
// once: output o ends with element o - low + window - 1.
static NT_INLINE void TYPED(nt_window_slide)(const nt_window *g, int window, int count, long step, VR scale,
                                             const REAL *x, REAL *out) {
  const long shift = g->low - (window - 1);
  TYPED(nt_trails) trails = {{{SPLAT_R(0), SPLAT_R(0)}}};
  long o = 0, i = -shift;
  for (; o < g->out_length && i < 0; o++, i++)
    TYPED(nt_trail_on)(&trails, window, NULL, 0, 0, scale, out + o * SLICE_LANES);
  // What the first window sees before its last element.
  for (long j = i - (window - 1) > 0 ? i - (window - 1) : 0; j < i; j++)
    if (j < g->length)
      TYPED(nt_trail_on)(&trails, window, x + j * SLICE_LANES, count, step, scale, NULL);
    else
      TYPED(nt_trail_on)(&trails, window, NULL, 0, 0, scale, NULL);
  const long inside = g->out_length - o < g->length - i ? g->out_length - o : g->length - i;
  const REAL *from = x + i * SLICE_LANES;
  REAL *to = out + o * SLICE_LANES;
  for (long j = 0; j < inside; j++)
    TYPED(nt_trail_on)(&trails, window, from + j * SLICE_LANES, count, step, scale, to + j * SLICE_LANES);
  o += inside > 0 ? inside : 0;
  for (; o < g->out_length; o++)
    TYPED(nt_trail_on)(&trails, window, NULL, 0, 0, scale, out + o * SLICE_LANES);
}

// Two outputs of such a window at a time, which share its rows.
static NT_INLINE void TYPED(nt_window_two)(int window, long inner, VR scale, const REAL *x, REAL *out) {
  for (long j = 0; j < inner; j += R_LANES) {
    VR rows[4];
    NT_UNROLL for (int i = 0; i <= window; i++) rows[i] = LOAD_R(x + i * inner + j);
    VR one = rows[0] + rows[1], two = rows[1] + rows[2];
    if (window == 3) one += rows[2], two += rows[3];
    STORE_R(out + j, one * scale);
    STORE_R(out + inner + j, two * scale);
  }
}

// Windows of 2 or 3 neighbours over long rows.
static NT_INLINE void TYPED(nt_window_rows)(const nt_window *g, int window, VR scale, const REAL *x, REAL *out) {
  for (long o = 0; o < g->out_length;) {
    const long start = o - g->low;
    if (start >= 0 && start + window < g->length && o + 1 < g->out_length) {
      TYPED(nt_window_two)(window, g->inner, scale, x + start * g->inner, out + o * g->inner);
      o += 2;
    } else {
      TYPED(nt_window_point)(g, o, scale, x, out + o * g->inner);
      o += 1;
    }
  }
}

static void TYPED(nt_slice_window)(nt_window g, REAL scale, const REAL *x, REAL *out) {
  const VR factor = SPLAT_R(scale);
  for (long i = 0; i < g.outer; i++, x += g.length * g.inner, out += g.out_length * g.inner) {
    const int is_single = g.inner == SLICE_LANES, slides = g.stride == 1 && g.dilation == 1;
    if (slides && g.window == 3 && is_single)
      TYPED(nt_window_slide)(&g, 3, 1, 0, factor, x, out);
    else if (slides && g.window == 3)
      TYPED(nt_window_rows)(&g, 3, factor, x, out);
    else if (slides && g.window == 2 && is_single)
      TYPED(nt_window_slide)(&g, 2, 1, 0, factor, x, out);
    else if (slides && g.window == 2)
      TYPED(nt_window_rows)(&g, 2, factor, x, out);
    else
      for (long o = 0; o < g.out_length; o++) TYPED(nt_window_point)(&g, o, factor, x, out + o * g.inner);
  }
}

// One row of a box of windows: in registers where at most three rows meet and the window along the columns is of three
// neighbours; otherwise the sum along the rows goes to scratch, which stays in the nearest cache, and from there the sum
// along the columns to its place.
static NT_INLINE void TYPED(nt_box_row)(const nt_window *rows, const nt_window *columns, long y, const REAL *x,
                                        REAL *out, REAL *scratch) {
  const TYPED(nt_taps) taps = TYPED(nt_taps_of)(rows, y);
  const REAL *from = x + taps.first * rows->inner;
  const long step = rows->dilation * rows->inner;
  const int slides = columns->window == 3 && columns->stride == 1 && columns->dilation == 1;
  const VR one = SPLAT_R(1);
  switch (slides ? taps.count : 0) {
    case 1: TYPED(nt_window_slide)(columns, 3, 1, step, one, from, out); break;
    case 2: TYPED(nt_window_slide)(columns, 3, 2, step, one, from, out); break;
    case 3: TYPED(nt_window_slide)(columns, 3, 3, step, one, from, out); break;
    default:
      TYPED(nt_window_point)(rows, y, one, x, scratch);
      TYPED(nt_slice_window)(*columns, 1, scratch, out);
  }
}

static void TYPED(nt_slice_window2d)(nt_window rows, nt_window columns, const REAL *x, REAL *out, REAL *scratch) {
  const long planes = rows.outer, plane = rows.length * columns.length * SLICE_LANES;
  rows.inner = columns.length * SLICE_LANES;
  columns.outer = 1;
  columns.inner = SLICE_LANES;
  for (long i = 0; i < planes; i++, x += plane)
    for (long y = 0; y < rows.out_length; y++, out += columns.out_length * SLICE_LANES)
      TYPED(nt_box_row)(&rows, &columns, y, x, out, scratch);
}
