import Tensors

/// A function of trees that is traced once for inputs of the same structure, shapes and element types, and from then on runs
/// on a device: `CompiledFunction` for devices.
public final class DeviceFunction<each Input: TensorTree, Output: TensorTree> {
  private struct Key: Hashable {
    let types: [TensorType]
    let structure: [String]
  }

  private struct Prepared {
    let program: DeviceProgram
    let function: TracedFunction<Output>
  }

  /// Where it runs.
  public let device: Device
  private let function: (repeat each Input) throws -> Output
  private var prepared: [Key: Prepared] = [:]

  fileprivate init(_ device: Device, _ function: @escaping (repeat each Input) throws -> Output) {
    (self.device, self.function) = (device, function)
  }

  /// The function's value; it is traced and compiled first when inputs of their kind come for the first time.
  ///
  /// - Throws: what the function throws while it is traced, `DeviceError`, and what factorisations in it throw.
  public func callAsFunction(_ inputs: repeat each Input) throws -> Output {
    let prepared = try prepare(repeat each inputs)
    return prepared.function.output(try prepared.program(Self.leaves(repeat each inputs)))
  }

  /// The program for inputs of this kind, whose inputs and outputs are the trees' tensors in their order: for what stays on
  /// the device from call to call, such as the parameters of a training loop.
  public func program(at inputs: repeat each Input) throws -> DeviceProgram { try prepare(repeat each inputs).program }

  /// An output made of its tensors, for inputs of this kind.
  public func output(_ tensors: [Tensor], at inputs: repeat each Input) throws -> Output {
    try prepare(repeat each inputs).function.output(tensors)
  }

  private func prepare(_ inputs: repeat each Input) throws -> Prepared {
    let tensors = Self.leaves(repeat each inputs)
    precondition(
      !tensors.contains(where: \.isTraced), "compile: a function on a device is not part of a function being traced")
    var structure: [String] = []
    for input in repeat each inputs { structure += input.structure }
    let key = Key(types: tensors.map(\.type), structure: structure)
    if let known = prepared[key] { return known }
    let traced = try TracedFunction(function, repeat each inputs)
    precondition(
      traced.captured.isEmpty,
      "compile: the function uses a tensor of a function being traced around it: pass it as an argument")
    let new = Prepared(program: try DeviceProgram(traced.program.simplified(), on: device), function: traced)
    prepared[key] = new
    return new
  }

  private static func leaves(_ inputs: repeat each Input) -> [Tensor] {
    var result: [Tensor] = []
    for input in repeat each inputs { result += input.leaves }
    return result
  }
}

/// Prepares a function for many calls on a device: see `DeviceFunction`.
///
/// Gradients, training steps and kernels of finite networks are functions of tensors, too:
/// `compile({ try gradient(of: loss)($0, $1) }, device: device)`.
public func compile<each Input: TensorTree, Output: TensorTree>(
  _ f: @escaping (repeat each Input) throws -> Output, device: Device
) -> DeviceFunction<repeat each Input, Output> {
  DeviceFunction(device, f)
}
