// Functions of one argument, and pow and atan2, a vector at a time; the last vector of a row goes through a buffer.

DECLARE_SLEEF_1(cbrt, u10)
DECLARE_SLEEF_1(exp, u10)
DECLARE_SLEEF_1(expm1, u10)
DECLARE_SLEEF_1(log, u10)
DECLARE_SLEEF_1(log1p, u10)
DECLARE_SLEEF_1(sin, u10)
DECLARE_SLEEF_1(cos, u10)
DECLARE_SLEEF_1(tan, u10)
DECLARE_SLEEF_1(asin, u10)
DECLARE_SLEEF_1(acos, u10)
DECLARE_SLEEF_1(atan, u10)
DECLARE_SLEEF_1(sinh, u10)
DECLARE_SLEEF_1(cosh, u10)
DECLARE_SLEEF_1(tanh, u10)
DECLARE_SLEEF_1(asinh, u10)
DECLARE_SLEEF_1(acosh, u10)
DECLARE_SLEEF_1(atanh, u10)
DECLARE_SLEEF_1(erf, u10)
DECLARE_SLEEF_1(erfc, u15)
DECLARE_SLEEF_2(pow, u10)
DECLARE_SLEEF_2(atan2, u10)

// The inverse of erf, within 3 ulp after three steps, 2e-14 after two: Winitzki's approximation, off by at most 0.2 %,
// then Halley's method, which cubes the error. The residual is taken from erfc where 1 - x is exact.
// Source: S. Winitzki, "A handy approximation for the error function and its inverse" (2008), with a = 0.147.
static inline VD NAME(nt_erf_inverse_steps)(VD x, int steps) {
  const VD a = V_ABS(x), complement = 1.0 - a;
  const VD l = SLEEF_D(log, u10)(complement * (1.0 + a)), t = 4.330746750799873 + 0.5 * l;
  const VD root = V_SQRT(t * t - l / 0.147);
  VD y = V_SQRT(V_SELECT(t > 0.0, -l / (0.147 * (root + t)), root - t));
  for (int step = 0; step < steps; step++) {
    const VD residual =
      V_SELECT(a < 0.5, SLEEF_D(erf, u10)(y) - a, complement - SLEEF_D(erfc, u15)(y));
    const VD newton = residual * SLEEF_D(exp, u10)(y * y) * 0.88622692545275801;
    y -= newton / (1.0 + y * newton);
  }
  y = V_SELECT(a < 1.0, y, V_SELECT(a == 1.0, SPLAT_D(__builtin_inf()), SPLAT_D(__builtin_nan(""))));
  return V_COPYSIGN(y, x);
}

static VD NAME(nt_erf_inverse_d)(VD x) { return NAME(nt_erf_inverse_steps)(x, 3); }

static VF NAME(nt_erf_inverse_f)(VF x) {
  typedef float half __attribute__((ext_vector_type(D_LANES)));
  half h[2];
  __builtin_memcpy(h, &x, sizeof h);
  for (int i = 0; i < 2; i++)
    h[i] = __builtin_convertvector(NAME(nt_erf_inverse_steps)(__builtin_convertvector(h[i], VD), 2), half);
  __builtin_memcpy(&x, h, sizeof h);
  return x;
}

// SLEEF's log1p is infinite already for the largest numbers, whose logarithm is that of a 2^32-th plus 32 log 2.
static VD NAME(nt_log1p_d)(VD x) {
  const VD y = SLEEF_D(log1p, u10)(V_SELECT(x > 0x1p1000, x * 0x1p-32, x));
  return V_SELECT(x > 0x1p1000, y + 22.180709777918249, y);
}
static VF NAME(nt_log1p_f)(VF x) {
  const VF y = SLEEF_F(log1p, u10)(V_SELECT(x > 0x1p100f, x * 0x1p-32f, x));
  return V_SELECT(x > 0x1p100f, y + 22.180709777918249f, y);
}

static VD NAME(nt_tanh_d)(VD x) { return SLEEF_D(tanh, u10)(x); }

