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

  package func lower(to lowering: inout some Lowering) throws(Obstacle) { try lowering.localize() }
}
