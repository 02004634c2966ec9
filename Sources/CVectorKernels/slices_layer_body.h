// A layer of a convolutional network in one pass over a slice.
//
// Every element of the input is read once per tap of the window along the rows and every element of the output written
// once; what is between stays in registers. The sums along the columns are carried from position to position.

// What comes out of a position goes into the sums along the columns; sums that belong to no output go to `beside`, so
// that there is no branch.
static NT_INLINE void TYPED(nt_layer_emit)(nt_layer_form form, HALF(nt_trail) trails[2], long o, long out_columns, VH k,
                                           VH theta, REAL *k_out, REAL *theta_out, REAL *beside) {
  REAL *k_place = k_out + o * SLICE_LANES, *theta_place = theta_out + o * SLICE_LANES;
  if (form.columns > 1) {
    k = HALF(nt_trailing_sum)(&trails[0], form.columns, k);
    if (form.theta) theta = HALF(nt_trailing_sum)(&trails[1], form.columns, theta);
    const int is_inside = (unsigned long)o < (unsigned long)out_columns;
    k_place = is_inside ? k_place : beside;
    theta_place = is_inside ? theta_place : beside;
  }
  STORE_HALF(k_place, k);
  if (form.theta) STORE_HALF(theta_place, theta);
}

static NT_INLINE void TYPED(nt_layer_row)(nt_layer_form form, const TYPED(nt_layer_constants) *constants,
                                          const HALF(nt_layer_constants) *half_constants,
                                          const nt_slice_factors *factors, const nt_window *window, long y, long v,
                                          const REAL *const *k_rows, const REAL *const *theta_rows, REAL *k_out,
                                          REAL *theta_out, REAL *beside) {
  const REAL *first = FIRST_FACTORS(factors, y), *second = SECOND_FACTORS(factors, y);
  const long columns = window->length, out_columns = window->out_length;
  const long shift = form.columns == 1 ? 0 : window->low - (form.columns - 1);
  const VH zero = (VH)0;
  HALF(nt_trail) trails[2] = {{zero, zero}, {zero, zero}};
  k_out += v;
  theta_out += form.theta ? v : 0;
  for (long o = 0; o < shift && o < out_columns; o++) {
    STORE_HALF(k_out + o * SLICE_LANES, zero);
    if (form.theta) STORE_HALF(theta_out + o * SLICE_LANES, zero);
  }
  long x = 0;
  for (; x + 2 <= columns; x += 2) {
    VR theta;
    VR k = TYPED(nt_layer_point)(form, constants, factors, first, second, k_rows, theta_rows, x, v, &theta);
    TYPED(nt_layer_emit)(form, trails, x + shift, out_columns, k.lo, theta.lo, k_out, theta_out, beside);
    TYPED(nt_layer_emit)(form, trails, x + shift + 1, out_columns, k.hi, theta.hi, k_out, theta_out, beside);
  }
  if (x < columns) {
    VH theta;
    VH k = HALF(nt_layer_point)(form, half_constants, factors, first, second, k_rows, theta_rows, x, v, &theta);
    TYPED(nt_layer_emit)(form, trails, x + shift, out_columns, k, theta, k_out, theta_out, beside);
  }
  if (form.columns == 1) return;
  for (long o = columns + shift; o < out_columns; o++)
    TYPED(nt_layer_emit)(form, trails, o, out_columns, zero, zero, k_out, theta_out, beside);
}

// All rows. scratch begins with a row of zeros, for the rows of a window that are outside.
static NT_INLINE void TYPED(nt_layer_loop)(nt_layer_form form, const nt_slice_layer *layer,
                                           const nt_slice_factors *factors, const REAL *k, const REAL *theta,
                                           REAL *k_out, REAL *theta_out, REAL *scratch) {
  const TYPED(nt_layer_constants) constants = TYPED(nt_layer_prepare)(layer);
  const HALF(nt_layer_constants) half_constants = HALF(nt_layer_prepare)(layer);
  const nt_window *window = &layer->rows;
  const long row = layer->columns.length * SLICE_LANES, out_row = layer->columns.out_length * SLICE_LANES;
  for (long y = 0; y < window->out_length; y++, k_out += out_row, theta_out += form.theta ? out_row : 0) {
    const REAL *k_rows[3], *theta_rows[3];
    NT_UNROLL for (int i = 0; i < form.rows; i++) {
      const long from = y * window->stride + i * window->dilation - window->low;
      const int is_inside = from >= 0 && from < window->length;
      k_rows[i] = is_inside ? k + from * row : scratch;
      theta_rows[i] = form.theta == nt_theta_given && is_inside ? theta + from * row : scratch;
    }
    for (long v = 0; v < SLICE_LANES; v += HALF_LANES)
      TYPED(nt_layer_row)(form, &constants, &half_constants, factors, &layer->columns, y, v, k_rows, theta_rows, k_out,
                          theta_out, scratch + row);
  }
}

// Every form that the loop comes in; without an affine map it is the dual alone.
#define FOR_EACH_LAYER(DO)                                                                \
  DO(1, 1, 0, 0) DO(1, 1, 2, 0)                                                           \
  DO(1, 1, 0, 1) DO(1, 1, 1, 1) DO(1, 1, 2, 1) DO(1, 1, 0, 2) DO(1, 1, 1, 2) DO(1, 1, 2, 2) \
  DO(1, 3, 0, 1) DO(1, 3, 1, 1) DO(1, 3, 2, 1) DO(1, 3, 0, 2) DO(1, 3, 1, 2) DO(1, 3, 2, 2) \
  DO(3, 1, 0, 1) DO(3, 1, 1, 1) DO(3, 1, 2, 1) DO(3, 1, 0, 2) DO(3, 1, 1, 2) DO(3, 1, 2, 2) \
  DO(3, 3, 0, 1) DO(3, 3, 1, 1) DO(3, 3, 2, 1) DO(3, 3, 0, 2) DO(3, 3, 1, 2) DO(3, 3, 2, 2)
