/// A program made ready to run once and run many times, from any thread; on traced tensors it is recorded.
package struct PreparedProgram: Sendable {
  private let subprogram: Subprogram

  package init(_ program: Program) { subprogram = Subprogram("prepared", program, .recomputed) }

  package var program: Program { subprogram.program }

  /// - Throws: what a factorisation among the equations throws.
  /// - Precondition: the inputs have the types of the program's.
  package func callAsFunction(_ inputs: [Tensor]) throws(TensorError) -> [Tensor] {
    precondition(
      inputs.map(\.type) == program.inputTypes, "a program of \(program.inputTypes) called with \(inputs.map(\.type))")
    if Trace.innermost(of: inputs) != nil { return try program.interpreted(inputs) }
    return try subprogram.executable.run(inputs)
  }
}

extension Program {
  /// The program with the equations of programs that it calls in place of the calls, but for those that have a derivative
  /// of their own.
  package func inlined() -> Program {
    var builder = ProgramBuilder()
    var numbers = (0..<inputCount).map { builder.input(types[$0]) } + constants.map { builder.constant($0) }
    Self.inline(equations, &numbers, &builder, types)
    return builder.finish(outputs: outputs.map { numbers[$0] })
  }

  private static func inline(
    _ equations: [Equation], _ numbers: inout [Int], _ builder: inout ProgramBuilder, _ types: [TensorType]
  ) {
    for equation in equations {
      let inputs = equation.inputs.map { numbers[$0] }
      if case .call(let subprogram) = equation.primitive, case .recomputed = subprogram.derivative {
        let inner = subprogram.program
        var values = inputs + inner.constants.map { builder.constant($0) }
        inline(inner.equations, &values, &builder, inner.types)
        numbers += inner.outputs.map { values[$0] }
      } else {
        numbers += Array(
          builder.equation(equation.primitive, inputs, outputTypes: equation.outputs.map { types[$0] }))
      }
    }
  }
}
