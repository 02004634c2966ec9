// Included once per element type by files with checks of slices.

static T *S(uniform)(long count, double low, double high) {
  T *x = SCRATCH(T, count + 1);
  for (long i = 0; i < count; i++) x[i] = (T)random_uniform(low, high);
  return x;
}

// The factors of a first input, `count` sets of `positions` numbers at strides, and the same spread over lanes.
static slice_inputs S(inputs_of)(const T *first, long first_count, long first_stride, long first_row, const T *second,
                                 long second_stride, long second_row) {
  T *spread = SCRATCH(T, first_count * SLICE_LANES + 1);
  for (long i = 0; i < first_count * SLICE_LANES; i++) spread[i] = first[i / SLICE_LANES];
  slice_inputs inputs = {
    {first, second, first_stride, second_stride, first_row, second_row, 0},
    {spread, second, first_stride * SLICE_LANES, second_stride, first_row, second_row, 1},
  };
  return inputs;
}

// Window sums by the definition, taps in their order, in the element type.
static T *S(plain_window)(nt_window w, T scale, const T *x) {
  T *out = SCRATCH(T, w.outer * w.out_length * w.inner + 1);
  for (long i = 0; i < w.outer; i++)
    for (long o = 0; o < w.out_length; o++)
      for (long j = 0; j < w.inner; j++) {
        T sum = 0;
        for (long tap = 0; tap < w.window; tap++) {
          long place = o * w.stride + tap * w.dilation - w.low;
          if (place >= 0 && place < w.length) sum += x[(i * w.length + place) * w.inner + j];
        }
        out[(i * w.out_length + o) * w.inner + j] = sum * scale;
      }
  return out;
}

static bool S(are_equal)(const T *a, const T *b, long count) {
  for (long i = 0; i < count; i++)
    if (!(a[i] == b[i])) return false;
  return true;
}
