#include "nt_tile_products.h"

#define NT_BODY "tile_products_body.h"
#include "every_instruction_set.h"

#define PAIR(type, suffix)                                                                                            \
  void nt_tile_times_##suffix(long rows, long columns, const type *tile, long stride, long vectors, const double *x,  \
                              long x_stride, double *out, long out_stride) {                                          \
    NT_DISPATCH(tile_times_##suffix)(rows, columns, tile, stride, vectors, x, x_stride, out, out_stride);             \
  }                                                                                                                   \
  void nt_tile_transposed_times_##suffix(long rows, long columns, const type *tile, long stride, long vectors,        \
                                         const double *x, long x_stride, double *out, long out_stride) {              \
    NT_DISPATCH(tile_transposed_times_##suffix)(rows, columns, tile, stride, vectors, x, x_stride, out, out_stride);  \
  }

PAIR(float, f32)
PAIR(double, f64)
