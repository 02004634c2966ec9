// Series: any function, by its Hermite coefficients (see nt_series.h).
//
// How many terms an entry takes depends on that entry only. With R_b the sum of alpha_n^2 over what is left out after b
// blocks, the error of kappa is at most |rho|^n sqrt(R_b(q11) R_b(q22)), and likewise for the
// derivative with n alpha_n^2. Lanes that need fewer blocks than the vector as a whole start from zero later.
//
// What all blocks leave out can be slow to vanish near |rho| = 1 where the function has a kink. A kink at 0, that is jumps
// J_i of its derivatives of order i there, leaves
//   alpha_n = sum over i of J_i q^((i-1)/2) He_{n-i-1}(0) / sqrt(2 pi n!),
// in which every second i counts. Since He_{k-2}(0) = -He_k(0) / (k-1) this is s_n g_n times a power series in
// nu = start / (n-m-2), with g_n = (n-m-2)!! / sqrt(2 pi n!), a sign s_n = (-1)^((n-m-1)/2), and m = 2 for odd n and 1 for
// even n. The table has the first levels E_i of a series of Chebyshev's polynomials T_i(2 nu - 1) as fitted to the
// coefficients beyond the terms, and the error of the fit; the first terms of the product of two such series times sums
// over n of g_n^2 T_j(2 nu - 1) rho^n make the tail.
//
// What neither gives is an integral along an arc for functions that are straight between kinks (see duals_arcs_body.h), and
// is gathered for the exact integral of other ones. Equal inputs take their variance from the table.

#define SERIES_TAIL_(first, bits) NT_SERIES_TAIL_##first##_F##bits
#define SERIES_TAIL(first, bits) SERIES_TAIL_(first, bits)

enum {
  TYPED(nt_series_tail_count) = NT_REAL_BITS == 32 ? NT_SERIES_TAIL_COUNT_F32 : NT_SERIES_TAIL_COUNT_F64,
};

// Polynomials of V_j and W_j in turn, for what begins with this n.
typedef REAL TYPED(nt_series_tail)[2 * nt_series_levels][TYPED(nt_series_tail_count)];
static const TYPED(nt_series_tail) TYPED(nt_series_tail_129) = {SERIES_TAIL(129, NT_REAL_BITS)};
static const TYPED(nt_series_tail) TYPED(nt_series_tail_130) = {SERIES_TAIL(130, NT_REAL_BITS)};
static const TYPED(nt_series_tail) TYPED(nt_series_tail_257) = {SERIES_TAIL(257, NT_REAL_BITS)};
static const TYPED(nt_series_tail) TYPED(nt_series_tail_258) = {SERIES_TAIL(258, NT_REAL_BITS)};

// What is left of an entry's error bound, beside sqrt(kappa11 kappa22).
#define SERIES_TOLERANCE SPLAT_R(NT_REAL_BITS == 32 ? 0x1p-26 : 0x1p-42)

// The error of the fit where a table knows nothing: 2^116.
#define SERIES_UNKNOWN 0x1p116

