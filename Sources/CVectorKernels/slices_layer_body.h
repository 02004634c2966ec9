// A layer of a convolutional network in one pass over a slice.
//
// Every element of the input is read once per tap of the window along the rows and every element of the output written
// once; what is between stays in registers. The sums along the columns are carried from position to position.

// What all positions of a layer share.
typedef struct {
  TYPED(nt_ab_relu_constants) dual;
  VR weight, bias, from_input, from_output, constant;
} TYPED(nt_layer_constants);

static NT_INLINE TYPED(nt_layer_constants) TYPED(nt_layer_prepare)(const nt_slice_layer *layer) {
  const nt_affine *affine = &layer->affine;
  TYPED(nt_layer_constants) constants = {
    TYPED(nt_ab_relu_prepare_scaled)(layer->dual, layer->scale),
    SPLAT_R(affine->weight_variance), SPLAT_R(affine->bias_variance),
    SPLAT_R(affine->theta_from_input), SPLAT_R(affine->theta_from_output), SPLAT_R(affine->theta_constant)};
  return constants;
}

// Which of its forms a loop has: the rows that a window takes (1 or 3), the columns (1 or 3), whether there is an NTK
// and whether one comes in, and whether the affine map is a sum.
typedef struct {
  int rows, columns, with_theta, theta_is_zero, is_sum;
} TYPED(nt_layer_form);

// The input rows of one output row.
typedef struct {
  const REAL *k[3], *theta[3];
} TYPED(nt_layer_rows);

static NT_INLINE VR TYPED(nt_layer_window)(int count, const REAL *const *rows, long place) {
  VR sum = LOAD_R(rows[0] + place);
  NT_UNROLL for (int i = 1; i < count; i++) sum += LOAD_R(rows[i] + place);
  return sum;
}

// Everything up to the window along the columns, at one position.
static NT_INLINE VR TYPED(nt_layer_point)(TYPED(nt_layer_form) form, const TYPED(nt_layer_constants) *constants,
                                          const TYPED(nt_layer_rows) *rows, const VR *factors1, const VR *factors2,
                                          long place, VR *theta) {
  VR input = TYPED(nt_layer_window)(form.rows, rows->k, place), slope;
  VR output = form.is_sum ? input + constants->bias : V_FMA(constants->weight, input, constants->bias);
  VR k = TYPED(nt_ab_relu)(&constants->dual, factors1, factors2, output, &slope);
  if (form.with_theta) {
    VR added = V_FMA(constants->from_output, output, constants->constant);
    if (!form.is_sum) added = V_FMA(constants->from_input, input, added);
    VR sum = added;
    if (!form.theta_is_zero) {
      VR before = TYPED(nt_layer_window)(form.rows, rows->theta, place);
      sum = form.is_sum ? before + added : V_FMA(constants->weight, before, added);
    }
    *theta = sum * slope;
  }
  return k;
}

static NT_INLINE void TYPED(nt_layer_row)(TYPED(nt_layer_form) form, const TYPED(nt_layer_constants) *constants,
                                          const nt_slice_factors *factors, const nt_window *window, long y, long v,
                                          const TYPED(nt_layer_rows) *rows, REAL *k_out, REAL *theta_out) {
  const REAL *first = FIRST_FACTORS(factors, y), *second = SECOND_FACTORS(factors, y) + v;
  const long columns = window->length, out_columns = window->out_length, shift = window->low - (form.columns - 1);
  TYPED(nt_trail) k_trail = {SPLAT_R(0), SPLAT_R(0)}, theta_trail = {SPLAT_R(0), SPLAT_R(0)};
  for (long o = 0; o < shift && o < out_columns; o++) {
    STORE_R(k_out + o * SLICE_LANES + v, SPLAT_R(0));
    if (form.with_theta) STORE_R(theta_out + o * SLICE_LANES + v, SPLAT_R(0));
  }
  for (long x = 0; x < columns; x++) {
    VR factors1[3], factors2[3];
    NT_UNROLL for (int f = 0; f < 3; f++) {
      const REAL *p = first + f * factors->first_stride;
      factors1[f] = factors->first_has_lanes ? LOAD_R(p + x * SLICE_LANES + v) : SPLAT_R(p[x]);
      factors2[f] = LOAD_R(second + f * factors->second_stride + x * SLICE_LANES);
    }
    VR theta = SPLAT_R(0);
    VR k = TYPED(nt_layer_point)(form, constants, rows, factors1, factors2, x * SLICE_LANES + v, &theta);
    if (form.columns == 1) {
      STORE_R(k_out + x * SLICE_LANES + v, k);
      if (form.with_theta) STORE_R(theta_out + x * SLICE_LANES + v, theta);
    } else {
      k = TYPED(nt_trailing_sum)(&k_trail, form.columns, k);
      if (form.with_theta) theta = TYPED(nt_trailing_sum)(&theta_trail, form.columns, theta);
      const long o = x + shift;
      if (o >= 0 && o < out_columns) {
        STORE_R(k_out + o * SLICE_LANES + v, k);
        if (form.with_theta) STORE_R(theta_out + o * SLICE_LANES + v, theta);
      }
    }
  }
  if (form.columns == 1) return;
  for (long o = columns + shift; o < out_columns; o++) {
    VR k = TYPED(nt_trailing_sum)(&k_trail, form.columns, SPLAT_R(0));
    VR theta = TYPED(nt_trailing_sum)(&theta_trail, form.columns, SPLAT_R(0));
    if (o < 0) continue;
    STORE_R(k_out + o * SLICE_LANES + v, k);
    if (form.with_theta) STORE_R(theta_out + o * SLICE_LANES + v, theta);
  }
}

