// Activation duals and the other covariance operations, fused over rows of a tile of a Gram matrix.
#pragma once
