// Included by dual_checks.c once per element type.

typedef struct S(pair) {
  T value, slope;
} S(pair);

// kappa and its derivative at one triple, in the given lane of a row whose other lanes are padding.
static S(pair) S(entry)(const nt_dual *dual, T q12, T q11, T q22, long lane, long count) {
  enum { longest = 48, most_factors = 256 };
  // These are called millions of times: too often for memory of the check.
  static T first[most_factors * 16], second[most_factors * longest], row[most_factors];
  T q[longest], k[longest], theta[longest];
  int factors = nt_dual_factor_count(dual);
  EXPECT(factors <= most_factors && count <= longest, "found %d factors and %ld lanes", factors, count);
  for (long i = 0; i < 16; i++) q[i] = q11;
  S(nt_dual_factors)(dual, 16, q, first, 16);
  for (int f = 0; f < factors; f++) row[f] = first[16 * f];
  for (long i = 0; i < count; i++) q[i] = k[i] = theta[i] = 1;
  q[lane] = q22;
  k[lane] = q12;
  S(nt_dual_factors)(dual, count, q, second, count);
  S(nt_dual_row)(dual, count, row, 1, second, count, k, theta);
  return (S(pair)){k[lane], theta[lane]};
}

static S(pair) S(entry_at)(const nt_dual *dual, const json *point) {
  const json *p = point->items;
  return S(entry)(dual, (T)p[0].number, (T)p[1].number, (T)p[2].number, 0, 16);
}

#define FOR_CASES(given, dual)                                                                       \
  for (long at = 0; at < fixture("dual-kernels")->count; at++)                                       \
    for (const json *given = &fixture("dual-kernels")->items[at]; given != NULL; given = NULL)       \
      for (nt_dual made = dual_of(given), *dual = &made; dual != NULL; dual = NULL)

// Errors in units of half an ulp of 1, beside the scale that the fixture gives: 3e-7 in float32, 5.5e-16 in float64; the
// Gaussian's derivative is a third power.
static void S(accuracy)(void) {
  FOR_CASES(given, dual) {
    const json *points = json_get(given, TYPE_NAME);
    double most = strcmp(text_of(given, "kind"), "gaussian") == 0 ? 8 : 5.5;
    for (long i = 0; i < points->count; i++) {
      const json *p = points->items[i].items;
      S(pair) got = S(entry_at)(dual, &points->items[i]);
      double value = fabs((double)got.value - p[3].number) / p[5].number / UNIT;
      double slope = p[6].number == 0 ? fabs((double)got.slope) : fabs((double)got.slope - p[4].number) / p[6].number / UNIT;
      EXPECT(value <= 5, "found %.1f units at point %ld of %s, " TYPE_NAME, value, i, text_of(given, "name"));
      EXPECT(slope <= most, "found %.1f units at point %ld of %s, " TYPE_NAME, slope, i, text_of(given, "name"));
    }
  }
}

static void S(relative_accuracy)(void) {
  static const char *const names[] = {"erf", "abs", "sign", "exp", "gaussian"};
  for (int name = 0; name < 5; name++) {
    const json *given = case_named(names[name]), *points = json_get(given, TYPE_NAME);
    nt_dual dual = dual_of(given);
    for (long i = 0; i < points->count; i++) {
      double exact = points->items[i].items[3].number, got = (double)S(entry_at)(&dual, &points->items[i]).value;
      if (exact != 0)
        EXPECT(fabs(got - exact) <= 7 * UNIT * fabs(exact), "found %g at point %ld of %s", got, i, names[name]);
    }
  }
}

static void S(unequal_variances)(void) {
  static const double small[] = {1e-25, 1e-12, 1e-7, 1e-3}, large[] = {1e-12, 1e-3, 0.3, 1, 1.7, 30, 300, 1e4};
  static const double correlations[] = {-0.999, -0.7, -1e-3, 1e-3, 0.5, 0.9999};
  nt_dual sine = make_dual("sin", (double[]){1, 1, 0}, 3, NULL, 0);
  nt_dual cosine = make_dual("sin", (double[]){1, 1, M_PI / 2}, 3, NULL, 0);
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 8; j++)
      for (int c = 0; c < 6; c++) {
        T a = (T)small[i], b = (T)large[j], q12 = (T)(correlations[c] * sqrt(small[i] * large[j]));
        // E[sin u sin v] and E[cos u cos v].
        double decay = exp(-((double)a + (double)b) / 2);
        double sines = decay * sinh((double)q12), cosines = decay * cosh((double)q12);
        double scale = sqrt(-expm1(-2 * (double)a) / 2 * (-expm1(-2 * (double)b) / 2));
        S(pair) got = S(entry)(&sine, q12, a, b, 0, 16), of = S(entry)(&cosine, q12, a, b, 0, 16);
        // The square of the cosine of the rounded quarter turn remains beside a vanishing variance.
        double remainder = pow(cos(M_PI / 2), 2) * cosines;
        EXPECT(fabs((double)got.value - sines) <= 5 * UNIT * scale, "found %g at %d %d %d", (double)got.value, i, j, c);
        EXPECT(fabs((double)got.slope - cosines) <= 5 * UNIT, "found %g at %d %d %d", (double)got.slope, i, j, c);
        EXPECT(fabs((double)of.value - cosines) <= 5 * UNIT, "found %g at %d %d %d", (double)of.value, i, j, c);
        EXPECT(fabs((double)of.slope - sines - remainder) <= 5 * UNIT * scale, "found %g at %d %d %d", (double)of.slope,
               i, j, c);
      }
}

