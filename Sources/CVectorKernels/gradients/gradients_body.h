// Derivatives of the covariance operations for one instruction set, in both precisions.

#include "duals_wide_body.h"

DECLARE_SLEEF_1(asin, u10)
DECLARE_SLEEF_1(atan, u10)
DECLARE_SLEEF_1(exp, u10)

#define NT_REAL_BITS 32
#include "gradients_both_body.h"

#define NT_REAL_BITS 64
#include "gradients_both_body.h"
