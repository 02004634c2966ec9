import CLinearAlgebra

/// Eigenvalues in ascending order, and the eigenvectors as rows: the form LAPACK's columns have when read by rows.
struct EigenRows {
  var values: Tensor
  var vectors: Tensor?
}

func evaluateEigen(_ a: Tensor, vectors: Bool) throws(TensorError) -> EigenRows {
  switch a.dtype {
  case .float32: try evaluateEigen(a, vectors: vectors, Float.self)
  default: try evaluateEigen(a, vectors: vectors, Double.self)
  }
}

private func evaluateEigen<Scalar: LinearAlgebraScalar>(
  _ a: Tensor, vectors: Bool, _ type: Scalar.Type
) throws(TensorError) -> EigenRows {
  let stack = MatrixStack(square: a, for: "eigh")
  let size = stack.rows
  var values = Tensor(uninitialized: stack.batchShape + [size], dtype: a.dtype)
  guard a.count > 0 else { return EigenRows(values: values, vectors: vectors ? a : nil) }
  var work = a
  try withElements(of: a, as: type) { (elements) throws(TensorError) in
    try stack.requireFinite(elements, lowerOnly: true, for: "eigh")
  }
  var codes = try withMutableElements(of: &work, as: type) { (matrices) throws(TensorError) in
    try withMutableElements(of: &values, as: type) { (values) throws(TensorError) in
      nonisolated(unsafe) let (matrices, values) = (matrices, values)
      return stack.forEach { index in
        Scalar.syevd(vectors: vectors, n: size, a: matrices + index * size * size, values: values + index * size)
      }
    }
  }
  if codes.contains(Int(nt_no_workspace)) {
    // Divide and conquer needs 2n² numbers of workspace, more than 32-bit LAPACK can be told from n = 32766; relatively
    // robust representations need a multiple of n.
    work = a
    var z = Tensor(uninitialized: vectors ? a.shape : [0], dtype: a.dtype)
    codes = try withMutableElements(of: &work, as: type) { (matrices) throws(TensorError) in
      try withMutableElements(of: &values, as: type) { (values) throws(TensorError) in
        try withMutableElements(of: &z, as: type) { (z) throws(TensorError) in
          nonisolated(unsafe) let (matrices, values, z) = (matrices, values, z)
          return stack.forEach { index in
            Scalar.syevr(
              vectors: vectors, n: size, a: matrices + index * size * size, range: 0...size - 1,
              values: values + index * size, z: vectors ? z + index * size * size : nil)
          }
        }
      }
    }
    work = z
  }
  try stack.checkConvergence(codes, of: "eigh")
  return EigenRows(values: values, vectors: vectors ? work : nil)
}

/// The largest eigenvalue of one symmetric matrix.
func evaluateLargestEigenvalue(_ a: Tensor) throws(TensorError) -> Double {
  switch a.dtype {
  case .float32: try evaluateLargestEigenvalue(a, Float.self)
  default: try evaluateLargestEigenvalue(a, Double.self)
  }
}

private func evaluateLargestEigenvalue<Scalar: LinearAlgebraScalar>(
  _ a: Tensor, _ type: Scalar.Type
) throws(TensorError) -> Double {
  let stack = MatrixStack(square: a, for: "largestEigenvalue")
  precondition(stack.batchShape.isEmpty && stack.rows > 0, "largestEigenvalue: expected one matrix, found \(a.shape)")
  let estimate = try withElements(of: a, as: type) { (elements) throws(TensorError) in
    try stack.requireFinite(elements, lowerOnly: true, for: "largestEigenvalue")
    return Threads.withThreadedBLAS { lanczosLargestEigenvalue(elements, size: stack.rows) }
  }
  if let estimate { return Double(estimate) }
  var work = a
  var value: Scalar = 0
  let code = try withMutableElements(of: &work, as: type) { (matrix) throws(TensorError) in
    Threads.withThreadedBLAS {
      Scalar.syevr(
        vectors: false, n: stack.rows, a: matrix, range: stack.rows - 1...stack.rows - 1, values: &value, z: nil)
    }
  }
  try stack.checkConvergence([code], of: "largestEigenvalue")
  return Double(value)
}

