// The covariance operations for one instruction set, in both precisions.

// a b - p without an error where there is no fused multiplication, by splitting the factors in halves (Dekker 1971).
// Factors beyond 2^996 overflow.
#if !NT_HAS_FMA
static NT_INLINE VD NAME(nt_dekker_error)(VD a, VD b, VD p) {
  VD shifted_a = a * SPLAT_D(0x1p27 + 1), shifted_b = b * SPLAT_D(0x1p27 + 1);
  VD a_high = shifted_a - (shifted_a - a), b_high = shifted_b - (shifted_b - b);
  VD a_low = a - a_high, b_low = b - b_high;
  return ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low;
}
#endif

#define NT_REAL_BITS 32
#include "duals_both_body.h"

#define NT_REAL_BITS 64
#include "duals_both_body.h"
