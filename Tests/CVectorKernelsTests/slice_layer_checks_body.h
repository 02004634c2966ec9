// Included by slice_layer_checks.c once per element type.

static T *S(copy_of)(const T *x, long count) {
  T *copy = SCRATCH(T, count + 16);
  memcpy(copy, x, (size_t)count * sizeof(T));
  return copy;
}

// The factors of inputs with these variances, in rows one and two positions longer than the slice.
static slice_inputs S(dual_inputs)(const nt_dual *dual, long columns, const T *q1, long count1, const T *q2, long count2) {
  long padded1 = (count1 + 15) / 16 * 16, padded2 = (count2 + 15) / 16 * 16, sets = larger(1, nt_dual_factor_count(dual));
  T *a = S(copy_of)(q1, count1), *b = S(copy_of)(q2, count2);
  for (long i = count1; i < padded1; i++) a[i] = 1;
  for (long i = count2; i < padded2; i++) b[i] = 1;
  T *first = SCRATCH(T, sets * padded1), *second = SCRATCH(T, sets * padded2);
  S(nt_dual_factors)(dual, padded1, a, first, padded1);
  S(nt_dual_factors)(dual, padded2, b, second, padded2);
  return S(inputs_of)(first, sets * padded1, padded1, columns + 1, second, padded2, columns + 2);
}

// What nt_dual_row makes of each position. A row has sixteen entries; those that a slice has not are padding.
static void S(by_rows)(const nt_dual *dual, const nt_slice_factors *inputs, long positions, long columns, T *k, T *theta) {
  long sets = nt_dual_factor_count(dual);
  T *first = SCRATCH(T, sets + 1), *second = SCRATCH(T, (sets + 1) * 16);
  T row[16], theta_row[16];
  for (long place = 0; place < positions; place++) {
    long y = place / columns, x = place % columns;
    for (long f = 0; f < sets; f++) {
      first[f] = ((const T *)inputs->first)[f * inputs->first_stride + y * inputs->first_row + x];
      for (int lane = 0; lane < 16; lane++)
        second[16 * f + lane] =
          lane >= SLICE_LANES
            ? 1
            : ((const T *)inputs->second)[f * inputs->second_stride + (y * inputs->second_row + x) * SLICE_LANES + lane];
    }
    for (int lane = 0; lane < 16; lane++) {
      row[lane] = lane < SLICE_LANES ? k[place * SLICE_LANES + lane] : 1;
      theta_row[lane] = lane < SLICE_LANES ? theta[place * SLICE_LANES + lane] : 1;
    }
    S(nt_dual_row)(dual, 16, first, 1, second, 16, row, theta_row);
    memcpy(k + place * SLICE_LANES, row, SLICE_LANES * sizeof(T));
    memcpy(theta + place * SLICE_LANES, theta_row, SLICE_LANES * sizeof(T));
  }
}

static void S(slice_dual)(void) {
  static const long shapes[][2] = {{1, 1}, {4, 4}, {3, 5}};
  for (const dual_sample *sample = dual_samples; sample->kind != NULL; sample++)
    for (int s = 0; s < 3; s++) {
      nt_dual dual = make_sample(sample);
      long rows = shapes[s][0], columns = shapes[s][1], count = rows * columns * SLICE_LANES;
      seed_numbers((uint64_t)(sample - dual_samples));
      long count1 = rows * (columns + 1), count2 = rows * (columns + 2) * SLICE_LANES;
      T *q1 = S(uniform)(count1, 0.6, 2), *q2 = S(uniform)(count2, 0.6, 2);
      slice_inputs inputs = S(dual_inputs)(&dual, columns, q1, count1, q2, count2);
      T *k = S(uniform)(count, -0.5, 0.5), *theta = S(uniform)(count, -1, 1);
      T *want = S(copy_of)(k, count), *want_theta = S(copy_of)(theta, count);
      S(by_rows)(&dual, &inputs.plain, rows * columns, columns, want, want_theta);
      for (int has_lanes = 0; has_lanes < 2; has_lanes++) {
        const nt_slice_factors *factors = has_lanes ? &inputs.with_lanes : &inputs.plain;
        T *got = S(copy_of)(k, count), *got_theta = S(copy_of)(theta, count), *only = S(copy_of)(k, count);
        S(nt_slice_dual)(&dual, rows, columns, factors, got, got_theta);
        S(nt_slice_dual)(&dual, rows, columns, factors, only, NULL);
        EXPECT(S(are_equal)(got, want, count), "found others of %s, " TYPE_NAME, sample->kind);
        EXPECT(S(are_equal)(got_theta, want_theta, count), "found others of %s, " TYPE_NAME, sample->kind);
        EXPECT(S(are_equal)(only, want, count), "found others of %s alone, " TYPE_NAME, sample->kind);
      }
    }
}

