import Tensors

/// Sum over all positions of both inputs, or the mean over those that are not masked.
public struct GlobalPoolOperation: CovarianceOperation {
  /// Whether it is a mean over positions rather than a sum.
  public let isMean: Bool

  public init(isMean: Bool) {
    self.isMean = isMean
  }

  public var isHomogeneous: Bool { true }

  public var description: String { isMean ? "globalMean" : "globalSum" }

  public func mean(of operands: [CovarianceValue.Mean]) -> CovarianceValue.Mean { operands[0] }

  public func demand(for result: DisplacementDemand, ofOperandWith positions: [Int], operandsAreLocal: Bool)
    -> DisplacementDemand
  { operandsAreLocal ? .diagonal(positions) : .all(positions) }

  public func needsMeans(forResult: Bool) -> Bool { forResult }

  public func mask(_ operands: [Tensor?], shapes: [[Int]]) -> Tensor? {
    operands[0].map { CovarianceState.maskedEverywhere($0) }
  }

  public func evaluate(_ operands: [CovarianceState], _ context: CovarianceContext) throws(NetworkError)
    -> CovarianceState
  {
    let input = operands[0]
    var output = input.layout
    output.positions = []
    output.isDiagonal = true
    let count = input.layout.positionCount
    let result = try input.map(layout: output) { k, batchAxes in
      k.rank == batchAxes ? k : k.sum(axes: Array(batchAxes..<k.rank))
    }
    guard isMean && count > 0 else { return result }
    if input.mask1 == nil && input.mask2 == nil {
      return try result.map { k, _ in k / (Double(count) * Double(count)) }
    }
    return try result.mapScaled(input.visibleCount(.first), input.visibleCount(.second)) { $0 / ($1 * $2) }
  }

  public func mean(_ means: [Tensor?], of operands: [CovarianceState], _ dataSet: DataSet) -> Tensor? {
    guard let mean = means[0], mean.rank > 1 else { return means[0] }
    let total = mean.sum(axes: Array(1..<mean.rank))
    return isMean ? total / operands[0].visibleCount(dataSet) : total
  }

  public func features(_ operands: [FeatureState], _ random: FeatureRandomness) throws(NetworkError) -> FeatureState {
    let input = operands[0]
    let axes = Array(1..<input.featureAxis)
    guard !axes.isEmpty else { return input }
    let pooled = try input.map { $0.sum(axes: axes) }
    guard isMean else { return pooled }
    guard let mask = input.mask else {
      let count = Double(input.positions.reduce(1, *))
      return try pooled.map { $0 / count }
    }
    let visible = (.!mask).asType(input.nngp.dtype).sum(axes: axes)
    return pooled.scaled(by: 1 / maximum(visible, 1))
  }

  public func flops(result: Double, operands: Double, operandCount: Int, positions: [Int]) -> Double {
    kernelsPerEntry * operands
  }

  public func lower(to lowering: inout some Lowering) throws(Obstacle) { try lowering.globalPool(isMean: isMean) }
}
