// Arithmetic, comparisons and selection; the compiler vectorises the plain loops for the instruction set.

// Both are false or NaN-propagating by construction: p wins when it is NaN, q when it is.
#define SMALLER(p, q) ((p) < (q) || (p) != (p) ? (p) : (q))
#define LARGER(p, q) ((p) > (q) || (p) != (p) ? (p) : (q))

#define DEFINE_FLOAT_ARITHMETIC(T, SUFFIX)                                                                       \
  static void NAME(nt_arithmetic_##SUFFIX)(                                                                      \
    nt_binary_function f, nt_operand a, nt_operand b, void *out, size_t rows, size_t columns) {                  \
    switch (f) {                                                                                                 \
      case nt_add: LOOP_2(T, T, p + q) break;                                                                    \
      case nt_subtract: LOOP_2(T, T, p - q) break;                                                               \
      case nt_multiply: LOOP_2(T, T, p * q) break;                                                               \
      case nt_divide: LOOP_2(T, T, p / q) break;                                                                 \
      case nt_minimum: LOOP_2(T, T, SMALLER(p, q)) break;                                                        \
      case nt_maximum: LOOP_2(T, T, LARGER(p, q)) break;                                                         \
      default: break;                                                                                            \
    }                                                                                                            \
  }

DEFINE_FLOAT_ARITHMETIC(float, f)
DEFINE_FLOAT_ARITHMETIC(double, d)

static void NAME(nt_arithmetic_i)(
  nt_binary_function f, nt_operand a, nt_operand b, void *out, size_t rows, size_t columns) {
  switch (f) {
    case nt_add: LOOP_2(uint32_t, uint32_t, p + q) break;
    case nt_subtract: LOOP_2(uint32_t, uint32_t, p - q) break;
    case nt_multiply: LOOP_2(uint32_t, uint32_t, p * q) break;
    case nt_minimum: LOOP_2(int32_t, int32_t, p < q ? p : q) break;
    case nt_maximum: LOOP_2(int32_t, int32_t, p > q ? p : q) break;
    default: break;
  }
}

static void NAME(nt_arithmetic_b)(
  nt_binary_function f, nt_operand a, nt_operand b, void *out, size_t rows, size_t columns) {
  switch (f) {
    case nt_minimum:
    case nt_and: LOOP_2(uint8_t, uint8_t, p & q) break;
    case nt_maximum:
    case nt_or: LOOP_2(uint8_t, uint8_t, p | q) break;
    case nt_xor: LOOP_2(uint8_t, uint8_t, p ^ q) break;
    default: break;
  }
}

#define DEFINE_COMPARE(T, SUFFIX)                                                                                \
  static void NAME(nt_compare_##SUFFIX)(                                                                         \
    nt_comparison f, nt_operand a, nt_operand b, bool *out, size_t rows, size_t columns) {                       \
    switch (f) {                                                                                                 \
      case nt_less: LOOP_2(T, uint8_t, p < q) break;                                                             \
      case nt_less_equal: LOOP_2(T, uint8_t, p <= q) break;                                                      \
      case nt_equal: LOOP_2(T, uint8_t, p == q) break;                                                           \
      case nt_not_equal: LOOP_2(T, uint8_t, p != q) break;                                                       \
      case nt_greater_equal: LOOP_2(T, uint8_t, p >= q) break;                                                   \
      case nt_greater: LOOP_2(T, uint8_t, p > q) break;                                                          \
    }                                                                                                            \
  }

DEFINE_COMPARE(float, f)
DEFINE_COMPARE(double, d)
DEFINE_COMPARE(int32_t, i)
DEFINE_COMPARE(uint8_t, b)

static void NAME(nt_multiply_add)(
  nt_dtype type, nt_operand a, nt_operand b, nt_operand c, void *out, size_t rows, size_t columns) {
  switch (type) {
    case nt_float32: LOOP_3(float, float, p * q + r) break;
    case nt_float64: LOOP_3(double, double, p * q + r) break;
    case nt_int32: LOOP_3(uint32_t, uint32_t, p * q + r) break;
    case nt_bool: break;
  }
}

static void NAME(nt_select)(
  nt_dtype type, nt_operand a, nt_operand b, nt_operand c, void *out, size_t rows, size_t columns) {
  switch (type) {
    case nt_float32:
    case nt_int32: LOOP_3(uint8_t, uint32_t, p ? q : r) break;
    case nt_float64: LOOP_3(uint8_t, uint64_t, p ? q : r) break;
    case nt_bool: LOOP_3(uint8_t, uint8_t, p ? q : r) break;
  }
}

#undef SMALLER
#undef LARGER
#undef DEFINE_FLOAT_ARITHMETIC
#undef DEFINE_COMPARE
