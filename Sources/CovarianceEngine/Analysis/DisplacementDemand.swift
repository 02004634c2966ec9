import Tensors

/// Between which positions of two inputs a covariance is needed, by their displacement Δ = p' − p.
///
/// Along every axis of positions a set of displacements; needed are all combinations.
public struct DisplacementDemand: Sendable, Hashable {
  /// Sizes along the axes of positions.
  public let positions: [Int]
  /// Sorted, one list per axis of positions.
  public let displacements: [[Int]]

  /// Number of displacements needed.
  public var count: Int { displacements.reduce(1) { $0 * $1.count } }
  /// Number of displacements there are.
  public var total: Int { positions.reduce(1) { $0 * (2 * $1 - 1) } }

  /// Whether only the covariances of positions with themselves are needed.
  public var isDiagonal: Bool { displacements.allSatisfy { $0 == [0] } }
  /// Whether all displacements are needed.
  public var isAll: Bool { count == total }

  /// Number of covariances: pairs of positions with such a displacement.
  public var entries: Int {
    zip(positions, displacements).reduce(1) { product, axis in
      product * axis.1.reduce(0) { $0 + axis.0 - abs($1) }
    }
  }

  init(positions: [Int], displacements: [Set<Int>]) {
    self.positions = positions
    self.displacements = zip(positions, displacements).map { size, axis in axis.filter { abs($0) < size }.sorted() }
  }

  static func diagonal(_ positions: [Int]) -> DisplacementDemand {
    DisplacementDemand(positions: positions, displacements: positions.map { _ in [0] })
  }

  static func all(_ positions: [Int]) -> DisplacementDemand {
    DisplacementDemand(positions: positions, displacements: positions.map { Set(1 - $0..<$0) })
  }

  package func union(_ other: DisplacementDemand) -> DisplacementDemand {
    DisplacementDemand(
      positions: positions,
      displacements: zip(displacements, other.displacements).map { Set($0).union($1) })
  }
}

extension DisplacementDemand {
  /// What every value of a program is needed for, found backwards from the outputs; nil for a value that nobody needs.
  ///
  /// A convolution of stride s needs sΔ for Δ, a pool with window w sΔ + e with |e| < w, a sum over all positions every Δ.
  package static func demands(of program: CovarianceProgram, outputs: [Int], wantsAllPositions: Bool)
    -> [DisplacementDemand?]
  {
    var demands = [DisplacementDemand?](repeating: nil, count: program.valueCount)
    for output in outputs {
      demands[output] =
        wantsAllPositions ? .all(program.positions[output]) : .diagonal(program.positions[output])
    }
    for step in program.steps.reversed() {
      guard let result = demands[step.result] else { continue }
      for operand in step.operands {
        let needed = step.operation.demand(forResult: result, operand: program.positions[operand])
        demands[operand] = demands[operand]?.union(needed) ?? needed
      }
    }
    return demands
  }
}

extension CovarianceOperation {
  fileprivate func demand(forResult result: DisplacementDemand, operand positions: [Int]) -> DisplacementDemand {
    switch self {
    case .localize, .flatten: return .diagonal(positions)
    case .globalPool: return .all(positions)
    case .patches(let rule):
      return DisplacementDemand(
        positions: positions,
        displacements: zip(rule.axes, result.displacements).map { axis, needed in axis.displacements(for: needed) })
    case .positions(let map):
      var remaining = result.displacements[...]
      return DisplacementDemand(
        positions: positions,
        displacements: map.axes.map { axis in
          if case .removed = axis { return [0] }
          return axis.displacements(for: remaining.popFirst() ?? [0])
        })
    case .permutePositions(let order):
      var displacements = [Set<Int>](repeating: [], count: positions.count)
      for (axis, from) in order.enumerated() { displacements[from] = Set(result.displacements[axis]) }
      return DisplacementDemand(positions: positions, displacements: displacements)
    case .rule(let rule):
      return rule.needsAllPositions(forResult: !result.isDiagonal) ? .all(positions) : .diagonal(positions)
    case .affine, .dual, .normalize, .dropout, .sum, .product, .weightedMean, .concatenate:
      // Some operands may be shorter along a concatenated axis: displacements beyond their ends drop out.
      return DisplacementDemand(positions: positions, displacements: result.displacements.map { Set($0) })
    }
  }
}

extension PatchAxis {
  /// Displacements of the input for those of the output; where zeros were put between inputs, the others are zero.
  fileprivate func displacements(for needed: [Int]) -> Set<Int> {
    var result: Set<Int> = []
    for displacement in needed where displacement * stride % spread == 0 {
      let inner = displacement * stride / spread
      result.insert(inner)
      guard wraps else { continue }
      let around = (inner % size + size) % size
      result.formUnion([around, around - size])
    }
    return result
  }
}

extension PositionMap.Axis {
  fileprivate func displacements(for needed: [Int]) -> Set<Int> {
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
}
