// Elementwise maps, comparisons, conversions and reductions over contiguous memory.
#pragma once
