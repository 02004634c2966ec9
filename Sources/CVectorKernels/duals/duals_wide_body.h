// Products without an error, in double precision.

// What a comparison of two VD gives.
typedef __typeof__((VD)0 > (VD)0) NAME(nt_wide_mask);

// a b - p without an error, where p is a b rounded. Where there is no fused multiplication the factors are split in
// halves (Dekker 1971), and factors beyond 2^996 overflow.
static NT_INLINE VD NAME(nt_product_error_d)(VD a, VD b, VD p) {
#if NT_HAS_FMA
  return V_FMA(a, b, -p);
#else
  VD shifted_a = a * SPLAT_D(0x1p27 + 1), shifted_b = b * SPLAT_D(0x1p27 + 1);
  VD a_high = shifted_a - (shifted_a - a), b_high = shifted_b - (shifted_b - b);
  VD a_low = a - a_high, b_low = b - b_high;
  return ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low;
#endif
}
