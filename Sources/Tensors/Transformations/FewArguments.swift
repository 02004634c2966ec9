// The transformations that return functions, once more for one to three arguments: Swift cannot call a function of a
// parameter pack in the expression that makes it, so `gradient(of: f)(x)` needs them. They do what those of
// any number of arguments do, which are documented.

/// The value of a scalar function and its gradient in the first argument.
public func valueAndGradient<A: TensorTree>(
  of f: @escaping (A) throws -> Tensor
) -> (A) throws -> ValueAndGradient<A> {
  { try valueAndGradient(of: f, at: $0) }
}

/// The gradient of a scalar function in the first argument.
public func gradient<A: TensorTree>(of f: @escaping (A) throws -> Tensor) -> (A) throws -> A {
  { try valueAndGradient(of: f, at: $0).gradient }
}

/// A function applied to every entry along an axis of its inputs.
public func vmap<A: TensorTree, Output: TensorTree>(
  _ f: @escaping (A) throws -> Output, inAxes: [Int?]? = nil, outAxis: Int = 0
) -> (A) throws -> Output {
  { try vmapped(f, inAxes, outAxis, $0) }
}

/// A function that reverse derivatives compute again instead of keeping its intermediate results.
public func checkpoint<A: TensorTree, Output: TensorTree>(
  _ f: @escaping (A) throws -> Output
) -> (A) throws -> Output {
  { try checkpointed(f, $0) }
}

/// The value of a scalar function and its gradient in the first argument.
public func valueAndGradient<A: TensorTree, B: TensorTree>(
  of f: @escaping (A, B) throws -> Tensor
) -> (A, B) throws -> ValueAndGradient<A> {
  { try valueAndGradient(of: f, at: $0, $1) }
}

/// The gradient of a scalar function in the first argument.
public func gradient<A: TensorTree, B: TensorTree>(of f: @escaping (A, B) throws -> Tensor) -> (A, B) throws -> A {
  { try valueAndGradient(of: f, at: $0, $1).gradient }
}

/// A function applied to every entry along an axis of its inputs.
public func vmap<A: TensorTree, B: TensorTree, Output: TensorTree>(
  _ f: @escaping (A, B) throws -> Output, inAxes: [Int?]? = nil, outAxis: Int = 0
) -> (A, B) throws -> Output {
  { try vmapped(f, inAxes, outAxis, $0, $1) }
}

/// A function that reverse derivatives compute again instead of keeping its intermediate results.
public func checkpoint<A: TensorTree, B: TensorTree, Output: TensorTree>(
  _ f: @escaping (A, B) throws -> Output
) -> (A, B) throws -> Output {
  { try checkpointed(f, $0, $1) }
}

/// The value of a scalar function and its gradient in the first argument.
public func valueAndGradient<A: TensorTree, B: TensorTree, C: TensorTree>(
  of f: @escaping (A, B, C) throws -> Tensor
) -> (A, B, C) throws -> ValueAndGradient<A> {
  { try valueAndGradient(of: f, at: $0, $1, $2) }
}

/// The gradient of a scalar function in the first argument.
public func gradient<A: TensorTree, B: TensorTree, C: TensorTree>(of f: @escaping (A, B, C) throws -> Tensor) -> (
  A, B, C
) throws -> A {
  { try valueAndGradient(of: f, at: $0, $1, $2).gradient }
}

/// A function applied to every entry along an axis of its inputs.
public func vmap<A: TensorTree, B: TensorTree, C: TensorTree, Output: TensorTree>(
  _ f: @escaping (A, B, C) throws -> Output, inAxes: [Int?]? = nil, outAxis: Int = 0
) -> (A, B, C) throws -> Output {
  { try vmapped(f, inAxes, outAxis, $0, $1, $2) }
}

/// A function that reverse derivatives compute again instead of keeping its intermediate results.
public func checkpoint<A: TensorTree, B: TensorTree, C: TensorTree, Output: TensorTree>(
  _ f: @escaping (A, B, C) throws -> Output
) -> (A, B, C) throws -> Output {
  { try checkpointed(f, $0, $1, $2) }
}
