/// The lower triangular L with positive diagonal and a = L Lᵀ. Only the lower triangle of `a` is read.
///
/// - Parameter a: symmetric positive definite matrices, shape (…, n, n), float32 or float64.
/// - Throws: `TensorError.notPositiveDefinite` with the first pivot that fails, `TensorError.notFinite`.
/// - Complexity: n³/3 multiplications and additions, on all threads.
public func cholesky(_ a: consuming Tensor) throws(TensorError) -> Tensor {
  try evaluateCholesky(a)
}

/// Solves a x = b (`side: .left`) or x a = b (`side: .right`) with a triangular matrix.
///
/// - Parameters:
///   - a: shape (…, n, n); the triangle that is not named is not read.
///   - b: shape (…, n, k) on the left, (…, k, n) on the right, with the leading axes of `a`, or with any when `a` is
///     one matrix. A vector (n) is one column or row.
///   - transpose: solve with aᵀ instead (`lower` still says which triangle of `a` is read).
///   - unitDiagonal: take the diagonal for ones without reading it.
/// - Throws: `TensorError.singular` when the diagonal has a zero.
public func triangularSolve(
  _ a: Tensor, _ b: Tensor, lower: Bool = true, transpose: Bool = false, unitDiagonal: Bool = false,
  side: MatrixSide = .left
) throws(TensorError) -> Tensor {
  let options = TriangularSolveOptions(side: side, lower: lower, transpose: transpose, unitDiagonal: unitDiagonal)
  if b.rank == 1 {
    return try evaluateTriangularSolve(a, b.reshaped(side == .left ? [b.count, 1] : [1, b.count]), options)
      .reshaped(b.shape)
  }
  return try evaluateTriangularSolve(a, b, options)
}

/// Solves a x = b, given the factor `factor` = `cholesky(a)`; shapes as in `triangularSolve` on the left.
public func choleskySolve(_ factor: Tensor, _ b: Tensor) throws(TensorError) -> Tensor {
  try triangularSolve(factor, triangularSolve(factor, b), transpose: true)
}

/// Solves a x = b for square matrices by LU factorisation with pivoting.
///
/// - Parameters:
///   - a: shape (…, n, n).
///   - b: shape (…, n, k) with the same leading axes, or a vector (n) for one matrix.
/// - Throws: `TensorError.singular`, `TensorError.notFinite`.
public func solve(_ a: Tensor, _ b: Tensor) throws(TensorError) -> Tensor {
  if b.rank == 1 { return try evaluateSolve(a, b.reshaped([b.count, 1])).reshaped(b.shape) }
  return try evaluateSolve(a, b)
}

/// The inverse of a symmetric positive definite matrix whose Cholesky factor is `factor`; exactly symmetric.
public func inverse(cholesky factor: Tensor) throws(TensorError) -> Tensor {
  try evaluateCholeskyInverse(factor)
}

/// log det a = 2 Σ log L[i, i], given the factor L = `cholesky(a)`, shape (…, n, n) → (…).
public func logDeterminant(cholesky factor: Tensor) -> Tensor {
  evaluateLogDeterminant(cholesky: factor)
}

/// log det of symmetric positive definite matrices, shape (…, n, n) → (…).
///
/// - Throws: as `cholesky`.
public func logDeterminant(_ a: Tensor) throws(TensorError) -> Tensor {
  logDeterminant(cholesky: try cholesky(a))
}
