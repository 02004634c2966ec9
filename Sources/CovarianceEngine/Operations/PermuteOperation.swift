import Tensors

/// Positions in another order: axis k of the result is axis `order[k]` of the operand.
public struct PermuteOperation: CovarianceOperation {
  public let order: [Int]

  public init(order: [Int]) {
    self.order = order
  }

  public var description: String { "permute(\(order))" }

  public func demand(for result: DisplacementDemand, ofOperandWith positions: [Int], operandsAreLocal: Bool)
    -> DisplacementDemand
  {
    var displacements = [Set<Int>](repeating: [], count: positions.count)
    for (axis, from) in order.enumerated() { displacements[from] = Set(result.displacements[axis]) }
    return DisplacementDemand(positions: positions, displacements: displacements, hasPairs: result.hasPairs)
  }

  public func isLocal(_ operandsAreLocal: [Bool]) -> Bool { operandsAreLocal[0] }

  public func mask(_ operands: [Tensor?], shapes: [[Int]]) -> Tensor? {
    operands[0].map { $0.transposed([0] + order.map { $0 + 1 }) }
  }

  public func evaluate(_ operands: [CovarianceState], _ context: CovarianceContext) throws(NetworkError)
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

  public func lower(to lowering: inout some Lowering) throws(Obstacle) { try lowering.permute(order) }
}
