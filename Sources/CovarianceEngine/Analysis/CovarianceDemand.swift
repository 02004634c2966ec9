/// What every value of a covariance program is needed for, found backwards from the outputs.
///
/// A convolution of stride s needs sΔ for Δ, a pool with window w needs sΔ + e with |e| < w, `Flatten` needs the
/// covariances of positions with themselves only, a sum over all positions every Δ.
package struct CovarianceDemand: Sendable {
  /// Per value; nil for one that nobody needs.
  package private(set) var values: [DisplacementDemand?]
  /// Per value, whether the means of the activations are needed.
  package let needsMeans: [Bool]
  private let operandsAreFull: [Bool]

  /// - Parameters:
  ///   - outputs: values wanted.
  ///   - wantsAllPositions: whether their covariances between different positions are wanted.
  package init(_ program: CovarianceProgram, outputs: [Int], wantsAllPositions: Bool) {
    self.init(program, outputs: outputs, areFull: outputs.map { _ in wantsAllPositions })
  }

  /// - Parameters:
  ///   - areFull: per output, whether its covariances between different positions are wanted.
  ///   - knowsLocality: whether each operation knows how its operands were made. Parts of a program that are computed
  ///     apart do not, and need more of what they start from.
  init(_ program: CovarianceProgram, outputs: [Int], areFull: [Bool], knowsLocality: Bool = true) {
    var values = [DisplacementDemand?](repeating: nil, count: program.valueCount)
    var needsMeans = [Bool](repeating: false, count: program.valueCount)
    var operandsAreFull = [Bool](repeating: false, count: program.steps.count)
    var isLocal = needsMeans
    for step in program.steps where knowsLocality {
      isLocal[step.result] = step.operation.isLocal(step.operands.map { isLocal[$0] })
    }
    for (output, isFull) in zip(outputs, areFull) {
      let positions = program.positions[output]
      let wanted = isFull ? DisplacementDemand.all(positions) : .diagonal(positions)
      values[output] = values[output]?.union(wanted) ?? wanted
    }
    // Layers repeat what is needed of them; equal demands are not taken apart again.
    for (index, step) in program.steps.enumerated().reversed() {
      guard let result = values[step.result] else { continue }
      let operandsAreLocal = step.operands.allSatisfy { isLocal[$0] }
      for operand in step.operands {
        let needed = step.operation.demand(
          for: result, ofOperandWith: program.positions[operand], operandsAreLocal: operandsAreLocal)
        operandsAreFull[index] = operandsAreFull[index] || needed.hasPairs
        if let known = values[operand], known != needed {
          values[operand] = known.union(needed)
        } else {
          values[operand] = needed
        }
        if step.operation.needsMeans(forResult: needsMeans[step.result]) { needsMeans[operand] = true }
      }
    }
    (self.values, self.needsMeans, self.operandsAreFull) = (values, needsMeans, operandsAreFull)
  }

  package func isNeeded(_ value: Int) -> Bool { values[value] != nil }

  /// Whether covariances between different positions of a value are computed.
  package func isFull(_ value: Int) -> Bool { values[value]?.hasPairs ?? false }

  /// Whether the operands of a step are needed between different positions.
  package func operandIsFull(of step: Int) -> Bool { operandsAreFull[step] }
}

extension CovarianceProgram {
  /// Whether some operation mixes the inputs of a data set, so that a Gram matrix cannot be computed in blocks.
  package var mixesInputs: Bool { steps.contains { $0.operation.inputMixing != .apart } }

  /// Whether the covariances between different inputs of one data set are needed.
  package var needsFullBatch: Bool { steps.contains { $0.operation.inputMixing == .acrossInputs } }
}