/// Lanczos iteration with full reorthogonalisation, or nil when it has not converged to rounding error within a few
/// hundred products with the matrix (then a direct method is the better choice), or the matrix is small.
///
/// The Ritz value θ with residual r = |β s| lies within r of an eigenvalue, and within about r²/gap; it is accepted at
/// r ≤ 64 ε |θ|. The start is fixed and without structure, so that results repeat and no eigenvector is orthogonal to
/// it.
private func lanczosLargestEigenvalue<Scalar: LinearAlgebraScalar>(
  _ matrix: UnsafePointer<Scalar>, size: Int
) -> Scalar? {
  guard size > 128 else { return nil }
  let mostSteps = min(size / 4, 600)
  var basis = [Scalar](repeating: 0, count: (mostSteps + 1) * size)
  var overlaps = [Scalar](repeating: 0, count: mostSteps + 1)
  var diagonal: [Scalar] = []
  var offDiagonal: [Scalar] = []
  var nextCheck = 8
  return basis.withUnsafeMutableBufferPointer { basis -> Scalar? in
    guard let basis = basis.baseAddress else { return nil }
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    for index in 0..<size {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      basis[index] = Scalar(Double(state >> 11) / Double(1 << 53) - 0.5)
    }
    scale(basis, by: 1 / norm(basis, size), size)
    for step in 0..<mostSteps {
      let current = basis + step * size
      let next = basis + (step + 1) * size
      next.update(repeating: 0, count: size)
      Scalar.symv(n: size, a: matrix, x: current, y: next)
      diagonal.append(dot(current, next, size))
      // Twice is enough to make the basis orthogonal to rounding error.
      for _ in 0..<2 {
        overlaps.withUnsafeMutableBufferPointer { overlaps in
          guard let overlaps = overlaps.baseAddress else { return }
          overlaps.update(repeating: 0, count: step + 1)
          Scalar.gemv(
            columnMajor: false, transpose: false, m: step + 1, n: size, a: basis, lda: size, x: next, incx: 1,
            y: overlaps, incy: 1)
          for earlier in 0...step { subtract(basis + earlier * size, times: overlaps[earlier], from: next, size) }
        }
      }
      let beta = norm(next, size)
      let largest = diagonal.reduce(0) { max($0, abs($1)) }
      let isInvariant = beta <= Scalar.ulpOfOne * largest
      if isInvariant || step + 1 == nextCheck || step + 1 == mostSteps {
        guard let ritz = largestRitzPair(diagonal, offDiagonal) else { return nil }
        if beta * abs(ritz.lastComponent) <= 64 * Scalar.ulpOfOne * abs(ritz.value) { return ritz.value }
        if isInvariant { return nil }
        nextCheck = nextCheck + max(4, nextCheck / 4)
      }
      offDiagonal.append(beta)
      scale(next, by: 1 / beta, size)
    }
    return nil
  }
}

private func largestRitzPair<Scalar: LinearAlgebraScalar>(
  _ diagonal: [Scalar], _ offDiagonal: [Scalar]
) -> (value: Scalar, lastComponent: Scalar)? {
  let size = diagonal.count
  var matrix = [Scalar](repeating: 0, count: size * size)
  for index in 0..<size { matrix[index * (size + 1)] = diagonal[index] }
  for index in 0..<size - 1 { matrix[(index + 1) * size + index] = offDiagonal[index] }
  var values = [Scalar](repeating: 0, count: size)
  guard Scalar.syevd(vectors: true, n: size, a: &matrix, values: &values) == 0 else { return nil }
  return (values[size - 1], matrix[size * size - 1])
}

private func dot<Scalar: LinearAlgebraScalar>(_ x: UnsafePointer<Scalar>, _ y: UnsafePointer<Scalar>, _ size: Int)
  -> Scalar
{
  var sum: Scalar = 0
  for index in 0..<size { sum += x[index] * y[index] }
  return sum
}

private func norm<Scalar: LinearAlgebraScalar>(_ x: UnsafePointer<Scalar>, _ size: Int) -> Scalar {
  dot(x, x, size).squareRoot()
}

private func scale<Scalar: LinearAlgebraScalar>(_ x: UnsafeMutablePointer<Scalar>, by factor: Scalar, _ size: Int) {
  for index in 0..<size { x[index] *= factor }
}

private func subtract<Scalar: LinearAlgebraScalar>(
  _ x: UnsafePointer<Scalar>, times factor: Scalar, from y: UnsafeMutablePointer<Scalar>, _ size: Int
) {
  for index in 0..<size { y[index] -= factor * x[index] }
}
