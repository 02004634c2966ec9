// A layer of a convolutional network at one position of a slice, or with NT_PAIRS at two that follow each other.

#if NT_PAIRS
static NT_INLINE VR TYPED(nt_join)(VH low, VH high) {
  VR pair;
  pair.lo = low;
  pair.hi = high;
  return pair;
}
#define LOAD_POINTS(p) TYPED(nt_join)(LOAD_HALF(p), LOAD_HALF((p) + SLICE_LANES))
#define SPLAT_POINTS(p) TYPED(nt_join)((VH)(p)[0], (VH)(p)[1])
#else
#define LOAD_POINTS(p) LOAD_R(p)
#define SPLAT_POINTS(p) SPLAT_R(*(p))
#endif

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

static NT_INLINE VR TYPED(nt_layer_window)(int count, const REAL *const *rows, long place) {
  VR sum = LOAD_POINTS(rows[0] + place);
  NT_UNROLL for (int i = 1; i < count; i++) sum += LOAD_POINTS(rows[i] + place);
  return sum;
}

static NT_INLINE VR TYPED(nt_layer_factor)(const REAL *first, long x, long v, int has_lanes) {
  if (has_lanes) return LOAD_POINTS(first + x * SLICE_LANES + v);
  return SPLAT_POINTS(first + x);
}

// Everything up to the window along the columns.
static NT_INLINE VR TYPED(nt_layer_point)(nt_layer_form form, const TYPED(nt_layer_constants) *constants,
                                          const nt_slice_factors *factors, const REAL *first, const REAL *second,
                                          const REAL *const *k_rows, const REAL *const *theta_rows, long x, long v,
                                          VR *theta) {
  const long place = x * SLICE_LANES + v;
  VR factors1[3], factors2[3];
  NT_UNROLL for (int f = 0; f < 3; f++) {
    factors1[f] = TYPED(nt_layer_factor)(first + f * factors->first_stride, x, v, factors->first_has_lanes);
    factors2[f] = LOAD_POINTS(second + f * factors->second_stride + place);
  }
  VR input = TYPED(nt_layer_window)(form.rows, k_rows, place), output = input, slope;
  if (form.affine == nt_affine_sum) output = input + constants->bias;
  if (form.affine == nt_affine_any) output = V_FMA(constants->weight, input, constants->bias);
  VR k = TYPED(nt_ab_relu)(&constants->dual, factors1, factors2, output, &slope);
  *theta = SPLAT_R(0);
  if (form.theta == nt_theta_absent) return k;
  VR before = form.theta == nt_theta_zero ? SPLAT_R(0) : TYPED(nt_layer_window)(form.rows, theta_rows, place);
  if (form.affine == nt_affine_sum) before += output;
  if (form.affine == nt_affine_any) {
    VR added = V_FMA(constants->from_input, input, V_FMA(constants->from_output, output, constants->constant));
    before = V_FMA(constants->weight, before, added);
  }
  *theta = before * slope;
  return k;
}

#undef LOAD_POINTS
#undef SPLAT_POINTS
