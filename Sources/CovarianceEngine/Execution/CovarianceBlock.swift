import Tensors

/// The covariances of one value of a program over a block of the Gram matrix: what executors hand on.
package struct CovarianceBlock: Sendable {
  package var k12: Tensor
  package var theta: Tensor?
  /// nil where nobody asked for it.
  package var k11: Tensor?
  /// nil when both data sets are one, too.
  package var k22: Tensor?
  package var layout = CovarianceLayout(positions: [], isDiagonal: true, hasFullBatch: false)
  package var mask1: Tensor?
  package var mask2: Tensor?

  package init(
    k12: Tensor, theta: Tensor? = nil, k11: Tensor? = nil, k22: Tensor? = nil,
    layout: CovarianceLayout = CovarianceLayout(positions: [], isDiagonal: true, hasFullBatch: false),
    mask1: Tensor? = nil, mask2: Tensor? = nil
  ) {
    (self.k12, self.theta, self.k11, self.k22) = (k12, theta, k11, k22)
    (self.layout, self.mask1, self.mask2) = (layout, mask1, mask2)
  }
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
