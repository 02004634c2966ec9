// Forgets the element type that duals_real.h chose.
#undef REAL
#undef VR
#undef VRI
#undef MASK_R
#undef R_LANES
#undef LOAD_R
#undef STORE_R
#undef SPLAT_R
#undef TYPED
#undef POLYNOMIAL_R
#undef LOAD_WIDE
#undef STORE_NARROW
#undef PRODUCT_ERROR
#undef LESS_PRODUCT
#undef DEFINE_POLYNOMIAL
#undef NT_REAL_BITS
