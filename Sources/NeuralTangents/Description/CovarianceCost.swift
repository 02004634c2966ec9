import Tensors

/// What the NNGP and the tangent kernel of one pair of inputs cost, estimated from the number of covariances that are
/// needed: entries times operations per entry. Self-covariances, which are per input, do not count.
struct CovarianceCost {
  /// A dual and its derivative dual: a square root, two polynomials, a few products.
  private static let flopsPerDual = 25
  /// As a series: the correlation, and for each of two or three blocks of eight terms its bound, and products and sums for
  /// the two duals.
  private static let flopsPerSeries = 150
  /// By functions of tensors, entry by entry, whatever these are.
  private static let flopsPerTensorDual = 1000
  private static let bytesPerNumber = 4
  /// NNGP and tangent kernel.
  private static let kernels = 2

  let program: CovarianceProgram
  let demands: [DisplacementDemand?]

  private func entries(_ value: Int) -> Int { demands[value]?.entries ?? 0 }

  /// The products of the inputs of `channels`.
  func input(_ value: Int, channels: Int) -> Cost {
    Cost(flops: 2 * channels * entries(value), bytes: Self.bytesPerNumber * (2 * channels + entries(value)))
  }

  func step(_ step: CovarianceProgram.Step) -> Cost {
    let (result, operands) = (entries(step.result), step.operands.reduce(0) { $0 + entries($1) })
    guard result > 0 else { return .zero }
    let isCopy: Bool
    if case .permutePositions = step.operation { isCopy = true } else { isCopy = false }
    return Cost(
      flops: isCopy ? 0 : flops(step, result: result, operands: operands),
      bytes: Self.kernels * Self.bytesPerNumber * (result + operands))
  }

  private func flops(_ step: CovarianceProgram.Step, result: Int, operands: Int) -> Int {
    let count = step.operands.count
    switch step.operation {
    case .affine: return 2 * Self.kernels * result
    case .dual(let activation):
      // Quadrature evaluates the function and its derivative at every pair of nodes.
      if let numerical = activation as? ElementwiseNumerical {
        return 4 * Self.kernels * numerical.degree * numerical.degree * result
      }
      guard let dual = activation.vectorDual else { return Self.flopsPerTensorDual * result }
      return (dual.isSeries ? Self.flopsPerSeries : Self.flopsPerDual) * result
    case .normalize: return 2 * Self.kernels * result
    case .dropout, .localize, .concatenate, .permutePositions: return 0
    case .sum: return Self.kernels * (count - 1) * result
    case .weightedMean: return Self.kernels * (2 * count - 1) * result
    // Θ has one product of `count` factors per branch.
    case .product: return (count - 1) * (1 + count) * result + (count - 1) * result
    case .patches(let rule):
      // Window sums run along one axis after the other.
      return Self.kernels * (rule.axes.reduce(1) { $0 + $1.window - 1 }) * result
    case .positions(let map):
      guard !map.isSelection else { return 0 }
      let perEntry = map.axes.reduce(0.0) { sum, axis in
        guard case .weighted(let weights) = axis, !weights.isEmpty else { return sum }
        let terms = weights.reduce(0) { $0 + $1.reduce(0) { $0 + ($1 == 0 ? 0 : 1) } }
        // Rows and columns, a product and a sum each.
        return sum + 4 * Double(terms) / Double(weights.count)
      }
      return Self.kernels * max(operands, Int(perEntry * Double(result)))
    case .flatten, .globalPool: return Self.kernels * operands
    case .rule:
      // A product with a matrix of positions on either side.
      let positions = program.positions[step.operands[0]].reduce(1, *)
      return Self.kernels * 4 * positions * max(result, operands)
    }
  }
}
