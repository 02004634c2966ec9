/// The same tensors, whose derivative is taken for zero.
public func stopGradient<Tree: TensorTree>(_ tree: Tree) -> Tree {
  tree.mapTensors { apply(.stopGradient, [$0]) }
}

/// A function that reverse derivatives compute again instead of keeping its intermediate results: memory for time.
public func checkpoint<each Input: TensorTree, Output: TensorTree>(
  _ f: @escaping (repeat each Input) throws -> Output
) -> (repeat each Input) throws -> Output {
  { (inputs: repeat each Input) in try checkpointed(f, repeat each inputs) }
}

func checkpointed<each Input: TensorTree, Output: TensorTree>(
  _ f: (repeat each Input) throws -> Output, _ inputs: repeat each Input
) throws -> Output {
  let tensors = leaves(of: repeat each inputs)
  guard Trace.innermost(of: tensors) != nil else { return try f(repeat each inputs) }
  let traced = try TracedFunction(f, repeat each inputs)
  let subprogram = Subprogram("checkpoint", traced.program.simplified(), .recomputed)
  return traced.output(try applyAll(.call(subprogram), tensors + traced.captured))
}

/// A function with a forward derivative of your own, from which the reverse one follows by transposition.
///
/// - Parameters:
///   - f: the function; of several tensors as an array or a tree of your own.
///   - rule: the tangent of the value for an input and a tangent of it; linear in the tangent. It may be differentiated
///     itself.
/// - Precondition: neither uses tensors of a function being traced around it, except as the argument.
public func withJvp<Input: TensorTree, Output: TensorTree>(
  _ f: @escaping (Input) throws -> Output, rule: @escaping (_ primal: Input, _ tangent: Input) throws -> Output
) -> (Input) throws -> Output {
  { input in
    try customized(f, input) { types, _ in
      try Program.trace(types + types) { values in
        let primal = input.replacingLeaves(Array(values[..<types.count]))
        return try rule(primal, input.replacingLeaves(Array(values[types.count...]))).leaves
      }
    }
  }
}

/// A function with a reverse derivative of your own, from which the forward one follows by transposition.
///
/// - Parameters:
///   - f: the function; of several tensors as an array or a tree of your own.
///   - rule: the cotangent of the input for an input and a cotangent of the value; linear in the cotangent. It may be
///     differentiated itself.
/// - Precondition: neither uses tensors of a function being traced around it, except as the argument.
public func withVjp<Input: TensorTree, Output: TensorTree>(
  _ f: @escaping (Input) throws -> Output, rule: @escaping (_ primal: Input, _ cotangent: Output) throws -> Input
) -> (Input) throws -> Output {
  { input in
    try customized(f, input) { types, output in
      let count = output.leaves.count
      let (reverse, captured) = try Program.trace(types + output.leaves.map(\.type)) { values in
        let primal = input.replacingLeaves(Array(values[..<types.count]))
        return try rule(primal, output.replacingLeaves(Array(values[types.count...]))).leaves
      }
      // Linear in the cotangents, so its transpose in them takes tangents of the input to those of the output.
      let linear = reverse.inputTypes.indices.map { types.count <= $0 && $0 < types.count + count }
      return (try reverse.transposedProgram(linear: linear), captured)
    }
  }
}

private func customized<Input: TensorTree, Output: TensorTree>(
  _ f: (Input) throws -> Output, _ input: Input,
  rule: (_ types: [TensorType], _ output: Output) throws -> (program: Program, captured: [Tensor])
) throws -> Output {
  let tensors = input.leaves
  guard Trace.innermost(of: tensors) != nil else { return try f(input) }
  let traced = try TracedFunction(f, input)
  let (program, captured) = try rule(tensors.map(\.type), traced.output(tensorsLike: traced.program.outputTypes))
  precondition(
    traced.captured.isEmpty && captured.isEmpty,
    "a function with a derivative of its own uses a tensor of a function being traced around it: pass it as an argument"
  )
  let subprogram = Subprogram("custom", traced.program.simplified(), .custom(program.simplified()))
  return traced.output(try applyAll(.call(subprogram), tensors))
}
