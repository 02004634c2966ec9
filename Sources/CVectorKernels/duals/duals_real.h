// The element type of one pass over the covariance operations: REAL (its name given by NT_REAL_BITS), VR (as many as a
// vector holds), and the names TYPED(foo) of this pass's functions. Closed by duals_real_end.h.

#if NT_REAL_BITS == 32
#define REAL float
#define VR VF
#define VRI VI
#define R_LANES F_LANES
#define LOAD_R LOAD_F
#define STORE_R STORE_F
#define SPLAT_R(x) SPLAT_F((float)(x))
#define TYPED(base) NAME(NT_JOIN(base, _f32))
#define POLYNOMIAL_R(name) NT_JOIN(NT_JOIN(NT_, name), _F32)
#else
#define REAL double
#define VR VD
#define VRI VL
#define R_LANES D_LANES
#define LOAD_R LOAD_D
#define STORE_R STORE_D
#define SPLAT_R(x) SPLAT_D((double)(x))
#define TYPED(base) NAME(NT_JOIN(base, _f64))
#define POLYNOMIAL_R(name) NT_JOIN(NT_JOIN(NT_, name), _F64)
#endif

// What a comparison of two VR gives.
typedef __typeof__((VR)0 > (VR)0) TYPED(nt_mask);
#define MASK_R TYPED(nt_mask)

// As many REALs as VD has lanes: factors are computed in double precision and stored as REAL.
typedef REAL TYPED(nt_narrow) __attribute__((ext_vector_type(D_LANES)));

static NT_INLINE VD TYPED(nt_load_wide)(const REAL *p) {
  TYPED(nt_narrow) v;
  __builtin_memcpy(&v, p, sizeof v);
  return __builtin_convertvector(v, VD);
}
static NT_INLINE void TYPED(nt_store_narrow)(REAL *p, VD x) {
  TYPED(nt_narrow) v = __builtin_convertvector(x, TYPED(nt_narrow));
  __builtin_memcpy(p, &v, sizeof v);
}
#define LOAD_WIDE TYPED(nt_load_wide)
#define STORE_NARROW TYPED(nt_store_narrow)

// a b - p without an error, where p is a b rounded.
static NT_INLINE VR TYPED(nt_product_error)(VR a, VR b, VR p) {
#if NT_HAS_FMA
  return V_FMA(a, b, -p);
#elif NT_REAL_BITS == 32
  typedef double wide __attribute__((ext_vector_type(R_LANES)));
  wide exact = __builtin_convertvector(a, wide) * __builtin_convertvector(b, wide);
  return __builtin_convertvector(exact - __builtin_convertvector(p, wide), VR);
#else
  return NAME(nt_product_error_d)(a, b, p);
#endif
}
#define PRODUCT_ERROR TYPED(nt_product_error)

// c - a b, rounded once when a b is near c.
static NT_INLINE VR TYPED(nt_less_product)(VR c, VR a, VR b) {
#if NT_HAS_FMA
  return V_FMA(-a, b, c);
#else
  VR p = a * b;
  return (c - p) - PRODUCT_ERROR(a, b, p);
#endif
}
#define LESS_PRODUCT TYPED(nt_less_product)

// a b - c, rounded once when a b is near c.
static NT_INLINE VR TYPED(nt_product_minus)(VR a, VR b, VR c) {
#if NT_HAS_FMA
  return V_FMA(a, b, -c);
#else
  VR p = a * b;
  return (p - c) + PRODUCT_ERROR(a, b, p);
#endif
}
#define PRODUCT_MINUS TYPED(nt_product_minus)

// The larger of x and 0, or x when it is NaN.
static NT_INLINE VR TYPED(nt_clamp_below)(VR x) { return V_SELECT(SPLAT_R(0) > x, SPLAT_R(0), x); }

// x, or -x where s is negative.
static NT_INLINE VR TYPED(nt_with_sign_of)(VR s, VR x) {
  return (VR)((VRI)x ^ ((VRI)s & (VRI)SPLAT_R(-0.0)));
}

// Horner's rule on coefficients that the compiler knows.
static NT_INLINE VR TYPED(nt_horner)(const REAL *coefficients, int count, VR x) {
  VR sum = SPLAT_R(coefficients[count - 1]);
  NT_UNROLL
  for (int i = count - 2; i >= 0; i--) sum = V_FMA(sum, x, SPLAT_R(coefficients[i]));
  return sum;
}
#define DEFINE_POLYNOMIAL(function, name)                             \
  static NT_INLINE VR TYPED(function)(VR x) {                         \
    static const REAL coefficients[] = {POLYNOMIAL_R(name)};          \
    const int count = (int)(sizeof coefficients / sizeof(REAL));      \
    return TYPED(nt_horner)(coefficients, count, x);                  \
  }
// asin(x) / x - 1 in z = x^2: without the coefficient 1 that comes first.
static NT_INLINE VR TYPED(nt_asin_excess)(VR z) {
  static const REAL coefficients[] = {POLYNOMIAL_R(ASIN)};
  const int count = (int)(sizeof coefficients / sizeof(REAL));
  return z * TYPED(nt_horner)(coefficients + 1, count - 1, z);
}
DEFINE_POLYNOMIAL(nt_exp_tail, EXP)
DEFINE_POLYNOMIAL(nt_sinh_ratio, SINH)
DEFINE_POLYNOMIAL(nt_cosh_root, COSH)
