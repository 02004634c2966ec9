// Duals against exact values and against what they must be: the checks of DualKernelTests.swift, with the same bounds.
#include "duals.h"

static const dual_kind_name kinds[] = {
  {"abRelu", nt_dual_ab_relu}, {"erf", nt_dual_erf}, {"gelu", nt_dual_gelu}, {"sin", nt_dual_sin},
  {"gaussian", nt_dual_gaussian}, {"exp", nt_dual_exp}, {"expNormalized", nt_dual_exp_normalized},
  {"gabor", nt_dual_gabor}, {"sign", nt_dual_sign}, {"rbf", nt_dual_rbf}, {"polynomial", nt_dual_polynomial},
  {"powerSeries", nt_dual_power_series}, {"rectifiedMonomial", nt_dual_rectified_monomial},
};

const dual_sample dual_samples[] = {
  {"abRelu", {0, 1}, {0}, 0}, {"abRelu", {0.1, 1}, {0}, 0}, {"abRelu", {-1, 1}, {0}, 0},
  {"erf", {1, 0.7, 0.1}, {0}, 0}, {"gelu", {0}, {0}, 0}, {"sin", {1, 0.8, 0.3}, {0}, 0},
  {"gaussian", {1, -0.5}, {0}, 0}, {"exp", {1, 0.5}, {0}, 0}, {"expNormalized", {1, -1}, {0}, 0},
  {"gabor", {0}, {0}, 0}, {"sign", {0}, {0}, 0}, {"rbf", {0.6}, {0}, 0},
  {"polynomial", {0}, {0.1, 0.5, -0.2, 0.3}, 4}, {"powerSeries", {0}, {0.3, 0.5, 0.2}, 3},
  {"rectifiedMonomial", {2}, {0}, 0}, {NULL, {0}, {0}, 0},
};

nt_dual make_dual(const char *kind, const double *parameters, long count, const double *coefficients,
                  long coefficient_count) {
  nt_dual dual = {0};
  size_t index = 0;
  while (index < sizeof kinds / sizeof *kinds && strcmp(kinds[index].name, kind) != 0) index++;
  EXPECT(index < sizeof kinds / sizeof *kinds, "found no kind of dual with the name %s", kind);
  if (index == sizeof kinds / sizeof *kinds) return dual;
  dual.kind = kinds[index].kind;
  for (long i = 0; i < count; i++) dual.parameters[i] = parameters[i];
  int is_rectified = dual.kind == nt_dual_rectified_monomial;
  double *own = SCRATCH(double, is_rectified ? nt_rectified_monomial_coefficient_count : coefficient_count + 1);
  dual.coefficient_count = is_rectified ? nt_rectified_monomial_coefficient_count : (int)coefficient_count;
  if (is_rectified) nt_rectified_monomial_coefficients((int)parameters[0], own);
  else for (long i = 0; i < coefficient_count; i++) own[i] = coefficients[i];
  dual.coefficients = own;
  return dual;
}

nt_dual make_sample(const dual_sample *sample) {
  return make_dual(sample->kind, sample->parameters, 4, sample->coefficients, sample->coefficient_count);
}

// MARK: - The fixture

// A point of the fixture: q12, q11, q22, kappa, its derivative, and the scales of the errors of both.
enum { point_length = 7 };

static const char *text_of(const json *given, const char *key) { return json_get(given, key)->text; }

static nt_dual dual_of(const json *given) {
  double numbers[2][64];
  const json *lists[2] = {json_get(given, "parameters"), json_get(given, "coefficients")};
  for (int list = 0; list < 2; list++)
    for (long i = 0; i < lists[list]->count; i++) numbers[list][i] = lists[list]->items[i].number;
  return make_dual(text_of(given, "kind"), numbers[0], lists[0]->count, numbers[1], lists[1]->count);
}

static const json *case_named(const char *name) {
  const json *cases = fixture("dual-kernels");
  for (long i = 0; i < cases->count; i++)
    if (strcmp(text_of(&cases->items[i], "name"), name) == 0) return &cases->items[i];
  EXPECT(0, "found no %s in the fixture", name);
  return &cases->items[0];
}

static void check_fixture(void) {
  const json *cases = fixture("dual-kernels");
  EXPECT(cases->count >= 27, "found %ld cases", cases->count);
  for (long i = 0; i < cases->count; i++)
    EXPECT(json_get(&cases->items[i], "float32")->count == 64 && json_get(&cases->items[i], "float64")->count == 64,
           "found other points of %s", text_of(&cases->items[i], "name"));
}

