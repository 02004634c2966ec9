// Convolutions as products of gathered rows with panels of a filter, all sums in registers.
//
// A block of pixels times a panel of columns fills most of the vector registers with sums; each load of a filter vector
// serves all pixels of the block, every element of the image all vectors of the panel.

#if NT_VECTOR_BYTES == 64 || !defined(__x86_64__)
#define BLOCK_ROWS 6
#define PANEL_VECTORS 4
#else
#define BLOCK_ROWS 6
#define PANEL_VECTORS 2
#endif
#define ENTRY (1 + BLOCK_ROWS)
#define UNROLLED _Pragma("clang loop unroll(full)")
#define INLINE static inline __attribute__((always_inline))

#define MULTIPLY_ADD_INTEGER(a, b, c) ((a) * (b) + (c))

// One function per shape of the block in registers: `f` is expanded for constants.
#define FOR_VECTORS(f, rows, ...)                                  \
  if (vectors == 4 && PANEL_VECTORS == 4) f(rows, PANEL_VECTORS, __VA_ARGS__); \
  else if (vectors == 2) f(rows, 2, __VA_ARGS__);                  \
  else f(rows, 1, __VA_ARGS__)
#define FOR_ROWS(f, ...)                                           \
  switch (rows) {                                                  \
    case 1: FOR_VECTORS(f, 1, __VA_ARGS__); break;                 \
    case 2: FOR_VECTORS(f, 2, __VA_ARGS__); break;                 \
    case 3: FOR_VECTORS(f, 3, __VA_ARGS__); break;                 \
    case 4: FOR_VECTORS(f, 4, __VA_ARGS__); break;                 \
    default: FOR_VECTORS(f, BLOCK_ROWS, __VA_ARGS__); break;       \
  }

