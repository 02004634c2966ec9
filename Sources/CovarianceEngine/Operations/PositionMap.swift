import Tensors

/// A linear map of positions along each axis by itself: y = A x, so K ← A K Aᵀ.
public struct PositionMap: Sendable {
  /// What happens along one axis.
  public enum Axis: Sendable, Hashable {
    case unchanged
    /// Output p is input `positions[p]`.
    case selected([Int])
    /// One input only; the axis disappears.
    case removed(Int)
    /// Output p is the sum over inputs p' of `weights[p][p']` times the input.
    case weighted([[Double]])

    /// The new length; nil when the axis disappears.
    package func size(from size: Int) -> Int? {
      switch self {
      case .unchanged: size
      case .selected(let positions): positions.count
      case .removed: nil
      case .weighted(let weights): weights.count
      }
    }
  }

  /// When an output is masked.
  public enum MaskRule: Sendable, Hashable {
    /// As the input in the middle of its window is: one list of positions per axis.
    case centres([[Int]])
    /// When all inputs with a weight are.
    case all
  }

  /// One per axis of positions.
  public var axes: [Axis]
  /// What is masked after the map.
  public var maskRule: MaskRule
  /// What happens along the batch axis, given the number of inputs.
  public var batch: (@Sendable (Int) -> Axis)?
  /// Whether that only selects inputs, so that those selected are as they were.
  public var selectsBatch: Bool

  public init(
    axes: [Axis], maskRule: MaskRule = .all, batch: (@Sendable (Int) -> Axis)? = nil, selectsBatch: Bool = false
  ) {
    self.axes = axes
    self.maskRule = maskRule
    self.batch = batch
    self.selectsBatch = selectsBatch
  }

  /// Whether every output is one of the inputs, so that the diagonal of K maps to itself.
  var isSelection: Bool {
    axes.allSatisfy { if case .weighted = $0 { false } else { true } }
  }

  func outputPositions(_ positions: [Int]) -> [Int] {
    zip(axes, positions).compactMap { $0.size(from: $1) }
  }
}
