import Tensors

/// A program cut where an equation has no form on devices: pieces for the device and for the host in turn.
struct ProgramSplit {
  struct Piece {
    let program: Program
    /// Values of the whole program that the piece reads and makes.
    let inputs: [Int]
    let outputs: [Int]
    let isOfHost: Bool
  }

  /// Whose values the pieces name: the program with its calls written out where some equation in them is the host's.
  let program: Program
  let pieces: [Piece]
  /// `equation 17, solve, has no device form: computed on the host`.
  let notes: [String]

  init(_ program: Program) throws(TensorError) {
    let isWhole = !Self.hasHostEquation(program)
    let program = isWhole ? program : try Self.flattened(program)
    self.program = program
    if isWhole {
      pieces = [
        Piece(
          program: program, inputs: Array(0..<program.inputCount), outputs: program.outputs, isOfHost: false)
      ]
      notes = []
      return
    }
    var ranges: [(equations: Range<Int>, isOfHost: Bool)] = []
    for (index, equation) in program.equations.enumerated() {
      let isOfHost = ProgramEmitter.isOfHost(equation.primitive)
      if let last = ranges.last, last.isOfHost == isOfHost {
        ranges[ranges.count - 1].equations = last.equations.lowerBound..<index + 1
      } else {
        ranges.append((index..<index + 1, isOfHost))
      }
    }
    notes = program.equations.enumerated().filter { ProgramEmitter.isOfHost($0.element.primitive) }.map {
      "equation \($0.offset), \($0.element.primitive.name), has no device form: computed on the host"
    }
    pieces = Self.pieces(program, ranges)
  }

  private static func pieces(
    _ program: Program, _ ranges: [(equations: Range<Int>, isOfHost: Bool)]
  ) -> [Piece] {
    var lastReader = [Int: Int]()
    for (index, range) in ranges.enumerated() {
      for equation in program.equations[range.equations] {
        for input in equation.inputs { lastReader[input] = index }
      }
    }
    for output in program.outputs { lastReader[output] = ranges.count }
    let firstResult = program.inputCount + program.constants.count
    return ranges.enumerated().map { index, range in
      let equations = program.equations[range.equations]
      var made: Set<Int> = []
      var inputs: [Int] = []
      for equation in equations {
        for input in equation.inputs where !made.contains(input) && !inputs.contains(input) {
          let isConstant = input >= program.inputCount && input < firstResult
          if !isConstant { inputs.append(input) }
        }
        made.formUnion(equation.outputs)
      }
      let outputs = made.sorted().filter { (lastReader[$0] ?? -1) > index }
      return Piece(
        program: program.part(range.equations, inputs: inputs, outputs: outputs), inputs: inputs, outputs: outputs,
        isOfHost: range.isOfHost)
    }
  }

  private static func hasHostEquation(_ program: Program) -> Bool {
    program.equations.contains { equation in
      if case .call(let subprogram) = equation.primitive { return hasHostEquation(subprogram.program) }
      return ProgramEmitter.isOfHost(equation.primitive)
    }
  }

  /// The program with the equations of those that it calls in place of the calls.
  private static func flattened(_ program: Program) throws(TensorError) -> Program {
    try Program.build(program.inputTypes) { (inputs) throws(TensorError) in try interpreted(program, inputs) }
  }

  private static func interpreted(_ program: Program, _ inputs: [Tensor]) throws(TensorError) -> [Tensor] {
    var values = inputs + program.constants
    for (index, equation) in program.equations.enumerated() {
      let arguments = equation.inputs.map { values[$0] }
      if case .call(let subprogram) = equation.primitive {
        values += try interpreted(subprogram.program, arguments)
      } else {
        values += try program.equation(index)(arguments)
      }
    }
    return program.outputs.map { values[$0] }
  }
}

extension Program {
  /// One equation as a program of its inputs.
  fileprivate func equation(_ index: Int) -> ([Tensor]) throws(TensorError) -> [Tensor] {
    let equation = equations[index]
    let distinct = Array(Set(equation.inputs)).sorted()
    let program = part(
      index..<index + 1, inputs: distinct, outputs: Array(equation.outputs))
    return { (arguments) throws(TensorError) in
      var inputs: [Tensor] = []
      for value in distinct {
        guard let place = equation.inputs.firstIndex(of: value) else { continue }
        inputs.append(arguments[place])
      }
      return try program(inputs)
    }
  }
}