static long S(first_far)(const T *got, const T *want, long count) {
  for (long i = 0; i < count; i++)
    if (!(fabs((double)got[i] - (double)want[i]) <= 8 * TOLERANCE * (1 + fabs((double)want[i])))) return i;
  return -1;
}

static void S(layer)(void) {
  static const double slopes[][2] = {{0, 1}, {0.2, 1}, {-1, 1}, {0, 0.4}, {0.7, 0.7}};
  for (uint64_t seed = 0; seed < 200; seed++) {
    nt_dual dual = make_dual("abRelu", slopes[seed / 5 % 5], 2, NULL, 0);
    seed_numbers(seed);
    long length = seed % 5 == 0 ? 4 : 1 + random_below(7), columns = seed % 5 == 0 ? 4 : 1 + random_below(9);
    nt_window rows = layer_window(length), along = layer_window(columns);
    nt_affine affine = random_below(2) == 0 ? (nt_affine){1, 0.1, 0, 1, 0} : (nt_affine){1.2, 0.1, 0.3, 0.7, 0.2};
    int is_zero = random_below(3) == 0;
    long height = rows.out_length, count1 = height * (columns + 1), count2 = height * (columns + 2) * SLICE_LANES;
    T *q1 = S(uniform)(count1, 1, 2), *q2 = S(uniform)(count2, 1, 2);
    slice_inputs inputs = S(dual_inputs)(&dual, columns, q1, count1, q2, count2);
    long count = length * columns * SLICE_LANES;
    T *k = S(uniform)(count, -0.2, 0.2), *theta = S(uniform)(count, -1, 1);

    // One after the other.
    nt_window vertical = rows, horizontal = along;
    vertical.inner = columns * SLICE_LANES;
    long used = height * columns * SLICE_LANES, padded = (used + 15) / 16 * 16;
    T *sums = S(copy_of)(S(plain_window)(vertical, 1, k), used);
    T *theta_sums = S(copy_of)(S(plain_window)(vertical, 1, theta), used);
    for (long i = used; i < padded; i++) sums[i] = theta_sums[i] = 0;
    S(nt_affine)(&affine, padded, is_zero, sums, theta_sums);
    S(by_rows)(&dual, &inputs.plain, height * columns, columns, sums, theta_sums);
    horizontal.outer = height;
    horizontal.inner = SLICE_LANES;
    T *want = S(plain_window)(horizontal, 1, sums), *want_theta = S(plain_window)(horizontal, 1, theta_sums);

    nt_slice_pass layer = {&dual, affine, rows, along, is_zero};
    long out = height * along.out_length * SLICE_LANES;
    T *room = SCRATCH(T, 2 * columns * SLICE_LANES), *unread = SCRATCH(T, count + 1);
    // A theta that is zero is not read.
    const T *given = is_zero ? unread : theta;
    T *got[3], *got_theta[2];
    for (int i = 0; i < 3; i++) got[i] = SCRATCH(T, out + 1);
    for (int i = 0; i < 2; i++) got_theta[i] = SCRATCH(T, out + 1);
    S(nt_slice_pass)(&layer, &inputs.plain, k, given, got[0], got_theta[0], room);
    S(nt_slice_pass)(&layer, &inputs.with_lanes, k, given, got[1], got_theta[1], room);
    S(nt_slice_pass)(&layer, &inputs.plain, k, NULL, got[2], NULL, room);
    char text[2][256];
    print_window(text[0], sizeof text[0], rows);
    print_window(text[1], sizeof text[1], along);
    EXPECT(S(first_far)(got[0], want, out) < 0, "found another k: %s; %s, " TYPE_NAME, text[0], text[1]);
    EXPECT(S(first_far)(got_theta[0], want_theta, out) < 0, "found another theta: %s; %s, " TYPE_NAME, text[0], text[1]);
    EXPECT(S(are_equal)(got[1], got[0], out) && S(are_equal)(got_theta[1], got_theta[0], out),
           "found others with lanes: %s; %s, " TYPE_NAME, text[0], text[1]);
    EXPECT(S(are_equal)(got[2], got[0], out), "found others without theta: %s; %s, " TYPE_NAME, text[0], text[1]);
  }
}

