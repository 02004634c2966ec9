/// Evaluates `svd`. LAPACK sees the transpose, aᵀ = U S Vᵀ, so that a = V S Uᵀ: its Vᵀ by columns is our u by rows, and
/// its U our vᵀ.
///
/// Without `vectors` the singular values alone.
func evaluateSVD(
  _ a: Tensor, vectors: SingularVectors?
) throws(TensorError) -> (values: Tensor, vectors: (u: Tensor, vTransposed: Tensor)?) {
  switch a.dtype {
  case .float32: try evaluateSVD(a, vectors: vectors, Float.self)
  default: try evaluateSVD(a, vectors: vectors, Double.self)
  }
}

private func evaluateSVD<Scalar: LinearAlgebraScalar>(
  _ a: Tensor, vectors: SingularVectors?, _ type: Scalar.Type
) throws(TensorError) -> (values: Tensor, vectors: (u: Tensor, vTransposed: Tensor)?) {
  let stack = MatrixStack(a, for: "svd")
  let (rows, columns) = (stack.rows, stack.columns)
  let rank = min(rows, columns)
  var values = Tensor(uninitialized: stack.batchShape + [rank], dtype: a.dtype)
  let (uColumns, vRows) = vectors == .full ? (rows, columns) : (rank, rank)
  guard a.count > 0 else {
    guard vectors != nil else { return (values, nil) }
    let u = identityStack(stack.batchShape, rows, uColumns, a.dtype)
    return (values, (u, identityStack(stack.batchShape, vRows, columns, a.dtype)))
  }
  let hasVectors = vectors != nil
  var u = Tensor(uninitialized: hasVectors ? stack.batchShape + [rows, uColumns] : [0], dtype: a.dtype)
  var v = Tensor(uninitialized: hasVectors ? stack.batchShape + [vRows, columns] : [0], dtype: a.dtype)
  var work = a
  let codes = try withMutableElements(of: &work, as: type) { (matrices) throws(TensorError) in
    try stack.requireFinite(matrices, lowerOnly: false, for: "svd")
    return try withMutableElements(of: &values, as: type) { (values) throws(TensorError) in
      try withMutableElements(of: &u, as: type) { (u) throws(TensorError) in
        try withMutableElements(of: &v, as: type) { (v) throws(TensorError) in
          nonisolated(unsafe) let (matrices, values, u, v) = (matrices, values, u, v)
          return stack.forEach { index in
            Scalar.gesdd(
              vectors: vectors, m: columns, n: rows, a: matrices + index * rows * columns,
              values: values + index * rank,
              u: hasVectors ? v + index * vRows * columns : nil, vt: hasVectors ? u + index * rows * uColumns : nil,
              ldvt: uColumns)
          }
        }
      }
    }
  }
  try stack.checkConvergence(codes, of: "svd")
  return (values, hasVectors ? (u, v) : nil)
}

/// Evaluates `qr`. LAPACK sees the transpose, aᵀ = L Q, so that a = Qᵀ Lᵀ: both factors lie by columns as ours do by
/// rows.
func evaluateQR(_ a: Tensor) throws(TensorError) -> (q: Tensor, r: Tensor) {
  switch a.dtype {
  case .float32: try evaluateQR(a, Float.self)
  default: try evaluateQR(a, Double.self)
  }
}

private func evaluateQR<Scalar: LinearAlgebraScalar>(
  _ a: Tensor, _ type: Scalar.Type
) throws(TensorError) -> (q: Tensor, r: Tensor) {
  let stack = MatrixStack(a, for: "qr")
  let (rows, columns) = (stack.rows, stack.columns)
  let rank = min(rows, columns)
  var q = Tensor(uninitialized: stack.batchShape + [rows, rank], dtype: a.dtype)
  var r = Tensor(uninitialized: stack.batchShape + [rank, columns], dtype: a.dtype)
  guard a.count > 0 else { return (q, r) }
  var work = a
  let codes = try withMutableElements(of: &work, as: type) { (matrices) throws(TensorError) in
    try withMutableElements(of: &q, as: type) { (q) throws(TensorError) in
      try withMutableElements(of: &r, as: type) { (r) throws(TensorError) in
        nonisolated(unsafe) let (matrices, q, r) = (matrices, q, r)
        return stack.forEach { index in
          withUnsafeTemporaryAllocation(of: Scalar.self, capacity: rank) { tau in
            guard let tau = tau.baseAddress else { return 0 }
            let matrix = matrices + index * rows * columns
            let (q, r) = (q + index * rows * rank, r + index * rank * columns)
            let code = Scalar.gelqf(m: columns, n: rows, a: matrix, tau: tau)
            if code != 0 { return code }
            for row in 0..<rank {
              for column in 0..<columns {
                r[row * columns + column] = column < row ? 0 : matrix[row * columns + column]
              }
            }
            for row in 0..<rows { (q + row * rank).update(from: matrix + row * columns, count: rank) }
            return Scalar.orglq(m: rank, n: rows, k: rank, a: q, tau: tau)
          }
        }
      }
    }
  }
  try stack.checkConvergence(codes, of: "qr")
  return (q, r)
}

private func identityStack(_ batchShape: [Int], _ rows: Int, _ columns: Int, _ dtype: DType) -> Tensor {
  func make<Scalar: LinearAlgebraScalar>(_ type: Scalar.Type) -> Tensor {
    Tensor(shape: batchShape + [rows, columns], of: type) { elements in
      for index in elements.indices {
        elements[index] = index / max(1, columns) % max(1, rows) == index % max(1, columns) ? 1 : 0
      }
    }
  }
  return dtype == .float32 ? make(Float.self) : make(Double.self)
}
