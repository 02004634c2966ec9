import CovarianceEngine
import Tensors

/// What makes weights of a query's scores.
public enum AttentionMechanism: String, Sendable, CaseIterable {
  /// exp(score), divided by the sum over all keys.
  case softmax
  case identity
  case abs
  /// The larger of the score and zero.
  case relu

  /// A score so low that softmax gives it no weight; finite, so that a query without any key has finite weights.
  private static let lowest = -1e20

  /// Weights of the keys, the last axis of `scores`, for every query, the axis before.
  ///
  /// - Parameter hidden: true for keys that a query does not see, broadcasting to the scores.
  func weights(_ scores: Tensor, hidden: Tensor?) -> Tensor {
    func withoutHidden(_ weights: Tensor) -> Tensor { hidden.map { select($0, 0, weights) } ?? weights }
    switch self {
    case .softmax:
      let visible = hidden.map { select($0, Self.lowest, scores) } ?? scores
      let exponentials = exp(visible - stopGradient(visible.max(axis: -1, keepDims: true)))
      return exponentials / exponentials.sum(axis: -1, keepDims: true)
    case .identity: return withoutHidden(scores)
    case .abs: return withoutHidden(Tensors.abs(scores))
    case .relu: return withoutHidden(maximum(scores, 0))
    }
  }

  /// Keys that queries do not see: the masked ones and, if `isCausal`, those behind the query. Shape (L, L) or one that
  /// broadcasts to (N, L, L); nil when all are seen.
  ///
  /// - Parameters:
  ///   - mask: true for masked positions, shape (N, L).
  ///   - count: L, the number of positions.
  static func hiddenKeys(mask: Tensor?, count: Int, isCausal: Bool) -> Tensor? {
    let masked = mask?.expandedDims(1)
    guard isCausal else { return masked }
    let positions = Tensor.arange(count)
    let later = positions.expandedDims(1) .< positions
    return masked.map { $0 .| later } ?? later
  }
}