// The first columns, a multiple of 8, of one input with deviation `sigma`.
static void TYPED(nt_series_interpolate)(const nt_series *series, double sigma, int wanted, double *columns) {
  const int count = nt_series_column_count(series);
  unsigned long long bits;
  __builtin_memcpy(&bits, &sigma, sizeof bits);
  int piece = (int)(bits >> 52 & 0x7ff) - 1023 - nt_series_lowest_piece;
  double x = 0;
  const int is_below = piece < 0;
  if (is_below) {
    piece = 0;
    x = -1;
  } else if (piece < nt_series_piece_count) {
    x = 2 * __builtin_ldexp(sigma, -(piece + nt_series_lowest_piece)) - 3;
  } else {
    for (int c = 0; c < wanted; c++) columns[c] = sigma * 0;
    columns[nt_series_fit_error] = SERIES_UNKNOWN;
    return;
  }
  const double *coefficients = __atomic_load_n(&series->pieces[piece], __ATOMIC_ACQUIRE);
  if (coefficients == NULL) {
    series->make(series, piece);
    coefficients = __atomic_load_n(&series->pieces[piece], __ATOMIC_ACQUIRE);
  }
  for (int c = 0; c < wanted; c += 8) {
    VD sums[8 / D_LANES];
    NT_UNROLL for (int v = 0; v < 8 / D_LANES; v++) sums[v] = SPLAT_D(0);
    for (int i = 0; i < nt_series_piece_terms; i++)
      NT_UNROLL for (int v = 0; v < 8 / D_LANES; v++)
        sums[v] = V_FMA(sums[v], SPLAT_D(x), LOAD_D(coefficients + i * count + c + v * D_LANES));
    NT_UNROLL for (int v = 0; v < 8 / D_LANES; v++) STORE_D(columns + c + v * D_LANES, sums[v]);
  }
  if (is_below) {
    // There the mean is linear in sigma: from phi(0), which the ends of the lowest piece give.
    double end = 0;
    for (int i = 0; i < nt_series_piece_terms; i++) end += coefficients[i * count + nt_series_mean];
    const double limit = 2 * columns[nt_series_mean] - end;
    columns[nt_series_mean] =
      limit + (columns[nt_series_mean] - limit) * __builtin_ldexp(sigma, -nt_series_lowest_piece);
  }
  columns[nt_series_fit_error] = __builtin_exp2(columns[nt_series_fit_error]);
}

// Factors: r and low of the correlation, q, then the columns of nt_series.h that come before the terms, the square roots
// of what each number of blocks leaves out, relative, and the terms.
enum {
  TYPED(nt_series_variance) = 2,
  TYPED(nt_series_columns) = 3,
  TYPED(nt_series_rests) = TYPED(nt_series_columns) + nt_series_rest,
};

static void TYPED(nt_series_factors)(const nt_dual *dual, long n, const REAL *q, REAL *factors, long stride) {
  const nt_series *series = dual->series;
  const int blocks = series->terms / nt_series_block, count = nt_series_column_count(series);
  double columns[D_LANES][nt_series_first_term + nt_series_most_terms];
  for (long j = 0; j < n; j += D_LANES) {
    TYPED(nt_correlation_factors)(LOAD_WIDE(q + j), 1, factors + j, stride);
    double size[D_LANES], rest[D_LANES], slope_rest[D_LANES];
    for (int l = 0; l < D_LANES; l++) {
      const double variance = q[j + l];
      REAL *own = factors + j + l;
      double *found = columns[l];
      TYPED(nt_series_interpolate)(series, __builtin_sqrt(variance), count, found);
      own[TYPED(nt_series_variance) * stride] = q[j + l];
      for (int c = 0; c < nt_series_rest; c++)
        own[(TYPED(nt_series_columns) + c) * stride] = (REAL)found[c];
      const double mean = found[nt_series_mean];
      size[l] = found[nt_series_spread] + (mean == 0 ? 0 : mean * mean / variance);
      rest[l] = found[nt_series_rest] > 0 ? found[nt_series_rest] : 0;
      slope_rest[l] = found[nt_series_slope_rest] > 0 ? found[nt_series_slope_rest] : 0;
    }
    // Sums over terms, whose chains run beside each other.
    for (int i = series->terms - 1; i >= 0; i--) {
      const int place = nt_series_first_term + i, order = series->first + i * series->step;
      REAL *own = factors + j + (TYPED(nt_series_rests) + blocks + i) * stride;
      if ((i + 1) % nt_series_block == 0) {
        REAL *rests = factors + j + (TYPED(nt_series_rests) + i / nt_series_block) * stride;
        for (int l = 0; l < D_LANES; l++) {
          double relative = rest[l] > 0 ? rest[l] / size[l] : 0;
          double slope_relative = slope_rest[l] > 0 ? slope_rest[l] / columns[l][nt_series_slope] : 0;
          if (slope_relative > relative) relative = slope_relative;
          rests[l] = (REAL)__builtin_sqrt(relative);
        }
      }
      NT_UNROLL for (int l = 0; l < D_LANES; l++) {
        const double term = columns[l][place], square = term * term;
        rest[l] += square;
        slope_rest[l] += order * square;
        own[l] = (REAL)term;
      }
    }
  }
}

