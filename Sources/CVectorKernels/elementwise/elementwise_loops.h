// Loops over matrices whose rows are contiguous or repeat one element, for bodies of every_instruction_set.h.
#pragma once

// An input may be the output itself, which is no dependence between iterations: without saying so the compiler would
// test for overlap and take a scalar loop exactly when an operation works in place.
#define EACH _Pragma("clang loop vectorize(assume_safety) interleave(enable)")

// out[i][j] = EXPRESSION of p = a[i][j] and q = b[i][j].
#define LOOP_2(T, OUT, EXPRESSION)                       \
  for (size_t i = 0; i < rows; i++) {                    \
    const T *x = (const T *)a.start + (ptrdiff_t)i * a.row; \
    const T *y = (const T *)b.start + (ptrdiff_t)i * b.row; \
    OUT *o = (OUT *)out + i * columns;                   \
    if (a.step && b.step) {                              \
      EACH for (size_t j = 0; j < columns; j++) {        \
        const T p = x[j], q = y[j];                      \
        o[j] = EXPRESSION;                               \
      }                                                  \
    } else if (a.step) {                                 \
      const T q = y[0];                                  \
      EACH for (size_t j = 0; j < columns; j++) {        \
        const T p = x[j];                                \
        o[j] = EXPRESSION;                               \
      }                                                  \
    } else {                                             \
      const T p = x[0];                                  \
      EACH for (size_t j = 0; j < columns; j++) {        \
        const T q = y[j];                                \
        o[j] = EXPRESSION;                               \
      }                                                  \
    }                                                    \
  }

// The inner loop of LOOP_3 for one combination of steps, which are constants after inlining.
#define LOOP_3_CASE(A, B, C, EXPRESSION)                                     \
  EACH for (size_t j = 0; j < columns; j++) {                                \
    const T1 p = x[(A) * j];                                                 \
    const T2 q = y[(B) * j], r = z[(C) * j];                                 \
    o[j] = EXPRESSION;                                                       \
  }                                                                          \
  break

// out[i][j] = EXPRESSION of p = a[i][j], q = b[i][j] and r = c[i][j].
#define LOOP_3(FIRST, OTHER, EXPRESSION)                         \
  {                                                              \
    typedef FIRST T1;                                            \
    typedef OTHER T2;                                            \
    for (size_t i = 0; i < rows; i++) {                          \
      const T1 *x = (const T1 *)a.start + (ptrdiff_t)i * a.row;  \
      const T2 *y = (const T2 *)b.start + (ptrdiff_t)i * b.row;  \
      const T2 *z = (const T2 *)c.start + (ptrdiff_t)i * c.row;  \
      T2 *o = (T2 *)out + i * columns;                           \
      switch ((a.step ? 4 : 0) + (b.step ? 2 : 0) + (c.step ? 1 : 0)) { \
        case 7: LOOP_3_CASE(1, 1, 1, EXPRESSION);                \
        case 6: LOOP_3_CASE(1, 1, 0, EXPRESSION);                \
        case 5: LOOP_3_CASE(1, 0, 1, EXPRESSION);                \
        case 4: LOOP_3_CASE(1, 0, 0, EXPRESSION);                \
        case 3: LOOP_3_CASE(0, 1, 1, EXPRESSION);                \
        case 2: LOOP_3_CASE(0, 1, 0, EXPRESSION);                \
        case 1: LOOP_3_CASE(0, 0, 1, EXPRESSION);                \
        default: LOOP_3_CASE(0, 0, 0, EXPRESSION);               \
      }                                                          \
    }                                                            \
  }
