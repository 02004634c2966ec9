// Included by covariance_row_checks.c once per element type.

static T *S(filled)(double (*numbers)(long)) {
  T *x = SCRATCH(T, n);
  for (long j = 0; j < n; j++) x[j] = (T)numbers(j);
  return x;
}

static void S(expect_near)(const T *got, long j, double want, const char *what) {
  EXPECT(fabs((double)got[j] - want) <= TOLERANCE * (1 + fabs(want)), "found %.17g, wanted %.17g: %s %ld, " TYPE_NAME,
         (double)got[j], want, what, j);
}

static void S(affine)(void) {
  nt_affine layer = {1.4, 0.3, 0.5, 0.25, 0.75};
  for (int is_zero = 0; is_zero < 2; is_zero++) {
    T *k = S(filled)(k1), *theta = S(filled)(theta1), *only = S(filled)(k1);
    S(nt_affine)(&layer, n, is_zero, k, theta);
    S(nt_affine)(&layer, n, 0, only, NULL);
    for (long j = 0; j < n; j++) {
      double output = 1.4 * k1(j) + 0.3;
      S(expect_near)(k, j, output, "k");
      S(expect_near)(only, j, output, "k alone");
      S(expect_near)(theta, j, (is_zero ? 0 : 1.4 * theta1(j)) + 0.5 * k1(j) + 0.25 * output + 0.75, "theta");
    }
  }
}

static void S(zero_theta)(void) {
  nt_affine layer = {2, 0, 0, 1, 0};
  T *k = SCRATCH(T, 16), *ones = SCRATCH(T, 16);
  for (int j = 0; j < 16; j++) k[j] = ones[j] = 1;
  T *affine = SCRATCH(T, 16), *sum = SCRATCH(T, 16), *product = SCRATCH(T, 16);
  S(nt_affine)(&layer, 16, 1, k, affine);
  S(nt_add)(16, 1, k, sum, ones, ones);
  S(nt_multiply)(16, 1, k, product, ones, ones);
  for (int j = 0; j < 16; j++)
    EXPECT(affine[j] == 2 && sum[j] == 1 && product[j] == 3, "found %g, %g and %g", (double)affine[j], (double)sum[j],
           (double)product[j]);
}

static void S(scale)(void) {
  T *column = S(filled)(k2), *k = S(filled)(k1), *theta = S(filled)(theta1);
  S(nt_scale_row)(n, (T)0.6, column, k, theta);
  T *diagonal = S(filled)(k1), *diagonal_theta = S(filled)(theta1);
  S(nt_scale_diagonal)(n, column, diagonal, diagonal_theta);
  for (long j = 0; j < n; j++) {
    S(expect_near)(k, j, k1(j) * 0.6 * k2(j), "k");
    S(expect_near)(theta, j, theta1(j) * 0.6 * k2(j), "theta");
    S(expect_near)(diagonal, j, k1(j) * k2(j) * k2(j), "k of a diagonal");
    T *row = S(filled)(k1), *row_theta = S(filled)(theta1);
    S(nt_scale_row)(n, column[j], column, row, row_theta);
    EXPECT(row[j] == diagonal[j] && row_theta[j] == diagonal_theta[j], "found %g", (double)row[j]);
  }
}

static void S(combine)(void) {
  T *other = S(filled)(k2), *other_theta = S(filled)(theta2);
  for (int is_zero = 0; is_zero < 2; is_zero++)
    for (int is_other_zero = 0; is_other_zero < 2; is_other_zero++) {
      const T *given = is_other_zero ? NULL : other_theta;
      T *sum = S(filled)(k1), *sum_theta = S(filled)(theta1), *weighted = S(filled)(k1), *product = S(filled)(k1);
      T *weighted_theta = S(filled)(theta1), *product_theta = S(filled)(theta1), *only = S(filled)(k1);
      S(nt_add)(n, is_zero, sum, sum_theta, other, given);
      S(nt_weighted_add)(n, 0.25, is_zero, weighted, weighted_theta, 0.75, other, given);
      S(nt_multiply)(n, is_zero, product, product_theta, other, given);
      S(nt_multiply)(n, 0, only, NULL, other, NULL);
      for (long j = 0; j < n; j++) {
        double first = is_zero ? 0 : theta1(j), second = is_other_zero ? 0 : theta2(j);
        S(expect_near)(sum, j, k1(j) + k2(j), "sum");
        S(expect_near)(sum_theta, j, first + second, "theta of a sum");
        S(expect_near)(weighted, j, 0.25 * k1(j) + 0.75 * k2(j), "weighted sum");
        S(expect_near)(weighted_theta, j, 0.25 * first + 0.75 * second, "theta of a weighted sum");
        S(expect_near)(product, j, k1(j) * k2(j), "product");
        S(expect_near)(only, j, k1(j) * k2(j), "product alone");
        S(expect_near)(product_theta, j, first * k2(j) + second * k1(j), "theta of a product");
      }
    }
}
