import Tensors

/// A function of parameters and inputs for inputs of certain shapes, its derivatives in the parameters, and what those are made of.
///
/// The linear program that takes cotangents of the outputs to those of the parameters ends, parameter by parameter, in
/// contractions of values that do not depend on the cotangents (activations, say) with values that do. `leaves` are these contractions, so
/// that inner products of derivatives can be taken without the derivatives.
struct TangentProgram: Sendable {
  /// Of the parameters, the inputs and what the function captures; gives the outputs, then the residuals of the derivative.
  let primal: Program
  /// Of the tangents of the parameters that have derivatives and the residuals; gives the tangents of the outputs.
  let tangent: Program
  /// Per output, of the residuals and the output's cotangent; gives the cotangents of the parameters that have derivatives.
  let transposed: [Program]
  /// Tensors of functions being traced around the function.
  let captured: [Tensor]
  let parameterCount: Int
  let inputCount: Int
  /// Which tensors of the parameters have derivatives.
  let active: [Int]
  /// Per output, the contractions of the parameters that have derivatives.
  let leaves: [[JacobianLeaf]]

  var outputCount: Int { transposed.count }
  func outputType(_ index: Int) -> TensorType { primal.outputTypes[index] }
  var residualTypes: [TensorType] { Array(primal.outputTypes[outputCount...]) }
  func parameterType(_ leaf: Int) -> TensorType { primal.inputTypes[active[leaf]] }

  /// - Parameters:
  ///   - parameters: for their shapes.
  ///   - inputs: for theirs.
  init<Parameters: TensorTree, Input: TensorTree, Output: TensorTree>(
    _ f: (Parameters, Input) throws -> Output, _ parameters: Parameters, _ inputs: Input
  ) throws {
    let traced = try TracedFunction(f, parameters, inputs)
    (parameterCount, inputCount) = (parameters.leaves.count, inputs.leaves.count)
    captured = traced.captured
    let types = traced.program.inputTypes
    active = (0..<parameterCount).filter { types[$0].dtype.isFloatingPoint && types[$0].count > 0 }
    let isActive = types.indices.map { [active] in active.contains($0) }
    let linearization = try Linearization(traced.program.simplified(), active: isActive)
    (primal, tangent) = (linearization.primal, linearization.tangent)
    let (count, outputCount) = (active.count, traced.program.outputs.count)
    let (tangent, residuals) = (linearization.tangent, Array(linearization.primal.outputTypes[outputCount...]))
    transposed = try (0..<outputCount).map { output in
      try Program.build(residuals + [tangent.outputTypes[output]]) { values throws(TensorError) in
        let cotangents = try tangent.transpose(
          [Tensor?](repeating: nil, count: count) + values[..<residuals.count].map { $0 },
          (0..<outputCount).map { $0 == output ? values[residuals.count] : nil })
        return zip(cotangents, tangent.inputTypes[..<count]).map { $0 ?? .zeros($1.shape, dtype: $1.dtype) }
      }.inlined()
    }
    leaves = transposed.map { [active] program in
      let analysis = JacobianAnalysis(program, cotangent: residuals.count)
      return zip(program.outputs, active).map { analysis.leaf($0, parameter: $1) }
    }
  }

  /// Which residuals depend on the inputs.
  var residualsOfInputs: [Bool] {
    var depends = primal.types.indices.map { parameterCount <= $0 && $0 < parameterCount + inputCount }
    for equation in primal.equations where equation.inputs.contains(where: { depends[$0] }) {
      for output in equation.outputs { depends[output] = true }
    }
    return primal.outputs[outputCount...].map { depends[$0] }
  }

  /// The outputs and residuals of all inputs at once.
  func linearized(_ parameters: [Tensor], _ inputs: [Tensor]) throws(TensorError) -> (
    outputs: [Tensor], residuals: [Tensor]
  ) {
    let results = try primal(parameters + inputs + captured)
    return (Array(results[..<outputCount]), Array(results[outputCount...]))
  }
}
