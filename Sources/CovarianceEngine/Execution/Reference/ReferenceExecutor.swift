import Tensors

/// Runs a covariance program with tensor operations on whole covariances: the oracle of the fused executor.
///
/// Supports every operation; needs memory for some tensors of the size of the kernel per live value.
struct ReferenceExecutor {
  let program: CovarianceProgram
  let demand: CovarianceDemand
  let context: CovarianceContext

  /// The states of the values `outputs`, from those of the program's inputs.
  func run(_ inputs: [CovarianceState], outputs: [Int]) throws(NetworkError) -> [CovarianceState] {
    var states: [CovarianceState?] = inputs + Array(repeating: nil, count: program.steps.count)
    var lastUse = [Int](repeating: -1, count: program.valueCount)
    for (index, step) in program.steps.enumerated() {
      for operand in step.operands { lastUse[operand] = index }
    }
    for output in outputs { lastUse[output] = program.steps.count }
    for (index, step) in program.steps.enumerated() {
      let isFull = demand.isFull[step.result]
      let operands = try step.operands.map { (operand: Int) throws(NetworkError) in
        guard let state = states[operand] else { preconditionFailure("value \(operand) is read before it is defined") }
        return demand.operandIsFull(of: index) ? state : try state.diagonal()
      }
      for operand in step.operands where lastUse[operand] == index { states[operand] = nil }
      var result = try evaluate(step.operation, operands)
      if !isFull { result = try result.diagonal() }
      (result.mean1, result.mean2) = (nil, nil)
      if demand.needsMeans[step.result] {
        result.mean1 = try mean(of: step.operation, operands, result, .first)
        result.mean2 = try mean(of: step.operation, operands, result, .second)
      }
      states[step.result] = try finished(result)
    }
    return try outputs.map { (output: Int) throws(NetworkError) in
      guard let state = states[output] else { preconditionFailure("output \(output) is not defined") }
      return demand.isFull[output] ? state : try state.diagonal()
    }
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
    select(inputIdentity(matrix), diagonal.expandedDims(1), matrix)
  }

  /// True where both inputs are the same.
  private static func inputIdentity(_ matrix: Tensor) -> Tensor {
    let count = matrix.shape[0]
    return Tensor.eye(count, dtype: .bool)
      .reshaped([count, count] + [Int](repeating: 1, count: matrix.rank - 2))
  }

  // MARK: - Operations

  private func evaluate(_ operation: CovarianceOperation, _ operands: [CovarianceState]) throws(NetworkError)
    -> CovarianceState
  {
    let first = operands[0]
    switch operation {
    case .affine(let rule): return affine(rule, first)
    case .dual(let activation): return try dual(activation, first)
    case .normalize(let rule): return try first.normalized(rule, variancesOf: operands.last ?? first)
    case .dropout(let keepRate): return dropout(first, keepRate: keepRate)
    case .sum(let hasMeans):
      let total = operands.dropFirst().reduce(first, sum)
      return hasMeans ? try total.addingProducts(ofMeans: operands) : total
    case .product: return operands.dropFirst().reduce(first, product)
    case .weightedMean(let weights):
      return zip(operands, weights).dropFirst().reduce(scaled(first, by: weights[0])) { total, branch in
        sum(total, scaled(branch.0, by: branch.1))
      }
    case .concatenate(let axis, _): return try CovarianceState.concatenated(operands, along: axis)
    case .patches(let rule): return try first.patches(rule)
    case .localize: return try first.embedded()
    case .positions(let map): return try first.mapped(by: map)
    case .flatten: return try first.flattened()
    case .globalPool(let isMean): return try first.globallyPooled(isMean: isMean)
    case .permutePositions(let order): return try first.permuted(order)
    case .rule(let rule): return try rule.evaluate(operands, context)
    }
  }

  private func affine(_ rule: AffineRule, _ input: CovarianceState) -> CovarianceState {
    func map(_ k: Tensor) -> Tensor { k * rule.weightVariance + rule.biasVariance }
    var result = input
    result.k12 = map(input.k12)
    (result.k11, result.k22) = (map(input.k11), map(input.k22))
    if case .notRequested = input.theta {
    } else {
      var change = Tensor.zeros([], dtype: result.k12.dtype)
      if rule.inputScale != 0 { change = change + input.k12 * rule.inputScale }
      if rule.outputScale != 0 { change = change + result.k12 * rule.outputScale }
      if rule.constant != 0 { change = change + rule.constant }
      if case .matrix(let matrix) = input.theta { change = change + matrix * rule.weightVariance }
      result.theta = .matrix(change.rank == 0 ? change.broadcast(to: result.k12.shape) : change)
    }
    return result
  }

