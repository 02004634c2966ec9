import Tensors

/// Positions in another order: axis k of the result is axis `order[k]` of the operand.
package struct PermuteOperation: CovarianceOperation {
  /// The axis of the operand that each axis of the result is.
  package let order: [Int]

  package init(order: [Int]) {
    self.order = order
  }

  package var isHomogeneous: Bool { true }

  package var description: String { "permute(\(order))" }

  package func demand(for result: DisplacementDemand, ofOperandWith positions: [Int], operandsAreLocal: Bool)
    -> DisplacementDemand
  {
    var displacements = [Set<Int>](repeating: [], count: positions.count)
    for (axis, from) in order.enumerated() { displacements[from] = Set(result.displacements[axis]) }
    return DisplacementDemand(positions: positions, displacements: displacements, hasPairs: result.hasPairs)
  }

  package func isLocal(_ operandsAreLocal: [Bool]) -> Bool { operandsAreLocal[0] }

  package func mask(_ operands: [Tensor?], shapes: [[Int]]) -> Tensor? {
    operands[0].map { $0.transposed([0] + order.map { $0 + 1 }) }
  }

  package func evaluate(_ operands: [CovarianceState], _ context: CovarianceContext) throws(NetworkError)
    -> CovarianceState
  {
    let input = operands[0]
    var output = input.layout
    output.positions = order.map { input.layout.positions[$0] }
    let rank = order.count
    return try input.map(layout: output) { k, batchAxes in
      let batch = Array(0..<batchAxes)
      let rows = order.map { batchAxes + $0 }
      return k.transposed(batch + rows + (input.layout.isDiagonal ? [] : rows.map { $0 + rank }))
    }
  }

  package func features(_ operands: [FeatureState], _ random: FeatureRandomness) throws(NetworkError) -> FeatureState {
    let axes = [0] + order.map { $0 + 1 }
    var result = try operands[0].map { $0.transposed(axes + [$0.rank - 1]) }
    result.variances = operands[0].variances?.transposed(axes)
    result.tangentVariances = operands[0].tangentVariances?.transposed(axes)
    return result
  }

  package func lower(to lowering: inout some Lowering) throws(Obstacle) { try lowering.permute(order) }
}
