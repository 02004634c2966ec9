// The row operations other than duals, against the same formulas entry by entry in float64: the checks of
// CovarianceRowTests.swift, with the same bounds.
#include "checks.h"

enum { n = 48 };
static double k1(long j) { return 0.3 + 0.11 * (double)j; }
static double theta1(long j) { return 2 - 0.07 * (double)j; }
static double k2(long j) { return 1.7 - 0.05 * (double)j; }
static double theta2(long j) { return 0.2 + 0.13 * (double)j; }

#define NT_DOUBLE 0
#include "real.h"
#include "covariance_row_checks_body.h"
#include "real_end.h"
#define NT_DOUBLE 1
#include "real.h"
#include "covariance_row_checks_body.h"
#include "real_end.h"

#define BOTH(name) \
  static void name(void) { \
    name##_f32(); \
    name##_f64(); \
  }
BOTH(affine)
BOTH(zero_theta)
BOTH(scale)
BOTH(combine)

const check covariance_row_checks[] = {
  {"an affine layer scales K, adds its bias and gathers its parameters' gradients", affine},
  {"theta that is zero is not read", zero_theta},
  {"rows are scaled by their own factor and the columns', diagonals bitwise alike", scale},
  {"branches add and multiply, with either NTK zero", combine},
  {NULL, NULL},
};
