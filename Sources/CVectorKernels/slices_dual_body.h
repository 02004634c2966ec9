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
