import CovarianceEngine
import Tensors

/// The covariances of a value in the program of a block, A × B pairs of inputs.
struct KernelValue {
  /// How positions lie in an array.
  enum Form: Hashable {
    /// (A, B, P…): of positions with themselves; or without positions.
    case diagonal
    /// Pages, see `PackedLayout`.
    case packed
    /// (A, B, P…, P…).
    case dense
  }

  var k: Tensor
  var theta: CovarianceState.Theta
  var positions: [Int]
  var form: Form

  var tensors: [Tensor] { [k] + (theta.matrix.map { [$0] } ?? []) }

  /// K and Θ under a map.
  func map(_ transform: (Tensor) -> Tensor) -> KernelValue {
    var result = self
    result.k = transform(k)
    if case .matrix(let matrix) = theta { result.theta = .matrix(transform(matrix)) }
    return result
  }

  /// The same value with other tensors, in the order of `tensors`.
  func replacing(_ tensors: [Tensor]) -> KernelValue {
    var result = self
    result.k = tensors[0]
    if case .matrix = theta { result.theta = .matrix(tensors[1]) }
    return result
  }
}
