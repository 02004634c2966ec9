// A layer of a convolutional network in one pass over a slice.
//
// Every element of the input is read once per tap of the window along the rows and every element of the output written
// once; what is between stays in registers. From the first operation on a position to the last takes about a hundred
// cycles, in which the processor could compute five positions, but it does not look so far ahead. So the work is cut in
// four parts, and each turn of the loop does them for four positions in a row, the last part first.

// Where lanes v of row y are read. scratch begins with a row of zeros, for rows of the window that are outside.
static NT_INLINE TYPED(nt_layer_source) TYPED(nt_layer_source_of)(nt_layer_form form, const nt_slice_pass *layer,
                                                                  const nt_slice_factors *factors, const REAL *k,
                                                                  const REAL *theta, const REAL *scratch, long y,
                                                                  long v) {
  const nt_window *window = &layer->rows;
  const long row = layer->columns.length * SLICE_LANES;
  TYPED(nt_layer_source) source;
#if NT_HAS_FMA
  NT_UNROLL
#endif
  for (int tap = 0; tap < form.rows; tap++) {
    const long from = y * window->stride + tap * window->dilation - window->low;
    const int is_inside = from >= 0 && from < window->length;
    source.k[tap] = (is_inside ? k + from * row : scratch) + v;
    source.theta[tap] = (is_inside && form.theta == nt_theta_given ? theta + from * row : scratch) + v;
  }
  source.first_has_lanes = factors->first_has_lanes;
  NT_UNROLL for (int f = 0; f < 3; f++) {
    source.first[f] = FIRST_FACTORS(factors, y) + f * factors->first_stride + (factors->first_has_lanes ? v : 0);
    source.second[f] = SECOND_FACTORS(factors, y) + f * factors->second_stride + v;
  }
  return source;
}

// One vector of lanes of a row. The window of output `shift` ends at the first column.
static NT_INLINE void TYPED(nt_layer_row)(nt_layer_form form, const TYPED(nt_layer_constants) *constants,
                                          const TYPED(nt_layer_source) *source, long columns, long shift,
                                          TYPED(nt_layer_target) *target) {
  const VR zero = SPLAT_R(0);
  for (long o = 0; o < shift && o < target->columns; o++) {
    STORE_R(target->k + o * SLICE_LANES, zero);
    if (form.theta) STORE_R(target->theta + o * SLICE_LANES, zero);
  }
  // Nothing comes of what is read again at the end.
#define READ(place) TYPED(nt_layer_read)(form, constants, source, (place) < columns ? (place) : columns - 1)
  TYPED(nt_layer_input) input = READ(0);
  TYPED(nt_layer_begun) begun = TYPED(nt_layer_begin)(constants, source, &input, 0);
  TYPED(nt_layer_turned) turned = TYPED(nt_layer_turn)(constants, &begun);
  if (columns > 1) {
    input = READ(1);
    begun = TYPED(nt_layer_begin)(constants, source, &input, 1);
    input = READ(2);
    for (long x = 0; x < columns - 2; x++) {
      TYPED(nt_layer_end)(form, constants, &turned, target, x + shift);
      turned = TYPED(nt_layer_turn)(constants, &begun);
      begun = TYPED(nt_layer_begin)(constants, source, &input, x + 2);
      input = READ(x + 3);
    }
    TYPED(nt_layer_end)(form, constants, &turned, target, columns - 2 + shift);
    turned = TYPED(nt_layer_turn)(constants, &begun);
  }
#undef READ
  TYPED(nt_layer_end)(form, constants, &turned, target, columns - 1 + shift);
  if (form.columns > 1)
    for (long o = columns + shift; o < target->columns; o++) TYPED(nt_layer_put)(form, target, o, zero, zero);
}

static NT_INLINE void TYPED(nt_layer_loop)(nt_layer_form form, const nt_slice_pass *layer,
                                           const nt_slice_factors *factors, const REAL *k, const REAL *theta,
                                           REAL *k_out, REAL *theta_out, const REAL *scratch) {
  // A variable that is so aligned makes the compiler align the stack, where it keeps vectors for want of registers.
  VR anchor __attribute__((aligned(64)));
  __asm__("" : : "r"(&anchor) : "memory");
  const TYPED(nt_layer_constants) constants = TYPED(nt_layer_prepare)(layer);
  const long columns = layer->columns.length, out_columns = layer->columns.out_length;
  if (columns == 0) return;
  const long shift = form.columns == 1 ? 0 : layer->columns.low - (form.columns - 1);
  const TYPED(nt_trail) empty = {SPLAT_R(0), SPLAT_R(0)};
  for (long y = 0; y < layer->rows.out_length; y++)
    for (long v = 0; v < SLICE_LANES; v += R_LANES) {
      const TYPED(nt_layer_source) source = TYPED(nt_layer_source_of)(form, layer, factors, k, theta, scratch, y, v);
      const long place = y * out_columns * SLICE_LANES + v;
      TYPED(nt_layer_target) target = {
        k_out + place, form.theta ? theta_out + place : NULL, out_columns, empty, empty};
      TYPED(nt_layer_row)(form, &constants, &source, columns, shift, &target);
    }
}

