import Tensors

extension PositionMapOperation {
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
}

extension PositionMapOperation.Axis {
  /// `x` mapped along `axis`; with the squared weights for variances of uncorrelated inputs.
  package func apply(to x: Tensor, axis: Int, squared: Bool) -> Tensor {
    switch self {
    case .unchanged: return x
    case .selected(let positions): return x.taking(positions, axis: axis)
    case .removed(let position): return x.sliced(axis: axis, from: position, to: position + 1).squeezed(axis)
    case .weighted(let weights):
      let values = squared ? weights.map { $0.map { $0 * $0 } } : weights
      let matrix = Tensor(values.flatMap { $0 }, shape: [values.count, x.shape[axis]]).asType(x.dtype)
      return dotGeneral(x, matrix, contracting: ([axis], [1])).movedAxis(from: -1, to: axis)
    }
  }

  /// The same with ones for weights: which inputs an output depends on.
  package var dependence: PositionMapOperation.Axis {
    if case .weighted(let weights) = self { return .weighted(weights.map { $0.map { $0 == 0 ? 0 : 1 } }) }
    return self
  }

  /// Displacements of the input that those of the output are made of.
  func displacements(for needed: [Int]) -> Set<Int> {
    let sources: [[Int]]
    switch self {
    case .unchanged: return Set(needed)
    case .removed: return [0]
    case .selected(let positions): sources = positions.map { [$0] }
    case .weighted(let weights):
      sources = weights.map { row in row.indices.filter { row[$0] != 0 } }
    }
    var result: Set<Int> = []
    for displacement in needed {
      for (output, first) in sources.enumerated() where sources.indices.contains(output + displacement) {
        for p in first { for q in sources[output + displacement] { result.insert(q - p) } }
      }
    }
    return result
  }

  var description: String {
    switch self {
    case .unchanged: "unchanged"
    case .selected(let positions): "selected \(positions)"
    case .removed(let position): "removed at \(position)"
    case .weighted(let weights): "weighted \(weights)"
    }
  }
}
