#include "nt_slices.h"

#include "duals.h"

// Which of its forms the loop of a layer has: the rows that a window takes (1 or 3), the columns (1 or 3, 0 for any),
// what is known of the NTK that comes in, and of the affine map.
enum { nt_theta_absent, nt_theta_zero, nt_theta_given };
enum { nt_affine_none, nt_affine_sum, nt_affine_any };
typedef struct {
  int rows, columns, theta, affine;
} nt_layer_form;

// The duals come with loops over factors and rows that belong to duals.c.
#pragma clang diagnostic ignored "-Wunused-function"

#define NT_BODY "slices_body.h"
#include "every_instruction_set.h"

// The public functions, for the selected instruction set.
#define DEFINE_FOR(REAL, bits)                                                                                     \
  void nt_slice_product_##bits(long rows, long columns, long channels, REAL scale, const nt_slice_factors *inputs, \
                               REAL *k) {                                                                          \
    NT_DISPATCH(nt_slice_product_##bits)(rows, columns, channels, scale, inputs, k);                               \
  }                                                                                                                \
  void nt_slice_dual_##bits(const nt_dual *dual, long rows, long columns, const nt_slice_factors *factors,         \
                            REAL *k, REAL *theta) {                                                                \
    NT_DISPATCH(nt_slice_dual_##bits)(dual, rows, columns, factors, k, theta);                                     \
  }                                                                                                                \
  void nt_slice_scale_##bits(long rows, long columns, const nt_slice_factors *factors, REAL *k, REAL *theta) {     \
    NT_DISPATCH(nt_slice_scale_##bits)(rows, columns, factors, k, theta);                                          \
  }                                                                                                                \
  void nt_slice_window_##bits(nt_window window, REAL scale, const REAL *x, REAL *out) {                            \
    NT_DISPATCH(nt_slice_window_##bits)(window, scale, x, out);                                                    \
  }                                                                                                                \
  void nt_slice_window2d_##bits(nt_window rows, nt_window columns, const REAL *x, REAL *out, REAL *scratch) {           \
    NT_DISPATCH(nt_slice_window2d_##bits)(rows, columns, x, out, scratch);                                              \
  }                                                                                                                \
  void nt_slice_add_run_##bits(nt_slice_run run, REAL weight, const REAL *x, REAL *out) {                          \
    NT_DISPATCH(nt_slice_add_run_##bits)(run, weight, x, out);                                                     \
  }                                                                                                                \
  void nt_slice_sum_##bits(long rows, long columns, const REAL *k, double *sums) {                                 \
    NT_DISPATCH(nt_slice_sum_##bits)(rows, columns, k, sums);                                                      \
  }                                                                                                                \
  void nt_slice_pass_##bits(const nt_slice_pass *layer, const nt_slice_factors *factors, const REAL *k,          \
                             const REAL *theta, REAL *k_out, REAL *theta_out, REAL *scratch) {                     \
    NT_DISPATCH(nt_slice_pass_##bits)(layer, factors, k, theta, k_out, theta_out, scratch);                       \
  }

DEFINE_FOR(float, f32)
DEFINE_FOR(double, f64)
