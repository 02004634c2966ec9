import Tensors

/// Writes the equations of a tensor program: one file per family of primitives.
///
/// Precision is the highest everywhere, and constants are exact. Large constants become arguments, since plugins read numbers
/// faster than text.
struct ProgramEmitter {
  /// Constants of more bytes than this are arguments.
  private static let largestInlineConstant = 1024

  var writer = HLOWriter()
  /// Arguments beyond those of the program, with the tensors that stand behind them.
  private(set) var constants: [(value: HLOValue, tensor: Tensor)] = []
  /// Scalars that are true where the elements of the inputs made no factorisation fail.
  private(set) var checks: [HLOValue] = []

  /// The outputs of a program for these values.
  mutating func emit(_ program: Program, _ inputs: [HLOValue]) -> [HLOValue] {
    precondition(inputs.map(\.type) == program.inputTypes, "a program of \(program.inputTypes) emitted for others")
    var values = inputs
    for tensor in program.constants { values.append(constant(tensor)) }
    for equation in program.equations {
      let arguments = equation.inputs.map { values[$0] }
      var results = emit(equation.primitive, arguments, equation.outputs.map { program.types[$0] })
      if results.count == 1, results[0].largest == nil {
        results[0].largest = Self.largest(equation.primitive, arguments, results[0].type)
      }
      values += results
    }
    return program.outputs.map { values[$0] }
  }

  private mutating func constant(_ tensor: Tensor) -> HLOValue {
    if tensor.byteCount <= Self.largestInlineConstant {
      var value = writer.constant(tensor)
      value.largest = Self.largest(tensor)
      return value
    }
    if let known = constants.first(where: { $0.tensor.isIdentical(to: tensor) }) { return known.value }
    let value = HLOValue(name: "%constant\(constants.count)", type: tensor.type, largest: Self.largest(tensor))
    constants.append((value, tensor))
    return value
  }

  mutating func addCheck(_ isFine: HLOValue) { checks.append(isFine) }

  /// Whether the primitive has no form on devices that is as exact as the host's.
  static func isOfHost(_ primitive: Primitive) -> Bool {
    switch primitive {
    case .solve, .eigh: true
    default: false
    }
  }

  private mutating func emit(_ primitive: Primitive, _ inputs: [HLOValue], _ types: [TensorType]) -> [HLOValue] {
    // Nothing is computed where nothing comes out, and plugins need not know tensors without elements.
    if case .call = primitive {} else if types.allSatisfy({ $0.count == 0 }) { return types.map { writer.empty($0) } }
    let type = types.first ?? TensorType(shape: [], dtype: .float32)
    switch primitive {
    case .unary(let function): return [unary(function, inputs[0])]
    case .binary(let function): return [binary(function, inputs, type)]
    case .compare(let comparison): return [compare(comparison, inputs, type)]
    case .multiplyAdd: return [multiplyAdd(inputs, type)]
    case .select: return [select(inputs, type)]
    case .convert(let dtype): return [convert(inputs[0], dtype)]
    case .reshape(let shape): return [writer.reshape(inputs[0], shape)]
    case .transpose(let permutation): return [writer.transpose(inputs[0], permutation)]
    case .broadcast(let shape): return [writer.broadcast(inputs[0], to: shape)]
    case .reverse(let axes): return [reverse(inputs[0], axes)]
    case .slice(let starts, let limits, let strides): return [writer.slice(inputs[0], starts, limits, strides)]
    case .assign(let starts, _, let strides): return [assign(inputs[0], inputs[1], starts, strides)]
    case .pad(let low, let high, let interior): return [pad(inputs[0], inputs[1], low, high, interior, type)]
    case .concatenate(let axis): return [concatenate(inputs, axis, type)]
    case .reduce(let reduction, let axes): return [reduce(reduction, inputs[0], axes, type)]
    case .argReduce(let extreme, let axis): return [argReduce(extreme, inputs[0], axis, type)]
    case .cumulativeSum(let axis): return [cumulativeSum(inputs[0], axis)]
    case .iota(_, _, let axis): return [writer.iota(type, axis: axis)]
    case .take(let axis): return [take(inputs[0], inputs[1], axis, type)]
    case .scatterAdd(let axis, _): return [scatterAdd(inputs[0], inputs[1], axis, type)]
    case .takeAlong(let axis): return [takeAlong(inputs[0], inputs[1], axis, type)]
    case .scatterAddAlong(let axis, _): return [scatterAddAlong(inputs[0], inputs[1], axis, type)]
    case .sort(let axis): return [sorted(inputs[0], axis).values]
    case .argSort(let axis): return [sorted(inputs[0], axis).places]
    case .dynamicSlice(let sizes): return [dynamicSlice(inputs[0], inputs[1], sizes, type)]
    case .dynamicUpdateSlice: return [dynamicUpdateSlice(inputs[0], inputs[1], inputs[2])]
    case .dotGeneral(let dimensions): return [dotGeneral(inputs[0], inputs[1], dimensions, type)]
    case .convolution(let geometry, let role): return [convolution(geometry, role, inputs[0], inputs[1], type)]
    case .windowSum(let geometry): return [windowSum(geometry, inputs[0], type)]
    case .cholesky: return [cholesky(inputs[0])]
    case .triangularSolve(let options): return [triangularSolve(inputs[0], inputs[1], options)]
    case .solve, .eigh: preconditionFailure("\(primitive) is computed on the host")
    case .stopGradient: return [inputs[0]]
    case .call(let subprogram): return emit(subprogram.program, inputs)
    }
  }
}
