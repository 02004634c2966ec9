import Tensors

/// Covariances averaged over groups of channels: the mean weighted by their widths.
package struct WeightedMeanOperation: CovarianceOperation {
  /// One for each operand.
  package let weights: [Double]

  package init(weights: [Double]) {
    self.weights = weights
  }

  package var isHomogeneous: Bool { true }

  package var description: String { "weightedMean(\(weights))" }

  package func isLocal(_ operandsAreLocal: [Bool]) -> Bool { operandsAreLocal.allSatisfy { $0 } }
  package func mask(_ operands: [Tensor?], shapes: [[Int]]) -> Tensor? { CovarianceState.maskedInAll(operands) }

  package func evaluate(_ operands: [CovarianceState], _ context: CovarianceContext) -> CovarianceState {
    zip(operands, weights).dropFirst().reduce(operands[0].scaled(by: weights[0])) { total, branch in
      total.adding(branch.0.scaled(by: branch.1))
    }
  }

  package func features(_ operands: [FeatureState], _ random: FeatureRandomness) throws(NetworkError) -> FeatureState {
    func weighted(_ tensors: [Tensor?]) -> Tensor? {
      FeatureState.sum(zip(tensors, weights).map { tensor, weight in tensor.map { $0 * weight } })
    }
    let parts = try zip(operands, weights).map { (operand: FeatureState, weight: Double) throws(NetworkError) in
      try operand.map { $0 * weight.squareRoot() }
    }
    var result = try SumOperation(hasMeans: false).features(parts, random)
    result.variances = weighted(operands.map(\.variances))
    result.tangentVariances = weighted(operands.map(\.knownTangentVariances))
    return result
  }

  package func flops(result: Double, operands: Double, operandCount: Int, positions: [Int]) -> Double {
    kernelsPerEntry * Double(2 * operandCount - 1) * result
  }

  package func lower(to lowering: inout some Lowering) throws(Obstacle) { try lowering.combine(.weightedSum(weights)) }
}
