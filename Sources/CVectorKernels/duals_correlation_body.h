// The correlation c = q12 / sqrt(q11 q22) and its distance t = 1 - |c| from one, without rounding it away.
//
// Near |c| = 1 the duals depend on sqrt(t), so an error of one ulp in c would cost half of the digits. Per input there
// are r, which is 1/sqrt(q) rounded, and its relative rounding error: 1/sqrt(q) = r (1 + low). Then, to first order,
//   t = 1 - |q12| r1 r2 - |q12| r1 r2 (low1 + low2),
// and the first product is carried exactly. What is left of the error is below eps^2 * 2^3 (eps the rounding unit):
// subtracting that bound, half of which is added to each low, makes t not above 0 for equal inputs and moves sqrt(t) by
// less than 3 eps elsewhere.
// No product of two variances is formed: variances of any size work, and a zero variance gives c = 0.

enum { TYPED(nt_correlation_factor_count) = 2 };

// r and low for the variances q.
static NT_INLINE VD TYPED(nt_inverse_root)(VD q, VD *low) {
  VD root = V_SQRT(q);
  VD inverse = V_SELECT(q == SPLAT_D(0), SPLAT_D(0), SPLAT_D(1) / root);
#if NT_REAL_BITS == 32
  VD rounded = __builtin_convertvector(__builtin_convertvector(inverse, TYPED(nt_narrow)), VD);
  VD error = (inverse - rounded) * root;
#else
  VD rounded = inverse;
  VD product = q * inverse;
  VD residual = ONE_MINUS(product, inverse) - PRODUCT_ERROR(q, inverse, product) * inverse;
  VD error = residual * V_FMA(residual, SPLAT_D(0.375), SPLAT_D(0.5));
#endif
  const VD half_bound = SPLAT_D(NT_REAL_BITS == 32 ? 0x1p-46 : 0x1p-104);
  *low = V_SELECT(rounded > SPLAT_D(0), error + half_bound, SPLAT_D(0));
  return rounded;
}

// Stores r and low as factors 0 and 1 of D_LANES inputs.
static NT_INLINE void TYPED(nt_correlation_factors)(VD q, REAL *factors, long stride) {
  VD low;
  STORE_NARROW(factors, TYPED(nt_inverse_root)(q, &low));
  STORE_NARROW(factors + stride, low);
}

// t, or something slightly below 0 for it, and |c| to a few roundings.
static NT_INLINE VR TYPED(nt_signed_distance)(const VR *factors1, const VR *factors2, VR q12, VR *magnitude) {
  VR size = V_ABS(q12);
  VR scaled = size * factors1[0];
  VR error = PRODUCT_ERROR(size, factors1[0], scaled);
  VR near = ONE_MINUS(scaled, factors2[0]);
  *magnitude = scaled * factors2[0];
  return V_FMA(-factors2[0], V_FMA(scaled, factors1[1] + factors2[1], error), near);
}

static NT_INLINE VR TYPED(nt_distance)(const VR *factors1, const VR *factors2, VR q12, VR *magnitude) {
  return TYPED(nt_clamp_below)(TYPED(nt_signed_distance)(factors1, factors2, q12, magnitude));
}
