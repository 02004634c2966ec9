// `linearize` and `taylorExpand` once more for functions of one to three arguments, which Swift can call in the
// expression that makes them; see FewArguments.swift.

/// The linear approximation of a function in its parameters.
public func linearize<Parameters: TensorTree, Output: TensorTree>(
  _ f: @escaping (Parameters) throws -> Output, at parameters: Parameters
) -> (Parameters) throws -> Output {
  { try linearized(f, parameters, $0) }
}

/// The linear approximation of a function in its parameters.
public func linearize<Parameters: TensorTree, A: TensorTree, Output: TensorTree>(
  _ f: @escaping (Parameters, A) throws -> Output, at parameters: Parameters
) -> (Parameters, A) throws -> Output {
  { try linearized(f, parameters, $0, $1) }
}

/// The linear approximation of a function in its parameters.
public func linearize<Parameters: TensorTree, A: TensorTree, B: TensorTree, Output: TensorTree>(
  _ f: @escaping (Parameters, A, B) throws -> Output, at parameters: Parameters
) -> (Parameters, A, B) throws -> Output {
  { try linearized(f, parameters, $0, $1, $2) }
}

/// The Taylor polynomial of a function in its parameters.
public func taylorExpand<Parameters: TensorTree, Output: TensorTree>(
  _ f: @escaping (Parameters) throws -> Output, at parameters: Parameters, order: Int
) -> (Parameters) throws -> Output {
  { try taylorExpanded(f, parameters, order, $0) }
}

/// The Taylor polynomial of a function in its parameters.
public func taylorExpand<Parameters: TensorTree, A: TensorTree, Output: TensorTree>(
  _ f: @escaping (Parameters, A) throws -> Output, at parameters: Parameters, order: Int
) -> (Parameters, A) throws -> Output {
  { try taylorExpanded(f, parameters, order, $0, $1) }
}

/// The Taylor polynomial of a function in its parameters.
public func taylorExpand<Parameters: TensorTree, A: TensorTree, B: TensorTree, Output: TensorTree>(
  _ f: @escaping (Parameters, A, B) throws -> Output, at parameters: Parameters, order: Int
) -> (Parameters, A, B) throws -> Output {
  { try taylorExpanded(f, parameters, order, $0, $1, $2) }
}