// Entries for the exact integral, and where they belong.
typedef struct {
  long count;
  double q12[64], q11[64], q22[64];
  REAL *k[64], *theta[64];
} TYPED(nt_series_pending);

static void TYPED(nt_series_finish)(const nt_series *series, TYPED(nt_series_pending) *pending) {
  if (pending->count == 0) return;
  double kappa[64], slope[64];
  series->exact(series, pending->count, pending->q12, pending->q11, pending->q22, kappa, slope);
  for (long i = 0; i < pending->count; i++) {
    *pending->k[i] = (REAL)kappa[i];
    if (pending->theta[i] != NULL) *pending->theta[i] *= (REAL)slope[i];
  }
  pending->count = 0;
}

static NT_INLINE int TYPED(nt_series_any)(MASK_R mask) { return __builtin_reduce_or(mask) != 0; }

// The tail of one parity, without the power of rho that all of it has: sum over j of the product of the two fits, times
// V_j and W_j at y.
static NT_INLINE void TYPED(nt_series_add_tail)(const REAL (*polynomials)[TYPED(nt_series_tail_count)], VR x,
                                                const VR *fit1, const VR *fit2, VR power, VR *value, VR *slope) {
  VR sum = SPLAT_R(0), slope_sum = SPLAT_R(0), products[nt_series_levels];
  for (int j = 0; j < nt_series_levels; j++) products[j] = SPLAT_R(0);
  // 2 T_i T_j = T_{i+j} + T_{i-j}. Exchanging the inputs changes no bit.
  NT_UNROLL for (int i = 0; i < nt_series_levels; i++)
    NT_UNROLL for (int j = i; j < nt_series_levels; j++) {
      VR both = fit1[i] * fit2[j];
      if (i != j) {
        const VR other_way = fit1[j] * fit2[i];
        both += other_way;
      }
      products[j - i] += both;
      if (i + j < nt_series_levels) products[i + j] += both;
    }
  for (int j = 0; j < nt_series_levels; j++) {
    const VR product = SPLAT_R(0.5) * products[j];
    const REAL *v = polynomials[2 * j], *w = polynomials[2 * j + 1];
    VR v_sum = SPLAT_R(v[TYPED(nt_series_tail_count) - 1]), w_sum = SPLAT_R(w[TYPED(nt_series_tail_count) - 1]);
    for (int i = TYPED(nt_series_tail_count) - 2; i >= 0; i--) {
      v_sum = V_FMA(v_sum, x, SPLAT_R(v[i]));
      w_sum = V_FMA(w_sum, x, SPLAT_R(w[i]));
    }
    sum = V_FMA(product, v_sum, sum);
    slope_sum = V_FMA(product, w_sum, slope_sum);
  }
  *value = V_FMA(sum, power, *value);
  *slope = V_FMA(slope_sum, power, *slope);
}

