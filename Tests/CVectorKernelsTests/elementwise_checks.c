// Arithmetic, comparisons, selections, conversions and copies, element by element.
#include "elements.h"

static const nt_dtype types[] = {nt_float32, nt_float64, nt_int32, nt_bool};
static const long widths[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 70};
enum { width_count = sizeof widths / sizeof *widths, rows = 3 };

// An operand of `columns` numbers a row: kind 0 is a matrix, 1 one row for all, 2 one number a row.
static nt_operand operand(nt_dtype type, int kind, long columns) {
  long count = kind == 0 ? rows * (columns + 2) : kind == 1 ? columns : rows;
  const void *start = random_elements(type, count);
  return kind == 0   ? (nt_operand){start, columns + 2, 1}
         : kind == 1 ? (nt_operand){start, 0, 1}
                     : (nt_operand){start, 1, 0};
}

static double at(nt_dtype type, nt_operand x, long i, long j) { return element(type, x.start, i * x.row + j * x.step); }

static double power(double x, double y) { return pow(x, y); }
static double plus(double x, double y) { return x + y; }
static double minus(double x, double y) { return x - y; }
static double times(double x, double y) { return x * y; }
static double over(double x, double y) { return x / y; }
static double least(double x, double y) { return x < y ? x : y; }
static double most(double x, double y) { return x > y ? x : y; }

static void binary(void) {
  static const struct {
    nt_binary_function f;
    double (*plain)(double, double);
    bool is_rounded;  // to an ulp, not exactly
    bool has_integers;
  } functions[] = {
    {nt_add, plus, false, true}, {nt_subtract, minus, false, true}, {nt_multiply, times, false, true},
    {nt_divide, over, false, false}, {nt_minimum, least, false, true}, {nt_maximum, most, false, true},
    {nt_power, power, true, false}, {nt_atan2, atan2, true, false},
  };
  for (size_t f = 0; f < sizeof functions / sizeof *functions; f++)
    for (int t = 0; t < 3; t++)
      for (int w = 0; w < width_count; w++)
        for (int kinds = 0; kinds < 9; kinds++) {
          nt_dtype type = types[t];
          long columns = widths[w];
          if (type == nt_int32 && !functions[f].has_integers) continue;
          seed_numbers((uint64_t)(f * 100 + (size_t)kinds));
          int first = kinds % 3, second = kinds / 3;
          // Rows that repeat both numbers have one column.
          if (first == 2 && second == 2 && columns > 1) continue;
          nt_operand a = operand(type, first, columns), b = operand(type, second, columns);
          void *out = scratch((size_t)(rows * columns) * 8);
          nt_binary(functions[f].f, type, a, b, out, rows, (size_t)columns);
          for (long i = 0; i < rows * columns; i++) {
            double x = at(type, a, i / columns, i % columns), y = at(type, b, i / columns, i % columns);
            double want = functions[f].plain(x, y), got = element(type, out, i);
            if (type == nt_float32) want = (double)(float)want;
            double limit = functions[f].is_rounded ? 1.5 * ulp_of(type, want) : 0;
            EXPECT(is_same(got, want) || fabs(got - want) <= limit, "found %.17g for %.17g of %g, %g; function %zu, type %d", got,
                   want, x, y, f, type);
          }
        }
}

static void logic(void) {
  static const nt_binary_function functions[] = {nt_and, nt_or, nt_xor};
  for (int f = 0; f < 3; f++)
    for (int w = 0; w < width_count; w++) {
      long columns = widths[w];
      seed_numbers((uint64_t)w);
      nt_operand a = operand(nt_bool, 0, columns), b = operand(nt_bool, 1, columns);
      bool *out = SCRATCH(bool, rows * columns);
      nt_binary(functions[f], nt_bool, a, b, out, rows, (size_t)columns);
      for (long i = 0; i < rows * columns; i++) {
        int x = (int)at(nt_bool, a, i / columns, i % columns), y = (int)at(nt_bool, b, i / columns, i % columns);
        int want = f == 0 ? x & y : f == 1 ? x | y : x ^ y, got = *(unsigned char *)&out[i];
        EXPECT(got == want, "found %d for %d", got, want);
      }
    }
}

static void not_a_number(void) {
  float x[16], y[16], out[16];
  for (int i = 0; i < 16; i++) {
    x[i] = i % 2 ? NAN : 1;
    y[i] = i % 4 == 0 ? NAN : 2;
  }
  nt_operand a = {x, 0, 1}, b = {y, 0, 1};
  for (int f = 0; f < 2; f++) {
    nt_binary(f ? nt_maximum : nt_minimum, nt_float32, a, b, out, 1, 16);
    for (int i = 0; i < 16; i++)
      EXPECT(isnan(out[i]) == (isnan(x[i]) || isnan(y[i])), "found %g of %g and %g", (double)out[i], (double)x[i], (double)y[i]);
  }
}

