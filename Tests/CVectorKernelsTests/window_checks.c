// Window sums of tensors, against their definition in float64 or in integers.
#include "elements.h"

static void sums(void) {
  static const nt_dtype types[] = {nt_float32, nt_float64, nt_int32};
  for (int t = 0; t < 3; t++)
    for (uint64_t seed = 0; seed < 300; seed++) {
      seed_numbers(seed);
      nt_window w = {0};
      w.outer = 1 + random_below(3);
      w.length = random_below(12);
      w.inner = 1 + random_below(seed % 3 == 0 ? 1 : 40);
      w.out_length = random_below(14);
      w.window = random_below(6);
      w.stride = 1 + random_below(3);
      w.dilation = 1 + random_below(2);
      w.low = random_below(7) - 2;
      long count = w.outer * w.length * w.inner, out_count = w.outer * w.out_length * w.inner;
      double *numbers = SCRATCH(double, count + 1);
      for (long i = 0; i < count; i++) numbers[i] = t == 2 ? (double)(random_below(19) - 9) : random_uniform(-4, 4);
      void *x = elements(types[t], numbers, count), *out = scratch((size_t)out_count * 8 + 8);
      // In two parts, as threads would.
      long middle = w.outer * w.out_length > 0 ? random_below(w.out_length + 1) : 0;
      nt_window_sum(types[t], w, 0, middle, x, out);
      nt_window_sum(types[t], w, middle, w.out_length, x, out);
      double tolerance = t == 0 ? 1e-5 : t == 1 ? 1e-14 : 0;
      for (long i = 0; i < out_count; i++) {
        long j = i % w.inner, o = i / w.inner % w.out_length, outer = i / w.inner / w.out_length;
        double want = 0;
        for (long tap = 0; tap < w.window; tap++) {
          long place = o * w.stride + tap * w.dilation - w.low;
          if (place >= 0 && place < w.length) want += element(types[t], x, (outer * w.length + place) * w.inner + j);
        }
        double got = element(types[t], out, i);
        EXPECT(fabs(got - want) <= tolerance, "found %g for %g, type %d, seed %d", got, want, t, (int)seed);
      }
    }
}

static void non_finite(void) {
  nt_window w = {1, 40, 5, 40, 3, 1, 1, 1};
  float *x = SCRATCH(float, 200), *out = SCRATCH(float, 200);
  for (int i = 0; i < 200; i++) x[i] = 1;
  x[20 * 5 + 1] = INFINITY;
  x[20 * 5 + 2] = NAN;
  nt_window_sum(nt_float32, w, 0, 40, x, out);
  for (int o = 0; o < 40; o++) {
    bool sees = o >= 19 && o <= 21;
    float plain = o == 0 || o == 39 ? 2 : 3;
    EXPECT(out[o * 5 + 1] == (sees ? INFINITY : plain), "found %g at %d", (double)out[o * 5 + 1], o);
    EXPECT(isnan(out[o * 5 + 2]) == sees, "found %g at %d", (double)out[o * 5 + 2], o);
    EXPECT(out[o * 5 + 3] == plain, "found %g at %d", (double)out[o * 5 + 3], o);
  }
}

static void no_trace(void) {
  nt_window w = {1, 64, 1, 61, 4, 1, 1, 0};
  float *x = SCRATCH(float, 64), *out = SCRATCH(float, 64);
  for (int i = 0; i < 64; i++) x[i] = 0.1f;
  x[10] = 1e30f;
  nt_window_sum(nt_float32, w, 0, 61, x, out);
  for (int o = 0; o < 61; o++)
    if (o < 7 || o > 10) EXPECT(fabsf(out[o] - 0.4f) < 1e-6f, "found %g at %d", (double)out[o], o);
}

const check window_checks[] = {
  {"window sums are those of the elements", sums},
  {"infinite and undefined elements stay in their windows", non_finite},
  {"a large element leaves no trace once the window has passed it", no_trace},
  {NULL, NULL},
};
