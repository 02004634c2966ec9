// Elementary functions against the C library's and against exact values: the checks of ElementaryFunctionTests.swift, with
// the same bounds.
#include "elements.h"

static double square(double x) { return x * x; }
static double negate(double x) { return -x; }
static double rsqrt(double x) { return 1 / sqrt(x); }
static double reciprocal(double x) { return 1 / x; }

// By bisection.
static double erf_inverse(double x) {
  if (x == 0 || fabs(x) == 1) return x / (1 - fabs(x)) + x;
  if (!(fabs(x) < 1)) return NAN;
  if (x < 0) return -erf_inverse(-x);
  double low = 0, high = 7;
  for (;;) {
    double middle = low / 2 + high / 2;
    if (middle <= low || middle >= high) return middle;
    if (x < 0.5 ? erf(middle) < x : erfc(middle) > 1 - x) low = middle;
    else high = middle;
  }
}

// A function, what the C library calls it, where to try it, and its name in the fixture.
static const struct function {
  const char *name;
  nt_unary_function f;
  double (*library)(double);
  double low, high;
} functions[] = {
  {"exp", nt_exp, exp, -80, 80}, {"expm1", nt_expm1, expm1, -20, 20}, {"log", nt_log, log, 0, 1000},
  {"log1p", nt_log1p, log1p, -1, 1000}, {"sin", nt_sin, sin, -1000, 1000}, {"cos", nt_cos, cos, -1000, 1000},
  {"tan", nt_tan, tan, -100, 100}, {"asin", nt_asin, asin, -1, 1}, {"acos", nt_acos, acos, -1, 1},
  {"atan", nt_atan, atan, -100, 100}, {"sinh", nt_sinh, sinh, -80, 80}, {"cosh", nt_cosh, cosh, -80, 80},
  {"tanh", nt_tanh, tanh, -20, 20}, {"asinh", nt_asinh, asinh, -1000, 1000}, {"acosh", nt_acosh, acosh, 1, 1000},
  {"atanh", nt_atanh, atanh, -1, 1}, {"erf", nt_erf, erf, -6, 6}, {"erfc", nt_erfc, erfc, -6, 9},
  {"erfInverse", nt_erf_inverse, erf_inverse, -0.999, 0.999}, {"sqrt", nt_sqrt, sqrt, 0, 1000},
  {"rsqrt", nt_rsqrt, rsqrt, 0, 1000}, {"cbrt", nt_cbrt, cbrt, -1000, 1000},
  {"reciprocal", nt_reciprocal, reciprocal, -10, 10}, {"square", nt_square, square, -10, 10},
  {"abs", nt_absolute, fabs, -10, 10}, {"negate", nt_negate, negate, -10, 10}, {"floor", nt_floor, floor, -10, 10},
  {"ceil", nt_ceil, ceil, -10, 10}, {"round", nt_round, nearbyint, -10, 10},
};
enum { function_count = sizeof functions / sizeof *functions };

static void library_functions(void) {
  enum { count = 3000 };
  for (int i = 0; i < function_count; i++)
    for (int is_float = 0; is_float < 2; is_float++) {
      const struct function *f = &functions[i];
      nt_dtype type = is_float ? nt_float32 : nt_float64;
      seed_numbers(is_float ? 7 : 6);
      double *numbers = SCRATCH(double, count);
      for (int j = 0; j < count; j++) numbers[j] = random_uniform(f->low, f->high);
      void *x = elements(type, numbers, count), *y = scratch(count * 8);
      nt_unary(f->f, type, x, y, count);
      // The C library's float64 is exact for float32; in float64 it has errors of its own.
      bool is_worse = f->f == nt_erfc || f->f == nt_rsqrt;
      double limit = !is_float ? 3 : is_worse ? 2 : 1.5;
      for (int j = 0; j < count; j++) {
        double argument = element(type, x, j), got = element(type, y, j), want = f->library(argument);
        EXPECT(is_same(got, want) || fabs(got - want) <= limit * ulp_of(type, want), "%s(%.17g) is %.17g, wanted %.17g, type %d",
               f->name, argument, got, want, type);
      }
    }
}

