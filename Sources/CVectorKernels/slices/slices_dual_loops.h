// The loop over a slice of a dual.

// Where the factors of both inputs stand for row y.
#define FIRST_FACTORS(factors, y) \
  ((const REAL *)(factors)->first + (y) * (factors)->first_row * ((factors)->first_has_lanes ? SLICE_LANES : 1))
#define SECOND_FACTORS(factors, y) ((const REAL *)(factors)->second + (y) * (factors)->second_row * SLICE_LANES)

#undef DEFINE_DUAL_LOOPS
#define DEFINE_DUAL_LOOPS(kind)                                                                                       \
  static NT_INLINE void TYPED(nt_##kind##_slice_loop)(const nt_dual *dual, long rows, long columns,                   \
                                                      const nt_slice_factors *factors, REAL *restrict k,              \
                                                      REAL *restrict theta, int has_lanes, int with_theta) {          \
    const TYPED(nt_##kind##_constants) constants = TYPED(nt_##kind##_prepare)(dual);                                  \
    enum { count = nt_##kind##_factor_count };                                                                        \
    VR factors1[count + 1], factors2[count + 1];                                                                      \
    for (long y = 0; y < rows; y++) {                                                                                 \
      const REAL *first = FIRST_FACTORS(factors, y), *second = SECOND_FACTORS(factors, y);                            \
      for (long x = 0; x < columns; x++, k += SLICE_LANES, theta += with_theta ? SLICE_LANES : 0)                     \
        for (long v = 0; v < SLICE_LANES; v += R_LANES) {                                                             \
          NT_UNROLL for (int f = 0; f < count; f++) {                                                                 \
            const REAL *p = first + f * factors->first_stride;                                                        \
            factors1[f] = has_lanes ? LOAD_R(p + x * SLICE_LANES + v) : SPLAT_R(p[x]);                                \
            factors2[f] = LOAD_R(second + f * factors->second_stride + x * SLICE_LANES + v);                          \
          }                                                                                                           \
          VR slope;                                                                                                   \
          STORE_R(k + v, TYPED(nt_##kind)(&constants, factors1, factors2, LOAD_R(k + v), &slope));                    \
          if (with_theta) STORE_R(theta + v, LOAD_R(theta + v) * slope);                                              \
        }                                                                                                             \
    }                                                                                                                 \
  }                                                                                                                   \
  static void TYPED(nt_##kind##_slice)(const nt_dual *dual, long rows, long columns, const nt_slice_factors *factors, \
                                       REAL *k, REAL *theta) {                                                        \
    if (factors->first_has_lanes) {                                                                                   \
      if (theta != NULL)                                                                                              \
        TYPED(nt_##kind##_slice_loop)(dual, rows, columns, factors, k, theta, 1, 1);                                  \
      else                                                                                                            \
        TYPED(nt_##kind##_slice_loop)(dual, rows, columns, factors, k, theta, 1, 0);                                  \
    } else {                                                                                                          \
      if (theta != NULL)                                                                                              \
        TYPED(nt_##kind##_slice_loop)(dual, rows, columns, factors, k, theta, 0, 1);                                  \
      else                                                                                                            \
        TYPED(nt_##kind##_slice_loop)(dual, rows, columns, factors, k, theta, 0, 0);                                  \
    }                                                                                                                 \
  }
