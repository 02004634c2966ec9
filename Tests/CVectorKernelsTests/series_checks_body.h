// Included by series_checks.c once per element type.

// kappa and its derivative at one triple, in both orders of the inputs, which must agree bitwise.
static void S(series_entry)(const nt_dual *dual, T q12, T q11, T q22, double *kappa, double *slope) {
  int factors = nt_dual_factor_count(dual);
  T *first = SCRATCH(T, factors * 16), *second = SCRATCH(T, factors * 16), q[16], results[2][2];
  for (int order = 0; order < 2; order++) {
    T k[16], theta[16];
    for (int i = 0; i < 16; i++) q[i] = order ? q22 : q11;
    S(nt_dual_factors)(dual, 16, q, first, 16);
    for (int i = 0; i < 16; i++) q[i] = order ? q11 : q22;
    S(nt_dual_factors)(dual, 16, q, second, 16);
    for (int i = 0; i < 16; i++) k[i] = q12, theta[i] = 1;
    S(nt_dual_row)(dual, 16, first, 16, second, 16, k, theta);
    results[order][0] = k[3], results[order][1] = theta[3];
  }
  EXPECT(results[0][0] == results[1][0] && results[0][1] == results[1][1], "found %g and %g, exchanged %g and %g",
         (double)results[0][0], (double)results[0][1], (double)results[1][0], (double)results[1][1]);
  *kappa = results[0][0], *slope = results[0][1];
}

static void S(cubic)(void) {
  static const double variances[] = {1e-6, 0.4, 1, 2.7, 40}, correlations[] = {-0.99, -0.4, 0, 0.2, 0.7, 0.999};
  static const int shapes[][2] = {{1, 128}, {2, 64}, {2, 128}};
  for (int shape = 0; shape < 3; shape++) {
    nt_series series = new_series(shapes[shape][0], shapes[shape][1], make_cubic);
    nt_dual dual = dual_of_series(&series);
    for (int i = 0; i < 5; i++)
      for (int j = 0; j < 5; j++)
        for (int c = 0; c < 6; c++) {
          T q11 = (T)variances[i], q22 = (T)variances[j], q12 = (T)(correlations[c] * sqrt(variances[i] * variances[j]));
          double kappa, slope, product = (double)q11 * q22, square = (double)q12 * q12;
          S(series_entry)(&dual, q12, q11, q22, &kappa, &slope);
          double exact = 9 * product * q12 + 6 * square * q12, exact_slope = 9 * product + 18 * square;
          EXPECT(fabs(kappa - exact) <= 10 * UNIT * 15 * pow(product, 1.5), "found %g, not %g", kappa, exact);
          EXPECT(fabs(slope - exact_slope) <= 10 * UNIT * 27 * product, "found %g, not %g", slope, exact_slope);
        }
  }
}

static void S(ramp)(void) {
  nt_series series = new_series(2, 64, make_ramp);
  // The arcs of -1 and of 1 with themselves are the same, and so are those of each with the other.
  series.arc_count = 2;
  series.arcs[0] = (nt_series_arc){-1, -1, 1 / M_PI, 0};
  series.arcs[1] = (nt_series_arc){-1, 1, -1 / M_PI, 0};
  nt_dual dual = dual_of_series(&series);
  for (size_t i = 0; i < sizeof ramps / sizeof *ramps; i++) {
    const double *row = ramps[i], d = 1 - fabs(row[2]);
    if (sizeof(T) == 4 && d < 1e-4) continue;  // the covariance itself is rounded too much
    double kappa, slope, unit = UNIT;
    S(series_entry)(
      &dual, (T)(row[2] * row[0] * row[1]), (T)(row[0] * row[0]), (T)(row[1] * row[1]), &kappa, &slope);
    // The derivative changes with the correlation's distance from one by 1/sqrt(d).
    EXPECT(fabs(kappa - row[3]) <= 100 * unit, "found %.17g at row %zu, not %.17g", kappa, i, row[3]);
    EXPECT(fabs(slope - row[4]) <= 30 * unit + unit / sqrt(d), "found %.17g at row %zu, not %.17g", slope, i, row[4]);
  }
  // With kinks that do not mirror each other, in either order: the same function as a sum of two that are moved apart.
  nt_series other = series;
  other.arc_count = 3;
  other.arcs[0] = (nt_series_arc){-1, -1, 0.5 / M_PI, 0};
  other.arcs[1] = (nt_series_arc){1, 1, 0.5 / M_PI, 0};
  other.arcs[2] = (nt_series_arc){-1, 1, -0.5 / M_PI, 1};
  nt_dual same = dual_of_series(&other);
  for (size_t i = 0; i < sizeof ramps / sizeof *ramps; i++) {
    const double *row = ramps[i];
    double found[2][2];
    for (int form = 0; form < 2; form++)
      S(series_entry)(form ? &same : &dual, (T)(row[2] * row[0] * row[1]), (T)(row[0] * row[0]),
                      (T)(row[1] * row[1]), &found[form][0], &found[form][1]);
    for (int value = 0; value < 2; value++)
      EXPECT(fabs(found[0][value] - found[1][value]) <= 8 * UNIT, "found %g and %g", found[0][value], found[1][value]);
  }
}
