import Tensors

/// Weights of its own at every position: K[p, p'] ← 0 for p ≠ p'.
public struct LocalizeOperation: CovarianceOperation {
  public init() {}

  public var description: String { "localize" }

  public func demand(for result: DisplacementDemand, ofOperandWith positions: [Int], operandsAreLocal: Bool)
    -> DisplacementDemand
  { .diagonal(positions) }

  public func isLocal(_ operandsAreLocal: [Bool]) -> Bool { true }
  public var keepsEntriesApart: Bool { true }

  public func evaluate(_ operands: [CovarianceState], _ context: CovarianceContext) throws(NetworkError)
    -> CovarianceState
  { try operands[0].embedded() }

  public func lower(to lowering: inout some Lowering) throws(Obstacle) { try lowering.localize() }
}
