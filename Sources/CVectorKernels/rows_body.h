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

// Blocks of 16 rows and columns keep the cache lines of both sides alive.
#define TRANSPOSE(name, type)                                                                                      \
  static void NAME(name)(long rows, long columns, const type *restrict source, long source_stride,                 \
                         type *restrict target, long target_stride) {                                              \
    for (long i0 = 0; i0 < rows; i0 += 16) {                                                                       \
      long i1 = i0 + 16 < rows ? i0 + 16 : rows;                                                                   \
      for (long j0 = 0; j0 < columns; j0 += 16) {                                                                  \
        long j1 = j0 + 16 < columns ? j0 + 16 : columns;                                                           \
        if (i1 - i0 == 16 && j1 - j0 == 16) {                                                                      \
          for (long j = j0; j < j1; j++)                                                                           \
            for (int i = 0; i < 16; i++) target[j * target_stride + i0 + i] = source[(i0 + i) * source_stride + j]; \
        } else {                                                                                                   \
          for (long j = j0; j < j1; j++)                                                                           \
            for (long i = i0; i < i1; i++) target[j * target_stride + i] = source[i * source_stride + j];          \
        }                                                                                                          \
      }                                                                                                            \
    }                                                                                                              \
  }

TRANSPOSE(transpose_f32, float)
TRANSPOSE(transpose_f64, double)

#undef FIND_AT_LEAST
#undef ALL_FINITE
#undef SUM_OF_SQUARES
#undef TRANSPOSE
