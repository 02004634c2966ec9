// Included once per instruction set; plain loops that the compiler vectorises for it.

// Blocks of 16 without an exit in between vectorise; the few that hold a hit are searched again.
#define FIND_AT_LEAST(name, type, absolute)                                                               \
  static long NAME(name)(long n, long start, const type *k, type factor, const type *scale) {             \
    long j = start;                                                                                       \
    for (; j + 16 <= n; j += 16) {                                                                        \
      int hits = 0;                                                                                       \
      for (int l = 0; l < 16; l++) hits |= absolute(k[j + l]) >= factor * scale[j + l];                   \
      if (hits) break;                                                                                    \
    }                                                                                                     \
    for (; j < n; j++)                                                                                    \
      if (absolute(k[j]) >= factor * scale[j]) return j;                                                  \
    return n;                                                                                             \
  }

FIND_AT_LEAST(find_at_least_f32, float, __builtin_fabsf)
FIND_AT_LEAST(find_at_least_f64, double, __builtin_fabs)

// A number is finite when its difference with itself is zero.
#define ALL_FINITE(name, type)                                           \
  static int NAME(name)(long n, const type *x) {                         \
    int bad = 0;                                                         \
    for (long j = 0; j < n; j++) bad |= !(x[j] - x[j] == (type)0);       \
    return !bad;                                                         \
  }

ALL_FINITE(all_finite_f32, float)
ALL_FINITE(all_finite_f64, double)

// Thirty-two partial sums, added up pairwise, whatever the width of the vectors: the same result everywhere.
#define SUM_OF_SQUARES(name, type)                                                          \
  static double NAME(name)(long n, const type *x) {                                         \
    double part[32] = {0};                                                                  \
    long j = 0;                                                                             \
    for (; j + 32 <= n; j += 32)                                                            \
      for (int l = 0; l < 32; l++) part[l] += (double)x[j + l] * (double)x[j + l];          \
    for (int l = 0; j + l < n; l++) part[l] += (double)x[j + l] * (double)x[j + l];         \
    for (int half = 16; half > 0; half /= 2)                                                \
      for (int l = 0; l < half; l++) part[l] += part[l + half];                             \
    return part[0];                                                                         \
  }

SUM_OF_SQUARES(sum_of_squares_f32, float)
SUM_OF_SQUARES(sum_of_squares_f64, double)

// Whether rows that begin at p and are stride elements apart all begin at multiples of 64 bytes.
#define IS_ALIGNED(p, stride) (((unsigned long)(p) | (unsigned long)((stride) * (long)sizeof *(p))) % 64 == 0)

// Non-temporal stores of one thread are seen by others after a fence only.
#if defined(__x86_64__)
#define STORE_FENCE() __builtin_ia32_sfence()
#else
#define STORE_FENCE() (void)0
#endif

#define STORE_BLOCK(name, type, VECTOR, LOAD)                                                               \
  static int NAME(name)(long rows, long columns, const type *source, long source_stride, type *target,      \
                        long target_stride) {                                                               \
    const long lanes = (long)(sizeof(VECTOR) / sizeof(type));                                               \
    int streams = IS_ALIGNED(target, target_stride);                                                        \
    VECTOR sum = (VECTOR)0;                                                                                 \
    int bad = 0;                                                                                            \
    for (long i = 0; i < rows; i++) {                                                                       \
      const type *from = source + i * source_stride;                                                        \
      type *to = target + i * target_stride;                                                                \
      long j = 0;                                                                                           \
      if (streams) {                                                                                        \
        for (; j + lanes <= columns; j += lanes) {                                                          \
          VECTOR v = LOAD(from + j);                                                                        \
          sum += v - v;                                                                                     \
          __builtin_nontemporal_store(v, (VECTOR *)(to + j));                                               \
        }                                                                                                   \
      } else {                                                                                              \
        for (; j + lanes <= columns; j += lanes) {                                                          \
          VECTOR v = LOAD(from + j);                                                                        \
          sum += v - v;                                                                                     \
          __builtin_memcpy(to + j, &v, sizeof v);                                                           \
        }                                                                                                   \
      }                                                                                                     \
      for (; j < columns; j++) {                                                                            \
        bad |= !(from[j] - from[j] == (type)0);                                                             \
        to[j] = from[j];                                                                                    \
      }                                                                                                     \
    }                                                                                                       \
    if (streams) STORE_FENCE();                                                                             \
    for (long l = 0; l < lanes; l++) bad |= !(sum[l] == (type)0);                                           \
    return !bad;                                                                                            \
  }

