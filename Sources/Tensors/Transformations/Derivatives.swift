// Derivatives of functions of tensor trees. All of them trace the function, so it runs on tensors without elements and
// must be made of tensor operations. They nest freely. Tensors of integers and bools have derivative zero.

/// The value of a function and its directional derivative.
///
/// - Parameters:
///   - primals: where; several arguments as a tuple.
///   - tangents: the direction, of the same structure, shapes and element types.
///   - f: a function of trees of tensors.
/// - Throws: what `f` throws, and what factorisations in it throw.
public func jvp<each Input: TensorTree, Output: TensorTree>(
  _ f: (repeat each Input) throws -> Output, at primals: (repeat each Input), along tangents: (repeat each Input)
) throws -> (value: Output, tangent: Output) {
  let traced = try TracedFunction(f, repeat each primals)
  let inputs = leaves(of: repeat each primals)
  let directions = leaves(of: repeat each tangents)
  precondition(
    inputs.map(\.type) == directions.map(\.type),
    "jvp: primals of \(inputs.map(\.type)) and tangents of \(directions.map(\.type))")
  let active = inputs.map(\.dtype.isFloatingPoint)
  let program = try traced.program.jvpProgram(active: active + traced.captured.map { _ in false })
  let results = try program(inputs + traced.captured + zip(directions, active).filter(\.1).map(\.0))
  let count = traced.program.outputs.count
  return (traced.output(results[..<count]), traced.output(results[count...]))
}

/// The value of a function, and the function that takes a cotangent of the value to the cotangents of the inputs.
///
/// The pullback can be called any number of times; what it needs of the function's run is kept until it goes.
///
/// - Throws: what `f` throws, and what factorisations in it throw.
public func vjp<each Input: TensorTree, Output: TensorTree>(
  _ f: (repeat each Input) throws -> Output, at primals: repeat each Input
) throws -> (value: Output, pullback: (Output) throws -> (repeat each Input)) {
  let traced = try TracedFunction(f, repeat each primals)
  let inputs = leaves(of: repeat each primals)
  let linearization = try Linearization(traced.program, active: traced.active(inputs))
  let (outputs, residuals) = try linearization.evaluate(inputs + traced.captured)
  let types = outputs.map(\.type)
  return (
    traced.output(outputs),
    { cotangent in
      let given = cotangent.leaves
      precondition(given.map(\.type) == types, "pullback: cotangents of \(given.map(\.type)) for outputs of \(types)")
      let cotangents = try linearization.pullBack(given, residuals)
      return rebuild(repeat each primals, from: zip(inputs, cotangents).map { $1 ?? .zero(of: $0) })
    }
  )
}

/// A number and its derivatives in the tensors of a tree.
public struct ValueAndGradient<Tree: TensorTree>: TensorTree {
  /// The number, a tensor of rank 0.
  public var value: Tensor
  /// Its derivatives, of the structure and the shapes of the tree that it was differentiated in.
  public var gradient: Tree

  public func mapTensors<Failure: Error>(
    _ transform: (Tensor) throws(Failure) -> Tensor
  ) throws(Failure) -> ValueAndGradient {
    ValueAndGradient(value: try transform(value), gradient: try gradient.mapTensors(transform))
  }

  public var structure: [String] { gradient.structure }
}

/// The value of a scalar function and its gradient in the first argument, of that argument's structure.
///
/// ```swift
/// let step = compile(valueAndGradient(of: loss))   // loss(parameters, inputs, targets)
/// let result = try step(parameters, inputs, targets)
/// ```
///
/// - Throws: what `f` throws, and what factorisations in it throw.
public func valueAndGradient<Input: TensorTree, each Rest: TensorTree>(
  of f: @escaping (Input, repeat each Rest) throws -> Tensor
) -> (Input, repeat each Rest) throws -> ValueAndGradient<Input> {
  { (input: Input, rest: repeat each Rest) in try valueAndGradient(of: f, at: input, repeat each rest) }
}