#define DEFINE_CONVOLUTION(T, S, FMA)                                                                                  \
  typedef T NAME(nt_cv_##S) __attribute__((ext_vector_type(NT_VECTOR_BYTES / sizeof(T))));                             \
  INLINE NAME(nt_cv_##S) NAME(nt_load_cv_##S)(const T *p) {                                                            \
    NAME(nt_cv_##S) v;                                                                                                 \
    __builtin_memcpy(&v, p, sizeof v);                                                                                 \
    return v;                                                                                                          \
  }                                                                                                                    \
                                                                                                                       \
  static nt_convolution_tile NAME(nt_convolution_tile_##S)(void) {                                                     \
    nt_convolution_tile tile = {NT_VECTOR_BYTES / sizeof(T), PANEL_VECTORS, BLOCK_ROWS};                               \
    return tile;                                                                                                       \
  }                                                                                                                    \
                                                                                                                       \
  INLINE void NAME(nt_convolve_block_##S)(                                                                             \
    const int rows, const int vectors, long first, const long *entry, const long *last, nt_convolution_part part,      \
    const T *source, const T *zeros, const T *panel, long channels, T *target, const long *targets, long columns) {    \
    typedef NAME(nt_cv_##S) V;                                                                                         \
    const long lanes = NT_VECTOR_BYTES / sizeof(T), width = vectors * lanes;                                           \
    V sum[BLOCK_ROWS][PANEL_VECTORS];                                                                                  \
    UNROLLED for (int i = 0; i < rows; i++) {                                                                          \
      UNROLLED for (int j = 0; j < vectors; j++) sum[i][j] = (V)(T)0;                                                  \
    }                                                                                                                  \
    for (; entry < last; entry += ENTRY) {                                                                             \
      if (entry[0] < part.first_tap) continue;                                                                         \
      if (entry[0] >= part.last_tap) break;                                                                            \
      const T *x[BLOCK_ROWS];                                                                                          \
      UNROLLED for (int i = 0; i < rows; i++) {                                                                        \
        x[i] = entry[1 + first + i] < 0 ? zeros : source + entry[1 + first + i];                                       \
      }                                                                                                                \
      const T *w = panel + entry[0] * channels * width;                                                                \
      for (long c = part.first_channel; c < part.last_channel; c++) {                                                  \
        V b[PANEL_VECTORS];                                                                                            \
        UNROLLED for (int j = 0; j < vectors; j++) b[j] = NAME(nt_load_cv_##S)(w + c * width + j * lanes);             \
        UNROLLED for (int i = 0; i < rows; i++) {                                                                      \
          const V a = (V)x[i][c];                                                                                      \
          UNROLLED for (int j = 0; j < vectors; j++) sum[i][j] = FMA(a, b[j], sum[i][j]);                              \
        }                                                                                                              \
      }                                                                                                                \
    }                                                                                                                  \
    UNROLLED for (int i = 0; i < rows; i++) {                                                                          \
      T *to = target + targets[i];                                                                                     \
      if (columns == width) {                                                                                          \
        UNROLLED for (int j = 0; j < vectors; j++) {                                                                   \
          V v = sum[i][j];                                                                                             \
          if (part.adds) v += NAME(nt_load_cv_##S)(to + j * lanes);                                                    \
          __builtin_memcpy(to + j * lanes, &v, sizeof v);                                                              \
        }                                                                                                              \
      } else {                                                                                                         \
        T row[PANEL_VECTORS * (NT_VECTOR_BYTES / sizeof(T))];                                                          \
        UNROLLED for (int j = 0; j < vectors; j++) __builtin_memcpy(row + j * lanes, &sum[i][j], sizeof(V));           \
        if (part.adds)                                                                                                 \
          for (long j = 0; j < columns; j++) to[j] += row[j];                                                          \
        else                                                                                                           \
          for (long j = 0; j < columns; j++) to[j] = row[j];                                                           \
      }                                                                                                                \
    }                                                                                                                  \
  }                                                                                                                    \
                                                                                                                       \
  static void NAME(nt_convolve_##S)(                                                                                   \
    const nt_convolution_table *table, nt_convolution_part part, const void *source, const void *zeros,                \
    const void *panel, long channels, long vectors, void *target, long columns) {                                      \
    for (long p = 0, b = 0; p < table->pixels; p += BLOCK_ROWS, b++) {                                                 \
      const long *entry = table->entries + table->starts[b], *last = table->entries + table->starts[b + 1];            \
      const long end = table->pixels - p < BLOCK_ROWS ? table->pixels - p : BLOCK_ROWS;                                \
      for (long i = 0; i < end;) {                                                                                     \
        const long rows = nt_rows_of_step(BLOCK_ROWS, end - i);                                                        \
        FOR_ROWS(                                                                                                      \
          NAME(nt_convolve_block_##S), i, entry, last, part, source, zeros, panel, channels, target,                   \
          table->targets + p + i, columns)                                                                             \
        i += rows;                                                                                                     \
      }                                                                                                                \
    }                                                                                                                  \
  }                                                                                                                    \
                                                                                                                       \
  INLINE void NAME(nt_depthwise_block_##S)(                                                                            \
    const int rows, const int vectors, long first, const long *entry, const long *last, const T *source,               \
    const T *zeros, const T *filter, long channels, long c, T *target, const long *targets) {                          \
    typedef NAME(nt_cv_##S) V;                                                                                         \
    const long lanes = NT_VECTOR_BYTES / sizeof(T);                                                                    \
    V sum[BLOCK_ROWS][PANEL_VECTORS];                                                                                  \
    UNROLLED for (int i = 0; i < rows; i++) {                                                                          \
      UNROLLED for (int j = 0; j < vectors; j++) sum[i][j] = (V)(T)0;                                                  \
    }                                                                                                                  \
    for (; entry < last; entry += ENTRY) {                                                                             \
      V b[PANEL_VECTORS];                                                                                              \
      UNROLLED for (int j = 0; j < vectors; j++)                                                                       \
        b[j] = NAME(nt_load_cv_##S)(filter + entry[0] * channels + c + j * lanes);                                     \
      UNROLLED for (int i = 0; i < rows; i++) {                                                                        \
        const T *x = (entry[1 + first + i] < 0 ? zeros : source + entry[1 + first + i]) + c;                           \
        UNROLLED for (int j = 0; j < vectors; j++)                                                                     \
          sum[i][j] = FMA(NAME(nt_load_cv_##S)(x + j * lanes), b[j], sum[i][j]);                                       \
      }                                                                                                                \
    }                                                                                                                  \
    UNROLLED for (int i = 0; i < rows; i++) {                                                                          \
      UNROLLED for (int j = 0; j < vectors; j++)                                                                       \
        __builtin_memcpy(target + targets[i] + c + j * lanes, &sum[i][j], sizeof(V));                                  \
    }                                                                                                                  \
  }                                                                                                                    \
                                                                                                                       \
  static void NAME(nt_convolve_depthwise_##S)(                                                                         \
    const nt_convolution_table *table, const void *source, const void *zeros, const void *filter, long channels,       \
    void *target) {                                                                                                    \
    const long lanes = NT_VECTOR_BYTES / sizeof(T);                                                                    \
    for (long p = 0, b = 0; p < table->pixels; p += BLOCK_ROWS, b++) {                                                 \
      const long *entry = table->entries + table->starts[b], *last = table->entries + table->starts[b + 1];            \
      const long end = table->pixels - p < BLOCK_ROWS ? table->pixels - p : BLOCK_ROWS;                                \
      if (channels < lanes) {                                                                                          \
        for (long i = 0; i < end; i++)                                                                                 \
          for (long c = 0; c < channels; c++) {                                                                        \
            T sum = 0;                                                                                                 \
            for (const long *e = entry; e < last; e += ENTRY)                                                          \
              if (e[1 + i] >= 0) sum += ((const T *)source)[e[1 + i] + c] * ((const T *)filter)[e[0] * channels + c];  \
            ((T *)target)[table->targets[p + i] + c] = sum;                                                            \
          }                                                                                                            \
        continue;                                                                                                      \
      }                                                                                                                \
      for (long i = 0; i < end;) {                                                                                     \
        const long rows = nt_rows_of_step(BLOCK_ROWS, end - i);                                                        \
        for (long c = 0; c < channels;) {                                                                              \
          /* The last vector overlaps the one before it rather than end in single elements. */                         \
          if (c + lanes > channels) c = channels - lanes;                                                              \
          const long left = (channels - c) / lanes;                                                                    \
          const long vectors = left >= PANEL_VECTORS ? PANEL_VECTORS : left >= 2 ? 2 : 1;                              \
          FOR_ROWS(                                                                                                    \
            NAME(nt_depthwise_block_##S), i, entry, last, source, zeros, filter, channels, c, target,                  \
            table->targets + p + i)                                                                                    \
          c += vectors * lanes;                                                                                        \
        }                                                                                                              \
        i += rows;                                                                                                     \
      }                                                                                                                \
    }                                                                                                                  \
  }                                                                                                                    \
                                                                                                                       \
  INLINE void NAME(nt_correlate_block_##S)(                                                                            \
    const int rows, const int vectors, long count, const long *pairs, const T *source, const T *other, T *sums) {      \
    typedef NAME(nt_cv_##S) V;                                                                                         \
    const long lanes = NT_VECTOR_BYTES / sizeof(T), width = vectors * lanes;                                           \
    V sum[BLOCK_ROWS][PANEL_VECTORS];                                                                                  \
    UNROLLED for (int i = 0; i < rows; i++) {                                                                          \
      UNROLLED for (int j = 0; j < vectors; j++) sum[i][j] = (V)(T)0;                                                  \
    }                                                                                                                  \
    for (long p = 0; p < count; p++) {                                                                                 \
      const T *x = source + pairs[2 * p], *y = other + pairs[2 * p + 1] * width;                                       \
      V b[PANEL_VECTORS];                                                                                              \
      UNROLLED for (int j = 0; j < vectors; j++) b[j] = NAME(nt_load_cv_##S)(y + j * lanes);                           \
      UNROLLED for (int i = 0; i < rows; i++) {                                                                        \
        const V a = (V)x[i];                                                                                           \
        UNROLLED for (int j = 0; j < vectors; j++) sum[i][j] = FMA(a, b[j], sum[i][j]);                                \
      }                                                                                                                \
    }                                                                                                                  \
    UNROLLED for (int i = 0; i < rows; i++) {                                                                          \
      UNROLLED for (int j = 0; j < vectors; j++) {                                                                     \
        T *to = sums + i * width + j * lanes;                                                                          \
        const V v = NAME(nt_load_cv_##S)(to) + sum[i][j];                                                              \
        __builtin_memcpy(to, &v, sizeof v);                                                                            \
      }                                                                                                                \
    }                                                                                                                  \
  }                                                                                                                    \
                                                                                                                       \
  static void NAME(nt_correlate_##S)(                                                                                  \
    long count, const long *pairs, const void *source, const void *other, long all_rows, long vectors, void *sums) {   \
    const long width = vectors * (NT_VECTOR_BYTES / sizeof(T));                                                        \
    for (long c = 0; c < all_rows;) {                                                                                  \
      const long rows = nt_rows_of_step(BLOCK_ROWS, all_rows - c);                                                     \
      FOR_ROWS(                                                                                                        \
        NAME(nt_correlate_block_##S), count, pairs, (const T *)source + c, other, (T *)sums + c * width)               \
      c += rows;                                                                                                       \
    }                                                                                                                  \
  }                                                                                                                    \
                                                                                                                       \
  INLINE void NAME(nt_correlate_channels_##S)(                                                                         \
    const int vectors, long count, const long *pairs, const T *source, const T *other, T *sums) {                      \
    typedef NAME(nt_cv_##S) V;                                                                                         \
    const long lanes = NT_VECTOR_BYTES / sizeof(T);                                                                    \
    V sum[8];                                                                                                          \
    UNROLLED for (int j = 0; j < vectors; j++) sum[j] = (V)(T)0;                                                       \
    for (long p = 0; p < count; p++) {                                                                                 \
      const T *x = source + pairs[2 * p], *y = other + pairs[2 * p + 1];                                               \
      UNROLLED for (int j = 0; j < vectors; j++)                                                                       \
        sum[j] = FMA(NAME(nt_load_cv_##S)(x + j * lanes), NAME(nt_load_cv_##S)(y + j * lanes), sum[j]);                \
    }                                                                                                                  \
    UNROLLED for (int j = 0; j < vectors; j++) {                                                                       \
      const V v = NAME(nt_load_cv_##S)(sums + j * lanes) + sum[j];                                                     \
      __builtin_memcpy(sums + j * lanes, &v, sizeof v);                                                                \
    }                                                                                                                  \
  }                                                                                                                    \
                                                                                                                       \
  static void NAME(nt_correlate_depthwise_##S)(                                                                        \
    long count, const long *pairs, const void *source, const void *other, long channels, void *sums) {                 \
    const long lanes = NT_VECTOR_BYTES / sizeof(T);                                                                    \
    const T *x = source, *y = other;                                                                                   \
    T *to = sums;                                                                                                      \
    long c = 0;                                                                                                        \
    for (; c + 8 * lanes <= channels; c += 8 * lanes)                                                                  \
      NAME(nt_correlate_channels_##S)(8, count, pairs, x + c, y + c, to + c);                                          \
    for (; c + 4 * lanes <= channels; c += 4 * lanes)                                                                  \
      NAME(nt_correlate_channels_##S)(4, count, pairs, x + c, y + c, to + c);                                          \
    for (; c + lanes <= channels; c += lanes)                                                                          \
      NAME(nt_correlate_channels_##S)(1, count, pairs, x + c, y + c, to + c);                                          \
    for (; c < channels; c++) {                                                                                        \
      T sum = 0;                                                                                                       \
      for (long p = 0; p < count; p++) sum += x[pairs[2 * p] + c] * y[pairs[2 * p + 1] + c];                           \
      to[c] += sum;                                                                                                    \
    }                                                                                                                  \
  }

DEFINE_CONVOLUTION(float, f, V_FMA)
DEFINE_CONVOLUTION(double, d, V_FMA)
DEFINE_CONVOLUTION(uint32_t, i, MULTIPLY_ADD_INTEGER)

#undef BLOCK_ROWS
#undef PANEL_VECTORS
#undef ENTRY
#undef UNROLLED
#undef INLINE
#undef MULTIPLY_ADD_INTEGER
#undef FOR_VECTORS
#undef FOR_ROWS
#undef DEFINE_CONVOLUTION
