// The loops over slices in one precision, that of NT_REAL_BITS. First what they do one vector at a time.
#include "duals_real.h"

// The lanes of a slice, which are one vector or more.
enum { TYPED(nt_slice_lanes) = 512 / NT_REAL_BITS };
#if NT_REAL_BITS == 32
#define HALF(base) NAME(NT_JOIN(base, _f32))
#else
#define HALF(base) NAME(NT_JOIN(base, _f64))
#endif
#define SLICE_LANES HALF(nt_slice_lanes)

#include "slices_dual_loops.h"
#include "duals_kinds_body.h"
#include "slices_map_body.h"
#include "slices_window_body.h"
#include "slices_layer_point_body.h"

// Then what they do with pairs: the many operations of a dual each wait for the one before.
#if NT_REAL_BITS == 32
#include "duals_real_end.h"
#define NT_REAL_BITS 32
#else
#include "duals_real_end.h"
#define NT_REAL_BITS 64
#endif
#define NT_PAIRS 1
#include "duals_real.h"
#undef DEFINE_DUAL_LOOPS
#define DEFINE_DUAL_LOOPS(kind)

#include "duals_correlation_body.h"
#include "duals_ab_relu_body.h"
#include "slices_layer_point_body.h"
#include "slices_layer_body.h"
#include "slices_dual_body.h"

#undef HALF
#undef SLICE_LANES
#include "duals_real_end.h"