#if NT_HAS_FMA
// Every form that the loop comes in; without an affine map it is the dual alone.
#define FOR_EACH_LAYER(DO)                                                                  \
  DO(1, 1, 0, 0) DO(1, 1, 2, 0)                                                             \
  DO(1, 1, 0, 1) DO(1, 1, 1, 1) DO(1, 1, 2, 1) DO(1, 1, 0, 2) DO(1, 1, 1, 2) DO(1, 1, 2, 2) \
  DO(1, 3, 0, 1) DO(1, 3, 1, 1) DO(1, 3, 2, 1) DO(1, 3, 0, 2) DO(1, 3, 1, 2) DO(1, 3, 2, 2) \
  DO(3, 1, 0, 1) DO(3, 1, 1, 1) DO(3, 1, 2, 1) DO(3, 1, 0, 2) DO(3, 1, 1, 2) DO(3, 1, 2, 2) \
  DO(3, 3, 0, 1) DO(3, 3, 1, 1) DO(3, 3, 2, 1) DO(3, 3, 0, 2) DO(3, 3, 1, 2) DO(3, 3, 2, 2)
#define LAYER_FORM(rows, columns, theta, affine) ((rows == 3) + 2 * (columns == 3) + 4 * (theta) + 12 * (affine))
#define LAYER_NAME(rows, columns, theta, affine) TYPED(nt_layer_##rows##columns##theta##affine)

#define DEFINE_LAYER(rows, columns, theta_form, affine)                                                            \
  static __attribute__((noinline)) void LAYER_NAME(rows, columns, theta_form, affine)(                             \
      const nt_slice_pass *layer, const nt_slice_factors *factors, const REAL *k, const REAL *theta, REAL *k_out, \
      REAL *theta_out, const REAL *scratch) {                                                                      \
    const nt_layer_form form = {rows, columns, theta_form, affine};                                                \
    TYPED(nt_layer_loop)(form, layer, factors, k, theta, k_out, theta_out, scratch);                               \
  }
FOR_EACH_LAYER(DEFINE_LAYER)
#undef DEFINE_LAYER

static void TYPED(nt_layer_dispatch)(nt_layer_form form, const nt_slice_pass *layer, const nt_slice_factors *factors,
                                     const REAL *k, const REAL *theta, REAL *k_out, REAL *theta_out,
                                     const REAL *scratch) {
#define CASE(rows, columns, theta_form, affine)                                                         \
  case LAYER_FORM(rows, columns, theta_form, affine):                                                   \
    LAYER_NAME(rows, columns, theta_form, affine)(layer, factors, k, theta, k_out, theta_out, scratch); \
    break;
  switch (LAYER_FORM(form.rows, form.columns, form.theta, form.affine)) { FOR_EACH_LAYER(CASE) }
#undef CASE
}
#undef FOR_EACH_LAYER
#undef LAYER_FORM
#undef LAYER_NAME
#else
// One loop for all forms: the loops of every form take longer to compile than all the rest of this file, which processors
// so old are not worth.
static __attribute__((noinline)) void TYPED(nt_layer_dispatch)(nt_layer_form form, const nt_slice_pass *layer,
                                                               const nt_slice_factors *factors, const REAL *k,
                                                               const REAL *theta, REAL *k_out, REAL *theta_out,
                                                               const REAL *scratch) {
  TYPED(nt_layer_loop)(form, layer, factors, k, theta, k_out, theta_out, scratch);
}
#endif

// The dual alone, in place.
static void TYPED(nt_ab_relu_points)(const nt_dual *dual, long rows, long columns, const nt_slice_factors *factors,
                                     REAL *k, REAL *theta) {
  const nt_slice_pass layer = {
    dual, {1, 0, 0, 0, 0}, {1, rows, 1, rows, 1, 1, 1, 0}, {1, columns, 1, columns, 1, 1, 1, 0}, 0};
  const nt_layer_form form = {1, 1, theta == NULL ? nt_theta_absent : nt_theta_given, nt_affine_none};
  TYPED(nt_layer_dispatch)(form, &layer, factors, k, theta, k, theta, NULL);
}

