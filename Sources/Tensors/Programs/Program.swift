/// A tensor function written out: a straight-line list of equations, each of which applies one primitive.
///
/// Values are numbered from 0: the inputs, then the constants, then the results of the equations in their order; every
/// value is made once and used only afterwards. Programs come from tracing (`trace`, and inside all transformations).
/// Clients can walk them: `equations` with their `primitive`, and `types` for shapes and element types.
public struct Program: Sendable {
  /// One primitive applied to values.
  public struct Equation: Sendable {
    /// What is applied.
    public let primitive: Primitive
    /// The values it reads, in the order of the primitive's inputs.
    public let inputs: [Int]
    /// The values it makes.
    public let outputs: Range<Int>
  }

  /// Shape and element type of every value.
  public let types: [TensorType]
  /// How many inputs there are: values `0 ..< inputCount`.
  public let inputCount: Int
  /// The tensors that stand behind values `inputCount ..< inputCount + constants.count`.
  public let constants: [Tensor]
  /// The equations, each of which uses what is before it only.
  public let equations: [Equation]
  /// The values that the program returns; may name inputs, constants and one value several times.
  public let outputs: [Int]

  /// Shapes and element types of the inputs.
  public var inputTypes: [TensorType] { Array(types[..<inputCount]) }
  /// Shapes and element types of the outputs.
  public var outputTypes: [TensorType] { outputs.map { types[$0] } }
}

extension Program {
  /// The program's outputs for these inputs: computed, or when one of them is traced recorded in its program.
  ///
  /// - Precondition: the inputs have the types of `inputTypes`.
  /// - Throws: what a factorisation among the equations throws.
  public func callAsFunction(_ inputs: [Tensor]) throws(TensorError) -> [Tensor] {
    precondition(inputs.map(\.type) == inputTypes, "a program of \(inputTypes) called with \(inputs.map(\.type))")
    if Trace.innermost(of: inputs) != nil { return try interpreted(inputs) }
    return try Executable(self).run(inputs)
  }

  /// Applies equation by equation.
  func interpreted(_ inputs: [Tensor]) throws(TensorError) -> [Tensor] {
    var values = inputs + constants
    values.reserveCapacity(types.count)
    for equation in equations {
      values += try applyAll(equation.primitive, equation.inputs.map { values[$0] })
    }
    return outputs.map { values[$0] }
  }
}

/// Collects the equations of a program. Values are numbered as they come; `finish` brings them into a program's order.
struct ProgramBuilder {
  private enum Origin {
    case input, constant(Tensor), equation
  }

  private(set) var types: [TensorType] = []
  private var origins: [Origin] = []
  private var equations: [Program.Equation] = []

  mutating func input(_ type: TensorType) -> Int { add(type, .input) }

  mutating func constant(_ tensor: Tensor) -> Int { add(tensor.type, .constant(tensor)) }

  mutating func equation(_ primitive: Primitive, _ inputs: [Int], outputTypes: [TensorType]? = nil) -> Range<Int> {
    let first = types.count
    for type in outputTypes ?? primitive.outputTypes(for: inputs.map { types[$0] }) { _ = add(type, .equation) }
    equations.append(Program.Equation(primitive: primitive, inputs: inputs, outputs: first..<types.count))
    return first..<types.count
  }

  private mutating func add(_ type: TensorType, _ origin: Origin) -> Int {
    types.append(type)
    origins.append(origin)
    return types.count - 1
  }

  /// The program of the inputs in the order they were added, without what the outputs do not need.
  func finish(outputs: [Int]) -> Program {
    var isNeeded = [Bool](repeating: false, count: types.count)
    for output in outputs { isNeeded[output] = true }
    var kept: [Program.Equation] = []
    for equation in equations.reversed() where equation.outputs.contains(where: { isNeeded[$0] }) {
      for input in equation.inputs { isNeeded[input] = true }
      kept.append(equation)
    }
    var (inputs, constants, tensors): ([Int], [Int], [Tensor]) = ([], [], [])
    for (value, origin) in origins.enumerated() {
      switch origin {
      case .input: inputs.append(value)
      case .constant(let tensor) where isNeeded[value]:
        constants.append(value)
        tensors.append(tensor)
      default: break
      }
    }
    let order = inputs + constants + kept.reversed().flatMap { Array($0.outputs) }
    var number = [Int](repeating: -1, count: types.count)
    for (new, old) in order.enumerated() { number[old] = new }
    return Program(
      types: order.map { types[$0] }, inputCount: inputs.count, constants: tensors,
      equations: kept.reversed().map { equation in
        let first = number[equation.outputs.lowerBound]
        return Program.Equation(
          primitive: equation.primitive, inputs: equation.inputs.map { number[$0] },
          outputs: first..<first + equation.outputs.count)
      },
      outputs: outputs.map { number[$0] })
  }
}