#define NT_DOUBLE 0
#include "real.h"
#include "dual_checks_body.h"
#include "real_end.h"
#define NT_DOUBLE 1
#include "real.h"
#include "dual_checks_body.h"
#include "real_end.h"

#define BOTH(name) \
  static void name(void) { \
    name##_f32(); \
    name##_f64(); \
  }
BOTH(accuracy)
BOTH(relative_accuracy)
BOTH(symmetry)
BOTH(rows_and_diagonals)
BOTH(lanes)
BOTH(equal_inputs)
BOTH(zero_variances)
BOTH(not_a_number)
BOTH(infinity_in)
BOTH(unequal_variances)

// MARK: - Edges of float

static float value_f32(const nt_dual *dual, float q12, float q11, float q22) {
  return entry_f32(dual, q12, q11, q22, 0, 16).value;
}

static void excessive_covariance(void) {
  static const char *const names[] = {
    "relu", "erf", "gelu", "sin", "cos", "sign", "gaussian", "gabor", "normalized exp", "rectified monomial 2",
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    nt_dual dual = dual_of(case_named(names[i]));
    for (float q = 1e-3f; q <= 1e9f; q *= 1e3f) {
      pair_f32 exact = entry_f32(&dual, q, q, q, 0, 16);
      pair_f32 above = entry_f32(&dual, nextafterf(nextafterf(q, INFINITY), INFINITY), q, q, 0, 16);
      EXPECT(fabsf(above.value - exact.value) <= 1e-6f * exact.value, "found %g at %g of %s", above.value, q, names[i]);
      EXPECT(fabsf(above.slope - exact.slope) <= 1e-6f * exact.slope, "found %g at %g of %s", above.slope, q, names[i]);
    }
  }
}

static void range(void) {
  nt_dual relu = make_dual("abRelu", (double[]){0, 1}, 2, NULL, 0);
  for (int exponent = -126; exponent <= 100; exponent++) {
    float q = ldexpf(1.37f, exponent);
    pair_f32 one = entry_f32(&relu, q, q, q, 0, 16);
    EXPECT(one.value == q / 2 && one.slope == 0.5f, "found %g and %g at %g", one.value, one.slope, q);
    EXPECT(entry_f32(&relu, -q, q, q, 0, 16).slope == 0, "found another at %g", q);
  }
  for (int exponent = -990; exponent <= 960; exponent += 6) {
    double q = ldexp(1.37, exponent);
    pair_f64 one = entry_f64(&relu, q, q, q, 0, 16);
    EXPECT(one.value == q / 2 && one.slope == 0.5, "found %g and %g at %g", one.value, one.slope, q);
  }
  for (float q = 1e31f; q < 1e38f; q *= 1e3f)
    EXPECT(fabsf(entry_f32(&relu, q, q, q, 0, 16).slope - 0.5f) < 3e-4f, "found another at %g", q);
}

static void subnormal(void) {
  nt_dual relu = make_dual("abRelu", (double[]){0, 1}, 2, NULL, 0);
  nt_dual erf_dual = make_dual("erf", (double[]){1, 1, 0}, 3, NULL, 0);
  const float least = 0x1p-149f, multiples[] = {2, 8, 700, 70000, 7000000};
  for (int i = 0; i < 5; i++) {
    double q = multiples[i] * least;
    float f = (float)q;
    pair_f32 equal = entry_f32(&relu, f, f, f, 0, 16), apart = entry_f32(&relu, 0, f, f, 0, 16);
    pair_f32 other = entry_f32(&erf_dual, f, f, f, 0, 16);
    EXPECT(fabs(equal.value - (q / 4 + q / (2 * M_PI))) <= 2 * least + 1e-6 * q, "found %g at %g", equal.value, q);
    EXPECT(equal.slope == 0.25f && apart.slope == 0.25f, "found %g and %g at %g", equal.slope, apart.slope, q);
    EXPECT(fabs(apart.value - q / (2 * M_PI)) <= least, "found %g at %g", apart.value, q);
    EXPECT(fabs(other.value - q * 4 / M_PI) <= fmax(least, 1e-6 * q), "found %g at %g", other.value, q);
    EXPECT(fabs(other.slope - 4 / M_PI) <= 3e-7, "found %g at %g", other.slope, q);
  }
}