static void integers_wrap(void) {
  int32_t x[] = {INT32_MAX, INT32_MIN, INT32_MIN, 1 << 20}, y[] = {1, 1, -1, 1 << 20}, out[4];
  nt_operand a = {x, 0, 1}, b = {y, 0, 1};
  nt_binary(nt_add, nt_int32, a, b, out, 1, 4);
  EXPECT(out[0] == INT32_MIN, "found %d", out[0]);
  nt_binary(nt_subtract, nt_int32, a, b, out, 1, 4);
  EXPECT(out[1] == INT32_MAX, "found %d", out[1]);
  nt_binary(nt_multiply, nt_int32, a, b, out, 1, 4);
  EXPECT(out[2] == INT32_MIN && out[3] == 0, "found %d and %d", out[2], out[3]);
  nt_unary(nt_negate, nt_int32, x, out, 4);
  EXPECT(out[1] == INT32_MIN && out[0] == -INT32_MAX, "found %d and %d", out[1], out[0]);
}

static void comparisons(void) {
  static const nt_comparison all[] = {nt_less, nt_less_equal, nt_equal, nt_not_equal, nt_greater_equal, nt_greater};
  for (int f = 0; f < 6; f++)
    for (int t = 0; t < 4; t++)
      for (int w = 0; w < width_count; w++)
        for (int kinds = 0; kinds < 3; kinds++) {
          nt_dtype type = types[t];
          long columns = widths[w];
          seed_numbers((uint64_t)w);
          nt_operand a = operand(type, 0, columns), b = operand(type, kinds, columns);
          if (is_real(type)) {
            // Equal and undefined ones among them.
            for (long j = 0; j < columns; j += 3) set_element(type, (void *)a.start, j, at(type, b, 0, j));
            if (columns > 4) set_element(type, (void *)a.start, 4, NAN);
          }
          bool *out = SCRATCH(bool, rows * columns);
          nt_compare(all[f], type, a, b, out, rows, (size_t)columns);
          for (long i = 0; i < rows * columns; i++) {
            double x = at(type, a, i / columns, i % columns), y = at(type, b, i / columns, i % columns);
            bool want = f == 0 ? x < y : f == 1 ? x <= y : f == 2 ? x == y : f == 3 ? x != y : f == 4 ? x >= y : x > y;
            EXPECT(*(unsigned char *)&out[i] == want, "found %d of %g and %g, comparison %d, type %d", out[i], x, y, f, type);
          }
        }
}

static void three_operands(void) {
  for (int t = 0; t < 4; t++)
    for (int w = 0; w < width_count; w++)
      for (int kinds = 0; kinds < 27; kinds++) {
        nt_dtype type = types[t];
        long columns = widths[w];
        seed_numbers((uint64_t)kinds);
        // Rows that repeat all three numbers have one column.
        if (kinds == 26 && columns > 1) continue;
        nt_operand mask = operand(nt_bool, kinds % 3, columns), x = operand(type, kinds % 3, columns);
        nt_operand a = operand(type, kinds / 3 % 3, columns), b = operand(type, kinds / 9, columns);
        void *out = scratch((size_t)(rows * columns) * 8);
        nt_select(type, mask, a, b, out, rows, (size_t)columns);
        for (long i = 0; i < rows * columns; i++) {
          long r = i / columns, c = i % columns;
          double want = at(nt_bool, mask, r, c) != 0 ? at(type, a, r, c) : at(type, b, r, c), got = element(type, out, i);
          EXPECT(got == want, "found %g for %g, type %d", got, want, type);
        }
        if (type == nt_bool) continue;
        nt_multiply_add(type, x, a, b, out, rows, (size_t)columns);
        for (long i = 0; i < rows * columns; i++) {
          long r = i / columns, c = i % columns;
          double want = at(type, x, r, c) * at(type, a, r, c) + at(type, b, r, c), got = element(type, out, i);
          EXPECT(fabs(got - want) <= (type == nt_float32 ? 2e-6 : type == nt_float64 ? 4e-15 : 0), "found %g for %g, type %d", got,
                 want, type);
        }
      }
}

