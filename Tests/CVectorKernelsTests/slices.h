// What checks of slices share.
#pragma once

#include "checks.h"

// Per-position numbers of the first and, per lane, of the second input, in rows that are longer than the slice, and as the
// kernels take them: with one number of the first input for all lanes, or with as many as there are lanes.
typedef struct slice_inputs {
  nt_slice_factors plain, with_lanes;
} slice_inputs;

static inline void print_window(char *text, size_t size, nt_window w) {
  snprintf(text, size, "outer %ld, length %ld, inner %ld, out %ld, window %ld, stride %ld, dilation %ld, low %ld", w.outer,
           w.length, w.inner, w.out_length, w.window, w.stride, w.dilation, w.low);
}