// One vector of entries. Number f of the first input stands at first[f * first_stride], once for all if is_row.
static NT_INLINE void TYPED(nt_series_entries)(const nt_series *series, TYPED(nt_series_pending) *pending,
                                               const REAL *first, long first_stride, const REAL *second, long stride,
                                               REAL *k, REAL *theta, int is_row, int with_theta) {
#define FIRST(f) (is_row ? SPLAT_R(first[(long)(f) * first_stride]) : LOAD_R(first + (long)(f) * first_stride))
#define SECOND(f) LOAD_R(second + (long)(f) * stride)
#define COLUMN(c) (TYPED(nt_series_columns) + (c))
  const int blocks = series->terms / nt_series_block, step = series->step, is_even = series->first == 2;
  const VR zero = SPLAT_R(0), one = SPLAT_R(1), tolerance = SERIES_TOLERANCE;
  const VR q12 = LOAD_R(k), q11 = FIRST(TYPED(nt_series_variance)), q22 = SECOND(TYPED(nt_series_variance));
  const VR mean = FIRST(COLUMN(nt_series_mean)) * SECOND(COLUMN(nt_series_mean));
  const MASK_R is_equal = (q12 == q11) & (q11 == q22);
  VR value, slope;
  MASK_R is_exact = zero > zero;
  if (__builtin_reduce_and(is_equal) != 0) {
    value = mean;
    slope = zero;
  } else {
    VR factors1[2] = {FIRST(0), FIRST(1)}, factors2[2] = {SECOND(0), SECOND(1)}, magnitude;
    const VR t = TYPED(nt_distance)(factors1, factors2, q12, &magnitude);
    const VR size = one - t, rho = TYPED(nt_with_sign_of)(q12, size), x = step == 2 ? size * size : rho, y = x * x;
    // How many blocks.
    VR y4 = y * y, count = one, power = one, bound = zero;
    y4 = y4 * y4;
    const VR top_power = y4;
    int top = 1;
    for (int b = 0; b < blocks; b++) {
      power *= top_power;
      bound = power * (FIRST(TYPED(nt_series_rests) + b) * SECOND(TYPED(nt_series_rests) + b));
      const MASK_R more = bound > tolerance;
      if (!TYPED(nt_series_any)(more)) break;
      count += V_SELECT(more, one, zero);
      top = b + 2;
    }
    const int needs_tail = top > blocks;
    if (needs_tail) top = blocks;
    // Even and odd places of the terms, whose chains of products run beside each other.
    VR even = zero, odd = zero, even_slope = zero, odd_slope = zero;
    const int terms = TYPED(nt_series_rests) + blocks;
    for (int b = top - 1; b >= 0; b--) {
      const MASK_R goes_on = count > SPLAT_R(b + 1);
      even = V_SELECT(goes_on, even, zero);
      odd = V_SELECT(goes_on, odd, zero);
      if (with_theta) {
        even_slope = V_SELECT(goes_on, even_slope, zero);
        odd_slope = V_SELECT(goes_on, odd_slope, zero);
      }
      NT_UNROLL for (int i = nt_series_block - 2; i >= 0; i -= 2) {
        const int place = terms + nt_series_block * b + i;
        if (with_theta) {
          even_slope = V_FMA(even_slope, y, even);
          odd_slope = V_FMA(odd_slope, y, odd);
        }
        even = V_FMA(even, y, FIRST(place) * SECOND(place));
        odd = V_FMA(odd, y, FIRST(place + 1) * SECOND(place + 1));
      }
    }
    // V and x V' of V(x) = even(x^2) + x odd(x^2).
    const VR odd_part = x * odd;
    value = even + odd_part;
    slope = zero;
    if (with_theta) {
      VR inner = V_FMA(SPLAT_R(2) * y, V_FMA(x, odd_slope, even_slope), odd_part);
      slope = V_FMA(SPLAT_R(step), inner, is_even ? value + value : value);
    }
    if (needs_tail) {
      const VR error1 = FIRST(COLUMN(nt_series_fit_error)), error2 = SECOND(COLUMN(nt_series_fit_error));
      const VR rest1 = FIRST(TYPED(nt_series_rests) + blocks - 1), rest2 = SECOND(TYPED(nt_series_rests) + blocks - 1);
      const MASK_R is_short = count > SPLAT_R(blocks);
      const int is_long = series->terms * step > 128;
      const double largest = is_long ? NT_SERIES_TAIL_LARGEST_256 : NT_SERIES_TAIL_LARGEST_128;
      const double middle = is_long ? NT_SERIES_TAIL_MIDDLE_256 : NT_SERIES_TAIL_MIDDLE_128;
      const VR root = V_SQRT(t);
      const VR one_way = error1 * rest2, other_way = error2 * rest1;
      const MASK_R is_fit =
        is_short & (root <= SPLAT_R(largest)) & (power * (one_way + other_way) <= tolerance);
      is_exact = is_short & ~is_fit;
      if (TYPED(nt_series_any)(is_fit)) {
        const VR y_fit = V_SELECT(is_fit, root, zero);
        const VR place = y_fit / (y_fit + SPLAT_R(middle)) * SPLAT_R(2 * (1 + middle / largest)) - one;
        VR fits1[nt_series_levels], fits2[nt_series_levels], tail = zero, tail_slope = zero;
        if (!is_even) {
          for (int i = 0; i < nt_series_levels; i++) {
            fits1[i] = FIRST(COLUMN(nt_series_odd_fit + i));
            fits2[i] = SECOND(COLUMN(nt_series_odd_fit + i));
          }
          TYPED(nt_series_add_tail)(
            is_long ? TYPED(nt_series_tail_257) : TYPED(nt_series_tail_129), place, fits1, fits2, power, &tail,
            &tail_slope);
        }
        if (is_even || step == 1) {
          for (int i = 0; i < nt_series_levels; i++) {
            fits1[i] = FIRST(COLUMN(nt_series_even_fit + i));
            fits2[i] = SECOND(COLUMN(nt_series_even_fit + i));
          }
          // Of even terms all have a factor rho, which those of a series of even terms get below.
          TYPED(nt_series_add_tail)(
            is_long ? TYPED(nt_series_tail_258) : TYPED(nt_series_tail_130), place, fits1, fits2,
            step == 2 ? power : power * rho, &tail, &tail_slope);
        }
        value += V_SELECT(is_fit, tail, zero);
        slope += V_SELECT(is_fit, tail_slope, zero);
      }
    }
    const VR other = FIRST(COLUMN(nt_series_other)) * SECOND(COLUMN(nt_series_other));
    value = is_even ? V_FMA(rho, value, other) : value;
    slope = is_even ? V_FMA(rho, slope, other) : slope;
    value = V_FMA(q12, value, mean);
    if (series->arc_count > 0 && TYPED(nt_series_any)(is_exact)) {
      VR arcs, arc_slopes;
      TYPED(nt_arcs)(series, t, q12, factors1[0], factors2[0], &arcs, &arc_slopes);
      const VR slopes = is_even ? other : FIRST(terms) * SECOND(terms);
      const VR exact = V_FMA(q12, slopes, V_FMA(V_ABS(q12) / size, arcs, mean));
      value = V_SELECT(is_exact, exact, value);
      slope = V_SELECT(is_exact, slopes + TYPED(nt_with_sign_of)(q12, arc_slopes), slope);
      is_exact = zero > zero;
    }
  }
  const MASK_R is_unknown = FIRST(COLUMN(nt_series_fit_error)) + SECOND(COLUMN(nt_series_fit_error)) >=
                            SPLAT_R(SERIES_UNKNOWN);
  const VR own = V_FMA(q12, SECOND(COLUMN(nt_series_spread)), mean);
  value = V_SELECT(is_equal, own, value);
  slope = V_SELECT(is_equal, SECOND(COLUMN(nt_series_slope)), slope);
  is_exact = (is_exact & ~is_equal) | is_unknown;
  STORE_R(k, value);
  if (!TYPED(nt_series_any)(is_exact)) {
    if (with_theta) STORE_R(theta, LOAD_R(theta) * slope);
    return;
  }
  if (with_theta) STORE_R(theta, LOAD_R(theta) * V_SELECT(is_exact, one, slope));
  for (long l = 0; l < R_LANES; l++) {
    if (is_exact[l] == 0) continue;
    if (pending->count == 64) TYPED(nt_series_finish)(series, pending);
    const long i = pending->count++;
    pending->q12[i] = q12[l];
    pending->q11[i] = q11[l];
    pending->q22[i] = q22[l];
    pending->k[i] = k + l;
    pending->theta[i] = with_theta ? theta + l : NULL;
  }
#undef FIRST
#undef SECOND
#undef COLUMN
}

