// Looking at rows of a tile, and moving tiles.
#include "checks.h"

#define NT_DOUBLE 0
#include "real.h"
#include "row_checks_body.h"
#include "real_end.h"
#define NT_DOUBLE 1
#include "real.h"
#include "row_checks_body.h"
#include "real_end.h"

#define BOTH(name) \
  static void name(void) { \
    name##_f32(); \
    name##_f64(); \
  }
BOTH(find_at_least)
BOTH(all_finite)
BOTH(sum_of_squares)
BOTH(store_block)
BOTH(transpose)
BOTH(tile_products)

const check row_checks[] = {
  {"the first large entry of a row is found wherever it stands", find_at_least},
  {"one NaN or infinity is seen wherever it stands", all_finite},
  {"sums of squares are accumulated in double", sum_of_squares},
  {"blocks are stored whole, and their numbers looked at", store_block},
  {"transposing moves every element of any block", transpose},
  {"products of tiles with vectors are sums in double over every element", tile_products},
  {NULL, NULL},
};
