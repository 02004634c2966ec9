/// Eigenvalues and eigenvectors of symmetric matrices: a = vectors · diag(values) · vectorsᵀ. Only the lower triangle
/// is read.
///
/// - Parameter a: shape (…, n, n), float32 or float64.
/// - Returns: values in ascending order, shape (…, n); orthonormal vectors in the columns of shape (…, n, n).
/// - Throws: `TensorError.notFinite`, `TensorError.notConverged`.
public func eigh(_ a: Tensor) throws(TensorError) -> (values: Tensor, vectors: Tensor) {
  let (values, rows) = try eigenvectorRows(a)
  return (values, rows.transposed(swappingLastAxes(rows.rank)))
}

/// `eigh` with the eigenvectors in rows, which is how they come out of LAPACK: one pass over the matrix less.
package func eigenvectorRows(_ a: Tensor) throws(TensorError) -> (values: Tensor, rows: Tensor) {
  let results = try applyAll(.eigh(vectors: true), [a])
  return (results[0], results[1])
}

/// The eigenvalues of symmetric matrices in ascending order, shape (…, n, n) → (…, n).
///
/// - Throws: as `eigh`.
public func eigenvaluesSymmetric(_ a: Tensor) throws(TensorError) -> Tensor {
  try applyAll(.eigh(vectors: false), [a])[0]
}

/// The largest eigenvalue of one symmetric matrix, to rounding error.
///
/// Large matrices by Lanczos iteration, a few dozen products with the matrix; if that converges too slowly, and for
/// small matrices, by a direct method.
///
/// - Throws: as `eigh`.
public func largestEigenvalue(_ a: Tensor) throws(TensorError) -> Double {
  requireElements(a, "largestEigenvalue", "eigenvaluesSymmetric")
  return try evaluateLargestEigenvalue(a)
}

/// The singular value decomposition a = u · diag(values) · vTransposed.
///
/// - Parameters:
///   - a: shape (…, m, n), float32 or float64.
///   - vectors: `.thin`: u (…, m, r) and vTransposed (…, r, n) with r = min(m, n); `.full`: u (…, m, m) and
///     vTransposed (…, n, n).
/// - Returns: values (…, r), descending.
/// - Throws: `TensorError.notFinite`, `TensorError.notConverged`.
public func svd(
  _ a: Tensor, vectors: SingularVectors = .thin
) throws(TensorError) -> (u: Tensor, values: Tensor, vTransposed: Tensor) {
  requireElements(a, "svd", "eigh of the product with the transpose")
  let result = try evaluateSVD(a, vectors: vectors)
  guard let (u, vTransposed) = result.vectors else { preconditionFailure("svd without the vectors it was asked for") }
  return (u, result.values, vTransposed)
}

/// The singular values, descending: shape (…, m, n) → (…, min(m, n)).
///
/// - Throws: as `svd`.
public func singularValues(_ a: Tensor) throws(TensorError) -> Tensor {
  requireElements(a, "singularValues", "the roots of eigenvaluesSymmetric of the product with the transpose")
  return try evaluateSVD(a, vectors: nil).values
}

/// The thin factorisation a = q r with orthonormal columns in q and upper triangular (trapezoidal) r.
///
/// - Parameter a: shape (…, m, n), float32 or float64.
/// - Returns: q (…, m, min(m, n)) and r (…, min(m, n), n).
public func qr(_ a: Tensor) throws(TensorError) -> (q: Tensor, r: Tensor) {
  requireElements(a, "qr", "cholesky of the product with the transpose")
  return try evaluateQR(a)
}

private func requireElements(_ a: Tensor, _ name: String, _ alternative: String) {
  precondition(
    !a.isTraced,
    "\(name): expected a tensor with elements, found a traced one of \(a.type); it has no derivative: use \(alternative)")
}

private func swappingLastAxes(_ rank: Int) -> [Int] { Array(0..<rank - 2) + [rank - 1, rank - 2] }
