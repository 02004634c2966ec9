// The dual of any kind on a slice.

static void TYPED(nt_polynomial_slice)(const nt_dual *dual, long rows, long columns, const nt_slice_factors *factors,
                                       REAL *k, REAL *theta) {
  const int has_lanes = factors->first_has_lanes;
  for (long y = 0; y < rows; y++)
    for (long x = 0; x < columns; x++) {
      const long place = (y * columns + x) * SLICE_LANES;
      TYPED(nt_polynomial_loop)(
        dual, SLICE_LANES, FIRST_FACTORS(factors, y) + x * (has_lanes ? SLICE_LANES : 1), factors->first_stride,
        SECOND_FACTORS(factors, y) + x * SLICE_LANES, factors->second_stride, k + place,
        theta == NULL ? NULL : theta + place, !has_lanes);
    }
}

// The factors of a series stand together per position: their strides are one number's, and rows and positions are as many
// numbers wide as there are factors.
static void TYPED(nt_series_slice)(const nt_dual *dual, long rows, long columns, const nt_slice_factors *factors, REAL *k,
                                   REAL *theta) {
  const int has_lanes = factors->first_has_lanes;
  const long count = nt_series_factors_per_input(dual->series);
  TYPED(nt_series_pending) pending;
  pending.count = 0;
  for (long y = 0; y < rows; y++)
    for (long x = 0; x < columns; x++) {
      const long place = (y * columns + x) * SLICE_LANES;
      TYPED(nt_series_loop)(
        dual->series, &pending, SLICE_LANES, FIRST_FACTORS(factors, y) + x * count * (has_lanes ? SLICE_LANES : 1),
        factors->first_stride, SECOND_FACTORS(factors, y) + x * count * SLICE_LANES, factors->second_stride, k + place,
        theta == NULL ? NULL : theta + place, !has_lanes);
    }
  TYPED(nt_series_finish)(dual->series, &pending);
}

static void TYPED(nt_slice_dual)(const nt_dual *dual, long rows, long columns, const nt_slice_factors *factors,
                                 REAL *k, REAL *theta) {
#define CASE(kind, count) \
  case nt_dual_##kind: TYPED(nt_##kind##_slice)(dual, rows, columns, factors, k, theta); break;
  if (dual->kind == nt_dual_ab_relu) {
    TYPED(nt_ab_relu_points)(dual, rows, columns, factors, k, theta);
    return;
  }
  switch (dual->kind) { FOR_EACH_DUAL(CASE) }
#undef CASE
}
