// Indices of extremes, vectorised over blocks of a row or over columns.

#include "elementwise_extreme_body.h"

// Extremes of blocks are found a vector at a time; only the block of the best is searched for its place. The first NaN
// is the answer, so once the best is NaN nothing improves on it.
#define DEFINE_ARG_ROW(T, SUFFIX, LARGEST, BETTER)                                                            \
  static int32_t NAME(nt_arg_##LARGEST##_row_##SUFFIX)(const T *x, size_t columns) {                          \
    enum { block = 1024 };                                                                                    \
    T best = x[0];                                                                                            \
    size_t start = 0;                                                                                         \
    for (size_t j = 0; j < columns && best == best; j += block) {                                             \
      const T v = NAME(nt_##LARGEST##_##SUFFIX)(x + j, columns - j < block ? columns - j : block);            \
      if (v BETTER best || v != v) best = v, start = j;                                                       \
    }                                                                                                         \
    if (best == best)                                                                                         \
      while (x[start] != best) start++;                                                                       \
    else                                                                                                      \
      while (x[start] == x[start]) start++;                                                                   \
    return (int32_t)start;                                                                                    \
  }

DEFINE_ARG_ROW(float, f, max, >)
DEFINE_ARG_ROW(float, f, min, <)
DEFINE_ARG_ROW(double, d, max, >)
DEFINE_ARG_ROW(double, d, min, <)

// Indices are kept in an integer as wide as an element, so that a vector of each is selected by the same mask.
#define DEFINE_ARG_COLUMNS(T, INDEX, SUFFIX)                                                                  \
  static void NAME(nt_arg_columns_##SUFFIX)(                                                                  \
    bool largest, const T *x, size_t rows, size_t columns, ptrdiff_t row, int32_t *indices) {                 \
    enum { width = 256 };                                                                                     \
    for (size_t j0 = 0; j0 < columns; j0 += width) {                                                          \
      const size_t count = columns - j0 < width ? columns - j0 : width;                                       \
      T best[width];                                                                                          \
      INDEX place[width];                                                                                     \
      for (size_t j = 0; j < count; j++) best[j] = x[j0 + j], place[j] = 0;                                   \
      for (size_t i = 1; i < rows; i++) {                                                                     \
        const T *r = x + (ptrdiff_t)i * row + j0;                                                             \
        if (largest)                                                                                          \
          EACH for (size_t j = 0; j < count; j++) {                                                           \
            const T v = r[j], b = best[j];                                                                    \
            const bool better = (v > b) | ((v != v) & (b == b));                                              \
            best[j] = better ? v : b;                                                                         \
            place[j] = better ? (INDEX)i : place[j];                                                          \
          }                                                                                                   \
        else                                                                                                  \
          EACH for (size_t j = 0; j < count; j++) {                                                           \
            const T v = r[j], b = best[j];                                                                    \
            const bool better = (v < b) | ((v != v) & (b == b));                                              \
            best[j] = better ? v : b;                                                                         \
            place[j] = better ? (INDEX)i : place[j];                                                          \
          }                                                                                                   \
      }                                                                                                       \
      for (size_t j = 0; j < count; j++) indices[j0 + j] = (int32_t)place[j];                                 \
    }                                                                                                         \
  }

DEFINE_ARG_COLUMNS(float, int32_t, f)
DEFINE_ARG_COLUMNS(double, int64_t, d)
DEFINE_ARG_COLUMNS(int32_t, int32_t, i)
DEFINE_ARG_COLUMNS(uint8_t, int32_t, b)

// Sums over rows, all columns of a tile side by side.
#define DEFINE_CUMULATIVE_COLUMNS(T, SUM, SUFFIX)                                                             \
  static void NAME(nt_cumulative_columns_##SUFFIX)(                                                           \
    const T *x, T *y, size_t rows, size_t columns, ptrdiff_t row) {                                           \
    enum { width = 256 };                                                                                     \
    for (size_t j0 = 0; j0 < columns; j0 += width) {                                                          \
      const size_t count = columns - j0 < width ? columns - j0 : width;                                       \
      SUM sum[width] = {0};                                                                                   \
      for (size_t i = 0; i < rows; i++) {                                                                     \
        const T *r = x + (ptrdiff_t)i * row + j0;                                                             \
        T *out = y + (ptrdiff_t)i * row + j0;                                                                 \
        EACH for (size_t j = 0; j < count; j++) {                                                             \
          sum[j] += (SUM)r[j];                                                                                \
          out[j] = (T)sum[j];                                                                                 \
        }                                                                                                     \
      }                                                                                                       \
    }                                                                                                         \
  }

DEFINE_CUMULATIVE_COLUMNS(float, double, f)
DEFINE_CUMULATIVE_COLUMNS(double, double, d)
DEFINE_CUMULATIVE_COLUMNS(int32_t, uint32_t, i)

#undef DEFINE_ARG_ROW
#undef DEFINE_ARG_COLUMNS
#undef DEFINE_CUMULATIVE_COLUMNS
