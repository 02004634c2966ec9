/// The lower triangular L with positive diagonal and a = L Lᵀ. Only the lower triangle of `a` is read.
///
/// - Parameter a: symmetric positive definite matrices, shape (…, n, n), float32 or float64.
/// - Throws: `TensorError.notPositiveDefinite` with the first pivot that fails, `TensorError.notFinite`.
/// - Complexity: n³/3 multiplications and additions, on all threads.
public func cholesky(_ a: consuming Tensor) throws(TensorError) -> Tensor {
  try applyAll(.cholesky, [a])[0]
}

/// Solves a x = b (`side: .left`) or x a = b (`side: .right`) with a triangular matrix.
///
/// - Parameters:
///   - a: shape (…, n, n); the triangle that is not named is not read.
///   - b: shape (…, n, k) on the left, (…, k, n) on the right, with the leading axes of `a`, or with any when `a` is
///     one matrix. A vector (n) is one column or row.
///   - transpose: solve with aᵀ instead (`lower` still says which triangle of `a` is read).
///   - unitDiagonal: take the diagonal for ones without reading it.
///   - lower: whether the matrix has entries on and below the diagonal, rather than above.
///   - side: which side of the unknown the matrix stands on.
/// - Throws: `TensorError.singular` when the diagonal has a zero.
public func triangularSolve(
  _ a: Tensor, _ b: Tensor, lower: Bool = true, transpose: Bool = false, unitDiagonal: Bool = false,
  side: MatrixSide = .left
) throws(TensorError) -> Tensor {
  let options = TriangularSolveOptions(side: side, lower: lower, transpose: transpose, unitDiagonal: unitDiagonal)
  let dtype = a.dtype.promoted(with: b.dtype).promoted(with: .float32)
  let sides = b.rank == 1 ? b.reshaped(side == .left ? [b.count, 1] : [1, b.count]) : b
  return try applyAll(.triangularSolve(options), [a.asType(dtype), sides.asType(dtype)])[0].reshaped(b.shape)
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
  let dtype = a.dtype.promoted(with: b.dtype).promoted(with: .float32)
  let sides = b.rank == 1 ? b.reshaped([b.count, 1]) : b
  return try applyAll(.solve, [a.asType(dtype), sides.asType(dtype)])[0].reshaped(b.shape)
}

/// The inverse of a symmetric positive definite matrix whose Cholesky factor is `factor`; exactly symmetric.
public func inverse(cholesky factor: Tensor) throws(TensorError) -> Tensor {
  guard factor.isTraced else { return try evaluateCholeskyInverse(factor) }
  let size = factor.shape[factor.rank - 1]
  return try choleskySolve(factor, Tensor.eye(size, dtype: factor.dtype).broadcast(to: factor.shape))
}

/// log det a = 2 Σ log L[i, i], given the factor L = `cholesky(a)`, shape (…, n, n) → (…).
public func logDeterminant(cholesky factor: Tensor) -> Tensor {
  2 * log(factor.diagonal()).sum(axis: -1)
}

/// log det of symmetric positive definite matrices, shape (…, n, n) → (…).
///
/// - Throws: as `cholesky`.
public func logDeterminant(_ a: Tensor) throws(TensorError) -> Tensor {
  logDeterminant(cholesky: try cholesky(a))
}
