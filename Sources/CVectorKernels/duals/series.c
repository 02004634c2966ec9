#include "nt_series.h"

#include <math.h>

#include "duals.h"

#define NT_BODY "series_body.h"
#include "every_instruction_set.h"

int nt_series_factors_per_input(const nt_series *series) {
  return 3 + nt_series_rest + series->terms / nt_series_block + series->terms;
}

void nt_series_publish(const nt_series *series, int piece, double *coefficients) {
  __atomic_store_n(&series->pieces[piece], coefficients, __ATOMIC_RELEASE);
}

void nt_series_project(long count, const double *z, const double *w, long terms, double *sums) {
  NT_DISPATCH(nt_series_project)(count, z, w, terms, sums);
}

double nt_series_fit_base(int n) {
  const int m = n % 2 ? 2 : 1;
  // (k)!! / sqrt(n!), a factor of the first and two of the second at a time, so that it stays in range.
  double base = 1 / sqrt(2 * NT_PI);
  int k = n - m - 2;
  for (int i = n; i > 0; i -= 2) {
    base /= sqrt(i > 1 ? (double)i * (i - 1) : 1);
    if (k > 1) base *= k, k -= 2;
  }
  return (n - m - 1) / 2 % 2 ? -base : base;
}
