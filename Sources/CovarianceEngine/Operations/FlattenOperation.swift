import Tensors

/// Positions become channels: K ← mean over p of K[p, p].
public struct FlattenOperation: CovarianceOperation {
  public init() {}

  public var isHomogeneous: Bool { true }

  public var description: String { "flatten" }

  public func demand(for result: DisplacementDemand, ofOperandWith positions: [Int], operandsAreLocal: Bool)
    -> DisplacementDemand
  { .diagonal(positions) }

  public func mask(_ operands: [Tensor?], shapes: [[Int]]) -> Tensor? {
    operands[0].map { CovarianceState.maskedEverywhere($0) }
  }

  public func evaluate(_ operands: [CovarianceState], _ context: CovarianceContext) throws(NetworkError)
    -> CovarianceState
  {
    let input = try operands[0].diagonal()
    var output = input.layout
    output.positions = []
    output.isDiagonal = true
    let rank = input.layout.positions.count
    return try input.map(layout: output) { k, batchAxes in
      rank == 0 ? k : k.mean(axes: Array(batchAxes..<batchAxes + rank))
    }
  }

  public func features(_ operands: [FeatureState], _ random: FeatureRandomness) throws(NetworkError) -> FeatureState {
    let input = operands[0]
    let count = Double(input.positions.reduce(1, *))
    var result = try input.map { x in x.reshaped([input.count, -1]) / count.squareRoot() }
    func mean(_ variances: Tensor?) -> Tensor? {
      variances.map { $0.reshaped([input.count, -1]).sum(axis: 1) / count }
    }
    (result.variances, result.tangentVariances) = (mean(input.variances), mean(input.tangentVariances))
    return result
  }

  public func flops(result: Double, operands: Double, operandCount: Int, positions: [Int]) -> Double {
    kernelsPerEntry * operands
  }

  public func lower(to lowering: inout some Lowering) throws(Obstacle) { try lowering.flatten() }
}
