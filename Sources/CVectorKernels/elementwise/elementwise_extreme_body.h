// The largest and the smallest element of a row.

// A comparison is false for NaN, so an accumulator that is NaN stays; a new NaN is taken in.
#define DEFINE_EXTREME(T, V, LANES, LOAD, SPLAT, EXTREME, BETTER, SUFFIX)                 \
  static T NAME(nt_##EXTREME##_##SUFFIX)(const T *x, size_t count) {                      \
    V chain[4];                                                                           \
    for (int k = 0; k < 4; k++) chain[k] = SPLAT(x[0]);                                   \
    size_t i = 0;                                                                         \
    for (; i + 4 * LANES <= count; i += 4 * LANES)                                        \
      for (int k = 0; k < 4; k++) {                                                       \
        const V v = LOAD(x + i + k * LANES);                                              \
        chain[k] = V_SELECT((v BETTER chain[k]) | (v != v), v, chain[k]);                 \
      }                                                                                   \
    for (int k = 1; k < 4; k++)                                                           \
      chain[0] = V_SELECT((chain[k] BETTER chain[0]) | (chain[k] != chain[k]), chain[k], chain[0]); \
    T result = chain[0][0];                                                               \
    for (int lane = 1; lane < LANES; lane++) {                                            \
      const T v = chain[0][lane];                                                         \
      result = v BETTER result || v != v ? v : result;                                    \
    }                                                                                     \
    for (; i < count; i++) result = x[i] BETTER result || x[i] != x[i] ? x[i] : result;   \
    return result;                                                                        \
  }

DEFINE_EXTREME(float, VF, F_LANES, LOAD_F, SPLAT_F, max, >, f)
DEFINE_EXTREME(float, VF, F_LANES, LOAD_F, SPLAT_F, min, <, f)
DEFINE_EXTREME(double, VD, D_LANES, LOAD_D, SPLAT_D, max, >, d)
DEFINE_EXTREME(double, VD, D_LANES, LOAD_D, SPLAT_D, min, <, d)

#undef DEFINE_EXTREME