// Windows that no loop is made for: the sums along the rows, and those along the columns if need be, are taken apart,
// row after row, with what is between them in scratch.
static void TYPED(nt_layer_by_rows)(nt_layer_form form, const nt_slice_pass *layer,
                                    const nt_slice_factors *factors, const REAL *k, const REAL *theta, REAL *k_out,
                                    REAL *theta_out, REAL *scratch) {
  const long columns = layer->columns.length, row = columns * SLICE_LANES;
  const long out_row = layer->columns.out_length * SLICE_LANES;
  REAL *k_row = scratch, *theta_row = scratch + row;
  nt_window rows = layer->rows, along = layer->columns;
  rows.inner = row;
  along.outer = 1;
  along.inner = SLICE_LANES;
  nt_slice_pass one = *layer;
  const nt_window single = {1, 1, 1, 1, 1, 1, 1, 0}, none = {1, columns, 1, columns, 1, 1, 1, 0};
  one.rows = single;
  if (form.columns == 0) one.columns = none;
  const nt_layer_form one_form = {1, form.columns == 0 ? 1 : form.columns, form.theta, form.affine};
  const long lanes = factors->first_has_lanes ? SLICE_LANES : 1;
  for (long y = 0; y < rows.out_length; y++, k_out += out_row) {
    TYPED(nt_window_point)(&rows, y, SPLAT_R(1), k, k_row);
    if (form.theta == nt_theta_given) TYPED(nt_window_point)(&rows, y, SPLAT_R(1), theta, theta_row);
    nt_slice_factors here = *factors;
    here.first = (const REAL *)factors->first + y * factors->first_row * lanes;
    here.second = (const REAL *)factors->second + y * factors->second_row * SLICE_LANES;
    if (form.columns == 0) {
      TYPED(nt_layer_dispatch)(one_form, &one, &here, k_row, theta_row, k_row, theta_row, scratch);
      TYPED(nt_slice_window)(along, 1, k_row, k_out);
      if (form.theta) TYPED(nt_slice_window)(along, 1, theta_row, theta_out);
    } else {
      TYPED(nt_layer_dispatch)(one_form, &one, &here, k_row, theta_row, k_out, theta_out, scratch);
    }
    if (form.theta) theta_out += out_row;
  }
}

static void TYPED(nt_slice_pass)(const nt_slice_pass *layer, const nt_slice_factors *factors, const REAL *k,
                                  const REAL *theta, REAL *k_out, REAL *theta_out, REAL *scratch) {
  const nt_window *rows = &layer->rows, *columns = &layer->columns;
  const int is_pointwise = columns->window == 1 && columns->stride == 1 && columns->low == 0 &&
                           columns->out_length == columns->length;
  const int slides = columns->window == 3 && columns->stride == 1 && columns->dilation == 1;
  const nt_affine *affine = &layer->affine;
  const int is_sum = affine->weight_variance == 1 && affine->theta_from_input == 0 && affine->theta_from_output == 1 &&
                     affine->theta_constant == 0;
  nt_layer_form form;
  form.rows = (int)rows->window;
  form.columns = is_pointwise ? 1 : slides ? 3 : 0;
  form.theta = theta_out == NULL || (theta == NULL && !layer->theta_is_zero) ? nt_theta_absent
               : layer->theta_is_zero                                        ? nt_theta_zero
                                                                             : nt_theta_given;
  form.affine = is_sum ? nt_affine_sum : nt_affine_any;
  if (columns->length == 0) {
    const long count = rows->out_length * columns->out_length * SLICE_LANES;
    for (long j = 0; j < count; j += R_LANES) {
      STORE_R(k_out + j, SPLAT_R(0));
      if (form.theta) STORE_R(theta_out + j, SPLAT_R(0));
    }
  } else if (form.columns != 0 && (form.rows == 1 || form.rows == 3)) {
    const long row = columns->length * SLICE_LANES;
    for (long j = 0; j < row; j += R_LANES) STORE_R(scratch + j, SPLAT_R(0));
    TYPED(nt_layer_dispatch)(form, layer, factors, k, theta, k_out, theta_out, scratch);
  } else {
    TYPED(nt_layer_by_rows)(form, layer, factors, k, theta, k_out, theta_out, scratch);
  }
}
