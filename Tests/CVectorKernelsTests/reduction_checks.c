// Reductions, indices of extremes and cumulative sums, against loops.
#include "elements.h"

static const nt_dtype types[] = {nt_float32, nt_float64, nt_int32, nt_bool};
static const long sizes[][2] = {{1, 1}, {1, 7}, {5, 1}, {3, 16}, {4, 33}, {17, 5}, {40, 70}, {2, 300}, {0, 3}, {3, 0}};
enum { size_count = sizeof sizes / sizeof *sizes };

static double reduce(nt_reduction f, double so_far, double x) {
  switch (f) {
    case nt_sum: return so_far + x;
    case nt_product: return so_far * x;
    case nt_reduce_min: return isnan(so_far) || x >= so_far ? so_far : x;
    default: return isnan(so_far) || x <= so_far ? so_far : x;
  }
}

static double neutral(nt_reduction f) {
  return f == nt_sum ? 0 : f == nt_product ? 1 : f == nt_reduce_min ? INFINITY : -INFINITY;
}

static double of_partial(nt_dtype type, nt_partial partial) {
  return is_real(type) ? partial.real : (double)partial.integer;
}

static void reductions(void) {
  for (int f = nt_sum; f <= nt_reduce_max; f++)
    for (int t = 0; t < 4; t++)
      for (int s = 0; s < size_count; s++) {
        nt_dtype type = types[t];
        long rows = sizes[s][0], columns = sizes[s][1], row = columns + 2;
        // Products of many numbers leave the range; those of no numbers and extremes of none are the Swift side's.
        if (f == nt_product && rows * columns > 100) continue;
        if (f >= nt_reduce_min && rows * columns == 0) continue;
        seed_numbers((uint64_t)s);
        void *x = random_elements(type, rows * row + 1);
        nt_partial *by_row = SCRATCH(nt_partial, rows + 1), *by_column = SCRATCH(nt_partial, columns + 1);
        nt_reduce_rows((nt_reduction)f, type, x, (size_t)rows, (size_t)columns, row, by_row);
        nt_reduce_columns((nt_reduction)f, type, x, (size_t)rows, (size_t)columns, row, by_column);
        for (int side = 0; side < 2; side++)
          for (long i = 0; i < (side ? columns : rows); i++) {
            double want = neutral((nt_reduction)f), scale = 1;
            for (long j = 0; j < (side ? rows : columns); j++) {
              double v = element(type, x, side ? j * row + i : i * row + j);
              want = reduce((nt_reduction)f, want, v);
              scale += fabs(v);
            }
            double got = of_partial(type, side ? by_column[i] : by_row[i]);
            double limit = f >= nt_reduce_min || !is_real(type) ? 0 : f == nt_sum ? 1e-15 * scale : 1e-13 * fabs(want);
            if (!is_real(type) && f == nt_product && fabs(want) > 9e15) continue;
            EXPECT(is_same(got, want) || fabs(got - want) <= limit, "found %.17g for %.17g, reduction %d, type %d, size %d", got,
                   want, f, type, s);
          }
      }
}

static void partials(void) {
  for (int f = nt_sum; f <= nt_reduce_max; f++)
    for (int t = 0; t < 4; t++) {
      nt_dtype type = types[t];
      enum { rows = 3, columns = 19 };
      nt_partial given[rows * columns];
      void *out = scratch(columns * 8);
      for (long i = 0; i < rows * columns; i++) {
        double v = type == nt_bool ? (double)(i % 2) : (double)(i % 7) - 3;
        if (is_real(type)) given[i].real = v;
        else given[i].integer = (int64_t)v;
      }
      nt_reduce_partials((nt_reduction)f, type, given, rows, columns, out);
      for (long j = 0; j < columns; j++) {
        double want = neutral((nt_reduction)f);
        for (long i = 0; i < rows; i++) want = reduce((nt_reduction)f, want, of_partial(type, given[i * columns + j]));
        if (type == nt_bool) want = want != 0;
        EXPECT(element(type, out, j) == want, "found %g for %g, reduction %d, type %d", element(type, out, j), want, f, type);
      }
    }
}

static void not_a_number(void) {
  for (int t = 0; t < 2; t++)
    for (long count = 1; count <= 100; count += count < 40 ? 1 : 20)
      for (long place = 0; place < count; place++) {
        double *numbers = SCRATCH(double, count * 5);
        for (long i = 0; i < count; i++) numbers[i] = i == place ? NAN : (double)i;
        void *x = elements(types[t], numbers, count);
        for (long i = 0; i < count * 5; i++) numbers[i] = i / 5 == place ? NAN : (double)(i / 5);
        void *stacked = elements(types[t], numbers, count * 5);
        nt_partial one, columns[5];
        for (int f = nt_sum; f <= nt_reduce_max; f++) {
          nt_reduce_rows((nt_reduction)f, types[t], x, 1, (size_t)count, count, &one);
          nt_reduce_columns((nt_reduction)f, types[t], stacked, (size_t)count, 5, 5, columns);
          EXPECT(isnan(one.real) && isnan(columns[0].real) && isnan(columns[4].real), "found %g, reduction %d of %ld", one.real, f,
                 count);
        }
        for (int largest = 0; largest < 2; largest++) {
          int32_t index, indices[5];
          nt_arg_reduce_rows(largest, types[t], x, 1, (size_t)count, count, &index);
          nt_arg_reduce_columns(largest, types[t], stacked, (size_t)count, 5, 5, indices);
          EXPECT(index == place && indices[0] == place && indices[4] == place, "found %d for %ld", index, place);
        }
      }
}

