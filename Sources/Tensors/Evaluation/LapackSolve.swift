/// Which side of the unknown a matrix stands on: `a x = b` (left) or `x a = b` (right).
public enum MatrixSide: Hashable, Sendable {
  case left, right
}

/// The attributes of `triangularSolve` as a primitive.
public struct TriangularSolveOptions: Hashable, Sendable {
  /// Which side of the unknown the matrix stands on.
  public var side: MatrixSide
  /// Whether the matrix has entries on and below the diagonal, rather than above.
  public var lower: Bool
  /// Whether its transpose is meant.
  public var transpose: Bool
  /// Whether its diagonal counts as ones, whatever is there.
  public var unitDiagonal: Bool
}

/// Evaluates `triangularSolve` for a matrix or stack `a` and right-hand sides with the same batch axes, or any batch
/// axes when `a` is a single matrix.
func evaluateTriangularSolve(_ a: Tensor, _ b: Tensor, _ options: TriangularSolveOptions) throws(TensorError) -> Tensor
{
  let dtype = a.dtype.promoted(with: b.dtype)
  return switch dtype {
  case .float32: try evaluateTriangularSolve(a.asType(dtype), b.asType(dtype), options, Float.self)
  default: try evaluateTriangularSolve(a.asType(dtype), b.asType(dtype), options, Double.self)
  }
}

private func evaluateTriangularSolve<Scalar: LinearAlgebraScalar>(
  _ a: Tensor, _ b: Tensor, _ options: TriangularSolveOptions, _ type: Scalar.Type
) throws(TensorError) -> Tensor {
  let matrices = MatrixStack(square: a, for: "triangularSolve")
  let sides = MatrixStack(b, for: "triangularSolve")
  let size = matrices.rows
  precondition(
    (options.side == .left ? sides.rows : sides.columns) == size
      && (matrices.batchShape.isEmpty || matrices.batchShape == sides.batchShape),
    "triangularSolve: shapes \(a.shape) and \(b.shape) do not fit with the matrix on the \(options.side)")
  var result = b
  try withElements(of: a, as: type) { (a) throws(TensorError) in
    if !options.unitDiagonal {
      for index in 0..<matrices.count {
        let diagonal = (0..<size).first { a[index * size * size + $0 * (size + 1)] == 0 }
        if let diagonal { throw .singular(pivot: diagonal, size: size) }
      }
    }
    guard b.count > 0 else { return }
    try withMutableElements(of: &result, as: type) { (x) throws(TensorError) in
      nonisolated(unsafe) let (a, x) = (a, x)
      let solve = { @Sendable (rows: Int, matrix: UnsafePointer<Scalar>, x: UnsafeMutablePointer<Scalar>) in
        Scalar.trsm(
          left: options.side == .left, lower: options.lower, transpose: options.transpose,
          unitDiagonal: options.unitDiagonal, m: rows, n: sides.columns, alpha: 1, a: matrix, lda: size, b: x,
          ldb: sides.columns)
      }
      if matrices.batchShape.isEmpty && options.side == .right {
        // Rows of all right-hand sides stand below each other: one solve.
        Threads.withThreadedBLAS { solve(sides.count * sides.rows, a, x) }
      } else {
        let step = matrices.batchShape.isEmpty ? 0 : matrices.elementsPerMatrix
        _ = sides.forEach { index in
          solve(sides.rows, a + index * step, x + index * sides.elementsPerMatrix)
          return 0
        }
      }
    }
  }
  return result
}

/// Evaluates `solve` for general square matrices by pivoted LU, one right-hand side matrix per matrix.
func evaluateSolve(_ a: Tensor, _ b: Tensor) throws(TensorError) -> Tensor {
  let dtype = a.dtype.promoted(with: b.dtype)
  return switch dtype {
  case .float32: try evaluateSolve(a.asType(dtype), b.asType(dtype), Float.self)
  default: try evaluateSolve(a.asType(dtype), b.asType(dtype), Double.self)
  }
}

private func evaluateSolve<Scalar: LinearAlgebraScalar>(
  _ a: Tensor, _ b: Tensor, _ type: Scalar.Type
) throws(TensorError) -> Tensor {
  let matrices = MatrixStack(square: a, for: "solve")
  let sides = MatrixStack(b, for: "solve")
  let size = matrices.rows
  precondition(
    sides.rows == size && sides.batchShape == matrices.batchShape,
    "solve: shapes \(a.shape) and \(b.shape) do not fit")
  guard a.count > 0, b.count > 0 else { return b }
  var factors = a
  let swapped = Array(b.shape.indices.dropLast(2)) + [b.rank - 1, b.rank - 2]
  // LAPACK wants the right-hand sides by columns; the matrix it reads by columns is aᵀ, whose transpose it can solve
  // with.
  var result = b.transposed(swapped)
  try withMutableElements(of: &factors, as: type) { (a) throws(TensorError) in
    try matrices.requireFinite(a, lowerOnly: false, for: "solve")
    try withMutableElements(of: &result, as: type) { (x) throws(TensorError) in
      nonisolated(unsafe) let (a, x) = (a, x)
      let codes = matrices.forEach { index in
        let matrix = a + index * size * size
        return withUnsafeTemporaryAllocation(of: Int32.self, capacity: size) { pivots in
          guard let pivots = pivots.baseAddress else { return 0 }
          let code = Scalar.getrf(n: size, a: matrix, pivots: pivots)
          if code != 0 { return code }
          return Scalar.getrs(
            transpose: true, n: size, columns: sides.columns, a: matrix, pivots: pivots,
            b: x + index * sides.elementsPerMatrix)
        }
      }
      if let code = codes.first(where: { $0 != 0 }) { throw .singular(pivot: code - 1, size: size) }
    }
  }
  return result.transposed(swapped)
}