static void special_arguments(void) {
  const double arguments[] = {NAN, INFINITY, -INFINITY, 0, -0.0, 1, -1, 2, -2, 0.5, -0.5, 1.5, 2.5};
  enum { count = sizeof arguments / sizeof *arguments };
  for (int i = 0; i < function_count; i++)
    for (int is_float = 0; is_float < 2; is_float++) {
      nt_dtype type = is_float ? nt_float32 : nt_float64;
      void *x = elements(type, arguments, count), *y = scratch(count * 8);
      nt_unary(functions[i].f, type, x, y, count);
      for (int j = 0; j < count; j++) {
        double got = element(type, y, j), want = functions[i].library(arguments[j]);
        bool is_near = fabs(got - want) <= fabs(want) * (is_float ? 2e-7 : 5e-16) ||
                       (fabs(got - want) < 1e-15 && !is_float) || (fabs(got - want) < 2e-7 && want != 0);
        EXPECT(is_same(got, want) || is_near, "%s(%g) is %.17g, wanted %.17g, type %d", functions[i].name, arguments[j], got,
               want, type);
      }
    }
}

static void exact_values(void) {
  const json *entries = json_get(fixture("elementary"), "entries");
  EXPECT(entries->count >= 32, "found %ld entries", entries->count);
  for (long at = 0; at < entries->count; at++) {
    const json *entry = &entries->items[at], *arguments = json_get(entry, "arguments"), *values = json_get(entry, "values");
    const json *second = json_find(entry, "second");
    const char *name = json_get(entry, "function")->text;
    nt_dtype type = strcmp(json_get(entry, "dtype")->text, "float32") == 0 ? nt_float32 : nt_float64;
    long count = arguments->count;
    void *x = scratch((size_t)count * 8), *y = scratch((size_t)count * 8), *out = scratch((size_t)count * 8);
    for (long i = 0; i < count; i++) {
      set_element(type, x, i, arguments->items[i].number);
      if (second != NULL && second->kind == json_array) set_element(type, y, i, second->items[i].number);
    }
    int index = 0;
    if (second != NULL && second->kind == json_array) {
      nt_operand a = {x, 0, 1}, b = {y, 0, 1};
      nt_binary(strcmp(name, "atan2") == 0 ? nt_atan2 : nt_power, type, a, b, out, 1, (size_t)count);
    } else {
      while (index < function_count && strcmp(functions[index].name, name) != 0) index++;
      EXPECT(index < function_count, "found no %s", name);
      if (index == function_count) continue;
      nt_unary(functions[index].f, type, x, out, (size_t)count);
    }
    bool is_worse = strcmp(name, "erfc") == 0 || strcmp(name, "rsqrt") == 0 || strcmp(name, "erfInverse") == 0;
    for (long i = 0; i < count; i++) {
      double want = strtod(values->items[i].text, NULL), got = element(type, out, i);
      // SLEEF's pow overflows two millionths below the largest number.
      if (strcmp(name, "pow") == 0 && want > 1.79768e308) continue;
      EXPECT(is_same(got, want) || fabs(got - want) <= (is_worse ? 2.5 : 1.25) * ulp_of(type, want),
             "%s of %.17g is %.17g, wanted %.17g, type %d", name, element(type, x, i), got, want, type);
    }
  }
}

// Neither the length nor the place of a number changes it, and nothing beyond the end is touched.
static void tails(void) {
  for (int i = 0; i < function_count; i++)
    for (int is_float = 0; is_float < 2; is_float++) {
      nt_dtype type = is_float ? nt_float32 : nt_float64;
      size_t width = width_of(type);
      seed_numbers((uint64_t)i);
      double *numbers = SCRATCH(double, 80);
      for (int j = 0; j < 80; j++) numbers[j] = random_uniform(functions[i].low, functions[i].high);
      void *x = elements(type, numbers, 80);
      char *whole = scratch(80 * 8), *part = scratch(80 * 8);
      nt_unary(functions[i].f, type, x, whole, 80);
      for (size_t count = 0; count <= 70; count++) {
        memset(part, 0x55, 80 * 8);
        nt_unary(functions[i].f, type, (char *)x + width, part, count);
        EXPECT(memcmp(part, whole + width, count * width) == 0, "found others of %s, %zu", functions[i].name, count);
        for (size_t j = count * width; j < 80 * 8; j++) EXPECT(part[j] == 0x55, "found it written, %s", functions[i].name);
      }
    }
}

const check elementary_checks[] = {
  {"elementary functions agree with the C library's", library_functions},
  {"special arguments give what the C library's functions give", special_arguments},
  {"elementary functions are within their ulp of exact values", exact_values},
  {"no length of the last vector goes wrong", tails},
  {NULL, NULL},
};