// All rows. `zeros` is a row of zeros, for the rows of a window that are outside.
static NT_INLINE void TYPED(nt_layer_loop)(TYPED(nt_layer_form) form, const nt_slice_layer *layer,
                                           const nt_slice_factors *factors, const REAL *k, const REAL *theta,
                                           REAL *k_out, REAL *theta_out, const REAL *zeros) {
  const TYPED(nt_layer_constants) constants = TYPED(nt_layer_prepare)(layer);
  const nt_window *window = &layer->rows;
  const long row = layer->columns.length * SLICE_LANES, out_row = layer->columns.out_length * SLICE_LANES;
  for (long y = 0; y < window->out_length; y++, k_out += out_row, theta_out += form.with_theta ? out_row : 0) {
    TYPED(nt_layer_rows) rows;
    NT_UNROLL for (int i = 0; i < form.rows; i++) {
      const long from = y * window->stride + i * window->dilation - window->low;
      const int is_inside = from >= 0 && from < window->length;
      rows.k[i] = is_inside ? k + from * row : zeros;
      rows.theta[i] = form.theta_is_zero || !is_inside ? zeros : theta + from * row;
    }
    for (long v = 0; v < SLICE_LANES; v += R_LANES)
      TYPED(nt_layer_row)(form, &constants, factors, &layer->columns, y, v, &rows, k_out, theta_out);
  }
}

// Every form that the loop comes in.
#define FOR_EACH_LAYER(DO)                                                                              \
  DO(1, 1, 0, 0, 1) DO(1, 1, 1, 0, 1) DO(1, 1, 1, 1, 1) DO(1, 1, 0, 0, 0) DO(1, 1, 1, 0, 0) DO(1, 1, 1, 1, 0) \
  DO(1, 3, 0, 0, 1) DO(1, 3, 1, 0, 1) DO(1, 3, 1, 1, 1) DO(1, 3, 0, 0, 0) DO(1, 3, 1, 0, 0) DO(1, 3, 1, 1, 0) \
  DO(3, 1, 0, 0, 1) DO(3, 1, 1, 0, 1) DO(3, 1, 1, 1, 1) DO(3, 1, 0, 0, 0) DO(3, 1, 1, 0, 0) DO(3, 1, 1, 1, 0) \
  DO(3, 3, 0, 0, 1) DO(3, 3, 1, 0, 1) DO(3, 3, 1, 1, 1) DO(3, 3, 0, 0, 0) DO(3, 3, 1, 0, 0) DO(3, 3, 1, 1, 0)
#define LAYER_FORM(rows, columns, with_theta, theta_is_zero, is_sum) \
  ((rows == 3) + 2 * (columns == 3) + 4 * (with_theta) + 8 * (theta_is_zero) + 16 * (is_sum))