static void exponential_range(void) {
  nt_dual rbf = make_dual("rbf", (double[]){0.5}, 1, NULL, 0);
  EXPECT(value_f32(&rbf, 1e30f, 1e30f, 1e30f) == 1, "found %g", value_f32(&rbf, 1e30f, 1e30f, 1e30f));
  EXPECT(value_f32(&rbf, 0, 1e30f, 1e30f) == 0, "found %g", value_f32(&rbf, 0, 1e30f, 1e30f));
  EXPECT(value_f32(&rbf, 0, 100, 104) > 0, "found %g", value_f32(&rbf, 0, 100, 104));
  nt_dual exponential = make_dual("exp", (double[]){1e-15, 1}, 2, NULL, 0);
  double got = value_f32(&exponential, 60, 60, 60);
  EXPECT(fabs(got / (1e-30 * exp(120.0)) - 1) < 3e-7, "found %g", got);
  EXPECT(isinf(value_f32(&exponential, 90, 90, 90)), "found %g", value_f32(&exponential, 90, 90, 90));
  nt_dual normalized = make_dual("expNormalized", (double[]){200, 0}, 2, NULL, 0);
  EXPECT(fabsf(value_f32(&normalized, 0, 1, 1) - 1) < 3e-7f, "found %g", value_f32(&normalized, 0, 1, 1));
  EXPECT(isinf(value_f32(&normalized, 1, 1, 1)), "found %g", value_f32(&normalized, 1, 1, 1));
}

static void divergence(void) {
  nt_dual gaussian = make_dual("gaussian", (double[]){1, 0.5}, 2, NULL, 0);
  const float triples[][3] = {{0.1f, 2, 0.1f}, {0.1f, 0.1f, 2}, {1, 2, 2}, {0, 2, 2}, {0.6f, 0.6f, 0.6f}};
  for (int i = 0; i < 5; i++) {
    const float *q = triples[i];
    double wide = entry_f64(&gaussian, q[0], q[1], q[2], 0, 16).value;
    EXPECT(isinf(value_f32(&gaussian, q[0], q[1], q[2])) && isinf(wide), "found %g", wide);
  }
  EXPECT(isfinite(value_f32(&gaussian, 0.4f, 0.4f, 0.4f)), "found an infinite one");
}

static void rectified_monomials(void) {
  const json *given = case_named("relu"), *points = json_get(given, "float64");
  nt_dual relu = dual_of(given);
  nt_dual step = make_dual("rectifiedMonomial", (double[]){0}, 1, NULL, 0);
  nt_dual ramp = make_dual("rectifiedMonomial", (double[]){1}, 1, NULL, 0);
  for (long i = 0; i < points->count; i++) {
    const json *p = points->items[i].items;
    pair_f64 expected = entry_f64(&relu, p[0].number, p[1].number, p[2].number, 0, 16);
    pair_f64 got = entry_f64(&ramp, p[0].number, p[1].number, p[2].number, 0, 16);
    double value = entry_f64(&step, p[0].number, p[1].number, p[2].number, 0, 16).value;
    EXPECT(fabs(got.value - expected.value) <= 6 * 0x1p-53 * p[5].number, "found %g at point %ld", got.value, i);
    EXPECT(fabs(got.slope - expected.slope) <= 6 * 0x1p-53 * p[6].number, "found %g at point %ld", got.slope, i);
    EXPECT(fabs(value - expected.slope) <= 6 * 0x1p-53 * p[6].number, "found %g at point %ld", value, i);
  }
}

const check dual_checks[] = {
  {"the fixture of duals is read", check_fixture},
  {"duals and their derivatives agree with exact values", accuracy},
  {"where the problem is well conditioned errors are small beside the value itself", relative_accuracy},
  {"sines and cosines keep their digits where one variance is far smaller than the other", unequal_variances},
  {"the order of the two inputs matters only to rounding", symmetry},
  {"rows and diagonals agree bitwise, with and without the NTK", rows_and_diagonals},
  {"an entry depends neither on its lane nor on the length of the row", lanes},
  {"equal inputs have correlation one exactly", equal_inputs},
  {"a covariance slightly too large counts as correlation one", excessive_covariance},
  {"zero variances give the limits", zero_variances},
  {"NaN in means NaN out", not_a_number},
  {"an infinite covariance gives nothing finite", infinity_in},
  {"correlations are right over the range of numbers", range},
  {"variances below the smallest normal number have correlation zero", subnormal},
  {"exponentials overflow and underflow only where their results do", exponential_range},
  {"a Gaussian activation whose expectation diverges has an infinite dual", divergence},
  {"rectified monomials of degree 0 and 1 are what Relu is made of", rectified_monomials},
  {NULL, NULL},
};
