extension Program {
  /// The outputs at `inputs` and their tangents along `tangents`; nil is zero.
  func jvp(_ inputs: [Tensor], _ tangents: [Tensor?]) throws(TensorError) -> (outputs: [Tensor], tangents: [Tensor?]) {
    var values = inputs + constants
    var derivatives: [Tensor?] =
      zip(inputs, tangents).map { $0.dtype.isFloatingPoint ? $1 : nil } + constants.map { _ in nil }
    values.reserveCapacity(types.count)
    derivatives.reserveCapacity(types.count)
    for equation in equations {
      let x = equation.inputs.map { values[$0] }
      let y = try applyAll(equation.primitive, x)
      derivatives += try equation.primitive.jvp(x, y, equation.inputs.map { derivatives[$0] })
      values += y
    }
    return (outputs.map { values[$0] }, outputs.map { derivatives[$0] })
  }

  /// The program of the inputs, then the tangents of the inputs that are `active`, which gives the outputs, then all
  /// their tangents.
  package func jvpProgram(active: [Bool]) throws(TensorError) -> Program {
    try buildJvp(active: active) { outputs, tangents in outputs + tangents }
  }

  /// `jvpProgram` without the outputs themselves.
  package func tangentProgram(active: [Bool]) throws(TensorError) -> Program {
    try buildJvp(active: active) { _, tangents in tangents }
  }

  private func buildJvp(
    active: [Bool], _ results: (_ outputs: [Tensor], _ tangents: [Tensor]) -> [Tensor]
  ) throws(TensorError) -> Program {
    let activeTypes = zip(inputTypes, active).filter(\.1).map(\.0)
    return try Program.build(inputTypes + activeTypes) { values throws(TensorError) in
      let (outputs, tangents) = try jvp(
        Array(values[..<inputCount]), Self.spread(values[inputCount...], over: active))
      return results(outputs, zip(outputs, tangents).map { $1 ?? .zero(of: $0) })
    }
  }

  /// One value after the other where `isPresent`, elsewhere nil.
  package static func spread<Value>(_ values: some Sequence<Value>, over isPresent: [Bool]) -> [Value?] {
    var next = values.makeIterator()
    return isPresent.map { $0 ? next.next() : nil }
  }
}

extension Subprogram {
  func jvp(_ x: [Tensor], _ y: [Tensor], _ tangents: [Tensor?]) throws(TensorError) -> [Tensor?] {
    let results: [Tensor]
    switch derivative {
    case .custom(let rule):
      results = try rule.callAsFunction(x + zip(x, tangents).map { $1 ?? .zero(of: $0) })
    case .recomputed:
      let active = tangents.map { $0 != nil }
      let program = try program.tangentProgram(active: active)
      let tangent = Subprogram("\(name) tangent", program, .recomputed)
      results = try applyAll(.call(tangent), x + tangents.compactMap { $0 })
    }
    // Integers and bools have no tangents, whatever a rule says they are.
    return zip(y, results).map { $0.dtype.isFloatingPoint ? $1 : nil }
  }
}
