import Tensors

/// Weights of its own at every position: K[p, p'] ← 0 for p ≠ p'.
package struct LocalizeOperation: CovarianceOperation {
  package init() {}

  package var isHomogeneous: Bool { true }

  package var description: String { "localize" }

  package func demand(for result: DisplacementDemand, ofOperandWith positions: [Int], operandsAreLocal: Bool)
    -> DisplacementDemand
  { .diagonal(positions) }

  package func isLocal(_ operandsAreLocal: [Bool]) -> Bool { true }
  package var keepsEntriesApart: Bool { true }

  package func evaluate(_ operands: [CovarianceState], _ context: CovarianceContext) throws(NetworkError)
    -> CovarianceState
  { try operands[0].embedded() }

  package func features(_ operands: [FeatureState], _ random: FeatureRandomness) throws(NetworkError) -> FeatureState {
    let input = operands[0]
    let count = input.positions.reduce(1, *)
    // Features of their own at every position.
    var result = try input.map { x in
      let width = x.shape[x.rank - 1]
      let apart =
        x.reshaped([input.count, count, 1, width]) * Tensor.eye(count, dtype: x.dtype).reshaped([1, count, count, 1])
      return apart.reshaped([input.count] + input.positions + [count * width])
    }
    (result.variances, result.tangentVariances) = (input.variances, input.tangentVariances)
    return result
  }

  package func lower(to lowering: inout some Lowering) throws(Obstacle) { try lowering.localize() }
}
