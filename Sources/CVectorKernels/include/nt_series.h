// Duals of activations that have none in closed form, as series in the correlation.
//
// For standard normal z and the normalised Hermite polynomials h_n let alpha_n(q) = E[phi(sqrt(q) z) h_n(z)] / sqrt(q).
// Mehler's formula gives, with rho = q12 / sqrt(q11 q22),
//   kappa          = a_0(q11) a_0(q22) + q12 sum over n >= 1 of alpha_n(q11) alpha_n(q22) rho^(n-1)
//   d kappa/d q12  = sum over n >= 1 of n alpha_n(q11) alpha_n(q22) rho^(n-1)
// so that one set of coefficients per input serves both, and a variance of zero needs no care. What an input gives is
// interpolated in a table: pieces, one for every power of two of sqrt(q), of polynomials in sqrt(q). Pieces are made when
// they are first needed, by the function `make`. `exact` gives the entries for which the series says of itself that it
// is not accurate.
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Pieces are for sqrt(q) from 2^lowest to 2^(lowest + count); below, the first one serves, and above, nothing.
typedef enum nt_series_size {
  nt_series_lowest_piece = -40,
  nt_series_piece_count = 80,
  // Coefficients of a piece's polynomials in x, where sqrt(q) = 2^piece (3 + x) / 2.
  nt_series_piece_terms = 20,
  // Terms are taken in blocks.
  nt_series_block = 8,
  // Levels of the fit to what is beyond the last term.
  nt_series_levels = 8,
  // The most terms of a series.
  nt_series_most_terms = 256,
  // The largest n of a coefficient that is computed, and of those that tails are fitted to.
  nt_series_largest = 2000,
  // Arcs of a function that is straight between at most five kinks.
  nt_series_most_arcs = 15,
} nt_series_size;

// What two kinks s and t of a function that is straight between its kinks add, with the jumps J of its slope:
// weight = J_s J_t / 2 pi, for pairs in either order where is_twice.
typedef struct nt_series_arc {
  double s, t, weight;
  int is_twice;
} nt_series_arc;

// Columns of a piece, each a polynomial, in this order: a_0, the alpha_n outside the terms, the variance of phi over q,
// E[phi'^2], the binary logarithm of the error of the fit or 116 where nothing is known, the levels of the fit for odd n and then for even n, the sums of alpha_n^2 and of
// n alpha_n^2 over the n beyond the terms, and alpha_n for the terms.
typedef enum nt_series_column {
  nt_series_mean,
  nt_series_other,
  nt_series_spread,
  nt_series_slope,
  nt_series_fit_error,
  nt_series_odd_fit,
  nt_series_even_fit = nt_series_odd_fit + nt_series_levels,
  nt_series_rest = nt_series_even_fit + nt_series_levels,
  nt_series_slope_rest,
  nt_series_first_term = 24,  // on a multiple of 8
} nt_series_column;

// What a reverse pass takes of an entry beside kappa: d kappa/d q12 = E[phi' phi'], d kappa/d q11 = E[phi'' phi] / 2 and
// d kappa/d q22, and of kappa-dot the derivatives E[phi'' phi''], E[phi''' phi'] / 2 and E[phi' phi'''] / 2 in the same.
typedef enum nt_series_derivative {
  nt_series_lift,
  nt_series_value1,
  nt_series_value2,
  nt_series_curvature,
  nt_series_slope1,
  nt_series_slope2,
  nt_series_derivative_count,
} nt_series_derivative;

typedef struct nt_series nt_series;
// The derivatives of n entries by integrals, [derivative][entry].
typedef void (*nt_series_derivatives)(const nt_series *series, long n, const double *q12, const double *q11,
                                      const double *q22, double *results);
struct nt_series {
  // The terms are n = first, first + step, ...; n = 1 is apart where first is 2. A multiple of nt_series_block; where there
  // is a fit they end with n = 128 or 256, or one more for even n.
  int first, step, terms;
  // What such a function's entries are made of where its series is not accurate; none for other functions.
  int arc_count;
  // Whether the jumps of the slope add up to zero, so that the ones in the integrals of all arcs do.
  int is_bounded;
  nt_series_arc arcs[nt_series_most_arcs];
  // The pieces, nt_series_piece_count of them: [coefficient, highest first][column], or NULL for one that was not yet
  // made.
  double **pieces;
  // Makes a piece and publishes it; called by any thread.
  void (*make)(const nt_series *series, int piece);
  // kappa and its derivative of n entries.
  void (*exact)(const nt_series *series, long n, const double *q12, const double *q11, const double *q22, double *kappa,
                double *slope);
  // For entries for which series of derivatives are not accurate; NULL for functions that are not smooth, whose derivatives are
  // not made of their series.
  nt_series_derivatives derivatives;
  void *context;
};

// Columns of a piece.
static inline int nt_series_column_count(const nt_series *series) { return nt_series_first_term + series->terms; }

// From here on `coefficients`, [coefficient, highest first][column] and never changed again, is the piece.
void nt_series_publish(const nt_series *series, int piece, double *coefficients);

// Arrays of factors that an input needs.
int nt_series_factors_per_input(const nt_series *series);

// sums[i] = sum over j < count of w[j] h_i(z[j]), i < terms.
void nt_series_project(long count, const double *z, const double *w, long terms, double *sums);

// s_n g_n of the fit (see duals_series_body.h), where n is at least 3.
double nt_series_fit_base(int n);

#ifdef __cplusplus
}
#endif