static void S(symmetry)(void) {
  FOR_CASES(given, dual) {
    const json *points = json_get(given, TYPE_NAME);
    for (long i = 0; i < points->count; i++) {
      const json *p = points->items[i].items;
      T q12 = (T)p[0].number, q11 = (T)p[1].number, q22 = (T)p[2].number;
      S(pair) one = S(entry)(dual, q12, q11, q22, 0, 16), other = S(entry)(dual, q12, q22, q11, 0, 16);
      EXPECT(fabs((double)one.value - (double)other.value) <= 8 * UNIT * p[5].number, "found %g and %g of %s",
             (double)one.value, (double)other.value, text_of(given, "name"));
      EXPECT(fabs((double)one.slope - (double)other.slope) <= 12 * UNIT * p[6].number, "found %g and %g of %s",
             (double)one.slope, (double)other.slope, text_of(given, "name"));
    }
  }
}

static void S(rows_and_diagonals)(void) {
  enum { n = 48 };
  FOR_CASES(given, dual) {
    const json *points = json_get(given, TYPE_NAME);
    int count = nt_dual_factor_count(dual);
    T *factors = SCRATCH(T, (count + 1) * n), *q = SCRATCH(T, n), *k = SCRATCH(T, n), *theta = SCRATCH(T, n);
    T *only = SCRATCH(T, n), *row = SCRATCH(T, n), *row_theta = SCRATCH(T, n), *first = SCRATCH(T, count + 1);
    for (int i = 0; i < n; i++) {
      q[i] = k[i] = only[i] = (T)points->items[i].items[1].number;
      theta[i] = 1;
    }
    S(nt_dual_factors)(dual, n, q, factors, n);
    S(nt_dual_diagonal)(dual, n, factors, n, k, theta);
    S(nt_dual_diagonal)(dual, n, factors, n, only, NULL);
    EXPECT(memcmp(k, only, n * sizeof(T)) == 0, "found others of %s", text_of(given, "name"));
    for (int i = 0; i < n; i++) {
      for (int f = 0; f < count; f++) first[f] = factors[f * n + i];
      for (int j = 0; j < n; j++) {
        row[j] = only[j] = q[i];
        row_theta[j] = 1;
      }
      S(nt_dual_row)(dual, n, first, 1, factors, n, row, row_theta);
      S(nt_dual_row)(dual, n, first, 1, factors, n, only, NULL);
      EXPECT(row[i] == k[i] && row_theta[i] == theta[i], "found %g for %g of %s", (double)row[i], (double)k[i],
             text_of(given, "name"));
      EXPECT(memcmp(row, only, n * sizeof(T)) == 0, "found others of %s", text_of(given, "name"));
    }
  }
}

static void S(lanes)(void) {
  FOR_CASES(given, dual) {
    const json *points = json_get(given, TYPE_NAME);
    for (long i = 0; i < points->count; i++) {
      const json *p = points->items[i].items;
      T q12 = (T)p[0].number, q11 = (T)p[1].number, q22 = (T)p[2].number;
      S(pair) one = S(entry)(dual, q12, q11, q22, 0, 16), other = S(entry)(dual, q12, q11, q22, i % 48, 48);
      EXPECT(one.value == other.value && one.slope == other.slope, "found %g and %g of %s", (double)one.value,
             (double)other.value, text_of(given, "name"));
    }
  }
}