static void integer_functions(void) {
  for (long count = 0; count <= 70; count++) {
    seed_numbers((uint64_t)count);
    int32_t *x = random_elements(nt_int32, count), *y = SCRATCH(int32_t, count + 1);
    bool *b = random_elements(nt_bool, count), *c = SCRATCH(bool, count + 1);
    static const nt_unary_function functions[] = {nt_negate, nt_absolute, nt_sign, nt_square};
    for (int f = 0; f < 4; f++) {
      nt_unary(functions[f], nt_int32, x, y, (size_t)count);
      for (long i = 0; i < count; i++) {
        int want = f == 0 ? -x[i] : f == 1 ? abs(x[i]) : f == 2 ? (x[i] > 0) - (x[i] < 0) : x[i] * x[i];
        EXPECT(y[i] == want, "found %d for %d", y[i], want);
      }
    }
    nt_unary(nt_not, nt_bool, b, c, (size_t)count);
    for (long i = 0; i < count; i++) EXPECT(*(unsigned char *)&c[i] == !b[i], "found %d", c[i]);
  }
}

static void signs(void) {
  const double arguments[] = {-INFINITY, -2, -0.0, 0, 0.5, 7, INFINITY, NAN};
  for (int t = 0; t < 2; t++) {
    void *x = elements(types[t], arguments, 8), *y = scratch(64);
    nt_unary(nt_sign, types[t], x, y, 8);
    for (int i = 0; i < 8; i++) {
      double v = arguments[i], want = isnan(v) ? NAN : (v > 0) - (v < 0);
      EXPECT(is_same(element(types[t], y, i), want), "found %g of %g", element(types[t], y, i), v);
    }
  }
}

static double converted(nt_dtype to, double x) {
  if (to == nt_float32) return (double)(float)x;
  if (to == nt_bool) return x != 0;
  if (to == nt_float64) return x;
  return isnan(x) ? 0 : x >= 2147483647.0 ? 2147483647.0 : x <= -2147483648.0 ? -2147483648.0 : trunc(x);
}

static void conversions(void) {
  static const double special[] = {NAN, INFINITY, -INFINITY, 3e9, -3e9, 2147483647, -2147483648.0, 0.9, -0.9, 1e-40, -0.0};
  for (int from = 0; from < 4; from++)
    for (int to = 0; to < 4; to++)
      for (long count = 0; count <= 70 && from != to; count++) {
        seed_numbers((uint64_t)count);
        void *x = random_elements(types[from], count + 1), *y = scratch((size_t)count * 8 + 8);
        if (is_real(types[from]))
          for (long i = 0; i < count; i += 2) set_element(types[from], x, i, special[i / 2 % 11]);
        nt_convert(types[from], types[to], x, y, (size_t)count);
        for (long i = 0; i < count; i++) {
          double got = element(types[to], y, i), want = converted(types[to], element(types[from], x, i));
          EXPECT(is_same(got, want), "found %.17g for %.17g, %d to %d", got, want, types[from], types[to]);
        }
      }
}

static void copies(void) {
  for (int t = 0; t < 4; t++)
    for (uint64_t seed = 0; seed < 200; seed++) {
      nt_dtype type = types[t];
      seed_numbers(seed);
      long height = random_below(40), width = random_below(40);
      long source_step = random_below(2) ? 1 : 1 + random_below(3), target_step = random_below(2) ? 1 : 1 + random_below(3);
      long source_row = (width + 1) * source_step, target_row = (width + 2) * target_step;
      // Either side may stand by columns.
      if (random_below(3) == 0) {
        source_row = 1;
        source_step = height + 1;
      }
      if (random_below(3) == 0) {
        target_row = 1;
        target_step = height + 2;
      }
      long size = (height + 3) * (width + 3) * 4;
      void *source = random_elements(type, size), *target = scratch((size_t)size * 8), *before = scratch((size_t)size * 8);
      for (long i = 0; i < size; i++) {
        set_element(type, target, i, type == nt_bool ? i % 2 : (double)(i % 1000));
        set_element(type, before, i, type == nt_bool ? i % 2 : (double)(i % 1000));
      }
      nt_copy(type, target, target_row, target_step, source, source_row, source_step, (size_t)height, (size_t)width);
      for (long i = 0; i < height; i++)
        for (long j = 0; j < width; j++)
          set_element(type, before, i * target_row + j * target_step,
                      element(type, source, i * source_row + j * source_step));
      EXPECT(memcmp(target, before, (size_t)size * width_of(type)) == 0, "found others of %ld x %ld, type %d", height, width, type);
    }
}

const check elementwise_checks[] = {
  {"arithmetic takes rows, columns and matrices", binary},
  {"and, or and exclusive or are those of Booleans", logic},
  {"the smaller and the larger of NaN and a number are NaN", not_a_number},
  {"integers wrap around", integers_wrap},
  {"comparisons take rows, columns and matrices", comparisons},
  {"selection and multiply-add take rows, columns and matrices", three_operands},
  {"functions of integers and Booleans are exact", integer_functions},
  {"signs are those of the numbers", signs},
  {"conversions saturate, and take NaN for zero", conversions},
  {"copies move every element and no other", copies},
  {NULL, NULL},
};
