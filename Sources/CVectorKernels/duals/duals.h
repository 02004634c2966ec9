// What the files of duals share.
#pragma once

#include <math.h>
#include <stddef.h>

#include "nt_duals.h"
#include "nt_series.h"
#include "polynomials.h"
#include "series_tails.h"

// Rounding is part of what these functions promise: products and sums join only where the text says V_FMA.
#pragma STDC FP_CONTRACT OFF

#define NT_INLINE inline __attribute__((always_inline))
#define NT_UNROLL _Pragma("clang loop unroll(full)")
#define NT_PI 3.14159265358979323846
#define NT_ROOT_TWO 1.41421356237309504880

// Every kind and how many arrays of factors it needs; -1 is as many as it has coefficients, -2 what its series says.
#define FOR_EACH_DUAL(DO)  \
  DO(ab_relu, 3)           \
  DO(erf, 3)               \
  DO(gelu, 3)              \
  DO(sin, 1)               \
  DO(gaussian, 2)          \
  DO(exp, 1)               \
  DO(exp_normalized, 3)    \
  DO(gabor, 1)             \
  DO(sign, 2)              \
  DO(rbf, 1)               \
  DO(polynomial, -1)       \
  DO(power_series, 0)      \
  DO(rectified_monomial, 4) \
  DO(series, -2)

#define FACTOR_COUNT(kind, count) nt_##kind##_factor_count = count,
enum { FOR_EACH_DUAL(FACTOR_COUNT) };
