// The loops over slices in one precision, that of NT_REAL_BITS.
#include "duals_real.h"

// The lanes of a slice, which are one vector or more.
enum { TYPED(nt_slice_lanes) = 512 / NT_REAL_BITS };
#define SLICE_LANES TYPED(nt_slice_lanes)

#include "slices_dual_loops.h"
#include "duals_kinds_body.h"
#include "slices_map_body.h"
#include "slices_window_body.h"
#include "slices_point_body.h"
#include "slices_pass_body.h"
#include "slices_dual_body.h"

#undef SLICE_LANES
#include "duals_real_end.h"
