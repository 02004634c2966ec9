// Conversions between element types.

#define CONVERT(FROM, TO, EXPRESSION)                 \
  {                                                   \
    const FROM *from_ = x;                            \
    TO *to_ = y;                                      \
    EACH for (size_t i = 0; i < count; i++) {         \
      const FROM v = from_[i];                        \
      to_[i] = EXPRESSION;                            \
    }                                                 \
    return;                                           \
  }

// The cast is undefined for NaN and outside of int32, so those are replaced before it.
#define TO_INT(v, T)                                                                     \
  ((v) >= (T)2147483648.0 ? INT32_MAX                                                    \
                          : (int32_t)((v) >= (T)-2147483648.0 ? (v) : (v) == (v) ? (T)-2147483648.0 : (T)0))

static void NAME(nt_convert)(nt_dtype from, nt_dtype to, const void *x, void *y, size_t count) {
  switch (from * 4 + to) {
    case nt_float32 * 4 + nt_float64: CONVERT(float, double, v)
    case nt_float32 * 4 + nt_int32: CONVERT(float, int32_t, TO_INT(v, float))
    case nt_float32 * 4 + nt_bool: CONVERT(float, uint8_t, v != 0)
    case nt_float64 * 4 + nt_float32: CONVERT(double, float, (float)v)
    case nt_float64 * 4 + nt_int32: CONVERT(double, int32_t, TO_INT(v, double))
    case nt_float64 * 4 + nt_bool: CONVERT(double, uint8_t, v != 0)
    case nt_int32 * 4 + nt_float32: CONVERT(int32_t, float, (float)v)
    case nt_int32 * 4 + nt_float64: CONVERT(int32_t, double, v)
    case nt_int32 * 4 + nt_bool: CONVERT(int32_t, uint8_t, v != 0)
    case nt_bool * 4 + nt_float32: CONVERT(uint8_t, float, v)
    case nt_bool * 4 + nt_float64: CONVERT(uint8_t, double, v)
    case nt_bool * 4 + nt_int32: CONVERT(uint8_t, int32_t, v)
    default: return;
  }
}

#undef CONVERT
#undef TO_INT