/// The gradient of a scalar function in the first argument, of that argument's structure.
///
/// - Throws: what `f` throws, and what factorisations in it throw.
public func gradient<Input: TensorTree, each Rest: TensorTree>(
  of f: @escaping (Input, repeat each Rest) throws -> Tensor
) -> (Input, repeat each Rest) throws -> Input {
  { (input: Input, rest: repeat each Rest) in try valueAndGradient(of: f, at: input, repeat each rest).gradient }
}

/// The value of a scalar function and its gradient in the first argument at one place.
///
/// - Throws: what `f` throws, and what factorisations in it throw.
public func valueAndGradient<Input: TensorTree, each Rest: TensorTree>(
  of f: (Input, repeat each Rest) throws -> Tensor, at input: Input, _ rest: repeat each Rest
) throws -> ValueAndGradient<Input> {
  let traced = try TracedFunction(f, input, repeat each rest)
  let (wanted, others) = (input.leaves, leaves(of: repeat each rest) + traced.captured)
  let type = traced.program.outputTypes[0]
  precondition(
    type.count == 1 && type.dtype.isFloatingPoint,
    "gradient: expected a function with one floating-point number as its value, found \(type); see jacobianReverse")
  let active = wanted.map(\.dtype.isFloatingPoint) + others.map { _ in false }
  let program = try traced.program.gradientProgram(active: active, count: wanted.count)
  let results = try program(wanted + others)
  return ValueAndGradient(value: results[0], gradient: input.replacingLeaves(Array(results[1...])))
}

/// The transpose of a linear function: takes a cotangent of its value to one of its input.
///
/// - Parameters:
///   - example: an input, for its structure, shapes and element types.
///   - f: linear in its argument.
/// - Throws: `TensorError.transformation` when `f` is not linear, and what `f` throws.
public func linearTranspose<Input: TensorTree, Output: TensorTree>(
  _ f: (Input) throws -> Output, at example: Input
) throws -> (Output) throws -> Input {
  let traced = try TracedFunction(f, example)
  let inputs = example.leaves
  let active = traced.active(inputs)
  if let primitive = traced.program.simplified().firstNonlinear(in: active) {
    throw TensorError.transformation(
      "linearTranspose", expected: "a linear function", found: "\(primitive.name) of what depends on the input")
  }
  let linearization = try Linearization(traced.program, active: active)
  let zeros = inputs.map(Tensor.zero(of:))
  let (values, residuals) = try linearization.evaluate(zeros + traced.captured)
  for value in values where !value.isTraced && value.dtype.isFloatingPoint {
    guard (value .== 0).all().scalar(as: Bool.self) else {
      throw TensorError.transformation(
        "linearTranspose", expected: "a linear function", found: "one whose value at 0 is not 0")
    }
  }
  return { cotangent in
    let cotangents = try linearization.pullBack(cotangent.leaves, residuals)
    return example.replacingLeaves(zip(zeros, cotangents).map { $1 ?? $0 })
  }
}

extension TracedFunction {
  /// Which inputs of the program have derivatives: none of the captured.
  func active(_ inputs: [Tensor]) -> [Bool] { inputs.map(\.dtype.isFloatingPoint) + captured.map { _ in false } }
}

extension Program {
  /// The program of the same inputs that gives the value, then its gradient in the first `count` inputs: zeros in those
  /// that are not `active`.
  fileprivate func gradientProgram(active: [Bool], count: Int) throws(TensorError) -> Program {
    let tangents = try jvpProgram(active: active)
    return try Program.build(inputTypes) { inputs throws(TensorError) in
      let one = Tensor(repeating: 1, shape: outputTypes[0].shape, dtype: outputTypes[0].dtype)
      let value = try callAsFunction(inputs)[0]
      let directions = active.filter { $0 }.map { _ in nil as Tensor? }
      let cotangents = try tangents.transpose(inputs.map { $0 } + directions, [nil, one])
      let gradients = Self.spread(cotangents[inputCount...], over: active)
      return [value] + zip(inputs[..<count], gradients).map { ($1 ?? nil) ?? .zero(of: $0) }
    }
  }
}
