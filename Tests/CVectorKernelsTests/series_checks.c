// Series: a cubic, whose table is known in closed form, and a ramp, whose entries near correlation one are arcs.
#include "checks.h"
#include "nt_series.h"

// A polynomial piece in x of scale sigma^power, where sigma = 2^p (3 + x) / 2.
static void add_power(double *piece, int columns, int column, int exponent, double scale, int power) {
  double coefficients[nt_series_piece_terms] = {ldexp(scale, (exponent - 1) * power)};
  for (int k = 0; k < power; k++)
    for (int i = k + 1; i >= 0; i--) coefficients[i] = 3 * coefficients[i] + (i > 0 ? coefficients[i - 1] : 0);
  for (int i = 0; i <= power; i++) piece[(nt_series_piece_terms - 1 - i) * columns + column] += coefficients[i];
}

static double *new_piece(const nt_series *series) {
  long count = (long)nt_series_piece_terms * nt_series_column_count(series);
  double *piece = SCRATCH(double, count);
  for (long i = 0; i < count; i++) piece[i] = 0;
  return piece;
}

// phi(x) = x^3 = sigma (3 sigma^2 h_1 + sqrt(6) sigma^2 h_3) at deviation sigma.
static void make_cubic(const nt_series *series, int piece) {
  int columns = nt_series_column_count(series), exponent = piece + nt_series_lowest_piece;
  double *values = new_piece(series);
  add_power(values, columns, nt_series_spread, exponent, 15, 4);
  add_power(values, columns, nt_series_slope, exponent, 27, 4);
  add_power(values, columns, nt_series_fit_error, exponent, -100, 0);
  add_power(values, columns, nt_series_first_term, exponent, 3, 2);
  add_power(values, columns, nt_series_first_term + (series->step == 1 ? 2 : 1), exponent, sqrt(6), 2);
  nt_series_publish(series, piece, values);
}

// phi(x) = x between -1 and 1 and constant beyond, at the deviation in the middle of each piece only. There are no terms,
// and all that is left out is said to be large.
static void make_ramp(const nt_series *series, int piece) {
  int columns = nt_series_column_count(series), exponent = piece + nt_series_lowest_piece;
  double *values = new_piece(series), sigma = ldexp(1.5, exponent);
  add_power(values, columns, nt_series_spread, exponent, 1, 0);
  add_power(values, columns, nt_series_slope, exponent, 1, 0);
  add_power(values, columns, nt_series_fit_error, exponent, 100, 0);
  add_power(values, columns, nt_series_rest, exponent, 1, 0);
  add_power(values, columns, nt_series_slope_rest, exponent, 1, 0);
  add_power(values, columns, nt_series_first_term, exponent, erf(sqrt(0.5) / sigma), 0);
  nt_series_publish(series, piece, values);
}

static void no_integral(const nt_series *series, long n, const double *q12, const double *q11, const double *q22,
                        double *kappa, double *slope) {
  (void)series, (void)q12, (void)q11, (void)q22, (void)kappa, (void)slope;
  EXPECT(n == 0, "found %ld entries for the integral", n);
}

static nt_series new_series(int step, int terms, void (*make)(const nt_series *, int)) {
  nt_series series = {.first = 1, .step = step, .terms = terms, .make = make, .exact = no_integral};
  series.pieces = SCRATCH(double *, nt_series_piece_count);
  for (int i = 0; i < nt_series_piece_count; i++) series.pieces[i] = NULL;
  return series;
}

static nt_dual dual_of_series(const nt_series *series) {
  nt_dual dual = {0};
  dual.kind = nt_dual_series;
  dual.series = series;
  return dual;
}

// sigma_1, sigma_2, the correlation, kappa and its derivative of the ramp, by quadrature with 25 digits.
static const double ramps[][5] = {
  {0.75, 0.75, -0.99, -0.39176520397716431, 0.79908305267320548},
  {0.75, 0.75, 0.9, 0.35249176900565455, 0.75945101059916897},
  {0.75, 0.75, 0.999, 0.39583701239043463, 0.81172565343757861},
  {0.75, 0.75, 0.999999, 0.39629424542816573, 0.81739249500880108},
  {0.75, 1.5, -0.99, -0.48773020006481007, 0.49501490859196045},
  {0.75, 1.5, 0.9, 0.43781268136366329, 0.48853934361421791},
  {0.75, 1.5, 0.999, 0.49274222616664933, 0.49501492490615417},
  {0.75, 1.5, 0.999999, 0.49329856106537824, 0.49501492490615417},
  {1.5, 3.0, -0.99, -0.70992121146488478, 0.2608087308280803},
  {1.5, 3.0, 0.9, 0.61202899528178763, 0.22060521754760041},
  {1.5, 3.0, 0.999, 0.72049396895255232, 0.26111731963647254},
  {1.5, 3.0, 0.999999, 0.72166782186297809, 0.26111731963647272},
  {3.0, 3.0, -0.99, -0.80369475738858682, 0.2185026037275491},
  {3.0, 3.0, 0.9, 0.66807822152073864, 0.13631916463828671},
  {3.0, 3.0, 0.999, 0.82236993447063476, 0.24765035160854582},
  {3.0, 3.0, 0.999999, 0.82463684343293442, 0.26069148823278962},
};

#define NT_DOUBLE 0
#include "real.h"
#include "series_checks_body.h"
#include "real_end.h"
#define NT_DOUBLE 1
#include "real.h"
#include "series_checks_body.h"
#include "real_end.h"

static void cubic(void) {
  cubic_f32();
  cubic_f64();
}

static void ramp(void) {
  ramp_f32();
  ramp_f64();
}

const check series_checks[] = {
  {"a series whose table is known gives the duals in closed form", cubic},
  {"arcs give the duals of a function that is straight between kinks", ramp},
  {NULL, NULL},
};
