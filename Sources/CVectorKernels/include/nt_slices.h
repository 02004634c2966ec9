// Inner loops over slices of covariances of images.
//
// A slice is the covariance of one x1 image with several x2 images, one per lane, at one displacement: positions in
// rows and columns, and 64 bytes of lanes at each, in memory [row][column][lane]; k and theta are two such arrays. Rows
// of a slice are contiguous. Arrays that begin on 64-byte boundaries are fastest. An array that is written overlaps no
// other, unless the text says "in place".
//
// Every number is computed by the same operations in the same order whatever its lane, whatever the rows and columns
// around it, and whether or not the first input has lanes. So equal inputs keep the covariance that is bitwise their
// variance, and their correlation stays exactly one (see nt_duals.h). NaN gives NaN.
#pragma once

#include "nt_convolution.h"
#include "nt_duals.h"

#ifdef __cplusplus
extern "C" {
#endif

// How many images a slice has side by side.
enum { nt_slice_lanes_f32 = 16, nt_slice_lanes_f64 = 8 };

// What a slice of rows x columns positions reads of its two inputs. Number f of the second input at (y, x) stands, per
// lane, at second[f * second_stride + (y * second_row + x) * lanes + lane]; that of the first at
// first[f * first_stride + y * first_row + x], the same for all lanes, or, if first_has_lanes, like the second's:
// at first[f * first_stride + (y * first_row + x) * lanes + lane]. Both are arrays of the slice's element type; strides
// are in elements, rows in positions.
typedef struct nt_slice_factors {
  const void *first, *second;
  long first_stride, second_stride, first_row, second_row;
  int first_has_lanes;
} nt_slice_factors;

// k[y][x][l] = scale * sum over c < channels of first * second, where x1 is at
// first[(y * first_row + x) * channels + c], or at first[((y * first_row + x) * channels + c) * lanes + l] if
// first_has_lanes, and x2 at second[((y * second_row + x) * channels + c) * lanes + l]. The strides are not used.
void nt_slice_product_f32(
  long rows, long columns, long channels, float scale, const nt_slice_factors *inputs, float *k);
void nt_slice_product_f64(
  long rows, long columns, long channels, double scale, const nt_slice_factors *inputs, double *k);

// k <- kappa(q1, k, q2) and theta <- theta * (d kappa / d q12), in place, as nt_dual_row does bitwise; theta is NULL
// when no NTK is wanted. The factors are those of nt_dual_factors; those of a series stand together per position: number f
// of position (y, x) stands, per lane, at second[(y * second_row + x * count + f) * lanes + lane], where count is
// nt_series_factors_per_input, second_row that many numbers times the positions of a row, and the strides are those of one
// number, lanes or 1.
void nt_slice_dual_f32(
  const nt_dual *dual, long rows, long columns, const nt_slice_factors *factors, float *k, float *theta);
void nt_slice_dual_f64(
  const nt_dual *dual, long rows, long columns, const nt_slice_factors *factors, double *k, double *theta);

// k <- (k first) second, theta alike or NULL, in place: one factor of each input.
void nt_slice_scale_f32(long rows, long columns, const nt_slice_factors *factors, float *k, float *theta);
void nt_slice_scale_f64(long rows, long columns, const nt_slice_factors *factors, double *k, double *theta);

// Along the middle axis of x, (outer, length, inner), as nt_window_sum: out[., o, .] = scale * sum over k < window of
// x[., o * stride + k * dilation - low, .], k ascending, where rows outside x are zeros. inner is a multiple of the
// lanes.
void nt_slice_window_f32(nt_window window, float scale, const float *x, float *out);
void nt_slice_window_f64(nt_window window, double scale, const double *x, double *out);

// The window sums along the rows and then along the columns of rows.outer slices, one after the other in memory; the
// other sizes that follow from these are not used. scratch holds columns.length * lanes elements.
void nt_slice_window2d_f32(nt_window rows, nt_window columns, const float *x, float *out, float *scratch);
void nt_slice_window2d_f64(nt_window rows, nt_window columns, const double *x, double *out, double *scratch);

// out[., o, .] += weight * x[., o * step + offset, .] for first <= o < last; x is (outer, length, inner), out is
// (outer, out_length, inner), inner a multiple of the lanes. step may be negative.
typedef struct nt_slice_run {
  long outer, length, out_length, inner, first, last, step, offset;
} nt_slice_run;
void nt_slice_add_run_f32(nt_slice_run run, float weight, const float *x, float *out);
void nt_slice_add_run_f64(nt_slice_run run, double weight, const double *x, double *out);

// sums[l] += sum over the positions of k[.][.][l]: within rows in the element type, across rows in double.
void nt_slice_sum_f32(long rows, long columns, const float *k, double *sums);
void nt_slice_sum_f64(long rows, long columns, const double *k, double *sums);

// One layer of a convolutional network: the window sum along the rows, the affine map, the dual, and the window sum along
// the columns of the next convolution (window 1, stride 1: none), in one pass; to rounding, what nt_slice_window,
// nt_affine, nt_slice_dual and nt_slice_window give one after the other.
typedef struct nt_slice_pass {
  const nt_dual *dual;      // of kind nt_dual_ab_relu
  nt_affine affine;         // fastest with weight_variance 1 and theta_from_input 0
  nt_window rows, columns;  // outer and inner are not used; fastest are windows of 1, and of 3 without stride
  int theta_is_zero;        // the theta that comes in is zero and not read
} nt_slice_pass;

// k and theta are rows.length x columns.length positions, k_out and theta_out rows.out_length x columns.out_length; the
// factors are rows.out_length x columns.length. Without theta_out, or without theta unless theta_is_zero, no NTK is
// computed. scratch holds 2 * columns.length * lanes elements.
void nt_slice_pass_f32(
  const nt_slice_pass *layer, const nt_slice_factors *factors, const float *k, const float *theta, float *k_out,
  float *theta_out, float *scratch);
void nt_slice_pass_f64(
  const nt_slice_pass *layer, const nt_slice_factors *factors, const double *k, const double *theta, double *k_out,
  double *theta_out, double *scratch);

#ifdef __cplusplus
}
#endif
