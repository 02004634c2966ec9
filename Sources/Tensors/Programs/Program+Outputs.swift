// What programs made of parts of other programs need.

extension Program {
  /// The program of the same inputs that gives other values of this one: what an output is made of, say.
  package func returning(_ values: [Int]) -> Program {
    Program(types: types, inputCount: inputCount, constants: constants, equations: equations, outputs: values)
      .simplified()
  }

  /// Some of the equations as a program of its own, of the values `inputs` to the values `outputs`; constants stay constants.
  ///
  /// - Precondition: what the equations read is among the inputs, the constants and their own results.
  package func part(_ included: Range<Int>, inputs: [Int], outputs: [Int]) -> Program {
    var builder = ProgramBuilder()
    var numbers = [Int?](repeating: nil, count: types.count)
    for value in inputs { numbers[value] = builder.input(types[value]) }
    for (index, tensor) in constants.enumerated() where numbers[inputCount + index] == nil {
      numbers[inputCount + index] = builder.constant(tensor)
    }
    func place(_ value: Int) -> Int {
      guard let place = numbers[value] else { preconditionFailure("value \(value) is not part of the program's part") }
      return place
    }
    for equation in equations[included] {
      let results = builder.equation(
        equation.primitive, equation.inputs.map(place), outputTypes: equation.outputs.map { types[$0] })
      for (old, new) in zip(equation.outputs, results) { numbers[old] = new }
    }
    return builder.finish(outputs: outputs.map(place))
  }

  /// Per value the equation that makes it; nil for inputs and constants.
  package var definitions: [Equation?] {
    var result = [Equation?](repeating: nil, count: types.count)
    for equation in equations {
      for output in equation.outputs { result[output] = equation }
    }
    return result
  }

  /// The same equations in another order: what an output needs comes right before it, so that large values made for one
  /// output, or for one term of a sum, are gone before the next are made.
  package func depthFirst() -> Program {
    let definitions = definitions
    var builder = ProgramBuilder()
    var numbers = [Int?](repeating: nil, count: types.count)
    for value in 0..<inputCount { numbers[value] = builder.input(types[value]) }
    for (index, tensor) in constants.enumerated() { numbers[inputCount + index] = builder.constant(tensor) }
    var pending = Array(outputs.reversed())
    while let value = pending.last {
      guard numbers[value] == nil, let equation = definitions[value] else {
        pending.removeLast()
        continue
      }
      let missing = equation.inputs.filter { numbers[$0] == nil }
      guard missing.isEmpty else {
        pending += missing.reversed()
        continue
      }
      let results = builder.equation(
        equation.primitive, equation.inputs.compactMap { numbers[$0] }, outputTypes: equation.outputs.map { types[$0] })
      for (old, new) in zip(equation.outputs, results) { numbers[old] = new }
    }
    return builder.finish(outputs: outputs.compactMap { numbers[$0] })
  }
}
