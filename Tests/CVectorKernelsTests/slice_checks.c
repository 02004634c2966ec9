// Products, windows and sums of slices: the checks of SliceKernelTests.swift, with the same bounds.
#include "slices.h"

static const long shapes[][2] = {{1, 1}, {1, 5}, {4, 1}, {4, 4}, {3, 9}, {6, 2}, {9, 7}, {0, 3}};
enum { shape_count = 6, sum_shape_count = 8 };

#define NT_DOUBLE 0
#include "real.h"
#include "slice_helpers_body.h"
#include "slice_checks_body.h"
#include "real_end.h"
#define NT_DOUBLE 1
#include "real.h"
#include "slice_helpers_body.h"
#include "slice_checks_body.h"
#include "real_end.h"

#define BOTH(name) \
  static void name(void) { \
    name##_f32(); \
    name##_f64(); \
  }
BOTH(product)
BOTH(equal_products)
BOTH(scale)
BOTH(window)
BOTH(box)
BOTH(windows_of_non_finite)
BOTH(add_run)
BOTH(sum)

const check slice_checks[] = {
  {"products sum over the channels, with and without lanes of the first input", product},
  {"equal positions have bitwise equal products, wherever they stand", equal_products},
  {"slices are scaled by a factor of each input", scale},
  {"window sums of slices are bitwise those of the definition", window},
  {"boxes are bitwise a window along the rows and one along the columns", box},
  {"undefined and infinite numbers stay in their windows", windows_of_non_finite},
  {"runs add what a step takes from each output", add_run},
  {"sums add rows in the element type and across rows in double", sum},
  {NULL, NULL},
};
