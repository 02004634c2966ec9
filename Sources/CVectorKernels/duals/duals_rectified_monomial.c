#include <math.h>

#include "nt_duals.h"

#define NT_PI 3.14159265358979323846

// cos(pi m / 2 count), reduced first: the argument's rounding would cost digits.
static double cosine(long m, long count) {
  m %= 4 * count;
  if (m > 2 * count) m = 4 * count - m;
  if (m > count) return -cosine(2 * count - m, count);
  return 2 * m > count ? sin(NT_PI * (double)(count - m) / (double)(2 * count))
                       : cos(NT_PI * (double)m / (double)(2 * count));
}

// The Chebyshev series of F_n (see duals_rectified_monomial_body.h) on [0, 1] from its Taylor series, whose terms are
// all positive: acos(1 - t) = sqrt(2t) sum of (2k)! / (k!^2 (2k+1) 8^k) t^k, and integrating K_{i-1} i^2 from t = 0
// divides the k-th term by k + i + 1/2.
static void chebyshev_series(int degree, int count, double *series) {
  enum { terms = 64 };
  double taylor[terms], values[64];
  double term = sqrt(2.0) / (2 * NT_PI);
  for (int k = 0; k < terms; k++) {
    taylor[k] = term / (2 * k + 1);
    for (int i = 1; i <= degree; i++) taylor[k] *= (double)i * i / (k + i + 0.5);
    term *= (2.0 * k + 1) / (4.0 * (k + 1));
  }
  for (int j = 0; j < count; j++) {
    double t = (1 + cosine(2 * j + 1, count)) / 2;
    values[j] = 0;
    for (int k = terms - 1; k >= 0; k--) values[j] = values[j] * t + taylor[k];
  }
  for (int i = 0; i < count; i++) {
    series[i] = 0;
    for (int j = 0; j < count; j++) series[i] += values[j] * cosine(i * (2 * j + 1), count);
    series[i] *= (i == 0 ? 1.0 : 2.0) / count;
  }
}

void nt_rectified_monomial_coefficients(int degree, double *coefficients) {
  enum { count = nt_rectified_monomial_coefficient_count / 2 };
  chebyshev_series(degree, count, coefficients);
  if (degree > 0)
    chebyshev_series(degree - 1, count, coefficients + count);
  else
    for (int i = 0; i < count; i++) coefficients[count + i] = 0;
}
