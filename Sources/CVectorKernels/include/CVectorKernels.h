// Inner loops over contiguous memory, each compiled for several instruction sets and chosen at run time.
#pragma once

#include "nt_instruction_set.h"
#include "nt_checksum.h"
#include "nt_elementwise.h"
#include "nt_convolution.h"
#include "nt_duals.h"
#include "nt_gradients.h"
#include "nt_random.h"
#include "nt_rows.h"
#include "nt_series.h"
#include "nt_slices.h"
#include "nt_tile_products.h"
