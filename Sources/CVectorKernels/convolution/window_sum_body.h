// Sums over the positions of a window along the middle axis of (outer, length, inner).

#define INLINE static inline __attribute__((always_inline))

// Rows of at most SHORT_ROW elements are too short for loops of their own: SHORT_ROWS elements of them make one.
#define SHORT_ROW 64
#define SHORT_ROWS 512
#define SHORT_WINDOW 8

#define DEFINE_WINDOW_SUM(T, S, BITS)                                                                                  \
  typedef T NAME(nt_wv_##S) __attribute__((ext_vector_type(NT_VECTOR_BYTES / sizeof(T))));                             \
  typedef BITS NAME(nt_wm_##S) __attribute__((ext_vector_type(NT_VECTOR_BYTES / sizeof(T))));                          \
                                                                                                                       \
  /* The outputs o with 0 <= o * stride + k * dilation - low < length. */                                              \
  INLINE long NAME(nt_window_begin_##S)(nt_window g, long k) {                                                         \
    const long shift = k * g.dilation - g.low;                                                                         \
    return shift < 0 ? (-shift + g.stride - 1) / g.stride : 0;                                                         \
  }                                                                                                                    \
  INLINE long NAME(nt_window_end_##S)(nt_window g, long k) {                                                           \
    const long room = g.length - k * g.dilation + g.low;                                                               \
    const long end = room > 0 ? (room - 1) / g.stride + 1 : 0;                                                         \
    return end < g.out_length ? end : g.out_length;                                                                    \
  }                                                                                                                    \
                                                                                                                       \
  INLINE void NAME(nt_window_row_##S)(nt_window g, long first, long last, const T *restrict x, T *restrict out) {      \
    const long inner = g.inner;                                                                                        \
    memset(out + first * inner, 0, (last - first) * inner * sizeof(T));                                                \
    for (long k = 0; k < g.window; k++) {                                                                              \
      long begin = NAME(nt_window_begin_##S)(g, k), end = NAME(nt_window_end_##S)(g, k);                               \
      if (begin < first) begin = first;                                                                                \
      if (end > last) end = last;                                                                                      \
      if (begin >= end) continue;                                                                                      \
      const T *p = x + (begin * g.stride + k * g.dilation - g.low) * inner;                                            \
      T *q = out + begin * inner;                                                                                      \
      if (g.stride == 1) {                                                                                             \
        for (long j = 0; j < (end - begin) * inner; j++) q[j] += p[j];                                                 \
      } else if (inner == 1) {                                                                                         \
        for (long o = 0; o < end - begin; o++) q[o] += p[o * g.stride];                                                \
      } else {                                                                                                         \
        for (long o = 0; o < end - begin; o++)                                                                         \
          for (long j = 0; j < inner; j++) q[o * inner + j] += p[o * g.stride * inner + j];                            \
      }                                                                                                                \
    }                                                                                                                  \
  }                                                                                                                    \
                                                                                                                       \
  /* Many short rows in one loop, whose masks leave out what belongs to another row; returns the next row.             \
     Starts with the second row, because loads reach into the rows before and after. */                                \
  static long NAME(nt_window_short_rows_##S)(nt_window g, const T *x, T *out) {                                        \
    typedef NAME(nt_wv_##S) V;                                                                                         \
    typedef NAME(nt_wm_##S) M;                                                                                         \
    const long lanes = NT_VECTOR_BYTES / sizeof(T), size = g.length * g.inner;                                         \
    const long rows = SHORT_ROWS / size, block = (rows * size + lanes - 1) / lanes * lanes;                            \
    BITS masks[SHORT_WINDOW][SHORT_ROWS + NT_VECTOR_BYTES / sizeof(T)];                                                \
    long shifts[SHORT_WINDOW], used = 0;                                                                               \
    for (long k = 0; k < g.window; k++) {                                                                              \
      const long begin = NAME(nt_window_begin_##S)(g, k), end = NAME(nt_window_end_##S)(g, k);                         \
      if (begin >= end) continue;                                                                                      \
      for (long j = 0; j < block; j++) {                                                                               \
        const long o = j % size / g.inner;                                                                             \
        masks[used][j] = o >= begin && o < end ? -1 : 0;                                                               \
      }                                                                                                                \
      shifts[used++] = (k * g.dilation - g.low) * g.inner;                                                             \
    }                                                                                                                  \
    long row = 1;                                                                                                      \
    for (; (row + rows + 1) * size + lanes <= g.outer * size; row += rows)                                             \
      for (long j = 0; j < block; j += lanes) {                                                                        \
        V sum = (V)(T)0;                                                                                               \
        for (long k = 0; k < used; k++) {                                                                              \
          M element, mask;                                                                                             \
          V kept;                                                                                                      \
          __builtin_memcpy(&element, x + row * size + j + shifts[k], sizeof element);                                  \
          __builtin_memcpy(&mask, masks[k] + j, sizeof mask);                                                          \
          element &= mask;                                                                                             \
          __builtin_memcpy(&kept, &element, sizeof kept);                                                              \
          sum += kept;                                                                                                 \
        }                                                                                                              \
        __builtin_memcpy(out + row * size + j, &sum, sizeof sum);                                                      \
      }                                                                                                                \
    return row;                                                                                                        \
  }                                                                                                                    \
                                                                                                                       \
  static void NAME(nt_window_sum_##S)(nt_window g, long first, long last, const void *x, void *out) {                  \
    const long from = g.length * g.inner, to = g.out_length * g.inner;                                                 \
    long row = 0;                                                                                                      \
    if (g.stride == 1 && g.out_length == g.length && from <= SHORT_ROW && g.window <= SHORT_WINDOW && first == 0 &&    \
        last == g.length && g.outer > 2 * SHORT_ROWS) {                                                                \
      NAME(nt_window_row_##S)(g, first, last, x, out);                                                                 \
      row = NAME(nt_window_short_rows_##S)(g, x, out);                                                                 \
    }                                                                                                                  \
    for (; row < g.outer; row++)                                                                                       \
      NAME(nt_window_row_##S)(g, first, last, (const T *)x + row * from, (T *)out + row * to);                         \
  }

DEFINE_WINDOW_SUM(float, f, int32_t)
DEFINE_WINDOW_SUM(double, d, int64_t)
DEFINE_WINDOW_SUM(uint32_t, i, int32_t)

#undef INLINE
#undef SHORT_ROW
#undef SHORT_ROWS
#undef SHORT_WINDOW
#undef DEFINE_WINDOW_SUM