static void extremes(void) {
  for (int t = 0; t < 4; t++)
    for (int s = 0; s < size_count; s++)
      for (int largest = 0; largest < 2; largest++) {
        nt_dtype type = types[t];
        long rows = sizes[s][0], columns = sizes[s][1], row = columns + 2;
        if (rows * columns == 0) continue;
        seed_numbers((uint64_t)s);
        // Integers, so that several are the largest.
        double *numbers = SCRATCH(double, rows * row);
        for (long i = 0; i < rows * row; i++) numbers[i] = (double)random_below(type == nt_bool ? 2 : 5);
        void *x = elements(type, numbers, rows * row);
        int32_t *by_row = SCRATCH(int32_t, rows), *by_column = SCRATCH(int32_t, columns);
        nt_arg_reduce_rows(largest, type, x, (size_t)rows, (size_t)columns, row, by_row);
        nt_arg_reduce_columns(largest, type, x, (size_t)rows, (size_t)columns, row, by_column);
        for (int side = 0; side < 2; side++)
          for (long i = 0; i < (side ? columns : rows); i++) {
            long want = 0;
            for (long j = 1; j < (side ? rows : columns); j++) {
              double v = numbers[side ? j * row + i : i * row + j], best = numbers[side ? want * row + i : i * row + want];
              if (largest ? v > best : v < best) want = j;
            }
            int32_t got = side ? by_column[i] : by_row[i];
            EXPECT(got == want, "found %d for %ld, type %d, size %d", got, want, type, s);
          }
      }
}

static void cumulative_sums(void) {
  for (int t = 0; t < 3; t++)
    for (int s = 0; s < size_count; s++) {
      nt_dtype type = types[t];
      long rows = sizes[s][0], columns = sizes[s][1], row = columns + 2;
      seed_numbers((uint64_t)s);
      void *x = random_elements(type, rows * row + 1), *y = scratch((size_t)(rows * row + 1) * 8);
      nt_cumulative_sum(type, x, y, (size_t)rows, (size_t)columns, row);
      for (long j = 0; j < columns; j++) {
        double want = 0;
        for (long i = 0; i < rows; i++) {
          want += element(type, x, i * row + j);
          double got = element(type, y, i * row + j), limit = type == nt_float32 ? 1e-5 : type == nt_float64 ? 1e-12 : 0;
          EXPECT(fabs(got - want) <= limit, "found %g for %g, type %d, size %d", got, want, type, s);
        }
      }
    }
}

static void accurate_sums(void) {
  enum { count = 1000000 };
  float *x = SCRATCH(float, count);
  double exact = 0;
  for (long i = 0; i < count; i++) {
    x[i] = 0.1f + (float)(i % 7) * 1e-3f;
    exact += (double)x[i];
  }
  nt_partial sum;
  nt_reduce_rows(nt_sum, nt_float32, x, 1, count, count, &sum);
  EXPECT(fabs(sum.real / exact - 1) < 1e-12, "found %.17g for %.17g", sum.real, exact);
  // What cancellation leaves: plain addition would round every term beside 1e12 to a multiple of 0.00012.
  double *y = SCRATCH(double, 200000);
  for (long i = 0; i < 200000; i++) y[i] = 1e-3;
  y[0] = 1e12;
  y[199999] = -1e12;
  nt_reduce_rows(nt_sum, nt_float64, y, 1, 200000, 200000, &sum);
  EXPECT(fabs(sum.real - 199.998) < 0.1, "found %g", sum.real);
}

static void integers_wrap(void) {
  int32_t x[] = {INT32_MAX, 1, 3}, out;
  nt_partial sum;
  nt_reduce_rows(nt_sum, nt_int32, x, 1, 3, 3, &sum);
  nt_reduce_partials(nt_sum, nt_int32, &sum, 1, 1, &out);
  EXPECT(out == (int32_t)((uint32_t)INT32_MAX + 4), "found %d", out);
  nt_reduce_rows(nt_product, nt_int32, x, 1, 3, 3, &sum);
  nt_reduce_partials(nt_product, nt_int32, &sum, 1, 1, &out);
  EXPECT(out == (int32_t)(3u * (uint32_t)INT32_MAX), "found %d", out);
}

const check reduction_checks[] = {
  {"rows and columns reduce like a loop", reductions},
  {"partial results reduce to an element", partials},
  {"NaN passes through every position of a reduction", not_a_number},
  {"indices of extremes are the first ones", extremes},
  {"cumulative sums are those of a loop", cumulative_sums},
  {"sums of many elements are as accurate as their result", accurate_sums},
  {"sums and products of integers wrap around", integers_wrap},
  {NULL, NULL},
};
