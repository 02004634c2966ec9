// Every dual. Before this, DEFINE_DUAL_LOOPS(kind) is defined: what it makes of a kind's inline function
//   VR nt_kind(const nt_kind_constants *, const VR *factors1, const VR *factors2, VR q12, VR *slope)
// which gives kappa, and in slope its derivative by q12, which the compiler drops where nobody wants it, and of
//   nt_kind_constants nt_kind_prepare(const nt_dual *)
// which gives what it needs of the dual.

#include "duals_correlation_body.h"
#include "duals_ab_relu_body.h"
#include "duals_rectified_monomial_body.h"

#include "duals_angle_body.h"
#include "duals_erf_body.h"
#include "duals_gelu_body.h"
#include "duals_gaussian_body.h"
#include "duals_gabor_body.h"
#include "duals_sign_body.h"

#include "duals_exponential_body.h"
#include "duals_sin_body.h"
#include "duals_exp_body.h"

#include "duals_polynomial_body.h"
#include "duals_arcs_body.h"
#include "duals_series_body.h"
