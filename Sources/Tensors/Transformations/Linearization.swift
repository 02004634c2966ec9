/// A program split in two: one that computes the outputs and keeps what the derivative needs, and one that is linear in
/// the tangents.
package struct Linearization: Sendable {
  /// Gives the outputs, then the residuals.
  package let primal: Program
  /// Of the tangents of the active inputs, then the residuals; gives the tangents of the outputs.
  package let tangent: Program
  package let active: [Bool]
  private let outputCount: Int
  private let transposed: Program

  package init(_ program: Program, active: [Bool]) throws(TensorError) {
    let joint = try program.jvpProgram(active: active)
    self.active = active
    outputCount = program.outputs.count
    let tangentOutputs = joint.outputs[outputCount...]
    // What depends on a tangent belongs to the linear program; what that reads besides is a residual.
    var isLinear = joint.types.indices.map { program.inputCount <= $0 && $0 < joint.inputCount }
    var residuals: [Int] = []
    var isResidual = [Bool](repeating: false, count: joint.types.count)
    let constants = joint.inputCount..<joint.inputCount + joint.constants.count
    func need(_ value: Int) {
      guard !isLinear[value], !isResidual[value], !constants.contains(value) else { return }
      isResidual[value] = true
      residuals.append(value)
    }
    for equation in joint.equations {
      guard equation.inputs.contains(where: { isLinear[$0] }) else { continue }
      for output in equation.outputs { isLinear[output] = true }
      equation.inputs.forEach(need)
    }
    tangentOutputs.forEach(need)

    let linear = isLinear
    let (count, kept) = (outputCount, residuals)
    primal = try Program.build(program.inputTypes) { inputs throws(TensorError) in
      var values: [Tensor?] = inputs + (program.inputCount..<joint.inputCount).map { _ in nil } + joint.constants
      for equation in joint.equations {
        if linear[equation.outputs.lowerBound] {
          values += equation.outputs.map { _ in nil }
        } else {
          values += try applyAll(equation.primitive, equation.inputs.compactMap { values[$0] }).map { $0 }
        }
      }
      return (joint.outputs[..<count] + kept).compactMap { values[$0] }
    }
    let tangentTypes = joint.types[program.inputCount..<joint.inputCount]
    tangent = try Program.build(tangentTypes + kept.map { joint.types[$0] }) { inputs throws(TensorError) in
      var values = [Tensor?](repeating: nil, count: joint.types.count)
      for (index, input) in inputs[..<tangentTypes.count].enumerated() { values[program.inputCount + index] = input }
      for (residual, input) in zip(kept, inputs[tangentTypes.count...]) { values[residual] = input }
      for (value, constant) in zip(constants, joint.constants) { values[value] = constant }
      for equation in joint.equations where linear[equation.outputs.lowerBound] {
        let results = try applyAll(equation.primitive, equation.inputs.compactMap { values[$0] })
        for (output, result) in zip(equation.outputs, results) { values[output] = result }
      }
      return tangentOutputs.compactMap { values[$0] }
    }
    transposed = try tangent.transposedProgram(
      linear: tangent.inputTypes.indices.map { $0 < tangentTypes.count })
  }

  package func evaluate(_ inputs: [Tensor]) throws(TensorError) -> (outputs: [Tensor], residuals: [Tensor]) {
    let results = try primal(inputs)
    return (Array(results[..<outputCount]), Array(results[outputCount...]))
  }

  /// Cotangents of all inputs; nil where an input is not active.
  func pullBack(_ cotangents: [Tensor], _ residuals: [Tensor]) throws(TensorError) -> [Tensor?] {
    Program.spread(try transposed(residuals + cotangents), over: active)
  }
}
