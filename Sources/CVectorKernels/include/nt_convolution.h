// Inner loops of convolutions and window sums. Elements are named by an nt_dtype other than nt_bool; offsets, strides
// and sizes are in elements; integers wrap around. The functions use one thread.
//
// A convolution computes rows (the channels of one pixel) as sums over taps (the positions of a filter) of rows of
// another image. Which row a tap takes is looked up in a table, so that padding, strides and dilations cost the inner
// loops nothing and need no copy of the image.
#pragma once

#include "nt_elementwise.h"

#ifdef __cplusplus
extern "C" {
#endif

// What the selected instruction set computes at a time.
typedef struct nt_convolution_tile {
  long lanes;    // elements of a vector
  long vectors;  // the most vectors side by side in a panel of filter columns: 2 or 4; 1 and 2 are always possible
  long rows;     // pixels of a block
} nt_convolution_tile;

nt_convolution_tile nt_get_convolution_tile(nt_dtype type);

// A table of blocks of `rows` pixels (nt_get_convolution_tile), the last one perhaps of fewer. Entries of block b are
// entries[starts[b]] ..< entries[starts[b + 1]], each 1 + rows numbers: a tap, then for every pixel of the block the
// offset of the row that the tap takes, or -1 for zeros. Taps ascend; one that gives all pixels of a block zeros is not
// there. targets[p] is the offset of the row of pixel p.
typedef struct nt_convolution_table {
  long pixels;
  const long *starts;
  const long *entries;
  const long *targets;
} nt_convolution_table;

// A part of the sum over taps and channels, of which the first overwrites and later ones add.
typedef struct nt_convolution_part {
  long first_tap, last_tap;          // without the last
  long first_channel, last_channel;  // without the last
  int adds;
} nt_convolution_part;

// target[targets[p] + j] (+)= sum over taps t and channels c of source[offset + c] * panel[t][c][j] for j < columns, at
// most vectors * lanes. `panel` is (taps, channels, vectors * lanes), `zeros` holds `channels` zeros.
void nt_convolve(
  nt_dtype type, const nt_convolution_table *table, nt_convolution_part part, const void *source, const void *zeros,
  const void *panel, long channels, long vectors, void *target, long columns);

// target[targets[p] + c] = sum over taps t of source[offset + c] * filter[t][c] for c < channels.
void nt_convolve_depthwise(
  nt_dtype type, const nt_convolution_table *table, const void *source, const void *zeros, const void *filter,
  long channels, void *target);

// sums[c][j] += sum over pairs (x, y) of source[x + c] * other[y * vectors * lanes + j] for c < rows and
// j < vectors * lanes. The sum over the pairs is finished before it is added.
void nt_correlate(
  nt_dtype type, long count, const long *pairs, const void *source, const void *other, long rows, long vectors,
  void *sums);

// sums[c] += sum over pairs (x, y) of source[x + c] * other[y + c] for c < channels.
void nt_correlate_depthwise(
  nt_dtype type, long count, const long *pairs, const void *source, const void *other, long channels, void *sums);

// Along the middle axis of x, (outer, length, inner): out[., o, .] = sum over k < window of
// x[., o * stride + k * dilation - low, .], where rows outside x are zeros, for first <= o < last of out, (outer,
// out_length, inner).
typedef struct nt_window {
  long outer, length, inner, out_length;
  long window, stride, dilation, low;
} nt_window;

void nt_window_sum(nt_dtype type, nt_window window, long first, long last, const void *x, void *out);

#ifdef __cplusplus
}
#endif
