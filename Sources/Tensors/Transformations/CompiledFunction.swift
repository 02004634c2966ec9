/// A function of trees that is traced once for inputs of the same structure, shapes and element types, and from then on
/// runs as a program.
///
/// Concrete tensors that the function uses besides its arguments, and Swift values such as numbers and random keys, are
/// part of what was traced: pass as tensors what changes from call to call.
public final class CompiledFunction<each Input: TensorTree, Output: TensorTree> {
  private struct Key: Hashable {
    let types: [TensorType]
    let structure: [String]
  }

  private struct Prepared {
    let executable: Executable
    let function: TracedFunction<Output>
  }

  private let function: (repeat each Input) throws -> Output
  private var prepared: [Key: Prepared] = [:]

  fileprivate init(_ function: @escaping (repeat each Input) throws -> Output) {
    self.function = function
  }

  /// The function's value; it is traced first when inputs of their kind come for the first time.
  ///
  /// - Throws: what the function throws while it is traced, and what factorisations in it throw.
  public func callAsFunction(_ inputs: repeat each Input) throws -> Output {
    let tensors = leaves(of: repeat each inputs)
    // Part of a larger function being traced: its equations belong there.
    if Trace.innermost(of: tensors) != nil { return try function(repeat each inputs) }
    var structure: [String] = []
    for input in repeat each inputs { structure += input.structure }
    let key = Key(types: tensors.map(\.type), structure: structure)
    if let known = prepared[key] { return known.function.output(try known.executable.run(tensors)) }
    let traced = try TracedFunction(function, repeat each inputs)
    precondition(
      traced.captured.isEmpty,
      "compile: the function uses a tensor of a function being traced around it: pass it as an argument")
    let new = Prepared(executable: Executable(traced.program.simplified()), function: traced)
    prepared[key] = new
    return new.function.output(try new.executable.run(tensors))
  }
}

/// Prepares a function for many calls: see `CompiledFunction`.
public func compile<each Input: TensorTree, Output: TensorTree>(
  _ f: @escaping (repeat each Input) throws -> Output
) -> CompiledFunction<repeat each Input, Output> {
  CompiledFunction(f)
}
