// The row and the diagonal of a dual, over one inline function that serves both, so that they agree bitwise:
//   VR name(const name_constants *, const VR *factors1, const VR *factors2, VR q12, VR *slope)
// gives kappa, and in slope its derivative by q12 (dropped by the compiler where nobody wants it);
//   name_constants name_prepare(const nt_dual *)
// gives what it needs of the dual.

#undef DEFINE_DUAL_LOOPS
#define DEFINE_DUAL_LOOPS(name, factor_count)                                                                        \
  static NT_INLINE void TYPED(name##_loop)(const nt_dual *dual, long n, const REAL *first, long first_stride,        \
                                           const REAL *second, long stride, REAL *restrict k, REAL *restrict theta,  \
                                           int is_row, int with_theta) {                                             \
    const TYPED(name##_constants) constants = TYPED(name##_prepare)(dual);                                           \
    VR factors1[factor_count], factors2[factor_count];                                                               \
    NT_UNROLL for (int f = 0; f < factor_count; f++) factors1[f] = SPLAT_R(is_row ? first[f * first_stride] : 0);    \
    for (long j = 0; j < n; j += R_LANES) {                                                                          \
      NT_UNROLL for (int f = 0; f < factor_count; f++) factors2[f] = LOAD_R(second + f * stride + j);                \
      VR slope;                                                                                                      \
      STORE_R(k + j, TYPED(name)(&constants, is_row ? factors1 : factors2, factors2, LOAD_R(k + j), &slope));        \
      if (with_theta) STORE_R(theta + j, LOAD_R(theta + j) * slope);                                                 \
    }                                                                                                                \
  }                                                                                                                  \
  static void TYPED(name##_row)(const nt_dual *dual, long n, const REAL *first, long first_stride,                   \
                                const REAL *second, long stride, REAL *k, REAL *theta) {                             \
    if (theta != NULL)                                                                                               \
      TYPED(name##_loop)(dual, n, first, first_stride, second, stride, k, theta, 1, 1);                              \
    else                                                                                                             \
      TYPED(name##_loop)(dual, n, first, first_stride, second, stride, k, theta, 1, 0);                              \
  }                                                                                                                  \
  static void TYPED(name##_diagonal)(const nt_dual *dual, long n, const REAL *factors, long stride, REAL *k,         \
                                     REAL *theta) {                                                                  \
    if (theta != NULL)                                                                                               \
      TYPED(name##_loop)(dual, n, factors, stride, factors, stride, k, theta, 0, 1);                                 \
    else                                                                                                             \
      TYPED(name##_loop)(dual, n, factors, stride, factors, stride, k, theta, 0, 0);                                 \
  }