// x1 in all lanes against itself: what comes out of a layer is its variance for the next.
static void S(equal_images_of)(long width, long size) {
  // With the weights of the next convolution.
  double slope = sqrt(2) / (double)width;
  nt_dual dual = make_dual("abRelu", (double[]){0, slope}, 2, NULL, 0);
  long positions = size * size, count = positions * SLICE_LANES, padded = (positions + 15) / 16 * 16;
  seed_numbers((uint64_t)(width + size));
  T *image = S(uniform)(positions, 0.1, 1), *variances = SCRATCH(T, count);
  for (long i = 0; i < count; i++) variances[i] = image[i / SLICE_LANES] * image[i / SLICE_LANES];
  T *k = S(copy_of)(variances, count), *theta = SCRATCH(T, count), *room = SCRATCH(T, 2 * size * SLICE_LANES);
  for (long i = 0; i < count; i++) theta[i] = 0;
  nt_window window = {1, size, 1, size, width, 1, 1, width / 2};
  nt_slice_pass layer = {&dual, {1, 0.05, 0, 1, 0}, window, window, 0};
  for (int depth = 0; depth < 10; depth++) {
    // The variances that the dual sees are those after the window along the rows and the bias.
    nt_window vertical = window;
    vertical.inner = size * SLICE_LANES;
    T *q = S(copy_of)(S(plain_window)(vertical, 1, variances), count), *unused = SCRATCH(T, count + 16);
    for (long i = count; i < count + 16 - count % 16; i++) q[i] = 1;
    S(nt_affine)(&layer.affine, (count + 15) / 16 * 16, 1, q, unused);
    T *per_position = SCRATCH(T, padded);
    for (long i = 0; i < padded; i++) per_position[i] = i < positions ? q[i * SLICE_LANES] : 1;
    long sets = larger(1, nt_dual_factor_count(&dual)), second_stride = (count + 15) / 16 * 16;
    T *first = SCRATCH(T, sets * padded), *second = SCRATCH(T, sets * second_stride);
    S(nt_dual_factors)(&dual, padded, per_position, first, padded);
    S(nt_dual_factors)(&dual, second_stride, q, second, second_stride);
    slice_inputs inputs = S(inputs_of)(first, sets * padded, padded, size, second, second_stride, size);
    T *next = SCRATCH(T, count), *next_variances = SCRATCH(T, count), *next_theta = SCRATCH(T, count);
    S(nt_slice_pass)(&layer, &inputs.with_lanes, variances, NULL, next_variances, NULL, room);
    S(nt_slice_pass)(&layer, &inputs.plain, k, theta, next, next_theta, room);
    EXPECT(S(are_equal)(next, next_variances, count), "found others after layer %d of windows of %ld, " TYPE_NAME, depth,
           width);
    // Correlation one: the square of the slope, halved, times the variance comes out, rounded once.
    T *dual_only = S(copy_of)(q, count);
    S(nt_slice_dual)(&dual, size, size, &inputs.plain, dual_only, NULL);
    for (long i = 0; i < count; i++)
      EXPECT(dual_only[i] == q[i] * (2 * (T)(slope * slope / 4)), "found %g in layer %d, " TYPE_NAME, (double)dual_only[i],
             depth);
    k = next;
    variances = next_variances;
    theta = next_theta;
  }
}

static void S(equal_images)(void) {
  S(equal_images_of)(3, 4);
  S(equal_images_of)(3, 7);
  S(equal_images_of)(1, 4);
  S(equal_images_of)(1, 7);
}

static void S(not_a_number)(void) {
  enum { size = 8, count = size * size * SLICE_LANES };
  nt_dual dual = make_dual("abRelu", (double[]){0, 1}, 2, NULL, 0);
  T *k = SCRATCH(T, count), *k_out = SCRATCH(T, count), *theta_out = SCRATCH(T, count);
  for (long i = 0; i < count; i++) {
    k[i] = (T)0.1;
    k_out[i] = theta_out[i] = 0;
  }
  k[(3 * size + 4) * SLICE_LANES + 2] = (T)NAN;
  nt_window window = {1, size, 1, size, 3, 1, 1, 1};
  nt_slice_pass layer = {&dual, {1, 0, 0, 1, 0}, window, window, 1};
  long count1 = size * (size + 1), count2 = size * (size + 2) * SLICE_LANES;
  T *q1 = SCRATCH(T, count1), *q2 = SCRATCH(T, count2);
  for (long i = 0; i < count1; i++) q1[i] = 1;
  for (long i = 0; i < count2; i++) q2[i] = 1;
  slice_inputs inputs = S(dual_inputs)(&dual, size, q1, count1, q2, count2);
  S(nt_slice_pass)(&layer, &inputs.plain, k, NULL, k_out, theta_out, SCRATCH(T, 2 * size * SLICE_LANES));
  for (long i = 0; i < count; i++) {
    long lane = i % SLICE_LANES, y = i / SLICE_LANES / size, x = i / SLICE_LANES % size;
    bool sees = lane == 2 && labs(y - 3) <= 1 && labs(x - 4) <= 1;
    EXPECT(isnan(k_out[i]) == sees && isnan(theta_out[i]) == sees, "found %g and %g", (double)k_out[i],
           (double)theta_out[i]);
  }
}
