// Products of a tile of a symmetric matrix with vectors, accumulated in double whatever the tile's elements are.
#pragma once

// Elements of the tile are tile[i * stride + k] for i < rows, k < columns.
//
// out[v * out_stride + i] += sum over k of tile[i * stride + k] * x[v * x_stride + k], for v < vectors.
void nt_tile_times_f32(long rows, long columns, const float *tile, long stride, long vectors, const double *x,
                       long x_stride, double *out, long out_stride);
void nt_tile_times_f64(long rows, long columns, const double *tile, long stride, long vectors, const double *x,
                       long x_stride, double *out, long out_stride);

// out[v * out_stride + k] += sum over i of tile[i * stride + k] * x[v * x_stride + i], for v < vectors.
void nt_tile_transposed_times_f32(long rows, long columns, const float *tile, long stride, long vectors, const double *x,
                                  long x_stride, double *out, long out_stride);
void nt_tile_transposed_times_f64(long rows, long columns, const double *tile, long stride, long vectors,
                                  const double *x, long x_stride, double *out, long out_stride);
