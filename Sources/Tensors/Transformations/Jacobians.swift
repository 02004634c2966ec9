/// All partial derivatives of a function of one tensor, by one forward derivative per element of the input: best for
/// fewer inputs than outputs.
///
/// - Returns: a function that gives a tensor of the output's shape followed by the input's. It throws what `f` and
///   factorisations in it throw.
public func jacobianForward(of f: @escaping (Tensor) throws -> Tensor) -> (Tensor) throws -> Tensor {
  { x in
    let basis = Tensor.eye(x.count, dtype: x.dtype).reshaped([x.count] + x.shape)
    let columns = vmap { (direction: Tensor) in try jvp(f, at: x, along: direction).tangent }
    let rows = try columns(basis)
    return rows.movedAxis(from: 0, to: -1).reshaped(rows.shape.dropFirst() + x.shape)
  }
}

/// All partial derivatives of a function of one tensor, by one reverse derivative per element of the output: best for
/// fewer outputs than inputs.
///
/// - Returns: a function that gives a tensor of the output's shape followed by the input's. It throws what `f` and
///   factorisations in it throw.
public func jacobianReverse(of f: @escaping (Tensor) throws -> Tensor) -> (Tensor) throws -> Tensor {
  { x in
    let (y, pullback) = try vjp(f, at: x)
    let basis = Tensor.eye(y.count, dtype: y.dtype).reshaped([y.count] + y.shape)
    let rows = vmap { (cotangent: Tensor) in try pullback(cotangent) }
    return try rows(basis).reshaped(y.shape + x.shape)
  }
}

/// All second derivatives of a scalar function of one tensor: forward over reverse.
///
/// - Returns: a function that gives a tensor of the input's shape twice. It throws what `f` and factorisations in it
///   throw.
public func hessian(of f: @escaping (Tensor) throws -> Tensor) -> (Tensor) throws -> Tensor {
  jacobianForward(of: gradient(of: f))
}