#define DEFINE_LAYER(rows, columns, with_theta, theta_is_zero, is_sum)                                               \
  static void NT_JOIN(TYPED(nt_layer_), NT_JOIN(_, rows##columns##with_theta##theta_is_zero##is_sum))(               \
      const nt_slice_layer *layer, const nt_slice_factors *factors, const REAL *k, const REAL *theta, REAL *k_out,   \
      REAL *theta_out, const REAL *zeros) {                                                                          \
    const TYPED(nt_layer_form) form = {rows, columns, with_theta, theta_is_zero, is_sum};                            \
    TYPED(nt_layer_loop)(form, layer, factors, k, theta, k_out, theta_out, zeros);                                   \
  }
FOR_EACH_LAYER(DEFINE_LAYER)
#undef DEFINE_LAYER

static void TYPED(nt_layer_dispatch)(TYPED(nt_layer_form) form, const nt_slice_layer *layer,
                                     const nt_slice_factors *factors, const REAL *k, const REAL *theta, REAL *k_out,
                                     REAL *theta_out, const REAL *zeros) {
#define CASE(rows, columns, with_theta, theta_is_zero, is_sum)                                             \
  case LAYER_FORM(rows, columns, with_theta, theta_is_zero, is_sum):                                       \
    NT_JOIN(TYPED(nt_layer_), NT_JOIN(_, rows##columns##with_theta##theta_is_zero##is_sum))(               \
      layer, factors, k, theta, k_out, theta_out, zeros);                                                  \
    break;
  switch (LAYER_FORM(form.rows, form.columns, form.with_theta, form.theta_is_zero, form.is_sum)) {
    FOR_EACH_LAYER(CASE)
  }
#undef CASE
}

// Windows that no loop is made for: the sums along the rows, and those along the columns if need be, are taken apart, row
// after row, with what is between them in scratch.
static void TYPED(nt_layer_by_rows)(TYPED(nt_layer_form) form, const nt_slice_layer *layer,
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
  const TYPED(nt_layer_form) one_form = {
    1, form.columns == 0 ? 1 : form.columns, form.with_theta, form.theta_is_zero, form.is_sum};
  const long lanes = factors->first_has_lanes ? SLICE_LANES : 1;
  for (long y = 0; y < rows.out_length; y++, k_out += out_row) {
    TYPED(nt_window_point)(&rows, y, SPLAT_R(1), k, k_row);
    if (form.with_theta && !form.theta_is_zero) TYPED(nt_window_point)(&rows, y, SPLAT_R(1), theta, theta_row);
    nt_slice_factors here = *factors;
    here.first = (const REAL *)factors->first + y * factors->first_row * lanes;
    here.second = (const REAL *)factors->second + y * factors->second_row * SLICE_LANES;
    if (form.columns == 0) {
      TYPED(nt_layer_dispatch)(one_form, &one, &here, k_row, theta_row, k_row, theta_row, scratch);
      TYPED(nt_slice_window)(along, 1, k_row, k_out);
      if (form.with_theta) TYPED(nt_slice_window)(along, 1, theta_row, theta_out);
    } else {
      TYPED(nt_layer_dispatch)(one_form, &one, &here, k_row, theta_row, k_out, theta_out, scratch);
    }
    if (form.with_theta) theta_out += out_row;
  }
}

static void TYPED(nt_slice_layer)(const nt_slice_layer *layer, const nt_slice_factors *factors, const REAL *k,
                                  const REAL *theta, REAL *k_out, REAL *theta_out, REAL *scratch) {
  const nt_window *rows = &layer->rows, *columns = &layer->columns;
  const int is_pointwise = columns->window == 1 && columns->stride == 1 && columns->low == 0 &&
                           columns->out_length == columns->length;
  const int slides = columns->window == 3 && columns->stride == 1 && columns->dilation == 1;
  TYPED(nt_layer_form) form;
  form.rows = rows->window;
  form.columns = is_pointwise ? 1 : slides ? 3 : 0;
  form.with_theta = theta_out != NULL && (theta != NULL || layer->theta_is_zero);
  form.theta_is_zero = form.with_theta && layer->theta_is_zero;
  form.is_sum = layer->affine.weight_variance == 1 && layer->affine.theta_from_input == 0;
  if (form.columns != 0 && (form.rows == 1 || form.rows == 3)) {
    const long row = columns->length * SLICE_LANES;
    for (long j = 0; j < row; j += R_LANES) STORE_R(scratch + j, SPLAT_R(0));
    TYPED(nt_layer_dispatch)(form, layer, factors, k, theta, k_out, theta_out, scratch);
  } else {
    TYPED(nt_layer_by_rows)(form, layer, factors, k, theta, k_out, theta_out, scratch);
  }
}

#undef FOR_EACH_LAYER
#undef LAYER_FORM
