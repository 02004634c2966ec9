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

extension CovarianceBlock {
  /// Covariances of this output with both data sets exchanged.
  func exchanged(_ k: Tensor) -> Tensor {
    let rank = layout.positions.count
    let positions = Array(2..<k.rank)
    let order = layout.isDiagonal ? positions : Array(positions.dropFirst(rank) + positions.prefix(rank))
    return k.transposed([1, 0] + order)
  }

  /// The mirror image of a tile of a symmetric matrix.
  var mirrored: CovarianceBlock {
    CovarianceBlock(
      k12: exchanged(k12), theta: theta.map(exchanged), k11: k22, k22: k11, layout: layout, mask1: mask2, mask2: mask1)
  }

  func asType(_ dtype: DType) -> CovarianceBlock {
    var result = self
    result.k12 = k12.asType(dtype)
    result.theta = theta?.asType(dtype)
    result.k11 = k11?.asType(dtype)
    result.k22 = k22?.asType(dtype)
    return result
  }
}
