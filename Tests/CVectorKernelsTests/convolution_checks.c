// Convolutions and correlations, against sums of products one by one.
#include "elements.h"

static double *numbers(nt_dtype type, long count) {
  double *x = SCRATCH(double, count + 1);
  for (long i = 0; i < count; i++)
    x[i] = type == nt_int32 ? (double)(random_below(19) - 9) : random_uniform(-1, 1);
  return x;
}

static double tolerance(nt_dtype type) { return type == nt_float32 ? 2e-6 : type == nt_float64 ? 4e-15 : 0; }

static const nt_dtype types[] = {nt_float32, nt_float64, nt_int32};

// A table of random offsets of `taps` rows for each pixel, some of them zeros; the offsets tap by tap, too.
static nt_convolution_table make_table(long pixels, long taps, long rows, long block, long stride, long target_stride,
                                       long *offsets) {
  long blocks = (pixels + block - 1) / block, place = 0;
  long *starts = SCRATCH(long, blocks + 1), *entries = SCRATCH(long, blocks * taps * (1 + block) + 1);
  long *targets = SCRATCH(long, pixels + 1);
  for (long p = 0; p < pixels; p++) {
    // In another order than the pixels'.
    targets[p] = (pixels % 7 == 0 ? p : p * 7 % pixels) * target_stride;
    for (long t = 0; t < taps; t++)
      offsets[p * taps + t] = random_below(4) == 0 ? -1 : random_below(rows) * stride;
  }
  for (long b = 0; b < blocks; b++) {
    starts[b] = place;
    long last = smaller(pixels, (b + 1) * block);
    for (long t = 0; t < taps; t++) {
      bool is_used = false;
      for (long p = b * block; p < last; p++) is_used = is_used || offsets[p * taps + t] >= 0;
      if (!is_used) continue;
      entries[place] = t;
      for (long r = 0; r < block; r++) {
        long p = b * block + r;
        entries[place + 1 + r] = p < last ? offsets[p * taps + t] : -1;
      }
      place += 1 + block;
    }
  }
  starts[blocks] = place;
  return (nt_convolution_table){pixels, starts, entries, targets};
}

static void convolve(void) {
  for (int at = 0; at < 3; at++)
    for (uint64_t seed = 0; seed < 120; seed++) {
      nt_dtype type = types[at];
      nt_convolution_tile tile = nt_get_convolution_tile(type);
      seed_numbers(seed);
      long vectors = tile.vectors == 4 ? (long[]){1, 2, 4}[seed % 3] : 1 + (long)(seed % 2);
      long width = vectors * tile.lanes, columns = 1 + random_below(width), channels = 1 + random_below(9);
      long pixels = 1 + random_below(20), taps = 1 + random_below(5), rows = 6, target_stride = columns + random_below(3);
      long *offsets = SCRATCH(long, pixels * taps);
      nt_convolution_table table = make_table(pixels, taps, rows, tile.rows, channels, target_stride, offsets);
      double *x = numbers(type, rows * channels), *panel = numbers(type, taps * channels * width);
      double *zero = SCRATCH(double, channels);
      for (long c = 0; c < channels; c++) zero[c] = 0;
      long count = pixels * target_stride;
      void *source = elements(type, x, rows * channels), *filter = elements(type, panel, taps * channels * width);
      void *zeros = elements(type, zero, channels), *target = scratch((size_t)count * 8 + 8);
      // The sum in parts, of which the first overwrites: first all taps of some channels, then of the others.
      long split = random_below(channels);
      nt_convolution_part parts[] = {{0, taps, 0, split, 0}, {0, taps, split, channels, split > 0}};
      for (int part = split > 0 ? 0 : 1; part < 2; part++)
        nt_convolve(type, &table, parts[part], source, zeros, filter, channels, vectors, target, columns);
      for (long p = 0; p < pixels; p++)
        for (long j = 0; j < columns; j++) {
          double want = 0, size = 0;
          for (long t = 0; t < taps; t++)
            for (long c = 0; c < channels && offsets[p * taps + t] >= 0; c++) {
              double term = element(type, source, offsets[p * taps + t] + c) *
                            element(type, filter, (t * channels + c) * width + j);
              want += term;
              size += fabs(term);
            }
          double got = element(type, target, table.targets[p] + j);
          EXPECT(fabs(got - want) <= tolerance(type) * size, "found %g for %g, type %d, seed %d", got, want, at, (int)seed);
        }
    }
}

