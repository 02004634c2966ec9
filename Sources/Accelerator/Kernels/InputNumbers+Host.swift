import CovarianceEngine
import Tensors

/// Computes what kernels on devices need of single inputs, on this machine's processors.
struct InputNumbersSource: Sendable {
  private let goal: CovarianceGoal
  /// Values whose variances are read.
  private let values: [Int]
  private let variances: any CovarianceExecutor
  /// Of the outputs as they are returned; nil where only variances are.
  private let outputs: (any CovarianceExecutor)?

  /// - Throws: `NetworkError` where no executor of the host computes the program.
  init(_ goal: CovarianceGoal, values: [Int]) throws(NetworkError) {
    (self.goal, self.values) = (goal, values)
    func executor(_ outputs: [Int], wantsAllPositions: Bool) throws(NetworkError) -> any CovarianceExecutor {
      let part = CovarianceGoal(
        goal.program, outputs: outputs, inputs: goal.inputs, tangent: .absent, wantsAllPositions: wantsAllPositions,
        dtype: goal.dtype)
      return try ExecutorChoice(part, options: KernelOptions()).executor
    }
    variances = try executor(values + goal.outputs, wantsAllPositions: false)
    outputs = goal.wantsAllPositions ? try executor(goal.outputs, wantsAllPositions: true) : nil
  }

  /// Of all inputs of a data set.
  func numbers(_ data: Tensor, mask: Tensor?) throws(NetworkError) -> InputNumbers {
    let known = try run(variances, data, mask)
    let whole = try outputs.map { (executor: any CovarianceExecutor) throws(NetworkError) in
      try run(executor, data, mask)
    }
    var masks: [Int: Tensor] = [:]
    if mask != nil {
      let all = ValueMasks(goal.program, inputs: [mask])
      for value in 0..<goal.program.valueCount { masks[value] = all[value] }
    }
    return InputNumbers(
      variances: Dictionary(uniqueKeysWithValues: zip(values, known)),
      outputs: whole ?? Array(known.suffix(goal.outputs.count)), masks: masks,
      outputMasks: goal.outputs.map { masks[$0] }, data: data)
  }

  /// The covariances of inputs with themselves, of all outputs of an executor. An executor also wants pairs: those with one
  /// input.
  private func run(_ executor: any CovarianceExecutor, _ data: Tensor, _ mask: Tensor?) throws(NetworkError) -> [Tensor]
  {
    let count = data.shape[0]
    let limit = executor.largestBlock ?? count
    var parts: [[Tensor]] = []
    for start in stride(from: 0, to: count, by: limit) {
      let rows = start..<min(start + limit, count)
      let input = ProgramInput.data(
        ProgramData(x1: data[rows], x2: data[0..<1], mask1: mask?[rows], mask2: mask?[0..<1]))
      let request = BlockRequest(
        inputs: [input], patterns: nil, rows: rows, columns: 0..<1, selfCovariances: .first)
      parts.append(
        try executor.run(request).map { block in
          guard let k11 = block.k11 else { preconditionFailure("an executor without the covariances asked for") }
          return k11
        })
    }
    if parts.count == 1 { return parts[0] }
    return parts[0].indices.map { output in concatenate(parts.map { $0[output] }, axis: 0) }
  }
}
