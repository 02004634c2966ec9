// Included once per instruction set. A block of rows (or of vectors of columns) and of vectors keeps its sums in
// registers; every element of the tile is converted as it is loaded, once for each block of vectors.

// As many sums as fit in registers beside the elements and a factor: 20 of 32 registers, 10 of 16.
#if NT_VECTOR_BYTES == 64
#define TP_ROWS 4
#else
#define TP_ROWS 2
#endif
#define TP_VECTORS 5

typedef float NAME(tp_half) __attribute__((ext_vector_type(D_LANES)));

static inline __attribute__((always_inline)) VD NAME(tp_load_f32)(const float *p) {
  NAME(tp_half) v;
  __builtin_memcpy(&v, p, sizeof v);
  return __builtin_convertvector(v, VD);
}
static inline __attribute__((always_inline)) VD NAME(tp_load_f64)(const double *p) { return LOAD_D(p); }

// Sums of lanes in a fixed order.
static inline __attribute__((always_inline)) double NAME(tp_sum)(VD v) {
  double lanes[D_LANES], sum = 0;
  STORE_D(lanes, v);
  for (int l = 0; l < D_LANES; l++) sum += lanes[l];
  return sum;
}

#define UNROLLED _Pragma("clang loop unroll(full)")

#define TILE_PRODUCTS(suffix, type)                                                                                    \
  static inline __attribute__((always_inline)) void NAME(tp_rows_##suffix)(                                            \
      int rows, int vectors, long columns, const type *tile, long stride, const double *x, long x_stride, double *out, \
      long out_stride) {                                                                                               \
    VD sums[TP_ROWS][TP_VECTORS];                                                                                      \
    UNROLLED for (int r = 0; r < rows; r++)                                                                            \
      UNROLLED for (int v = 0; v < vectors; v++) sums[r][v] = (VD)0.0;                                                 \
    long k = 0;                                                                                                        \
    for (; k + D_LANES <= columns; k += D_LANES) {                                                                     \
      VD elements[TP_ROWS];                                                                                            \
      UNROLLED for (int r = 0; r < rows; r++) elements[r] = NAME(tp_load_##suffix)(tile + r * stride + k);             \
      UNROLLED for (int v = 0; v < vectors; v++) {                                                                     \
        VD factor = LOAD_D(x + v * x_stride + k);                                                                      \
        UNROLLED for (int r = 0; r < rows; r++) sums[r][v] = V_FMA(elements[r], factor, sums[r][v]);                   \
      }                                                                                                                \
    }                                                                                                                  \
    UNROLLED for (int r = 0; r < rows; r++)                                                                            \
      UNROLLED for (int v = 0; v < vectors; v++) {                                                                     \
        double sum = NAME(tp_sum)(sums[r][v]);                                                                         \
        for (long j = k; j < columns; j++) sum += (double)tile[r * stride + j] * x[v * x_stride + j];                  \
        out[v * out_stride + r] += sum;                                                                                \
      }                                                                                                                \
  }                                                                                                                    \
  static inline __attribute__((always_inline)) void NAME(tp_columns_##suffix)(                                         \
      int parts, int vectors, long rows, const type *tile, long stride, const double *x, long x_stride, double *out,   \
      long out_stride) {                                                                                               \
    VD sums[TP_ROWS][TP_VECTORS];                                                                                      \
    UNROLLED for (int p = 0; p < parts; p++)                                                                           \
      UNROLLED for (int v = 0; v < vectors; v++) sums[p][v] = LOAD_D(out + v * out_stride + p * D_LANES);              \
    for (long i = 0; i < rows; i++) {                                                                                  \
      VD elements[TP_ROWS];                                                                                            \
      UNROLLED for (int p = 0; p < parts; p++) elements[p] = NAME(tp_load_##suffix)(tile + i * stride + p * D_LANES);  \
      UNROLLED for (int v = 0; v < vectors; v++) {                                                                     \
        VD factor = SPLAT_D(x[v * x_stride + i]);                                                                      \
        UNROLLED for (int p = 0; p < parts; p++) sums[p][v] = V_FMA(elements[p], factor, sums[p][v]);                  \
      }                                                                                                                \
    }                                                                                                                  \
    UNROLLED for (int p = 0; p < parts; p++)                                                                           \
      UNROLLED for (int v = 0; v < vectors; v++) STORE_D(out + v * out_stride + p * D_LANES, sums[p][v]);              \
  }                                                                                                                    \
  static void NAME(tile_times_##suffix)(long rows, long columns, const type *tile, long stride, long vectors,          \
                                        const double *x, long x_stride, double *out, long out_stride) {                \
    long i = 0;                                                                                                        \
    for (; i + TP_ROWS <= rows; i += TP_ROWS) {                                                                        \
      long v = 0;                                                                                                      \
      for (; v + TP_VECTORS <= vectors; v += TP_VECTORS)                                                               \
        NAME(tp_rows_##suffix)(TP_ROWS, TP_VECTORS, columns, tile + i * stride, stride, x + v * x_stride, x_stride,    \
                               out + v * out_stride + i, out_stride);                                                  \
      for (; v + 2 <= vectors; v += 2)                                                                                 \
        NAME(tp_rows_##suffix)(TP_ROWS, 2, columns, tile + i * stride, stride, x + v * x_stride, x_stride,             \
                               out + v * out_stride + i, out_stride);                                                  \
      for (; v < vectors; v++)                                                                                         \
        NAME(tp_rows_##suffix)(TP_ROWS, 1, columns, tile + i * stride, stride, x + v * x_stride, x_stride,             \
                               out + v * out_stride + i, out_stride);                                                  \
    }                                                                                                                  \
    for (; i < rows; i++)                                                                                              \
      for (long v = 0; v < vectors; v++)                                                                               \
        NAME(tp_rows_##suffix)(1, 1, columns, tile + i * stride, stride, x + v * x_stride, x_stride,                   \
                               out + v * out_stride + i, out_stride);                                                  \
  }                                                                                                                    \
  static void NAME(tile_transposed_times_##suffix)(long rows, long columns, const type *tile, long stride,             \
                                                   long vectors, const double *x, long x_stride, double *out,          \
                                                   long out_stride) {                                                  \
    long k = 0;                                                                                                        \
    for (; k + TP_ROWS * D_LANES <= columns; k += TP_ROWS * D_LANES) {                                                 \
      long v = 0;                                                                                                      \
      for (; v + TP_VECTORS <= vectors; v += TP_VECTORS)                                                               \
        NAME(tp_columns_##suffix)(TP_ROWS, TP_VECTORS, rows, tile + k, stride, x + v * x_stride, x_stride,             \
                                  out + v * out_stride + k, out_stride);                                               \
      for (; v + 2 <= vectors; v += 2)                                                                                 \
        NAME(tp_columns_##suffix)(TP_ROWS, 2, rows, tile + k, stride, x + v * x_stride, x_stride,                      \
                                  out + v * out_stride + k, out_stride);                                               \
      for (; v < vectors; v++)                                                                                         \
        NAME(tp_columns_##suffix)(TP_ROWS, 1, rows, tile + k, stride, x + v * x_stride, x_stride,                      \
                                  out + v * out_stride + k, out_stride);                                               \
    }                                                                                                                  \
    for (; k + D_LANES <= columns; k += D_LANES)                                                                       \
      for (long v = 0; v < vectors; v++)                                                                               \
        NAME(tp_columns_##suffix)(1, 1, rows, tile + k, stride, x + v * x_stride, x_stride,                            \
                                  out + v * out_stride + k, out_stride);                                               \
    for (; k < columns; k++)                                                                                           \
      for (long v = 0; v < vectors; v++) {                                                                             \
        double sum = 0;                                                                                                \
        for (long i = 0; i < rows; i++) sum += (double)tile[i * stride + k] * x[v * x_stride + i];                     \
        out[v * out_stride + k] += sum;                                                                                \
      }                                                                                                                \
  }

TILE_PRODUCTS(f32, float)
TILE_PRODUCTS(f64, double)

#undef TILE_PRODUCTS
#undef UNROLLED
#undef TP_ROWS
#undef TP_VECTORS