#if NT_HAS_FMA
// Within 0.82 ulp, found by trying every third float, and faster than SLEEF's. Below 0.65 the odd
// polynomial of degree 13; above, 1 - 2 / (exp 2x + 1), where exp keeps the part that rounding takes from its sum 1 + u,
// and the quotient is corrected by its residual. From 9.125 on the result rounds to 1.
static VF NAME(nt_tanh_f)(VF x) {
  const VF a = V_MIN(V_ABS(x), SPLAT_F(9.125f)), s = a * a;
  VF p = V_FMA(SPLAT_F(0.0017687437357380986f), s, SPLAT_F(-0.007743903901427984f));
  p = V_FMA(p, s, SPLAT_F(0.021526681259274483f));
  p = V_FMA(p, s, SPLAT_F(-0.053919222205877304f));
  p = V_FMA(p, s, SPLAT_F(0.13333073258399963f));
  p = V_FMA(p, s, SPLAT_F(-0.3333333134651184f));
  const VF small = V_FMA(a * s, p, a);

  const VF t = 2.0f * a, k = __builtin_elementwise_rint(t * 1.442695041f);
  // log 2 in two parts, the first of which times k is exact.
  const VF r = V_FMA(-k, SPLAT_F(1.428606765330187e-06f), V_FMA(-k, SPLAT_F(0.693145751953125f), t));
  VF q = V_FMA(SPLAT_F(1.39110978e-03f), r, SPLAT_F(8.36309791e-03f));
  q = V_FMA(q, r, SPLAT_F(4.16667052e-02f));
  q = V_FMA(q, r, SPLAT_F(1.66665778e-01f));
  q = V_FMA(q, r, SPLAT_F(0.5f));
  const VF u = V_FMA(r * r, q, r), sum = 1.0f + u;
  const VI exponent = (__builtin_convertvector(k, VI) + 127) << 23;
  VF power;
  __builtin_memcpy(&power, &exponent, sizeof power);
  const VF e = sum * power, d = e + 1.0f;
  const VF rest = (1.0f - (d - e)) + (u - (sum - 1.0f)) * power;
  const VF w = 2.0f / d;
  const VF residual = V_FMA(-w, d, SPLAT_F(2.0f)) - w * rest;
  const VF high = 1.0f - w;
  const VF large = high + (((1.0f - high) - w) - residual * w * 0.5f);
  const VF y = V_COPYSIGN(V_SELECT(a < 0.65f, small, large), x);
  return V_SELECT(x != x, x, y);
}
#else
static VF NAME(nt_tanh_f)(VF x) { return SLEEF_F(tanh, u10)(x); }
#endif

#define MAP(EXPRESSION)                                      \
  {                                                          \
    size_t j = 0;                                            \
    for (; j + LANES <= count; j += LANES) {                 \
      const V v = LOAD(x + j);                               \
      STORE(y + j, EXPRESSION);                              \
    }                                                        \
    if (j < count) {                                         \
      T last[LANES];                                         \
      STORE(last, (V)(T)1);                                  \
      __builtin_memcpy(last, x + j, (count - j) * sizeof(T)); \
      const V v = LOAD(last);                                \
      STORE(last, EXPRESSION);                               \
      __builtin_memcpy(y + j, last, (count - j) * sizeof(T)); \
    }                                                        \
    break;                                                   \
  }

#define MAP_2(CALL)                                                            \
  for (size_t i = 0; i < rows; i++) {                                          \
    const T *x = (const T *)a.start + (ptrdiff_t)i * a.row;                    \
    const T *y = (const T *)b.start + (ptrdiff_t)i * b.row;                    \
    T *o = out + i * columns;                                                  \
    const V x0 = (V)x[0], y0 = (V)y[0];                                        \
    size_t j = 0;                                                              \
    for (; j + LANES <= columns; j += LANES)                                   \
      STORE(o + j, CALL(a.step ? LOAD(x + j) : x0, b.step ? LOAD(y + j) : y0)); \
    if (j < columns) {                                                         \
      const size_t bytes = (columns - j) * sizeof(T);                          \
      T p[LANES], q[LANES];                                                    \
      STORE(p, x0);                                                            \
      STORE(q, y0);                                                            \
      if (a.step) __builtin_memcpy(p, x + j, bytes);                           \
      if (b.step) __builtin_memcpy(q, y + j, bytes);                           \
      STORE(p, CALL(LOAD(p), LOAD(q)));                                        \
      __builtin_memcpy(o + j, p, bytes);                                       \
    }                                                                          \
  }

