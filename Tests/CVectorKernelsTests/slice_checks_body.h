// Included by slice_checks.c once per element type.

static slice_inputs S(random_inputs)(long rows, long columns, long channels) {
  long first_row = columns + 1, second_row = columns + 2;
  T *first = S(uniform)(rows * first_row * channels, -1, 1);
  T *second = S(uniform)(rows * second_row * channels * SLICE_LANES, -1, 1);
  return S(inputs_of)(first, rows * first_row * channels, 0, first_row, second, 0, second_row);
}

static void S(product)(void) {
  static const long channel_counts[] = {0, 1, 3, 10};
  for (int s = 0; s < shape_count; s++)
    for (int c = 0; c < 4; c++) {
      long rows = shapes[s][0], columns = shapes[s][1], channels = channel_counts[c];
      seed_numbers((uint64_t)(rows * 100 + columns * 10 + channels));
      slice_inputs inputs = S(random_inputs)(rows, columns, channels);
      const T *first = inputs.plain.first, *second = inputs.plain.second;
      long count = rows * columns * SLICE_LANES;
      T *k = SCRATCH(T, count), *with_lanes = SCRATCH(T, count);
      S(nt_slice_product)(rows, columns, channels, (T)0.25, &inputs.plain, k);
      S(nt_slice_product)(rows, columns, channels, (T)0.25, &inputs.with_lanes, with_lanes);
      EXPECT(S(are_equal)(k, with_lanes, count), "found others with lanes of the first, " TYPE_NAME);
      for (long i = 0; i < count; i++) {
        long lane = i % SLICE_LANES, y = i / SLICE_LANES / columns, x = i / SLICE_LANES % columns;
        double want = 0;
        for (long channel = 0; channel < channels; channel++)
          want += (double)first[(y * (columns + 1) + x) * channels + channel] *
                  (double)second[((y * (columns + 2) + x) * channels + channel) * SLICE_LANES + lane];
        EXPECT(fabs((double)k[i] - want / 4) <= 4 * TOLERANCE, "found %g for %g, " TYPE_NAME, (double)k[i], want / 4);
      }
    }
}

static void S(equal_products)(void) {
  enum { columns = 9, channels = 7 };
  seed_numbers(5);
  T *pixel = S(uniform)(channels, -1, 1), *row = SCRATCH(T, columns * channels);
  T *second = SCRATCH(T, columns * channels * SLICE_LANES);
  for (long i = 0; i < columns * channels; i++) row[i] = pixel[i % channels];
  for (long i = 0; i < columns * channels * SLICE_LANES; i++) second[i] = row[i / SLICE_LANES];
  slice_inputs inputs = S(inputs_of)(row, columns * channels, 0, columns, second, 0, columns);
  T *k = SCRATCH(T, 2 * columns * SLICE_LANES);
  S(nt_slice_product)(1, columns, channels, (T)0.3, &inputs.plain, k);
  S(nt_slice_product)(1, columns, channels, (T)0.3, &inputs.with_lanes, k + columns * SLICE_LANES);
  for (long i = 0; i < 2 * columns * SLICE_LANES; i++) EXPECT(k[i] == k[0], "found %g and %g", (double)k[i], (double)k[0]);
}

static void S(scale)(void) {
  for (int s = 0; s < shape_count; s++) {
    long rows = shapes[s][0], columns = shapes[s][1], count = rows * columns * SLICE_LANES;
    seed_numbers(6);
    slice_inputs inputs = S(random_inputs)(rows, columns, 1);
    const T *first = inputs.plain.first, *second = inputs.plain.second;
    T *k = S(uniform)(count, -1, 1), *theta = S(uniform)(count, -1, 1);
    for (int has_lanes = 0; has_lanes < 2; has_lanes++) {
      const nt_slice_factors *factors = has_lanes ? &inputs.with_lanes : &inputs.plain;
      T *got = SCRATCH(T, count), *got_theta = SCRATCH(T, count), *only = SCRATCH(T, count);
      memcpy(got, k, (size_t)count * sizeof(T));
      memcpy(only, k, (size_t)count * sizeof(T));
      memcpy(got_theta, theta, (size_t)count * sizeof(T));
      S(nt_slice_scale)(rows, columns, factors, got, got_theta);
      S(nt_slice_scale)(rows, columns, factors, only, NULL);
      for (long i = 0; i < count; i++) {
        long lane = i % SLICE_LANES, y = i / SLICE_LANES / columns, x = i / SLICE_LANES % columns;
        T a = first[y * (columns + 1) + x], b = second[(y * (columns + 2) + x) * SLICE_LANES + lane];
        T one = k[i] * a, other = theta[i] * a;
        EXPECT(got[i] == one * b && only[i] == got[i] && got_theta[i] == other * b, "found %g for %g, " TYPE_NAME,
               (double)got[i], (double)(one * b));
      }
    }
  }
}

static void S(window)(void) {
  for (uint64_t seed = 0; seed < 400; seed++) {
    seed_numbers(seed);
    nt_window w = {0};
    w.outer = 1 + random_below(3);
    w.length = random_below(9);
    w.inner = SLICE_LANES * (1 + random_below(3));
    w.out_length = random_below(9);
    w.window = random_below(6);
    w.stride = 1 + random_below(3);
    w.dilation = 1 + random_below(2);
    w.low = random_below(7) - 2;
    // Neighbours without stride have a loop of their own.
    if (seed % 2 == 0) {
      w.window = 2 + random_below(2);
      w.stride = w.dilation = 1;
    }
    if (seed % 4 == 0) w.inner = SLICE_LANES;
    T *x = S(uniform)(w.outer * w.length * w.inner, -1, 1), *want = S(plain_window)(w, (T)0.7, x);
    T *out = SCRATCH(T, w.outer * w.out_length * w.inner + 1);
    S(nt_slice_window)(w, (T)0.7, x, out);
    char text[256];
    print_window(text, sizeof text, w);
    EXPECT(S(are_equal)(out, want, w.outer * w.out_length * w.inner), "found others: %s, " TYPE_NAME, text);
  }
}

