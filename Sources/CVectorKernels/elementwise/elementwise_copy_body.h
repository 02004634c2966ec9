// Strided copies of matrices of elements of 1, 4 and 8 bytes; transposition goes through square blocks in registers.

typedef uint32_t NAME(nt_v8x32) __attribute__((ext_vector_type(8)));
typedef uint64_t NAME(nt_v4x64) __attribute__((ext_vector_type(4)));
#define V8 NAME(nt_v8x32)
#define V4 NAME(nt_v4x64)

// target[j * target_row + i] = source[i * source_row + j] for i, j < 8.
static inline __attribute__((always_inline)) void NAME(nt_transpose_8x8)(
  uint32_t *target, ptrdiff_t target_row, const uint32_t *source, ptrdiff_t source_row) {
  V8 r[8], s[8];
  for (int i = 0; i < 8; i++) __builtin_memcpy(&r[i], source + i * source_row, sizeof r[i]);
  for (int i = 0; i < 4; i++) {
    s[2 * i] = __builtin_shufflevector(r[2 * i], r[2 * i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
    s[2 * i + 1] = __builtin_shufflevector(r[2 * i], r[2 * i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
  }
  for (int h = 0; h < 8; h += 4)
    for (int i = 0; i < 2; i++) {
      r[h + i] = __builtin_shufflevector(s[h + i], s[h + i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      r[h + i + 2] = __builtin_shufflevector(s[h + i], s[h + i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  for (int i = 0; i < 4; i++) {
    s[i] = __builtin_shufflevector(r[i], r[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    s[i + 4] = __builtin_shufflevector(r[i], r[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
  for (int i = 0; i < 8; i++) __builtin_memcpy(target + i * target_row, &s[i], sizeof s[i]);
}

// target[j * target_row + i] = source[i * source_row + j] for i, j < 4.
static inline __attribute__((always_inline)) void NAME(nt_transpose_4x4)(
  uint64_t *target, ptrdiff_t target_row, const uint64_t *source, ptrdiff_t source_row) {
  V4 r[4], s[4];
  for (int i = 0; i < 4; i++) __builtin_memcpy(&r[i], source + i * source_row, sizeof r[i]);
  for (int i = 0; i < 2; i++) {
    s[2 * i] = __builtin_shufflevector(r[2 * i], r[2 * i + 1], 0, 4, 2, 6);
    s[2 * i + 1] = __builtin_shufflevector(r[2 * i], r[2 * i + 1], 1, 5, 3, 7);
  }
  for (int i = 0; i < 2; i++) {
    r[i] = __builtin_shufflevector(s[i], s[i + 2], 0, 1, 4, 5);
    r[i + 2] = __builtin_shufflevector(s[i], s[i + 2], 2, 3, 6, 7);
  }
  for (int i = 0; i < 4; i++) __builtin_memcpy(target + i * target_row, &r[i], sizeof r[i]);
}

// Four blocks at a time fill whole cache lines of source and target before a line can be evicted; tiles of them keep
// the lines that the next columns need in the cache.
#define TILE 64

#define DEFINE_TRANSPOSE(T, SIDE, BLOCK)                                                                      \
  static void NAME(nt_transpose_##T)(                                                                         \
    T *target, ptrdiff_t target_row, const T *source, ptrdiff_t source_row, size_t rows, size_t columns) {    \
    for (size_t i0 = 0; i0 < rows; i0 += TILE)                                                                \
      for (size_t j0 = 0; j0 < columns; j0 += TILE) {                                                         \
        const size_t i1 = i0 + TILE < rows ? i0 + TILE : rows, j1 = j0 + TILE < columns ? j0 + TILE : columns; \
        size_t j = j0;                                                                                        \
        for (; j + 2 * SIDE <= j1; j += 2 * SIDE) {                                                           \
          size_t i = i0;                                                                                      \
          for (; i + 2 * SIDE <= i1; i += 2 * SIDE)                                                           \
            for (size_t k = 0; k < 2 * SIDE; k += SIDE)                                                       \
              for (size_t h = 0; h < 2 * SIDE; h += SIDE)                                                     \
                BLOCK(target + (ptrdiff_t)(j + k) * target_row + i + h, target_row,                           \
                      source + (ptrdiff_t)(i + h) * source_row + j + k, source_row);                          \
          for (; i < i1; i++)                                                                                 \
            for (size_t k = j; k < j + 2 * SIDE; k++)                                                         \
              target[(ptrdiff_t)k * target_row + i] = source[(ptrdiff_t)i * source_row + k];                  \
        }                                                                                                     \
        for (; j < j1; j++)                                                                                   \
          for (size_t i = i0; i < i1; i++)                                                                    \
            target[(ptrdiff_t)j * target_row + i] = source[(ptrdiff_t)i * source_row + j];                    \
      }                                                                                                       \
  }

// Bytes are copied one by one.
#define COPY_BLOCK_1(target, target_row, source, source_row) *(target) = *(source)

DEFINE_TRANSPOSE(uint32_t, 8, NAME(nt_transpose_8x8))
DEFINE_TRANSPOSE(uint64_t, 4, NAME(nt_transpose_4x4))
DEFINE_TRANSPOSE(uint8_t, 1, COPY_BLOCK_1)

#define DEFINE_COPY(T)                                                                                          \
  static void NAME(nt_copy_##T)(                                                                                \
    T *target, ptrdiff_t target_row, ptrdiff_t target_step, const T *source, ptrdiff_t source_row,              \
    ptrdiff_t source_step, size_t rows, size_t columns) {                                                       \
    if (target_row == 1 && source_step == 1 && target_step != 1)                                                \
      return NAME(nt_transpose_##T)(target, target_step, source, source_row, rows, columns);                    \
    if (target_step == 1 && source_row == 1 && source_step != 1)                                                \
      return NAME(nt_transpose_##T)(target, target_row, source, source_step, columns, rows);                    \
    for (size_t i = 0; i < rows; i++) {                                                                         \
      T *t = target + (ptrdiff_t)i * target_row;                                                                \
      const T *s = source + (ptrdiff_t)i * source_row;                                                          \
      if (target_step == 1 && source_step == 1) {                                                               \
        /* Rows far apart are streams of their own to the processor's prefetcher, which sees none. */           \
        for (size_t j = 0; j < columns; j += 64 / sizeof(T)) __builtin_prefetch(s + 16 * source_row + j);       \
        if (columns * sizeof(T) == 256)                                                                         \
          __builtin_memcpy(t, s, 256);                                                                          \
        else                                                                                                    \
          __builtin_memcpy(t, s, columns * sizeof(T));                                                          \
      } else if (target_step == 1 && source_step == 0) {                                                          \
        const T v = columns > 0 ? s[0] : 0;                                                                     \
        EACH for (size_t j = 0; j < columns; j++) t[j] = v;                                                     \
      } else if (target_step == 1 && source_step == -1) {                                                       \
        EACH for (size_t j = 0; j < columns; j++) t[j] = s[-(ptrdiff_t)j];                                      \
      } else                                                                                                    \
        for (size_t j = 0; j < columns; j++) t[(ptrdiff_t)j * target_step] = s[(ptrdiff_t)j * source_step];     \
    }                                                                                                           \
  }

DEFINE_COPY(uint8_t)
DEFINE_COPY(uint32_t)
DEFINE_COPY(uint64_t)

#undef V8
#undef V4
#undef TILE
#undef DEFINE_TRANSPOSE
#undef DEFINE_COPY
#undef COPY_BLOCK_1
