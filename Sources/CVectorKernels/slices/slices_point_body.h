// A layer of a convolutional network at one position of a slice, in four parts that take about the same time.

// What all positions of a layer share.
typedef struct {
  TYPED(nt_ab_relu_constants) dual;
  VR weight, bias, from_input, from_output, constant;
} TYPED(nt_layer_constants);

static NT_INLINE TYPED(nt_layer_constants) TYPED(nt_layer_prepare)(const nt_slice_pass *layer) {
  const nt_affine *affine = &layer->affine;
  TYPED(nt_layer_constants) constants = {
    TYPED(nt_ab_relu_prepare)(layer->dual),
    SPLAT_R(affine->weight_variance), SPLAT_R(affine->bias_variance),
    SPLAT_R(affine->theta_from_input), SPLAT_R(affine->theta_from_output), SPLAT_R(affine->theta_constant)};
  // What the compiler knows it would make anew in the loop, by instructions that cost more than a load.
  NT_UNROLL for (int i = 0; i < TYPED(nt_arc_count) - 1; i++) V_FORGET(constants.dual.arc[i]);
  return constants;
}

// Where one vector of lanes of a row is read: the rows of the window, and the factors.
typedef struct {
  const REAL *k[3], *theta[3], *first[3], *second[3];
  int first_has_lanes;
} TYPED(nt_layer_source);

// The covariance and the NTK after the window along the rows and the affine map.
typedef struct {
  VR k, theta;
} TYPED(nt_layer_input);

// The same with the dual begun, or almost done.
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

static NT_INLINE TYPED(nt_layer_input) TYPED(nt_layer_read)(nt_layer_form form,
                                                            const TYPED(nt_layer_constants) *constants,
                                                            const TYPED(nt_layer_source) *source, long x) {
  const long place = x * SLICE_LANES;
  VR input = TYPED(nt_layer_window)(form.rows, source->k, place), k = input, theta = SPLAT_R(0);
  if (form.affine == nt_affine_sum) k = input + constants->bias;
  if (form.affine == nt_affine_any) k = V_FMA(constants->weight, input, constants->bias);
  if (form.theta == nt_theta_given) theta = TYPED(nt_layer_window)(form.rows, source->theta, place);
  if (form.theta != nt_theta_absent && form.affine == nt_affine_sum) theta += k;
  if (form.theta != nt_theta_absent && form.affine == nt_affine_any) {
    VR added = V_FMA(constants->from_input, input, V_FMA(constants->from_output, k, constants->constant));
    theta = V_FMA(constants->weight, theta, added);
  }
  TYPED(nt_layer_input) read = {k, theta};
  return read;
}

static NT_INLINE TYPED(nt_layer_begun) TYPED(nt_layer_begin)(const TYPED(nt_layer_constants) *constants,
                                                             const TYPED(nt_layer_source) *source,
                                                             const TYPED(nt_layer_input) *input, long x) {
  const long place = x * SLICE_LANES;
  VR factors1[3], factors2[3];
  NT_UNROLL for (int f = 0; f < 3; f++) {
    factors1[f] = source->first_has_lanes ? LOAD_R(source->first[f] + place) : SPLAT_R(source->first[f][x]);
    factors2[f] = LOAD_R(source->second[f] + place);
  }
  TYPED(nt_layer_begun) begun = {
    input->k, input->theta, TYPED(nt_ab_relu_begin)(&constants->dual, factors1, factors2, input->k)};
  return begun;
}

static NT_INLINE TYPED(nt_layer_turned) TYPED(nt_layer_turn)(const TYPED(nt_layer_constants) *constants,
                                                             const TYPED(nt_layer_begun) *begun) {
  TYPED(nt_layer_turned) turned = {
    begun->k, begun->theta, TYPED(nt_ab_relu_turn)(&constants->dual, &begun->dual)};
  return turned;
}

// Where one vector of lanes of a row is written, and the sums along its columns.
typedef struct {
  REAL *k, *theta;
  long columns;
  TYPED(nt_trail) k_trail, theta_trail;
} TYPED(nt_layer_target);

// The window along the columns: its sum that ends here is output o.
static NT_INLINE void TYPED(nt_layer_put)(nt_layer_form form, TYPED(nt_layer_target) *target, long o, VR k, VR theta) {
  if (form.columns > 1) {
    k = TYPED(nt_trailing_sum)(&target->k_trail, form.columns, k);
    if (form.theta) theta = TYPED(nt_trailing_sum)(&target->theta_trail, form.columns, theta);
    if ((unsigned long)o >= (unsigned long)target->columns) return;
  }
  STORE_R(target->k + o * SLICE_LANES, k);
  if (form.theta) STORE_R(target->theta + o * SLICE_LANES, theta);
}

static NT_INLINE void TYPED(nt_layer_end)(nt_layer_form form, const TYPED(nt_layer_constants) *constants,
                                          const TYPED(nt_layer_turned) *turned, TYPED(nt_layer_target) *target,
                                          long o) {
  VR slope, k = TYPED(nt_ab_relu_end)(&constants->dual, &turned->dual, turned->k, &slope);
  TYPED(nt_layer_put)(form, target, o, k, turned->theta * slope);
}