static nt_window S(box_window)(long length) {
  int is_near = random_below(2) == 0;
  nt_window w = {1, length, 1, 0, 3, 1, 1, 0};
  w.out_length = random_below(9);
  if (!is_near) {
    w.window = random_below(6);
    w.stride = 1 + random_below(3);
    w.dilation = 1 + random_below(2);
  }
  w.low = random_below(7) - 2;
  return w;
}

static void S(box)(void) {
  for (uint64_t seed = 0; seed < 300; seed++) {
    seed_numbers(seed);
    nt_window rows = S(box_window)(random_below(9)), columns = S(box_window)(random_below(9));
    rows.outer = 1 + random_below(3);
    rows.inner = columns.length * SLICE_LANES;
    columns.outer = rows.outer * rows.out_length;
    columns.inner = SLICE_LANES;
    T *x = S(uniform)(rows.outer * rows.length * rows.inner, -1, 1);
    T *want = S(plain_window)(columns, 1, S(plain_window)(rows, 1, x));
    long count = columns.outer * columns.out_length * columns.inner;
    T *out = SCRATCH(T, count + 1), *room = SCRATCH(T, columns.length * SLICE_LANES + 1);
    S(nt_slice_window2d)(rows, columns, x, out, room);
    char text[2][256];
    print_window(text[0], sizeof text[0], rows);
    print_window(text[1], sizeof text[1], columns);
    EXPECT(S(are_equal)(out, want, count), "found others: %s; %s, " TYPE_NAME, text[0], text[1]);
  }
}

static void S(windows_of_non_finite)(void) {
  static const long widths[] = {1, 2, 3, 5};
  enum { length = 12 };
  for (int i = 0; i < 4; i++) {
    nt_window w = {1, length, SLICE_LANES, length, widths[i], 1, 1, 0};
    T *x = SCRATCH(T, length * SLICE_LANES), *out = SCRATCH(T, length * SLICE_LANES);
    for (long j = 0; j < length * SLICE_LANES; j++) x[j] = 1;
    x[6 * SLICE_LANES + 3] = (T)NAN;
    x[6 * SLICE_LANES + 4] = (T)INFINITY;
    S(nt_slice_window)(w, 1, x, out);
    for (long o = 0; o < length; o++) {
      bool sees = o <= 6 && 6 < o + widths[i];
      T plain = (T)smaller(widths[i], length - o);
      EXPECT(isnan(out[o * SLICE_LANES + 3]) == sees, "found %g at %ld", (double)out[o * SLICE_LANES + 3], o);
      EXPECT(out[o * SLICE_LANES + 4] == (sees ? (T)INFINITY : plain), "found another at %ld", o);
      EXPECT(out[o * SLICE_LANES + 5] == plain, "found %g at %ld", (double)out[o * SLICE_LANES + 5], o);
    }
  }
}

static void S(add_run)(void) {
  for (uint64_t seed = 0; seed < 60; seed++) {
    seed_numbers(seed);
    nt_slice_run run = {0};
    run.step = random_below(5) - 2;
    run.first = random_below(3);
    run.last = run.first + random_below(3);
    long one = run.first * run.step, other = (larger(run.last, run.first + 1) - 1) * run.step;
    run.outer = 1 + random_below(3);
    run.length = larger(one, other) - smaller(one, other) + 2;
    run.out_length = run.last + random_below(2);
    run.inner = SLICE_LANES * (1 + random_below(2));
    run.offset = random_below(2) - smaller(one, other);
    T *x = S(uniform)(run.outer * run.length * run.inner, -1, 1);
    long count = run.outer * run.out_length * run.inner;
    T *before = S(uniform)(count, -1, 1), *out = SCRATCH(T, count + 1);
    memcpy(out, before, (size_t)count * sizeof(T));
    S(nt_slice_add_run)(run, (T)0.3, x, out);
    for (long i = 0; i < count; i++) {
      long j = i % run.inner, o = i / run.inner % run.out_length, outer = i / run.inner / run.out_length;
      if (o < run.first || o >= run.last) {
        EXPECT(out[i] == before[i], "found %g for %g", (double)out[i], (double)before[i]);
        continue;
      }
      T taken = x[(outer * run.length + o * run.step + run.offset) * run.inner + j];
      double want = (double)before[i] + (double)(T)0.3 * (double)taken;
      EXPECT(fabs((double)out[i] - want) <= 2 * TOLERANCE, "found %g for %g", (double)out[i], want);
    }
  }
}

static void S(sum)(void) {
  for (int s = 0; s < sum_shape_count; s++) {
    long rows = shapes[s][0], columns = shapes[s][1];
    seed_numbers(8);
    T *k = S(uniform)(rows * columns * SLICE_LANES, -1, 1);
    double sums[SLICE_LANES];
    for (int lane = 0; lane < SLICE_LANES; lane++) sums[lane] = lane;
    S(nt_slice_sum)(rows, columns, k, sums);
    for (int lane = 0; lane < SLICE_LANES; lane++) {
      double want = lane;
      for (long y = 0; y < rows; y++) {
        T row = 0;
        for (long x = 0; x < columns; x++) row += k[(y * columns + x) * SLICE_LANES + lane];
        want += (double)row;
      }
      EXPECT(sums[lane] == want, "found %.17g for %.17g, " TYPE_NAME, sums[lane], want);
    }
  }
}
