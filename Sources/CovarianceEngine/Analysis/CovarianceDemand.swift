/// Which values of a covariance program need the covariances between different positions.
///
/// Found backwards from the outputs: `Flatten` needs only those of positions with themselves, and so do all layers
/// before it that never mix positions of one input; a pool needs all of them.
struct CovarianceDemand: Sendable {
  /// Per value, whether covariances between different positions are computed.
  private(set) var isFull: [Bool]
  /// Per value, whether the means of the activations are needed.
  private(set) var needsMeans: [Bool]
  private var operandsAreFull: [Bool]

  /// - Parameters:
  ///   - outputs: values wanted.
  ///   - wantsAllPositions: whether their covariances between different positions are wanted.
  init(_ program: CovarianceProgram, outputs: [Int], wantsAllPositions: Bool) {
    self.init(program, outputs: outputs, areFull: outputs.map { _ in wantsAllPositions })
  }

  /// - Parameter areFull: per output, whether its covariances between different positions are wanted.
  init(_ program: CovarianceProgram, outputs: [Int], areFull: [Bool]) {
    let isLocal = Self.localValues(program)
    isFull = Array(repeating: false, count: program.valueCount)
    needsMeans = isFull
    operandsAreFull = Array(repeating: false, count: program.steps.count)
    for (output, wantsAll) in zip(outputs, areFull) where wantsAll { isFull[output] = true }
    for (index, step) in program.steps.enumerated().reversed() {
      let result = isFull[step.result]
      let operand = step.operation.needsAllPositions(
        forResult: result, operandIsLocal: step.operands.allSatisfy { isLocal[$0] })
      operandsAreFull[index] = operand
      for value in step.operands {
        if operand { isFull[value] = true }
        if step.operation.needsMeans(forResult: needsMeans[step.result]) { needsMeans[value] = true }
      }
    }
  }

  /// Whether the operands of a step are needed between different positions.
  func operandIsFull(of step: Int) -> Bool { operandsAreFull[step] }

  /// Per value, whether different positions are known to be uncorrelated.
  private static func localValues(_ program: CovarianceProgram) -> [Bool] {
    var isLocal = [Bool](repeating: false, count: program.valueCount)
    for step in program.steps {
      let operands = step.operands.map { isLocal[$0] }
      switch step.operation {
      case .localize: isLocal[step.result] = true
      case .affine(let rule):
        isLocal[step.result] = operands[0] && rule.biasVariance.isExactly(0) && rule.constant == 0
      case .patches(let rule):
        // Different outputs read different inputs at every offset, unless the input wraps around.
        isLocal[step.result] = operands[0] && rule.axes.allSatisfy { !$0.wraps }
      case .normalize, .dropout, .sum, .weightedMean, .permutePositions:
        isLocal[step.result] = operands.allSatisfy { $0 }
      case .product: isLocal[step.result] = operands.contains(true)
      case .concatenate: isLocal[step.result] = operands.allSatisfy { $0 }
      case .dual, .positions, .flatten, .globalPool, .rule: break
      }
    }
    return isLocal
  }
}

extension CovarianceOperation {
  /// Whether the operation needs the covariances of its operands between different positions.
  fileprivate func needsAllPositions(forResult isFull: Bool, operandIsLocal: Bool) -> Bool {
    switch self {
    case .affine, .dual, .normalize, .dropout, .sum, .product, .weightedMean, .concatenate, .patches,
      .permutePositions:
      isFull
    case .localize, .flatten: false
    case .globalPool: !operandIsLocal
    case .positions(let map): isFull || !(map.isSelection || operandIsLocal)
    case .rule(let rule): rule.needsAllPositions(forResult: isFull)
    }
  }

  /// Whether the operation needs the means of its operands, given whether those of its result are needed.
  fileprivate func needsMeans(forResult isNeeded: Bool) -> Bool {
    switch self {
    case .sum(let hasMeans), .concatenate(_, let hasMeans): hasMeans || isNeeded
    case .dropout, .product, .positions, .globalPool: isNeeded
    default: false
    }
  }

  /// Whether the operation mixes different inputs of a data set, or treats them by their place in it, so that a Gram
  /// matrix cannot be computed in parts.
  var mixesInputs: Bool {
    switch self {
    case .normalize(let rule): rule.overBatch
    case .concatenate(let axis, _): axis == .batch
    case .positions(let map): map.batch != nil
    case .rule(let rule): rule.mixesBatch || rule.needsWholeBatch
    default: false
    }
  }

  /// Whether a data set's covariances between different inputs are needed before the operation.
  var needsFullBatch: Bool {
    switch self {
    case .positions(let map): map.batch != nil && !map.selectsBatch
    case .rule(let rule): rule.mixesBatch
    default: false
    }
  }
}

extension CovarianceProgram {
  /// Whether some operation mixes the inputs of a data set.
  var mixesInputs: Bool { steps.contains { $0.operation.mixesInputs || $0.operation.needsFullBatch } }
}
