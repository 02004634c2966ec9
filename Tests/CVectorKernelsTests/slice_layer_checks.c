// Duals and whole layers on slices: the checks of SliceKernelLayerTests.swift, with the same bounds.
#include "duals.h"
#include "slices.h"

// A window over `length` rows or columns: none, one of the fast ones, or any.
static nt_window layer_window(long length) {
  nt_window w = {1, length, 1, length, 1, 1, 1, 0};
  switch (random_below(4)) {
    case 0: break;
    case 1:
      w.window = 3;
      w.low = 1;
      break;
    case 2:
      w.window = 3;
      w.low = random_below(7) - 2;
      w.out_length = 1 + random_below(length + 3);
      break;
    default:
      w.window = random_below(6);
      w.stride = 1 + random_below(2);
      w.dilation = 1 + random_below(2);
      w.low = random_below(5) - 1;
      w.out_length = 1 + random_below(length);
  }
  return w;
}

#define NT_DOUBLE 0
#include "real.h"
#include "slice_helpers_body.h"
#include "slice_layer_checks_body.h"
#include "real_end.h"
#define NT_DOUBLE 1
#include "real.h"
#include "slice_helpers_body.h"
#include "slice_layer_checks_body.h"
#include "real_end.h"

#define BOTH(name) \
  static void name(void) { \
    name##_f32(); \
    name##_f64(); \
  }
BOTH(slice_dual)
BOTH(layer)
BOTH(equal_images)
BOTH(not_a_number)

const check slice_layer_checks[] = {
  {"the dual of a slice is bitwise that of its rows, for every kind", slice_dual},
  {"a layer is its window sums, affine map and dual one after the other", layer},
  {"equal images keep correlation one through ten layers, bitwise, at every place", equal_images},
  {"NaN in means NaN out of a layer, in its lane and window only", not_a_number},
  {NULL, NULL},
};
