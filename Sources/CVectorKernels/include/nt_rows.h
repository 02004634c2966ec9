// Looking at rows of a tile, and mirroring a tile of a symmetric matrix.
#pragma once

// The first j >= start with |k[j]| >= factor * scale[j], or n.
long nt_find_at_least_f32(long n, long start, const float *k, float factor, const float *scale);
long nt_find_at_least_f64(long n, long start, const double *k, double factor, const double *scale);

// Whether all n numbers are finite.
int nt_all_finite_f32(long n, const float *x);
int nt_all_finite_f64(long n, const double *x);

// Copies a block of a row-major matrix, whose rows are the strides apart, and says whether all its numbers are finite.
// Written past the caches where rows of the target begin at multiples of 64 bytes: results are large and read much later.
int nt_store_block_f32(long rows, long columns, const float *source, long source_stride, float *target, long target_stride);
int nt_store_block_f64(long rows, long columns, const double *source, long source_stride, double *target, long target_stride);

// The sum of the squares of n numbers, accumulated in double.
double nt_sum_of_squares_f32(long n, const float *x);
double nt_sum_of_squares_f64(long n, const double *x);

// target[j * target_stride + i] = source[i * source_stride + j] for i < rows, j < columns; must not overlap.
void nt_transpose_f32(long rows, long columns, const float *source, long source_stride, float *target, long target_stride);
void nt_transpose_f64(long rows, long columns, const double *source, long source_stride, double *target, long target_stride);
