// A layer of a convolutional network at one position of a slice.
//
// From the loads to the result takes about ninety cycles, in which the processor could compute four positions, but it
// does not look so far ahead. So the work is cut in three, and each turn of the loop ends one position, goes on with the
// next, and begins with the one after.

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

// What is read in one row of the output, of one vector of lanes.
typedef struct {
  const REAL *k[3], *theta[3];   // the rows of the window
  const REAL *first, *second;    // factors
} TYPED(nt_layer_row);

// The covariance and the NTK that the dual takes, and the dual begun, or well under way.
typedef struct {
  VR k, theta;
  TYPED(nt_ab_relu_begun) dual;
} TYPED(nt_layer_begun);

typedef struct {
  VR k, theta;
  TYPED(nt_ab_relu_turned) dual;
} TYPED(nt_layer_turned);

static NT_INLINE VR TYPED(nt_layer_window)(int count, const REAL *const *rows, long place) {
  VR sum = LOAD_R(rows[0] + place);
  NT_UNROLL for (int i = 1; i < count; i++) sum += LOAD_R(rows[i] + place);
  return sum;
}

static NT_INLINE TYPED(nt_layer_begun) TYPED(nt_layer_begin)(
    nt_layer_form form, const TYPED(nt_layer_constants) *constants, const nt_slice_factors *factors,
    const TYPED(nt_layer_row) *row, long x) {
  const long place = x * SLICE_LANES;
  VR factors1[3], factors2[3];
  NT_UNROLL for (int f = 0; f < 3; f++) {
    const REAL *first = row->first + f * factors->first_stride;
    factors1[f] = factors->first_has_lanes ? LOAD_R(first + place) : SPLAT_R(first[x]);
    factors2[f] = LOAD_R(row->second + f * factors->second_stride + place);
  }
  TYPED(nt_layer_begun) begun;
  VR input = TYPED(nt_layer_window)(form.rows, row->k, place);
  begun.k = input;
  if (form.affine == nt_affine_sum) begun.k = input + constants->bias;
  if (form.affine == nt_affine_any) begun.k = V_FMA(constants->weight, input, constants->bias);
  begun.dual = TYPED(nt_ab_relu_begin)(factors1, factors2, begun.k);
  begun.theta = SPLAT_R(0);
  if (form.theta == nt_theta_absent) return begun;
  if (form.theta == nt_theta_given) begun.theta = TYPED(nt_layer_window)(form.rows, row->theta, place);
  if (form.affine == nt_affine_sum) begun.theta += begun.k;
  if (form.affine == nt_affine_any) {
    VR added = V_FMA(constants->from_input, input, V_FMA(constants->from_output, begun.k, constants->constant));
    begun.theta = V_FMA(constants->weight, begun.theta, added);
  }
  return begun;
}

static NT_INLINE TYPED(nt_layer_turned) TYPED(nt_layer_turn)(const TYPED(nt_layer_begun) *begun) {
  TYPED(nt_layer_turned) turned = {begun->k, begun->theta, TYPED(nt_ab_relu_turn)(begun->dual)};
  return turned;
}

static NT_INLINE VR TYPED(nt_layer_end)(const TYPED(nt_layer_constants) *constants,
                                        const TYPED(nt_layer_turned) *turned, VR *theta) {
  VR slope, k = TYPED(nt_ab_relu_end)(&constants->dual, turned->dual, turned->k, &slope);
  *theta = turned->theta * slope;
  return k;
}