static void convolve_depthwise(void) {
  for (int at = 0; at < 3; at++)
    for (uint64_t seed = 0; seed < 120; seed++) {
      nt_dtype type = types[at];
      nt_convolution_tile tile = nt_get_convolution_tile(type);
      seed_numbers(seed);
      long channels = 1 + random_below(70), pixels = 1 + random_below(20), taps = 1 + random_below(5), rows = 6;
      long *offsets = SCRATCH(long, pixels * taps);
      nt_convolution_table table = make_table(pixels, taps, rows, tile.rows, channels, channels, offsets);
      double *zero = SCRATCH(double, channels);
      for (long c = 0; c < channels; c++) zero[c] = 0;
      void *source = elements(type, numbers(type, rows * channels), rows * channels);
      void *filter = elements(type, numbers(type, taps * channels), taps * channels);
      void *zeros = elements(type, zero, channels), *target = scratch((size_t)(pixels * channels) * 8 + 8);
      nt_convolve_depthwise(type, &table, source, zeros, filter, channels, target);
      for (long p = 0; p < pixels; p++)
        for (long c = 0; c < channels; c++) {
          double want = 0, size = 0;
          for (long t = 0; t < taps; t++) {
            if (offsets[p * taps + t] < 0) continue;
            double term = element(type, source, offsets[p * taps + t] + c) * element(type, filter, t * channels + c);
            want += term;
            size += fabs(term);
          }
          double got = element(type, target, table.targets[p] + c);
          EXPECT(fabs(got - want) <= tolerance(type) * size, "found %g for %g, type %d, seed %d", got, want, at, (int)seed);
        }
    }
}

static void correlate(void) {
  for (int at = 0; at < 3; at++)
    for (uint64_t seed = 0; seed < 90; seed++) {
      nt_dtype type = types[at];
      nt_convolution_tile tile = nt_get_convolution_tile(type);
      seed_numbers(seed);
      bool is_depthwise = seed % 3 == 0;
      long vectors = tile.vectors == 4 ? (long[]){1, 2, 4}[seed % 3] : 1 + (long)(seed % 2);
      long rows = 1 + random_below(is_depthwise ? 70 : 15), width = is_depthwise ? rows : vectors * tile.lanes;
      long count = random_below(12), sums_count = is_depthwise ? rows : rows * width;
      long *pairs = SCRATCH(long, 2 * count + 1);
      // The second number of a pair counts panels of the other side.
      for (long i = 0; i < count; i++) {
        pairs[2 * i] = random_below(5) * rows;
        pairs[2 * i + 1] = random_below(4) * (is_depthwise ? rows : 1);
      }
      void *source = elements(type, numbers(type, 5 * rows), 5 * rows);
      void *other = elements(type, numbers(type, 4 * width), 4 * width);
      double *before = numbers(type, sums_count);
      void *sums = elements(type, before, sums_count);
      if (is_depthwise) nt_correlate_depthwise(type, count, pairs, source, other, rows, sums);
      else nt_correlate(type, count, pairs, source, other, rows, vectors, sums);
      for (long c = 0; c < rows; c++)
        for (long j = 0; j < (is_depthwise ? 1 : width); j++) {
          long place = is_depthwise ? c : c * width + j;
          double want = 0, size = 0;
          for (long i = 0; i < count; i++) {
            long y = is_depthwise ? pairs[2 * i + 1] + c : pairs[2 * i + 1] * width + j;
            double term = element(type, source, pairs[2 * i] + c) * element(type, other, y);
            want += term;
            size += fabs(term);
          }
          double got = element(type, sums, place);
          double start = type == nt_float32 ? (double)(float)before[place] : before[place];
          EXPECT(fabs(got - start - want) <= tolerance(type) * (size + fabs(start)), "found %g for %g, type %d, seed %d", got,
                 start + want, at, (int)seed);
        }
    }
}

static void integers_wrap(void) {
  long starts[] = {0, 2}, entries[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, targets[] = {0};
  nt_convolution_tile tile = nt_get_convolution_tile(nt_int32);
  starts[1] = 1 + tile.rows;
  nt_convolution_table table = {1, starts, entries, targets};
  int32_t source[1] = {INT32_MAX}, zeros[1] = {0}, target[1] = {0}, *panel = SCRATCH(int32_t, tile.lanes);
  for (long i = 0; i < tile.lanes; i++) panel[i] = 3;
  nt_convolve(nt_int32, &table, (nt_convolution_part){0, 1, 0, 1, 0}, source, zeros, panel, 1, 1, target, 1);
  EXPECT(target[0] == (int32_t)(3u * (uint32_t)INT32_MAX), "found %d", target[0]);
}

const check convolution_checks[] = {
  {"convolutions are sums of products over taps and channels", convolve},
  {"convolutions channel by channel are sums of products over taps", convolve_depthwise},
  {"correlations are sums of products over pairs", correlate},
  {"integers of convolutions wrap around", integers_wrap},
  {NULL, NULL},
};
