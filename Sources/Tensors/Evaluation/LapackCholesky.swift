/// Evaluates `cholesky`.
///
/// A symmetric matrix reads the same by rows and by columns, so LAPACK's upper factor of the column-major matrix, read
/// by rows, is the lower one. Memory that nothing else refers to is factored in place.
func evaluateCholesky(_ a: consuming Tensor) throws(TensorError) -> Tensor {
  switch a.dtype {
  case .float32: try evaluateCholesky(a, Float.self)
  default: try evaluateCholesky(a, Double.self)
  }
}

private func evaluateCholesky<Scalar: LinearAlgebraScalar>(
  _ a: consuming Tensor, _ type: Scalar.Type
) throws(TensorError) -> Tensor {
  var result = a
  let stack = MatrixStack(square: result, for: "cholesky")
  let size = stack.rows
  guard result.count > 0 else { return result }
  try withElements(of: result, as: type) { (elements) throws(TensorError) in
    try stack.requireFinite(elements, lowerOnly: true, for: "cholesky")
  }
  try withMutableElements(of: &result, as: type) { (elements) throws(TensorError) in
    nonisolated(unsafe) let elements = elements
    let codes = stack.forEach { index in
      let matrix = elements + index * size * size
      let code = Scalar.potrf(n: size, a: matrix)
      if code != 0 { return code }
      // LAPACK compares pivots with zero, which a NaN from overflow passes.
      if let pivot = (0..<size).first(where: { !matrix[$0 * (size + 1)].isFinite }) { return pivot + 1 }
      for row in 0..<size { (matrix + row * size + row + 1).update(repeating: 0, count: size - row - 1) }
      return 0
    }
    if let code = codes.first(where: { $0 != 0 }) { throw .notPositiveDefinite(pivot: code - 1, size: size) }
  }
  return result
}

/// Evaluates `inverse(cholesky:)`: the inverse of L Lᵀ, exactly symmetric.
func evaluateCholeskyInverse(_ factor: Tensor) throws(TensorError) -> Tensor {
  switch factor.dtype {
  case .float32: try evaluateCholeskyInverse(factor, Float.self)
  default: try evaluateCholeskyInverse(factor, Double.self)
  }
}

private func evaluateCholeskyInverse<Scalar: LinearAlgebraScalar>(
  _ factor: Tensor, _ type: Scalar.Type
) throws(TensorError) -> Tensor {
  let stack = MatrixStack(square: factor, for: "inverse")
  let size = stack.rows
  guard factor.count > 0 else { return factor }
  var result = factor
  try withMutableElements(of: &result, as: type) { (elements) throws(TensorError) in
    nonisolated(unsafe) let elements = elements
    let codes = stack.forEach { index in Scalar.potri(n: size, a: elements + index * size * size) }
    for (index, code) in codes.enumerated() where code == 0 {
      mirrorLowerTriangle(elements + index * size * size, size: size)
    }
    if let code = codes.first(where: { $0 != 0 }) { throw .singular(pivot: code - 1, size: size) }
  }
  return result
}
