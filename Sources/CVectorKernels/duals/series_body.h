// Hermite coefficients of sampled functions.

static void NAME(nt_series_project)(long count, const double *z, const double *w, long terms, double *sums) {
  VD totals[nt_series_largest + 1];
  // Roots of the numbers to `terms`, which the recurrence divides by.
  double roots[nt_series_largest + 2], inverses[nt_series_largest + 2];
  for (long i = 0; i < terms; i++) {
    totals[i] = SPLAT_D(0);
    roots[i] = __builtin_sqrt((double)i);
    inverses[i] = 1 / __builtin_sqrt((double)(i + 1));
  }
  for (long j = 0; j < count; j += D_LANES) {
    VD node = SPLAT_D(0), current = SPLAT_D(0), previous = SPLAT_D(0);
    for (long l = 0; l < D_LANES && j + l < count; l++) {
      node[l] = z[j + l];
      current[l] = w[j + l];
    }
    // h_{n+1} = (z h_n - sqrt(n) h_{n-1}) / sqrt(n+1), with the weight in it.
    for (long i = 0; i < terms; i++) {
      totals[i] += current;
      VD next = (node * current - SPLAT_D(roots[i]) * previous) * SPLAT_D(inverses[i]);
      previous = current;
      current = next;
    }
  }
  for (long i = 0; i < terms; i++) {
    sums[i] = 0;
    for (long l = 0; l < D_LANES; l++) sums[i] += totals[i][l];
  }
}
