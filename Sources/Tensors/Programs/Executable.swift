/// A program ready to run on concrete tensors.
final class Executable: Sendable {
  private let program: Program
  /// For every equation the values that nothing reads after it.
  private let dying: [[Int]]

  init(_ program: Program) {
    self.program = program
    var isNeeded = Set(program.outputs)
    var dying: [[Int]] = []
    for equation in program.equations.reversed() {
      dying.append(Set(equation.inputs + Array(equation.outputs)).filter { isNeeded.insert($0).inserted })
    }
    self.dying = dying.reversed()
  }

  /// The program's outputs; memory of inputs that nothing else refers to is written to.
  func run(_ inputs: consuming [Tensor]) throws(TensorError) -> [Tensor] {
    var values: [Tensor?] = inputs + program.constants
    inputs = []
    for (equation, dying) in zip(program.equations, dying) {
      let operands = equation.inputs.compactMap { values[$0] }
      for value in dying where value < values.count { values[value] = nil }
      values += try Evaluator.evaluateAll(equation.primitive, operands).map { $0 }
      for value in dying where equation.outputs.contains(value) { values[value] = nil }
    }
    return program.outputs.compactMap { values[$0] }
  }
}