  private func dual(_ activation: any Dual, _ input: CovarianceState) throws(NetworkError) -> CovarianceState {
    let (v1, v2) = (input.variances(.first), input.variances(.second))
    var result = input
    let cross = input.outer(v1, v2, batchAxes: 2)
    result.k12 = try activation.dual(input.k12, cross.rows, cross.columns)
    result.theta = try input.theta.map { (matrix: Tensor) throws(NetworkError) in
      matrix * (try activation.derivativeDual(input.k12, cross.rows, cross.columns))
    }
    func ofItself(_ k: Tensor, _ variances: Tensor) throws(NetworkError) -> Tensor {
      if input.layout.isDiagonal && !input.layout.hasFullBatch { return try activation.varianceDual(k) }
      let (rows, columns) = input.outer(variances, variances, batchAxes: input.layout.selfBatchAxes)
      return try activation.dual(k, rows, columns)
    }
    result.k11 = try ofItself(input.k11, v1)
    result.k22 = try ofItself(input.k22, v2)
    return result
  }

  private func dropout(_ input: CovarianceState, keepRate: Double) -> CovarianceState {
    let layout = input.layout
    /// An input meets itself under the same mask, at one position.
    func scaled(_ k: Tensor, batchAxes: Int, sameInput: Bool) -> Tensor {
      var isSame: Tensor?
      if !layout.isDiagonal { isSame = input.identity(of: layout.positions, batchAxes: batchAxes) }
      if sameInput {
        let identity = Self.inputIdentity(k)
        isSame = isSame.map { $0 .& identity } ?? identity
      }
      return isSame.map { select($0, k / keepRate, k) } ?? k / keepRate
    }
    var result = input
    let (axes, isFull) = (layout.selfBatchAxes, layout.hasFullBatch)
    result.k11 = scaled(input.k11, batchAxes: axes, sameInput: isFull)
    result.k22 = scaled(input.k22, batchAxes: axes, sameInput: isFull)
    if context.isSymmetric, let matrix = input.theta.matrix {
      result.theta = .matrix(scaled(matrix, batchAxes: 2, sameInput: true))
    }
    // The entries of K12 of an input with itself follow K11, see `finished`.
    return result
  }

  // MARK: - Branches

  private func sum(_ a: CovarianceState, _ b: CovarianceState) -> CovarianceState {
    var result = a
    result.k12 = a.k12 + b.k12
    result.theta = sum(a.theta, b.theta)
    (result.k11, result.k22) = (a.k11 + b.k11, a.k22 + b.k22)
    (result.mask1, result.mask2) = (both(a.mask1, b.mask1), both(a.mask2, b.mask2))
    return result
  }

  private func product(_ a: CovarianceState, _ b: CovarianceState) -> CovarianceState {
    var result = a
    result.k12 = a.k12 * b.k12
    var (fromA, fromB) = (a.theta, b.theta)
    if case .matrix(let matrix) = a.theta { fromA = .matrix(matrix * b.k12) }
    if case .matrix(let matrix) = b.theta { fromB = .matrix(a.k12 * matrix) }
    result.theta = sum(fromA, fromB)
    (result.k11, result.k22) = (a.k11 * b.k11, a.k22 * b.k22)
    (result.mask1, result.mask2) = (both(a.mask1, b.mask1), both(a.mask2, b.mask2))
    return result
  }

  /// Masked where both are; a branch without a mask is visible everywhere.
  private func both(_ a: Tensor?, _ b: Tensor?) -> Tensor? {
    guard let a, let b else { return nil }
    return a .& b
  }

  private func scaled(_ a: CovarianceState, by factor: Double) -> CovarianceState {
    var result = a
    result.k12 = a.k12 * factor
    if case .matrix(let matrix) = a.theta { result.theta = .matrix(matrix * factor) }
    (result.k11, result.k22) = (a.k11 * factor, a.k22 * factor)
    return result
  }

  private func sum(_ a: CovarianceState.Theta, _ b: CovarianceState.Theta) -> CovarianceState.Theta {
    switch (a, b) {
    case (.matrix(let x), .matrix(let y)): .matrix(x + y)
    case (.matrix, _): a
    default: b
    }
  }
}
