// Reductions of rows and of columns.

typedef float NAME(nt_hf) __attribute__((ext_vector_type(D_LANES)));
#define HF NAME(nt_hf)

static inline __attribute__((always_inline)) VD NAME(nt_widen_f)(const float *p) {
  HF v;
  __builtin_memcpy(&v, p, sizeof v);
  return __builtin_convertvector(v, VD);
}
static inline __attribute__((always_inline)) VD NAME(nt_widen_d)(const double *p) { return LOAD_D(p); }

#define ADD(p, q) ((p) + (q))
#define MULTIPLY(p, q) ((p) * (q))

// The fold of one block in eight chains, enough to hide the latency of the additions.
#define DEFINE_FOLD(T, SUFFIX, FOLD, OPERATION, NEUTRAL)                                                \
  static inline double NAME(nt_##FOLD##_block_##SUFFIX)(const T *x, size_t count) {                     \
    VD chain[8];                                                                                        \
    for (int k = 0; k < 8; k++) chain[k] = SPLAT_D(NEUTRAL);                                            \
    size_t i = 0;                                                                                       \
    for (; i + 8 * D_LANES <= count; i += 8 * D_LANES)                                                  \
      for (int k = 0; k < 8; k++) chain[k] = OPERATION(chain[k], NAME(nt_widen_##SUFFIX)(x + i + k * D_LANES)); \
    for (; i + D_LANES <= count; i += D_LANES) chain[0] = OPERATION(chain[0], NAME(nt_widen_##SUFFIX)(x + i)); \
    for (int width = 4; width > 0; width /= 2)                                                          \
      for (int k = 0; k < width; k++) chain[k] = OPERATION(chain[k], chain[k + width]);                 \
    double result = NEUTRAL;                                                                            \
    for (int lane = 0; lane < D_LANES; lane++) result = OPERATION(result, chain[0][lane]);              \
    for (; i < count; i++) result = OPERATION(result, (double)x[i]);                                    \
    return result;                                                                                      \
  }

DEFINE_FOLD(float, f, sum, ADD, 0)
DEFINE_FOLD(double, d, sum, ADD, 0)
DEFINE_FOLD(float, f, product, MULTIPLY, 1)
DEFINE_FOLD(double, d, product, MULTIPLY, 1)

#define DEFINE_SUM(T, SUFFIX)                                                                           \
  static double NAME(nt_sum_##SUFFIX)(const T *x, size_t count) {                                       \
    if (count <= SUM_BLOCK) return NAME(nt_sum_block_##SUFFIX)(x, count);                               \
    double sum = 0, error = 0;                                                                          \
    for (size_t i = 0; i < count; i += SUM_BLOCK)                                                       \
      nt_add_compensated(                                                                               \
        &sum, &error, NAME(nt_sum_block_##SUFFIX)(x + i, count - i < SUM_BLOCK ? count - i : SUM_BLOCK)); \
    return nt_compensated(sum, error);                                                                  \
  }

DEFINE_SUM(float, f)
DEFINE_SUM(double, d)

#include "elementwise_extreme_body.h"

#define ROWS(T, FIELD, EXPRESSION)                           \
  for (size_t i = 0; i < rows; i++) {                        \
    const T *r = (const T *)x + (ptrdiff_t)i * row;          \
    partials[i].FIELD = EXPRESSION;                          \
  }                                                          \
  break

#define ROWS_INTEGER(T, NEUTRAL, EXPRESSION)                 \
  for (size_t i = 0; i < rows; i++) {                        \
    const T *r = (const T *)x + (ptrdiff_t)i * row;          \
    int64_t p = NEUTRAL;                                     \
    for (size_t j = 0; j < columns; j++) {                   \
      const int64_t q = r[j];                                \
      p = EXPRESSION;                                        \
    }                                                        \
    partials[i].integer = p;                                 \
  }                                                          \
  break

static void NAME(nt_reduce_rows)(
  nt_reduction f, nt_dtype type, const void *x, size_t rows, size_t columns, ptrdiff_t row, nt_partial *partials) {
  switch (f * 4 + type) {
    case nt_sum * 4 + nt_float32: ROWS(float, real, NAME(nt_sum_f)(r, columns));
    case nt_sum * 4 + nt_float64: ROWS(double, real, NAME(nt_sum_d)(r, columns));
    case nt_sum * 4 + nt_int32: ROWS_INTEGER(int32_t, 0, p + q);
    case nt_sum * 4 + nt_bool: ROWS_INTEGER(uint8_t, 0, p + q);
    case nt_product * 4 + nt_float32: ROWS(float, real, NAME(nt_product_block_f)(r, columns));
    case nt_product * 4 + nt_float64: ROWS(double, real, NAME(nt_product_block_d)(r, columns));
    case nt_product * 4 + nt_int32: ROWS_INTEGER(int32_t, 1, (int64_t)((uint64_t)p * (uint64_t)q));
    case nt_product * 4 + nt_bool: ROWS_INTEGER(uint8_t, 1, p & q);
    case nt_reduce_min * 4 + nt_float32: ROWS(float, real, NAME(nt_min_f)(r, columns));
    case nt_reduce_min * 4 + nt_float64: ROWS(double, real, NAME(nt_min_d)(r, columns));
    case nt_reduce_min * 4 + nt_int32: ROWS_INTEGER(int32_t, INT32_MAX, q < p ? q : p);
    case nt_reduce_min * 4 + nt_bool: ROWS_INTEGER(uint8_t, 1, p & q);
    case nt_reduce_max * 4 + nt_float32: ROWS(float, real, NAME(nt_max_f)(r, columns));
    case nt_reduce_max * 4 + nt_float64: ROWS(double, real, NAME(nt_max_d)(r, columns));
    case nt_reduce_max * 4 + nt_int32: ROWS_INTEGER(int32_t, INT32_MIN, q > p ? q : p);
    case nt_reduce_max * 4 + nt_bool: ROWS_INTEGER(uint8_t, 0, p | q);
  }
}

// Rows are taken four at a time so that the partial results are loaded and stored less often than the elements.
#define COLUMNS(T, FIELD, P, NEUTRAL, EXPRESSION)                              \
  {                                                                            \
    P *result = (P *)partials;                                                 \
    for (size_t j = 0; j < columns; j++) result[j] = NEUTRAL;                  \
    size_t i = 0;                                                              \
    for (; i + 4 <= rows; i += 4) {                                            \
      const T *r0 = (const T *)x + (ptrdiff_t)i * row;                         \
      const T *r1 = r0 + row, *r2 = r1 + row, *r3 = r2 + row;                  \
      EACH for (size_t j = 0; j < columns; j++) {                              \
        P p = r0[j], q = r1[j];                                                \
        const P left = EXPRESSION;                                             \
        p = r2[j], q = r3[j];                                                  \
        const P right = EXPRESSION;                                            \
        p = left, q = right;                                                   \
        const P both = EXPRESSION;                                             \
        p = result[j], q = both;                                               \
        result[j] = EXPRESSION;                                                \
      }                                                                        \
    }                                                                          \
    for (; i < rows; i++) {                                                    \
      const T *r0 = (const T *)x + (ptrdiff_t)i * row;                         \
      EACH for (size_t j = 0; j < columns; j++) {                              \
        const P p = result[j], q = r0[j];                                      \
        result[j] = EXPRESSION;                                                \
      }                                                                        \
    }                                                                          \
    break;                                                                     \
  }

static void NAME(nt_reduce_columns)(
  nt_reduction f, nt_dtype type, const void *x, size_t rows, size_t columns, ptrdiff_t row, nt_partial *partials) {
  switch (f * 4 + type) {
    case nt_sum * 4 + nt_float32: COLUMNS(float, real, double, 0, p + q)
    case nt_sum * 4 + nt_float64: COLUMNS(double, real, double, 0, p + q)
    case nt_sum * 4 + nt_int32: COLUMNS(int32_t, integer, int64_t, 0, p + q)
    case nt_sum * 4 + nt_bool: COLUMNS(uint8_t, integer, int64_t, 0, p + q)
    case nt_product * 4 + nt_float32: COLUMNS(float, real, double, 1, p * q)
    case nt_product * 4 + nt_float64: COLUMNS(double, real, double, 1, p * q)
    case nt_product * 4 + nt_int32: COLUMNS(int32_t, integer, uint64_t, 1, p * q)
    case nt_product * 4 + nt_bool: COLUMNS(uint8_t, integer, int64_t, 1, p & q)
    case nt_reduce_min * 4 + nt_float32: COLUMNS(float, real, double, __builtin_inf(), q < p || q != q ? q : p)
    case nt_reduce_min * 4 + nt_float64: COLUMNS(double, real, double, __builtin_inf(), q < p || q != q ? q : p)
    case nt_reduce_min * 4 + nt_int32: COLUMNS(int32_t, integer, int64_t, INT32_MAX, q < p ? q : p)
    case nt_reduce_min * 4 + nt_bool: COLUMNS(uint8_t, integer, int64_t, 1, p & q)
    case nt_reduce_max * 4 + nt_float32: COLUMNS(float, real, double, -__builtin_inf(), q > p || q != q ? q : p)
    case nt_reduce_max * 4 + nt_float64: COLUMNS(double, real, double, -__builtin_inf(), q > p || q != q ? q : p)
    case nt_reduce_max * 4 + nt_int32: COLUMNS(int32_t, integer, int64_t, INT32_MIN, q > p ? q : p)
    case nt_reduce_max * 4 + nt_bool: COLUMNS(uint8_t, integer, int64_t, 0, p | q)
  }
}

#undef HF
#undef ADD
#undef MULTIPLY
#undef DEFINE_FOLD
#undef DEFINE_SUM
#undef ROWS
#undef ROWS_INTEGER
#undef COLUMNS
