// The row and the diagonal of a dual, over one inline function that serves both, so that they agree bitwise.

#undef DEFINE_DUAL_LOOPS
#define DEFINE_DUAL_LOOPS(kind)                                                                                       \
  static NT_INLINE void TYPED(nt_##kind##_loop)(const nt_dual *dual, long n, const REAL *first, long first_stride,    \
                                                const REAL *second, long stride, REAL *restrict k,                    \
                                                REAL *restrict theta, int is_row, int with_theta) {                   \
    const TYPED(nt_##kind##_constants) constants = TYPED(nt_##kind##_prepare)(dual);                                  \
    enum { count = nt_##kind##_factor_count };                                                                        \
    VR factors1[count + 1], factors2[count + 1];                                                                      \
    NT_UNROLL for (int f = 0; f < count; f++) factors1[f] = SPLAT_R(is_row ? first[f * first_stride] : 0);            \
    for (long j = 0; j < n; j += R_LANES) {                                                                           \
      NT_UNROLL for (int f = 0; f < count; f++) factors2[f] = LOAD_R(second + f * stride + j);                        \
      VR slope;                                                                                                       \
      STORE_R(k + j, TYPED(nt_##kind)(&constants, is_row ? factors1 : factors2, factors2, LOAD_R(k + j), &slope));    \
      if (with_theta) STORE_R(theta + j, LOAD_R(theta + j) * slope);                                                  \
    }                                                                                                                 \
  }                                                                                                                   \
  static void TYPED(nt_##kind##_row)(const nt_dual *dual, long n, const REAL *first, long first_stride,               \
                                     const REAL *second, long stride, REAL *k, REAL *theta) {                         \
    if (theta != NULL)                                                                                                \
      TYPED(nt_##kind##_loop)(dual, n, first, first_stride, second, stride, k, theta, 1, 1);                          \
    else                                                                                                              \
      TYPED(nt_##kind##_loop)(dual, n, first, first_stride, second, stride, k, theta, 1, 0);                          \
  }                                                                                                                   \
  static void TYPED(nt_##kind##_diagonal)(const nt_dual *dual, long n, const REAL *factors, long stride, REAL *k,     \
                                          REAL *theta) {                                                              \
    if (theta != NULL)                                                                                                \
      TYPED(nt_##kind##_loop)(dual, n, factors, stride, factors, stride, k, theta, 0, 1);                             \
    else                                                                                                              \
      TYPED(nt_##kind##_loop)(dual, n, factors, stride, factors, stride, k, theta, 0, 0);                             \
  }
