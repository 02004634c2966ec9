/// A function of trees as a program: what every transformation starts from.
package struct TracedFunction<Output: TensorTree> {
  package let program: Program
  /// Tensors of functions being traced around this one: the last inputs of the program.
  package let captured: [Tensor]
  /// The output as it was traced, for its structure.
  private let template: Output

  package init<each Input: TensorTree>(_ f: (repeat each Input) throws -> Output, _ inputs: repeat each Input) throws {
    try self.init(f, leaves(of: repeat each inputs).map(\.type), structure: repeat each inputs)
  }

  /// Traces `f` on tensors of the given types in trees of the given structure.
  package init<each Input: TensorTree>(
    _ f: (repeat each Input) throws -> Output, _ types: [TensorType], structure inputs: repeat each Input
  ) throws {
    var template: Output?
    (program, captured) = try Program.trace(types) { tensors in
      let output = try f(repeat each rebuild(repeat each inputs, from: tensors))
      template = output
      return output.leaves
    }
    guard let template else { preconditionFailure("a function was not traced") }
    self.template = template
  }

  /// The number of inputs that are not captured.
  var inputCount: Int { program.inputCount - captured.count }

  /// An output of some tensors of these types.
  func output(tensorsLike types: [TensorType]) -> Output {
    output(types.map { Tensor.constant(0, dtype: $0.dtype).broadcast(to: $0.shape) })
  }

  /// The output made of its tensors.
  package func output(_ tensors: some Sequence<Tensor>) -> Output { template.replacingLeaves(Array(tensors)) }
}

/// The program of a function, for inputs of the shapes and element types of these.
///
/// The function runs once, on tensors without elements, and what it applies to them is written down. Using a traced
/// tensor where elements are needed is a programmer's error; use `select` instead of `if`.
///
/// - Throws: what `f` throws.
/// - Precondition: not inside of a function that is being traced and whose tensors `f` uses.
public func trace<each Input: TensorTree, Output: TensorTree>(
  _ f: (repeat each Input) throws -> Output, at inputs: repeat each Input
) throws -> Program {
  let traced = try TracedFunction(f, repeat each inputs)
  precondition(traced.captured.isEmpty, "trace: the function uses tensors of a function that is being traced around it")
  return traced.program.simplified()
}