STORE_BLOCK(store_block_f32, float, VF, LOAD_F)
STORE_BLOCK(store_block_f64, double, VD, LOAD_D)

// Four rows at a time by shuffles, past the caches as in STORE_BLOCK; 16 rows fill whole cache lines of the target.
#define TRANSPOSE(name, type)                                                                                      \
  typedef type NAME(name##_four) __attribute__((ext_vector_type(4)));                                              \
  static inline __attribute__((always_inline)) void NAME(name##_block)(                                            \
      const type *source, long source_stride, type *target, long target_stride, int streams) {                     \
    NAME(name##_four) a, b, c, d;                                                                                  \
    __builtin_memcpy(&a, source, sizeof a);                                                                        \
    __builtin_memcpy(&b, source + source_stride, sizeof a);                                                        \
    __builtin_memcpy(&c, source + 2 * source_stride, sizeof a);                                                    \
    __builtin_memcpy(&d, source + 3 * source_stride, sizeof a);                                                    \
    NAME(name##_four) ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);                                          \
    NAME(name##_four) ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);                                         \
    NAME(name##_four) cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);                                          \
    NAME(name##_four) cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);                                         \
    NAME(name##_four) columns[4] = {__builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5),                           \
                                    __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7),                           \
                                    __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5),                         \
                                    __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7)};                        \
    for (int l = 0; l < 4; l++) {                                                                                  \
      if (streams)                                                                                                 \
        __builtin_nontemporal_store(columns[l], (NAME(name##_four) *)(target + l * target_stride));                \
      else                                                                                                         \
        __builtin_memcpy(target + l * target_stride, &columns[l], sizeof a);                                       \
    }                                                                                                              \
  }                                                                                                                \
  static inline __attribute__((always_inline)) void NAME(name##_all)(                                              \
      long rows, long columns, const type *source, long source_stride, type *target, long target_stride,           \
      int streams) {                                                                                               \
    for (long i0 = 0; i0 < rows; i0 += 16) {                                                                       \
      long i1 = i0 + 16 < rows ? i0 + 16 : rows, j = 0;                                                            \
      for (; j + 4 <= columns; j += 4) {                                                                           \
        long i = i0;                                                                                               \
        for (; i + 4 <= i1; i += 4)                                                                                \
          NAME(name##_block)(source + i * source_stride + j, source_stride, target + j * target_stride + i,        \
                             target_stride, streams);                                                              \
        for (; i < i1; i++)                                                                                        \
          for (int l = 0; l < 4; l++) target[(j + l) * target_stride + i] = source[i * source_stride + j + l];     \
      }                                                                                                            \
      for (; j < columns; j++)                                                                                     \
        for (long i = i0; i < i1; i++) target[j * target_stride + i] = source[i * source_stride + j];              \
    }                                                                                                              \
  }                                                                                                                \
  static void NAME(name)(long rows, long columns, const type *source, long source_stride, type *target,            \
                         long target_stride) {                                                                     \
    if (IS_ALIGNED(target, target_stride)) {                                                                       \
      NAME(name##_all)(rows, columns, source, source_stride, target, target_stride, 1);                            \
      STORE_FENCE();                                                                                               \
    } else {                                                                                                       \
      NAME(name##_all)(rows, columns, source, source_stride, target, target_stride, 0);                            \
    }                                                                                                              \
  }

TRANSPOSE(transpose_f32, float)
TRANSPOSE(transpose_f64, double)

#undef FIND_AT_LEAST
#undef ALL_FINITE
#undef SUM_OF_SQUARES
#undef STORE_BLOCK
#undef STORE_FENCE
#undef IS_ALIGNED
#undef TRANSPOSE
