// The loops over slices for one instruction set, in both precisions.
#include "duals_wide_body.h"

#define NT_REAL_BITS 32
#include "slices_both_body.h"

#define NT_REAL_BITS 64
#include "slices_both_body.h"