static void S(equal_inputs)(void) {
  nt_dual relu = make_dual("abRelu", (double[]){0, 1}, 2, NULL, 0), sign = make_dual("sign", NULL, 0, NULL, 0);
  nt_dual rbf = make_dual("rbf", (double[]){0.7}, 1, NULL, 0);
  nt_dual exponential = make_dual("expNormalized", (double[]){2, -1}, 2, NULL, 0);
  for (double exponent = -80; exponent <= 50; exponent += 0.37) {
    T q = (T)exp(exponent);
    S(pair) same = S(entry)(&relu, q, q, q, 0, 16), opposite = S(entry)(&relu, -q, q, q, 0, 16);
    EXPECT(same.value == q / 2 && same.slope == (T)0.5, "found %g and %g at %g", (double)same.value, (double)same.slope,
           (double)q);
    EXPECT(opposite.value == 0 && opposite.slope == 0, "found %g at %g", (double)opposite.value, (double)q);
    EXPECT(S(entry)(&sign, q, q, q, 0, 16).value == 1 && S(entry)(&sign, -q, q, q, 0, 16).value == -1,
           "found another sign at %g", (double)q);
    EXPECT(S(entry)(&exponential, q, q, q, 0, 16).slope == 2, "found another at %g", (double)q);
    if (exponent < 40) EXPECT(S(entry)(&rbf, q, q, q, 0, 16).value == 1, "found another at %g", (double)q);
  }
}

static void S(zero_variances)(void) {
  double s = sin(0.3), c = cos(0.3);
  // A unit variance beside a zero one, in both places, and two zero ones: kappa and its derivative.
  const struct {
    const char *kind;
    double parameters[3], one[2], two[2];
  } cases[] = {
    {"abRelu", {0.3, 1}, {0, 0.4225}, {0, 0.4225}},
    {"erf", {1, 1, 0.5}, {0.25, 4 / M_PI / sqrt(3)}, {0.25, 4 / M_PI}},
    {"gelu", {0}, {0, 0.25}, {0, 0.25}},
    {"sin", {1, 1, 0.3}, {exp(-0.5) * s * s, exp(-0.5) * c * c}, {s * s, c * c}},
    {"gaussian", {1, -1}, {1 / sqrt(3), 0}, {1, 0}},
    {"exp", {1, 1}, {exp(0.5), exp(0.5)}, {1, 1}},
    {"expNormalized", {1, -1}, {0, exp(-1)}, {0, exp(-1)}},
    {"gabor", {0}, {0, exp(-1 / 6.0) / sqrt(27)}, {0, 1}},
    {"sign", {0}, {0, 0}, {0, 0}},
    {"rbf", {0.5}, {exp(-0.5), exp(-0.5)}, {1, 1}},
    {"rectifiedMonomial", {0}, {0.5, 0}, {1, 0}},
    {"rectifiedMonomial", {1}, {0, 0.25}, {0, 0.25}},
    {"rectifiedMonomial", {2}, {0, 0}, {0, 0}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    nt_dual dual = make_dual(cases[i].kind, cases[i].parameters, 3, NULL, 0);
    for (int place = 0; place < 3; place++) {
      const double *want = place < 2 ? cases[i].one : cases[i].two;
      S(pair) got = S(entry)(&dual, 0, place == 1, place == 0, 0, 16);
      EXPECT(fabs((double)got.value - want[0]) <= 4 * UNIT * fmax(fabs(want[0]), 0.5), "found %g of %s",
             (double)got.value, cases[i].kind);
      EXPECT(fabs((double)got.slope - want[1]) <= 4 * UNIT * fmax(fabs(want[1]), 0.5), "found %g of %s",
             (double)got.slope, cases[i].kind);
    }
  }
}

static void S(not_a_number)(void) {
  FOR_CASES(given, dual) {
    S(pair) got = S(entry)(dual, (T)NAN, 1, 1, 0, 16);
    EXPECT(isnan(got.value) && isnan(got.slope), "found %g of %s", (double)got.value, text_of(given, "name"));
    // A power series has no variances.
    if (strcmp(text_of(given, "kind"), "powerSeries") == 0) continue;
    for (int place = 0; place < 2; place++) {
      got = S(entry)(dual, (T)0.25, place == 0 ? (T)NAN : 1, place == 1 ? (T)NAN : 1, 0, 16);
      // A constant's derivative is zero whatever the variance.
      EXPECT(isnan(got.value) && (isnan(got.slope) || strcmp(text_of(given, "name"), "constant") == 0),
             "found %g and %g of %s", (double)got.value, (double)got.slope, text_of(given, "name"));
    }
  }
}

static void S(infinity_in)(void) {
  FOR_CASES(given, dual) {
    T got = S(entry)(dual, (T)INFINITY, (T)INFINITY, (T)INFINITY, 0, 16).value;
    EXPECT(!isfinite(got), "found %g of %s", (double)got, text_of(given, "name"));
  }
}

#undef FOR_CASES
