// The correlation c = q12 / sqrt(q11 q22) and its distance t = 1 - |c| from one, without rounding it away.
//
// Near |c| = 1 the duals depend on sqrt(t), so an error of one ulp in c would cost half of the digits. Per input there
// are r, which is 1/sqrt(q) rounded, and its relative rounding error: 1/sqrt(q) = r (1 + low). Then, to first order,
//   t = 1 - |q12| r1 r2 - |c| (low1 + low2),
// where r1 r2 is carried exactly, and |c| is taken as one: that changes t by its rounding at most. What is left of the
// error is below eps^2 * 2^3 (eps the rounding unit): subtracting that bound, half of which is added to each low, makes
// t not above 0 for equal inputs and moves sqrt(t) by less than 3 eps elsewhere.
// r1 r2 is formed first, while q12 is not yet known. So a variance below 2^-126 (2^-990 in float64, where processors
// without fused products split numbers) counts as zero, which gives c = 0, and where sqrt(q11 q22) is above 2^100 (2^960)
// the error of r1 r2 is lost.

enum { TYPED(nt_correlation_factor_count) = 2 };

// `root` / sqrt(q), and its rounding error relative to it times root^2. In float64 root is 1.
static NT_INLINE VD TYPED(nt_inverse_root)(VD q, double root, VD *low) {
  VD deviation = V_SQRT(q);
  const VD smallest = SPLAT_D(NT_REAL_BITS == 32 ? 0x1p-126 : 0x1p-990);
  VD inverse = V_SELECT(V_ABS(q) < smallest, SPLAT_D(0), SPLAT_D(root) / deviation);
#if NT_REAL_BITS == 32
  VD rounded = __builtin_convertvector(__builtin_convertvector(inverse, TYPED(nt_narrow)), VD);
  VD error = (inverse - rounded) * deviation * SPLAT_D(root);
#else
  VD rounded = inverse;
  VD product = q * inverse;
  VD residual = LESS_PRODUCT(SPLAT_D(1), product, inverse) - PRODUCT_ERROR(q, inverse, product) * inverse;
  VD error = residual * V_FMA(residual, SPLAT_D(0.375), SPLAT_D(0.5));
#endif
  const VD half_bound = SPLAT_D(root * root * (NT_REAL_BITS == 32 ? 0x1p-46 : 0x1p-104));
  *low = V_SELECT(rounded > SPLAT_D(0), error + half_bound, SPLAT_D(0));
  return rounded;
}

// Stores r and low as factors 0 and 1 of D_LANES inputs, for a distance that is counted in units of 1 / root^2.
static NT_INLINE void TYPED(nt_correlation_factors)(VD q, double root, REAL *factors, long stride) {
  VD low;
  STORE_NARROW(factors, TYPED(nt_inverse_root)(q, root, &low));
  STORE_NARROW(factors + stride, low);
}

// `unit` times t, or something slightly below 0 for it, and |c| to a few roundings; unit is the root^2 of the factors.
static NT_INLINE VR TYPED(nt_signed_distance)(const VR *factors1, const VR *factors2, VR q12, VR unit, VR *magnitude) {
  VR size = V_ABS(q12), product = factors1[0] * factors2[0];
  *magnitude = size * product;
  VR near = V_FMA(-size, PRODUCT_ERROR(factors1[0], factors2[0], product), LESS_PRODUCT(unit, size, product));
  return near - (factors1[1] + factors2[1]);
}

static NT_INLINE VR TYPED(nt_distance)(const VR *factors1, const VR *factors2, VR q12, VR *magnitude) {
  return TYPED(nt_clamp_below)(TYPED(nt_signed_distance)(factors1, factors2, q12, SPLAT_R(1), magnitude));
}
