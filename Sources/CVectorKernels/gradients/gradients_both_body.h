// Derivatives of the covariance operations in one precision.
#include "duals_real.h"

#if NT_REAL_BITS == 32
#define NT_SLEEF_R SLEEF_F
#else
#define NT_SLEEF_R SLEEF_D
#endif

#include "duals_correlation_body.h"
#include "duals_exponential_body.h"
#include "duals_arcs_body.h"
#include "duals_series_body.h"

#include "gradients_duals_body.h"
#include "gradients_slices_body.h"

#undef NT_SLEEF_R
#include "duals_real_end.h"
