extension Program {
  /// The cotangents of the inputs that the outputs are linear in, given those of the outputs.
  ///
  /// - Parameters:
  ///   - inputs: nil where the cotangent is wanted.
  ///   - cotangents: of the outputs; nil is zero.
  /// - Returns: per input its cotangent; nil is zero, and for inputs that were given.
  package func transpose(_ inputs: [Tensor?], _ cotangents: [Tensor?]) throws(TensorError) -> [Tensor?] {
    var values: [Tensor?] = inputs + constants
    var isLinear = inputs.map { $0 == nil } + constants.map { _ in false }
    for equation in equations {
      let linear = equation.inputs.contains { isLinear[$0] }
      isLinear += equation.outputs.map { _ in linear }
      if linear {
        values += equation.outputs.map { _ in nil }
      } else {
        values += try applyAll(equation.primitive, equation.inputs.compactMap { values[$0] }).map { $0 }
      }
    }
    var sums = [Tensor?](repeating: nil, count: types.count)
    for (output, cotangent) in zip(outputs, cotangents) where isLinear[output] {
      sums[output] = Primitive.sum([sums[output], cotangent])
    }
    for equation in equations.reversed() where isLinear[equation.outputs.lowerBound] {
      let given = equation.outputs.map { sums[$0] }
      if given.allSatisfy({ $0 == nil }) { continue }
      try Interruption.check()
      let results = try equation.primitive.transpose(
        equation.inputs.map { values[$0] }, equation.inputs.map { types[$0] }, given)
      for (input, cotangent) in zip(equation.inputs, results) where isLinear[input] {
        sums[input] = Primitive.sum([sums[input], cotangent])
      }
      for output in equation.outputs { sums[output] = nil }
    }
    return inputs.indices.map { inputs[$0] == nil ? sums[$0] : nil }
  }

  /// The program of the inputs that are not `linear`, then the cotangents of the outputs, which gives the cotangents of
  /// the linear inputs.
  package func transposedProgram(linear: [Bool]) throws(TensorError) -> Program {
    let known = zip(inputTypes, linear).filter { !$0.1 }.map(\.0)
    return try Program.build(known + outputTypes) { values throws(TensorError) in
      let cotangents = try transpose(
        Self.spread(values, over: linear.map { !$0 }), values[known.count...].map { $0 })
      return zip(zip(inputTypes, linear).filter(\.1), zip(cotangents, linear).filter(\.1)).map { input, cotangent in
        cotangent.0 ?? .zeros(input.0.shape, dtype: input.0.dtype)
      }
    }
  }
}

extension Program {
  /// The first primitive that is not linear in what it reads of the `dependent` inputs.
  func firstNonlinear(in dependent: [Bool]) -> Primitive? {
    var depends = dependent + [Bool](repeating: false, count: types.count - dependent.count)
    for equation in equations {
      let read = equation.inputs.map { depends[$0] }
      guard read.contains(true) else { continue }
      if !equation.primitive.isLinear(in: read) { return equation.primitive }
      for output in equation.outputs { depends[output] = true }
    }
    return nil
  }
}

extension Subprogram {
  func transpose(_ operands: [Tensor?], _ types: [TensorType], _ cotangents: [Tensor?]) throws(TensorError) -> [Tensor?]
  {
    let linear = operands.map { $0 == nil }
    let transposed = Subprogram("\(name) transpose", try program.transposedProgram(linear: linear), .recomputed)
    let given = zip(cotangents, program.outputTypes).map { $0 ?? .zeros($1.shape, dtype: $1.dtype) }
    let results = try applyAll(.call(transposed), operands.compactMap { $0 } + given)
    return Program.spread(results, over: linear)
  }
}
