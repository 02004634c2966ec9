import Tensors

/// Covariances averaged over groups of channels: the mean weighted by their widths.
public struct WeightedMeanOperation: CovarianceOperation {
  public let weights: [Double]

  public init(weights: [Double]) {
    self.weights = weights
  }

  public var description: String { "weightedMean(\(weights))" }

  public func isLocal(_ operandsAreLocal: [Bool]) -> Bool { operandsAreLocal.allSatisfy { $0 } }
  public func mask(_ operands: [Tensor?], shapes: [[Int]]) -> Tensor? { CovarianceState.maskedInAll(operands) }

  public func evaluate(_ operands: [CovarianceState], _ context: CovarianceContext) -> CovarianceState {
    zip(operands, weights).dropFirst().reduce(operands[0].scaled(by: weights[0])) { total, branch in
      total.adding(branch.0.scaled(by: branch.1))
    }
  }

  public func flops(result: Int, operands: Int, operandCount: Int, positions: [Int]) -> Int {
    kernelsPerEntry * (2 * operandCount - 1) * result
  }

  public func lower(to lowering: inout some Lowering) throws(Obstacle) { try lowering.combine(.weightedSum(weights)) }
}
