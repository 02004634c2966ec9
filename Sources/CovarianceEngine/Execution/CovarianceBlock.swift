import Tensors

/// The covariances of one value of a program over a block of the Gram matrix: what executors hand on.
package struct CovarianceBlock: Sendable {
  var k12: Tensor
  var theta: Tensor?
  /// nil where nobody asked for it.
  var k11: Tensor?
  /// nil when both data sets are one, too.
  var k22: Tensor?
  var layout = CovarianceLayout(positions: [], isDiagonal: true, hasFullBatch: false)
  var mask1: Tensor?
  var mask2: Tensor?
}