#define DEFINE_FUNCTIONS                                                                     \
  static void FUNCTION(nt_elementary)(nt_unary_function f, const T *x, T *y, size_t count) { \
    switch (f) {                                                                             \
      case nt_negate: MAP(-v)                                                                \
      case nt_absolute: MAP(V_ABS(v))                                                        \
      case nt_sign: MAP(V_SELECT(v > 0, (V)(T)1, V_SELECT(v < 0, (V)(T)-1, v)))              \
      case nt_square: MAP(v * v)                                                             \
      case nt_floor: MAP(__builtin_elementwise_floor(v))                                     \
      case nt_ceil: MAP(__builtin_elementwise_ceil(v))                                       \
      case nt_round: MAP(__builtin_elementwise_rint(v))                                      \
      case nt_sqrt: MAP(V_SQRT(v))                                                           \
      case nt_rsqrt: MAP((T)1 / V_SQRT(v))                                                   \
      case nt_reciprocal: MAP((T)1 / v)                                                      \
      case nt_cbrt: MAP(SLEEF(cbrt, u10)(v))                                                 \
      case nt_exp: MAP(SLEEF(exp, u10)(v))                                                   \
      case nt_expm1: MAP(SLEEF(expm1, u10)(v))                                               \
      case nt_log: MAP(SLEEF(log, u10)(v))                                                   \
      case nt_log1p: MAP(FUNCTION(nt_log1p)(v))                                              \
      case nt_sin: MAP(SLEEF(sin, u10)(v))                                                   \
      case nt_cos: MAP(SLEEF(cos, u10)(v))                                                   \
      case nt_tan: MAP(SLEEF(tan, u10)(v))                                                   \
      case nt_asin: MAP(SLEEF(asin, u10)(v))                                                 \
      case nt_acos: MAP(SLEEF(acos, u10)(v))                                                 \
      case nt_atan: MAP(SLEEF(atan, u10)(v))                                                 \
      case nt_sinh: MAP(SLEEF(sinh, u10)(v))                                                 \
      case nt_cosh: MAP(SLEEF(cosh, u10)(v))                                                 \
      case nt_tanh: MAP(FUNCTION(nt_tanh)(v))                                                \
      case nt_asinh: MAP(SLEEF(asinh, u10)(v))                                               \
      case nt_acosh: MAP(SLEEF(acosh, u10)(v))                                               \
      case nt_atanh: MAP(SLEEF(atanh, u10)(v))                                               \
      case nt_erf: MAP(SLEEF(erf, u10)(v))                                                   \
      case nt_erfc: MAP(SLEEF(erfc, u15)(v))                                                 \
      case nt_erf_inverse: MAP(FUNCTION(nt_erf_inverse)(v))                                  \
      case nt_not: break;                                                                    \
    }                                                                                        \
  }                                                                                          \
  static void FUNCTION(nt_elementary_2)(                                                     \
    nt_binary_function f, nt_operand a, nt_operand b, T *out, size_t rows, size_t columns) { \
    if (columns == 0) return;                                                                \
    if (f == nt_power) MAP_2(SLEEF(pow, u10))                                                \
    if (f == nt_atan2) MAP_2(SLEEF(atan2, u10))                                              \
  }

#define T float
#define V VF
#define LANES F_LANES
#define LOAD LOAD_F
#define STORE STORE_F
#define SLEEF SLEEF_F
#define FUNCTION(base) NAME(base##_f)
DEFINE_FUNCTIONS
#undef T
#undef V
#undef LANES
#undef LOAD
#undef STORE
#undef SLEEF
#undef FUNCTION

#define T double
#define V VD
#define LANES D_LANES
#define LOAD LOAD_D
#define STORE STORE_D
#define SLEEF SLEEF_D
#define FUNCTION(base) NAME(base##_d)
DEFINE_FUNCTIONS
#undef T
#undef V
#undef LANES
#undef LOAD
#undef STORE
#undef SLEEF
#undef FUNCTION

#undef DEFINE_FUNCTIONS
#undef MAP
#undef MAP_2