static NT_INLINE void TYPED(nt_series_loop)(const nt_series *series, TYPED(nt_series_pending) *pending, long n,
                                            const REAL *first, long first_stride, const REAL *second, long stride,
                                            REAL *k, REAL *theta, int is_row) {
  for (long j = 0; j < n; j += R_LANES) {
    const REAL *own = is_row ? first : first + j;
    if (theta != NULL)
      TYPED(nt_series_entries)(series, pending, own, first_stride, second + j, stride, k + j, theta + j, is_row, 1);
    else
      TYPED(nt_series_entries)(series, pending, own, first_stride, second + j, stride, k + j, NULL, is_row, 0);
  }
}

static void TYPED(nt_series_row)(const nt_dual *dual, long n, const REAL *first, long first_stride, const REAL *second,
                                 long stride, REAL *k, REAL *theta) {
  TYPED(nt_series_pending) pending;
  pending.count = 0;
  TYPED(nt_series_loop)(dual->series, &pending, n, first, first_stride, second, stride, k, theta, 1);
  TYPED(nt_series_finish)(dual->series, &pending);
}

static void TYPED(nt_series_diagonal)(const nt_dual *dual, long n, const REAL *factors, long stride, REAL *k,
                                      REAL *theta) {
  TYPED(nt_series_pending) pending;
  pending.count = 0;
  TYPED(nt_series_loop)(dual->series, &pending, n, factors, stride, factors, stride, k, theta, 0);
  TYPED(nt_series_finish)(dual->series, &pending);
}

