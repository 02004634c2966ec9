/// The Taylor polynomial of a function in its parameters, as a function of new parameters that can be trained in its
/// place:
///
///     θ, x ↦ Σ_{k ≤ order} (1/k!) Dᵏf(θ₀, x)[θ − θ₀, …, θ − θ₀]
///
/// ```swift
/// let quadratic = taylorExpand(network, at: parameters, order: 2)
/// let y = try quadratic(trained, x)
/// ```
///
/// At θ = θ₀ it is f for every order, and a polynomial of degree d is itself for orders from d on. At a corner of f, such
/// as a maximum of equal numbers, derivatives are those that `jvp` takes; eigenvalues at θ₀ have to be distinct.
///
/// - Parameters:
///   - f: the parameters come first; of the other arguments it is any function of tensor operations.
///   - parameters: θ₀. Tensors of integers and bools do not move: those of θ₀ are used.
///   - order: the degree of the polynomial; 0 is f at θ₀.
/// - Returns: a function of parameters with the structure, shapes and element types of θ₀, and of the other arguments.
///   It can be differentiated, mapped and compiled (which saves tracing `f` for every call), and throws what `f` and
///   factorisations in it throw.
/// - Complexity: O(order²) times the operations of `f`.
/// - Precondition: `order` is not negative.
public func taylorExpand<Parameters: TensorTree, each Input: TensorTree, Output: TensorTree>(
  _ f: @escaping (Parameters, repeat each Input) throws -> Output, at parameters: Parameters, order: Int
) -> (Parameters, repeat each Input) throws -> Output {
  { (moved: Parameters, inputs: repeat each Input) in
    try taylorExpanded(f, parameters, order, moved, repeat each inputs)
  }
}

func taylorExpanded<Parameters: TensorTree, each Input: TensorTree, Output: TensorTree>(
  _ f: (Parameters, repeat each Input) throws -> Output, _ parameters: Parameters, _ order: Int, _ moved: Parameters,
  _ inputs: repeat each Input
) throws -> Output {
  precondition(order >= 0, "taylorExpand: expected an order of at least 0, found \(order)")
  return try expanded("taylorExpand", f, parameters, moved, repeat each inputs) { program, active throws(TensorError) in
    try program.taylorProgram(active: active, order: order) { $0.map(\.sum) }
  }
}

/// A function of new parameters, evaluated by a program of the old parameters, the inputs and the differences.
func expanded<Parameters: TensorTree, each Input: TensorTree, Output: TensorTree>(
  _ name: String, _ f: (Parameters, repeat each Input) throws -> Output, _ parameters: Parameters, _ moved: Parameters,
  _ inputs: repeat each Input, expand: (Program, _ active: [Bool]) throws(TensorError) -> Program
) throws -> Output {
  let (old, new) = (parameters.leaves, moved.leaves)
  precondition(
    old.map(\.type) == new.map(\.type) && parameters.structure == moved.structure,
    "\(name): expected parameters of \(old.map(\.type)) as those it was expanded at, found \(new.map(\.type))")
  let traced = try TracedFunction(f, parameters, repeat each inputs)
  let others = leaves(of: repeat each inputs) + traced.captured
  let moves = old.map(\.dtype.isFloatingPoint)
  let program = try expand(traced.program, moves + others.map { _ in false })
  let differences = zip(zip(old, new), moves).filter(\.1).map { $0.0.1 - $0.0.0 }
  return traced.output(try program(old + others + differences))
}

/// The coefficients of a function along a line: y_k with f(x + t v) = Σ y_k tᵏ, which are the k-th directional
/// derivatives divided by k!.
///
/// - Parameters:
///   - primals: x; several arguments as a tuple.
///   - tangents: v, of the same structure, shapes and element types; those of integers and bools are not used.
///   - order: of the last coefficient.
///   - f: a function of trees of tensors.
/// - Returns: y_0, …, y_order.
/// - Throws: what `f` throws, and what factorisations in it throw.
/// - Complexity: O(order²) times the operations of `f`.
/// - Precondition: `order` is not negative.
public func taylorCoefficients<each Input: TensorTree, Output: TensorTree>(
  of f: (repeat each Input) throws -> Output, at primals: (repeat each Input), along tangents: (repeat each Input),
  order: Int
) throws -> [Output] {
  precondition(order >= 0, "taylorCoefficients: expected an order of at least 0, found \(order)")
  let traced = try TracedFunction(f, repeat each primals)
  let inputs = leaves(of: repeat each primals)
  let directions = leaves(of: repeat each tangents)
  precondition(
    inputs.map(\.type) == directions.map(\.type),
    "taylorCoefficients: primals of \(inputs.map(\.type)) and tangents of \(directions.map(\.type))")
  let active = inputs.map(\.dtype.isFloatingPoint)
  let program = try traced.program.taylorProgram(active: active + traced.captured.map { _ in false }, order: order) {
    series in (0...order).flatMap { k in series.map { $0[k] ?? .zero(of: $0.value) } }
  }
  let results = try program(inputs + traced.captured + zip(directions, active).filter(\.1).map(\.0))
  let count = traced.program.outputs.count
  return (0...order).map { traced.output(results[$0 * count..<($0 + 1) * count]) }
}
