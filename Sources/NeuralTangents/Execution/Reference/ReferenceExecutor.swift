import Tensors

/// Runs a covariance program with tensor operations on whole matrices: the oracle of the fused executor.
///
/// Supports every operation; needs memory for some N1×N2 matrices per live value.
struct ReferenceExecutor {
  /// The covariances of one value.
  struct State {
    var k12: Tensor
    var theta: Theta
    /// Variances, shape (N1).
    var k11: Tensor
    /// Variances, shape (N2).
    var k22: Tensor

    enum Theta {
      case notRequested
      /// No trainable layer so far.
      case zero
      case matrix(Tensor)
    }
  }

  let program: CovarianceProgram
  /// Whether both data sets are the same; then the diagonal of K is the variances to the last bit.
  let x1IsX2: Bool

  /// The states of the values `outputs`, from those of the program's inputs.
  func run(_ inputs: [State], outputs: [Int]) throws(NetworkError) -> [State] {
    var states: [State?] = inputs + Array(repeating: nil, count: program.steps.count)
    var lastUse = [Int](repeating: -1, count: program.valueCount)
    for (index, step) in program.steps.enumerated() {
      for operand in step.operands { lastUse[operand] = index }
    }
    for output in outputs { lastUse[output] = program.steps.count }
    for (index, step) in program.steps.enumerated() {
      let operands = step.operands.map { states[$0]! }
      for operand in step.operands where lastUse[operand] == index { states[operand] = nil }
      var result = try evaluate(step.operation, operands)
      if x1IsX2 { result.k12 = withDiagonal(result.k11, in: result.k12) }
      states[step.result] = result
    }
    return outputs.map { states[$0]! }
  }

  // MARK: - Operations

  private func evaluate(_ operation: CovarianceOperation, _ operands: [State]) throws(NetworkError) -> State {
    switch operation {
    case .affine(let rule): affine(rule, operands[0])
    case .dual(let activation): try dual(activation, operands[0])
    case .normalize(let epsilon, let overBatch): normalize(operands[0], epsilon: epsilon, overBatch: overBatch)
    case .dropout(let keepRate): dropout(operands[0], keepRate: keepRate)
    case .sum: operands.dropFirst().reduce(operands[0], sum)
    case .product: operands.dropFirst().reduce(operands[0], product)
    case .weightedMean(let weights):
      zip(operands, weights).dropFirst().reduce(scaled(operands[0], by: weights[0])) { total, branch in
        sum(total, scaled(branch.0, by: branch.1))
      }
    case .concatenateBatch: operands.dropFirst().reduce(operands[0], concatenateBatch)
    }
  }

  private func affine(_ rule: AffineRule, _ input: State) -> State {
    func map(_ k: Tensor) -> Tensor { k * rule.weightVariance + rule.biasVariance }
    let k12 = map(input.k12)
    var theta = input.theta
    if case .notRequested = theta {
    } else {
      var change = Tensor.zeros([], dtype: k12.dtype)
      if rule.inputScale != 0 { change = change + input.k12 * rule.inputScale }
      if rule.outputScale != 0 { change = change + k12 * rule.outputScale }
      if rule.constant != 0 { change = change + rule.constant }
      if case .matrix(let matrix) = theta { change = change + matrix * rule.weightVariance }
      theta = .matrix(change.rank == 0 ? change.broadcast(to: k12.shape) : change)
    }
    return State(k12: k12, theta: theta, k11: map(input.k11), k22: map(input.k22))
  }

  private func dual(_ activation: any Activation, _ input: State) throws(NetworkError) -> State {
    let (q11, q22) = (input.k11.expandedDims(1), input.k22.expandedDims(0))
    var theta = input.theta
    if case .matrix(let matrix) = theta {
      theta = .matrix(matrix * (try activation.derivativeDual(input.k12, q11, q22)))
    }
    return State(
      k12: try activation.dual(input.k12, q11, q22), theta: theta, k11: try activation.varianceDual(input.k11),
      k22: try activation.varianceDual(input.k22))
  }

  private func normalize(_ input: State, epsilon: Double, overBatch: Bool) -> State {
    func factor(_ variances: Tensor) -> Tensor {
      let regularized = variances + epsilon
      return rsqrt(overBatch ? regularized.mean().broadcast(to: variances.shape) : regularized)
    }
    let (r1, r2) = (factor(input.k11), factor(input.k22))
    let scale = r1.expandedDims(1) * r2.expandedDims(0)
    return State(
      k12: input.k12 * scale, theta: map(input.theta) { $0 * scale }, k11: input.k11 * (r1 * r1),
      k22: input.k22 * (r2 * r2))
  }

  private func dropout(_ input: State, keepRate: Double) -> State {
    // The diagonal of K follows the variances, see `run`.
    var result = State(k12: input.k12, theta: input.theta, k11: input.k11 / keepRate, k22: input.k22 / keepRate)
    if x1IsX2 {
      result.theta = map(input.theta) { withDiagonal($0.diagonal() / keepRate, in: $0) }
    }
    return result
  }

  private func withDiagonal(_ diagonal: Tensor, in matrix: Tensor) -> Tensor {
    select(Tensor.eye(diagonal.count, dtype: .bool), diagonal.expandedDims(1), matrix)
  }

  private func sum(_ a: State, _ b: State) -> State {
    State(k12: a.k12 + b.k12, theta: sum(a.theta, b.theta), k11: a.k11 + b.k11, k22: a.k22 + b.k22)
  }

  private func product(_ a: State, _ b: State) -> State {
    State(
      k12: a.k12 * b.k12, theta: sum(map(a.theta) { $0 * b.k12 }, map(b.theta) { a.k12 * $0 }), k11: a.k11 * b.k11,
      k22: a.k22 * b.k22)
  }

  private func scaled(_ a: State, by factor: Double) -> State {
    State(k12: a.k12 * factor, theta: map(a.theta) { $0 * factor }, k11: a.k11 * factor, k22: a.k22 * factor)
  }

  private func concatenateBatch(_ a: State, _ b: State) -> State {
    func blockDiagonal(_ upper: Tensor, _ lower: Tensor) -> Tensor {
      let right = Tensor.zeros([upper.shape[0], lower.shape[1]], dtype: upper.dtype)
      let left = Tensor.zeros([lower.shape[0], upper.shape[1]], dtype: upper.dtype)
      return concatenate([concatenate([upper, right], axis: 1), concatenate([left, lower], axis: 1)], axis: 0)
    }
    func matrix(_ theta: State.Theta, like k: Tensor) -> Tensor {
      if case .matrix(let matrix) = theta { return matrix }
      return .zeros(k.shape, dtype: k.dtype)
    }
    var theta = a.theta
    switch (a.theta, b.theta) {
    case (.notRequested, _), (_, .notRequested), (.zero, .zero): break
    default: theta = .matrix(blockDiagonal(matrix(a.theta, like: a.k12), matrix(b.theta, like: b.k12)))
    }
    return State(
      k12: blockDiagonal(a.k12, b.k12), theta: theta, k11: concatenate([a.k11, b.k11], axis: 0),
      k22: concatenate([a.k22, b.k22], axis: 0))
  }

  private func map(_ theta: State.Theta, _ transform: (Tensor) -> Tensor) -> State.Theta {
    if case .matrix(let matrix) = theta { return .matrix(transform(matrix)) }
    return theta
  }

  private func sum(_ a: State.Theta, _ b: State.Theta) -> State.Theta {
    switch (a, b) {
    case (.matrix(let x), .matrix(let y)): .matrix(x + y)
    case (.matrix, _): a
    default: b
    }
  }
}