// Equal inputs need few columns and no terms. Bitwise what nt_series_entries gives.
static void TYPED(nt_series_variances)(const nt_dual *dual, long n, REAL *q) {
  enum { wanted = 8 };
  _Static_assert(nt_series_fit_error < wanted, "columns of the variances are among the first");
  TYPED(nt_series_pending) pending;
  pending.count = 0;
  for (long j = 0; j < n; j += R_LANES) {
    const VR old = LOAD_R(q + j);
    VR mean = SPLAT_R(0), spread = SPLAT_R(0), error = SPLAT_R(0);
    for (long l = 0; l < R_LANES; l++) {
      double columns[wanted];
      TYPED(nt_series_interpolate)(dual->series, __builtin_sqrt((double)q[j + l]), wanted, columns);
      mean[l] = (REAL)columns[nt_series_mean];
      spread[l] = (REAL)columns[nt_series_spread];
      error[l] = (REAL)columns[nt_series_fit_error];
    }
    mean = mean * mean;
    STORE_R(q + j, V_FMA(old, spread, mean));
    const MASK_R is_unknown = error + error >= SPLAT_R(SERIES_UNKNOWN);
    if (!TYPED(nt_series_any)(is_unknown)) continue;
    for (long l = 0; l < R_LANES; l++) {
      if (is_unknown[l] == 0) continue;
      if (pending.count == 64) TYPED(nt_series_finish)(dual->series, &pending);
      const long i = pending.count++;
      pending.q12[i] = pending.q11[i] = pending.q22[i] = old[l];
      pending.k[i] = q + j + l;
      pending.theta[i] = NULL;
    }
  }
  TYPED(nt_series_finish)(dual->series, &pending);
}

#undef SERIES_TAIL_
#undef SERIES_TAIL
#undef SERIES_TOLERANCE
#undef SERIES_UNKNOWN