#define LAYER_FORM(rows, columns, theta, affine) ((rows == 3) + 2 * (columns == 3) + 4 * (theta) + 12 * (affine))
#define LAYER_NAME(rows, columns, theta, affine) NT_JOIN(TYPED(nt_layer_), rows##columns##theta##affine)

#define DEFINE_LAYER(rows, columns, theta_form, affine)                                                            \
  static void LAYER_NAME(rows, columns, theta_form, affine)(                                                       \
      const nt_slice_layer *layer, const nt_slice_factors *factors, const REAL *k, const REAL *theta, REAL *k_out, \
      REAL *theta_out, REAL *scratch) {                                                                        \
    const nt_layer_form form = {rows, columns, theta_form, affine};                                                \
    TYPED(nt_layer_loop)(form, layer, factors, k, theta, k_out, theta_out, scratch);                                 \
  }
FOR_EACH_LAYER(DEFINE_LAYER)
#undef DEFINE_LAYER

static void TYPED(nt_layer_dispatch)(nt_layer_form form, const nt_slice_layer *layer, const nt_slice_factors *factors,
                                     const REAL *k, const REAL *theta, REAL *k_out, REAL *theta_out,
                                     REAL *scratch) {
#define CASE(rows, columns, theta_form, affine)                                                                     \
  case LAYER_FORM(rows, columns, theta_form, affine):                                                               \
    LAYER_NAME(rows, columns, theta_form, affine)(layer, factors, k, theta, k_out, theta_out, scratch);               \
    break;
  switch (LAYER_FORM(form.rows, form.columns, form.theta, form.affine)) { FOR_EACH_LAYER(CASE) }
#undef CASE
}

// The dual alone, in place.
static void TYPED(nt_ab_relu_points)(const nt_dual *dual, long rows, long columns, const nt_slice_factors *factors,
                                     REAL *k, REAL *theta) {
  const nt_slice_layer layer = {
    dual, {1, 0, 0, 0, 0}, {1, rows, 1, rows, 1, 1, 1, 0}, {1, columns, 1, columns, 1, 1, 1, 0}, 1, 0};
  const nt_layer_form form = {1, 1, theta == NULL ? nt_theta_absent : nt_theta_given, nt_affine_none};
  TYPED(nt_layer_dispatch)(form, &layer, factors, k, theta, k, theta, NULL);
}

// Windows that no loop is made for: the sums along the rows, and those along the columns if need be, are taken apart, row
// after row, with what is between them in scratch.
static void TYPED(nt_layer_by_rows)(nt_layer_form form, const nt_slice_layer *layer,
                                    const nt_slice_factors *factors, const REAL *k, const REAL *theta, REAL *k_out,
                                    REAL *theta_out, REAL *scratch) {
  const long columns = layer->columns.length, row = columns * SLICE_LANES;
  const long out_row = layer->columns.out_length * SLICE_LANES;
  REAL *k_row = scratch, *theta_row = scratch + row;
  nt_window rows = layer->rows, along = layer->columns;
  rows.inner = row;
  along.outer = 1;
  along.inner = SLICE_LANES;
  nt_slice_layer one = *layer;
  const nt_window single = {1, 1, 1, 1, 1, 1, 1, 0}, none = {1, columns, 1, columns, 1, 1, 1, 0};
  one.rows = single;
  if (form.columns == 0) one.columns = none;
  const nt_layer_form one_form = {
    1, form.columns == 0 ? 1 : form.columns, form.theta, form.affine};
  const long lanes = factors->first_has_lanes ? SLICE_LANES : 1;
  for (long y = 0; y < rows.out_length; y++, k_out += out_row) {
    HALF(nt_window_point)(&rows, y, (VH)1, k, k_row);
    if (form.theta == nt_theta_given) HALF(nt_window_point)(&rows, y, (VH)1, theta, theta_row);
    nt_slice_factors here = *factors;
    here.first = (const REAL *)factors->first + y * factors->first_row * lanes;
    here.second = (const REAL *)factors->second + y * factors->second_row * SLICE_LANES;
    if (form.columns == 0) {
      TYPED(nt_layer_dispatch)(one_form, &one, &here, k_row, theta_row, k_row, theta_row, scratch);
      HALF(nt_slice_window)(along, 1, k_row, k_out);
      if (form.theta) HALF(nt_slice_window)(along, 1, theta_row, theta_out);
    } else {
      TYPED(nt_layer_dispatch)(one_form, &one, &here, k_row, theta_row, k_out, theta_out, scratch);
    }
    if (form.theta) theta_out += out_row;
  }
}

static void HALF(nt_slice_layer)(const nt_slice_layer *layer, const nt_slice_factors *factors, const REAL *k,
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
  if (form.columns != 0 && (form.rows == 1 || form.rows == 3)) {
    const long row = columns->length * SLICE_LANES;
    for (long j = 0; j < row; j += HALF_LANES) STORE_HALF(scratch + j, (VH)0);
    TYPED(nt_layer_dispatch)(form, layer, factors, k, theta, k_out, theta_out, scratch);
  } else {
    TYPED(nt_layer_by_rows)(form, layer, factors, k, theta, k_out, theta_out, scratch);
  }
}

#undef FOR_EACH_LAYER
#undef LAYER_FORM
#undef LAYER_NAME
