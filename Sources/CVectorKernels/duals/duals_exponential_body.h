// The exponential function of unevaluated sums, and such sums.
//
// The exponents of the duals are differences such as q12 - (q11 + q22)/2 times a constant. Rounded to one number, their
// error would multiply the result by exp(error); carried as high + low it does not.

typedef struct {
  VR high, low;
} TYPED(nt_pair);

// A double and what it lacks, as a pair.
static NT_INLINE TYPED(nt_pair) TYPED(nt_pair_of)(double value, double error) {
  REAL high = (REAL)value;
  TYPED(nt_pair) pair = {SPLAT_R(high), SPLAT_R((value - (double)high) + error)};
  return pair;
}

// scale b c without an error to speak of.
static NT_INLINE TYPED(nt_pair) TYPED(nt_pair_product)(double scale, double b, double c) {
  VD product = SPLAT_D(b) * SPLAT_D(c);
  VD error = NAME(nt_product_error_d)(SPLAT_D(b), SPLAT_D(c), product);
  return TYPED(nt_pair_of)(scale * product[0], scale * error[0]);
}

// a + b (Knuth).
static NT_INLINE TYPED(nt_pair) TYPED(nt_two_sum)(VR a, VR b) {
  TYPED(nt_pair) sum;
  sum.high = a + b;
  VR part = sum.high - a;
  sum.low = (a - (sum.high - part)) + (b - part);
  return sum;
}

// The same where a is 0 or not smaller than b (Dekker).
static NT_INLINE TYPED(nt_pair) TYPED(nt_fast_two_sum)(VR a, VR b) {
  TYPED(nt_pair) sum;
  sum.high = a + b;
  sum.low = b - (sum.high - a);
  return sum;
}

// a times b.
static NT_INLINE TYPED(nt_pair) TYPED(nt_scaled)(TYPED(nt_pair) a, TYPED(nt_pair) b) {
  TYPED(nt_pair) product;
  product.high = a.high * b.high;
  product.low = PRODUCT_ERROR(a.high, b.high, product.high) + V_FMA(a.low, b.high, a.high * b.low);
  return product;
}

#if NT_REAL_BITS == 32
#define EXPONENT_BITS_AT 23
#define EXPONENT_BIAS 127
#define ROUNDER 0x1.8p23
#define LN2_HIGH 0x1.62e4p-1
#define LN2_LOW 0x1.7f7d1cp-20
#define EXP_LIMIT 174
#define DECAY_LIMIT 87
#else
#define EXPONENT_BITS_AT 52
#define EXPONENT_BIAS 1023
#define ROUNDER 0x1.8p52
#define LN2_HIGH 0x1.62e42fefa38p-1
#define LN2_LOW 0x1.ef35793c7673p-45
#define EXP_LIMIT 1400
#define DECAY_LIMIT 708
#endif

// The nearest whole number, for numbers that are small beside ROUNDER.
static NT_INLINE VR TYPED(nt_rounded)(VR x) { return (x + SPLAT_R(ROUNDER)) - SPLAT_R(ROUNDER); }

// 2^n for a whole n between the exponents of normal numbers.
static NT_INLINE VR TYPED(nt_power_of_two)(VR n) {
  VRI bits = (VRI)(n + SPLAT_R(ROUNDER));
  return (VR)((bits + EXPONENT_BIAS) << EXPONENT_BITS_AT);
}

// exp(high + low) = 2^n (1 + f): gives f and n. The low part counts where it is small.
static NT_INLINE VR TYPED(nt_exp_reduced)(VR high, VR low, VR *n) {
  *n = TYPED(nt_rounded)(high * SPLAT_R(1.44269504088896340736));
  VR r = V_FMA(-*n, SPLAT_R(LN2_LOW), V_FMA(-*n, SPLAT_R(LN2_HIGH), high));
  r += V_SELECT(V_ABS(low) < SPLAT_R(0x1p-6), low, SPLAT_R(0));
  return V_FMA(r * r, TYPED(nt_exp_tail)(r), r);
}

// The larger of x and a bound, or x when it is NaN.
static NT_INLINE VR TYPED(nt_not_below)(VR x, double bound) {
  return V_SELECT(SPLAT_R(bound) > x, SPLAT_R(bound), x);
}

// scale exp(x). Overflows and underflows only where the result does. 1 ulp.
static NT_INLINE VR TYPED(nt_exponential)(TYPED(nt_pair) x, VR scale) {
  VR n, high = TYPED(nt_not_below)(x.high, -EXP_LIMIT);
  high = V_SELECT(SPLAT_R(EXP_LIMIT) < high, SPLAT_R(EXP_LIMIT), high);
  VR fraction = TYPED(nt_exp_reduced)(high, x.low, &n);
  VR half = TYPED(nt_rounded)(n * SPLAT_R(0.5));
  VR value = V_FMA(fraction, scale, scale) * TYPED(nt_power_of_two)(half);
  return value * TYPED(nt_power_of_two)(n - half);
}

// exp(x) for x not above 0, and 1 for x above it; 0 where the result is below the normal numbers. 1 ulp.
static NT_INLINE VR TYPED(nt_decay)(TYPED(nt_pair) x) {
  VR n;
  VR fraction = TYPED(nt_exp_reduced)(x.high, x.low, &n);
  VR power = TYPED(nt_power_of_two)(n);
  VR value = V_SELECT(x.high < SPLAT_R(-DECAY_LIMIT), SPLAT_R(0), V_FMA(fraction, power, power));
  return V_SELECT(x.high > SPLAT_R(0), SPLAT_R(1), value);
}

// exp(x) - 1 for x not above 0. 1.5 ulp.
static NT_INLINE VR TYPED(nt_exponential_less_one)(TYPED(nt_pair) x) {
  VR n;
  VR fraction = TYPED(nt_exp_reduced)(TYPED(nt_not_below)(x.high, -64), x.low, &n);
  VR power = TYPED(nt_power_of_two)(n);
  return V_FMA(fraction, power, power - SPLAT_R(1));
}

#undef EXPONENT_BITS_AT
#undef EXPONENT_BIAS
#undef ROUNDER
#undef LN2_HIGH
#undef LN2_LOW
#undef EXP_LIMIT
#undef DECAY_LIMIT

// The factor of a dual that needs half of the variance.
static NT_INLINE void TYPED(nt_half_variances)(long n, const REAL *q, REAL *factors) {
  for (long j = 0; j < n; j += R_LANES) STORE_R(factors + j, SPLAT_R(0.5) * LOAD_R(q + j));
}
