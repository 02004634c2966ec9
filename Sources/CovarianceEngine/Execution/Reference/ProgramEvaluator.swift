import Tensors

/// Runs a covariance program with tensor operations on whole covariances: the oracle of the fused executor.
///
/// Supports every operation; needs memory for some tensors of the size of the kernel per live value.
struct ProgramEvaluator {
  let program: CovarianceProgram
  let demand: CovarianceDemand
  let context: CovarianceContext

  /// The states of the values `outputs`, from those of the program's inputs.
  func run(_ inputs: [CovarianceState], outputs: [Int]) throws(NetworkError) -> [CovarianceState] {
    var states: [CovarianceState?] = inputs + Array(repeating: nil, count: program.steps.count)
    var lastUse = [Int](repeating: -1, count: program.valueCount)
    for (index, step) in program.steps.enumerated() {
      for operand in step.operands where demand.isNeeded(step.result) { lastUse[operand] = index }
    }
    for output in outputs { lastUse[output] = program.steps.count }
    for (index, step) in program.steps.enumerated() where demand.isNeeded(step.result) {
      try NetworkError.checkInterruption()
      let operands = try step.operands.map { (operand: Int) throws(NetworkError) in
        guard let state = states[operand] else { preconditionFailure("value \(operand) is read before it is defined") }
        return demand.operandIsFull(of: index) ? state : try state.diagonal()
      }
      for operand in step.operands where lastUse[operand] == index { states[operand] = nil }
      states[step.result] = try evaluate(step, operands)
    }
    return try outputs.map { (output: Int) throws(NetworkError) in
      guard let state = states[output] else { preconditionFailure("output \(output) is not defined") }
      return demand.isFull(output) ? state : try state.diagonal()
    }
  }

  private func evaluate(_ step: CovarianceProgram.Step, _ operands: [CovarianceState]) throws(NetworkError)
    -> CovarianceState
  {
    let operation = step.operation
    var result = try operation.evaluate(operands, context)
    if !demand.isFull(step.result) { result = try result.diagonal() }
    func shapes(_ axis: Int) -> [[Int]] { operands.map { [$0.k12.shape[axis]] + $0.layout.positions } }
    result.mask1 = operation.mask(operands.map(\.mask1), shapes: shapes(0))
    result.mask2 = operation.mask(operands.map(\.mask2), shapes: shapes(1))
    (result.mean1, result.mean2) = (nil, nil)
    if demand.needsMeans[step.result] {
      func visible(_ mean: Tensor?, _ mask: Tensor?) -> Tensor? {
        mean.map { mean in mask.map { select($0, 0, mean) } ?? mean }
      }
      result.mean1 = visible(try operation.mean(operands.map(\.mean1), of: operands, .first), result.mask1)
      result.mean2 = visible(try operation.mean(operands.map(\.mean2), of: operands, .second), result.mask2)
    }
    return try finished(result)
  }

  /// Masked entries are zero after every operation, and equal inputs have the covariances that an input has with itself.
  func finished(_ state: CovarianceState) throws(NetworkError) -> CovarianceState {
    var result = try state.maskedToZero()
    guard context.isSymmetric else { return result }
    if result.layout.hasFullBatch {
      result.k12 = result.k11
    } else {
      result.k12 = Self.withDiagonal(result.k11, in: result.k12)
    }
    return result
  }

  /// `matrix` of shape (N, N, …) with the entries of every input with itself replaced by `diagonal`, shape (N, …).
  static func withDiagonal(_ diagonal: Tensor, in matrix: Tensor) -> Tensor {
    select(CovarianceState.inputIdentity(matrix), diagonal.expandedDims(1), matrix)
  }
}
