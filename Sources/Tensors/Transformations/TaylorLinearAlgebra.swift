// Series of factorisations and solutions: comparing coefficients in the equation that defines the result gives for each
// coefficient the equation of a first derivative, with what the coefficients before contribute on its right side.

extension Primitive {
  /// L Lᵀ = A: L_k solves L_k L_0ᵀ + L_0 L_kᵀ = A_k − Σ L_j L_{k−j}ᵀ over 0 < j < k.
  static func choleskySeries(_ a: TaylorSeries) throws(TensorError) -> TaylorSeries {
    let factor = try Tensors.cholesky(a.value)
    return try TaylorSeries(factor, order: a.order) { k, before throws(TensorError) in
      let known = TaylorSeries.products(before, before, k, 1..<k) { matmul($0, $1.swappedAxes(-1, -2)) }
      guard let right = TaylorSeries.difference(a[k]?.lowerSymmetric, known) else { return nil }
      return try choleskyTangent(factor, right)
    }
  }

  /// A X = B: A_0 X_k = B_k − Σ A_j X_{k−j} over j ≥ 1; on the other side of X where the matrix is there.
  ///
  /// - Parameters:
  ///   - a: the matrix that is solved with: a triangle where only one is read.
  ///   - solve: solves with A_0.
  static func solutionSeries(
    _ a: TaylorSeries, _ b: TaylorSeries, _ side: MatrixSide, _ solve: (Tensor) throws(TensorError) -> Tensor
  ) throws(TensorError) -> TaylorSeries {
    try TaylorSeries(solve(b.value), order: a.order) { k, before throws(TensorError) in
      let known = TaylorSeries.products(a, before, k, 1..<k + 1) { side == .left ? matmul($0, $1) : matmul($1, $0) }
      guard let right = TaylorSeries.difference(b[k], known) else { return nil }
      return try solve(right)
    }
  }

  /// A V = V Λ and VᵀV = 1, in the coordinates of V_0, where B = V_0ᵀ A V_0, V = V_0 U and U_0 = 1.
  ///
  /// Coefficient k of B U = U Λ reads Λ_k + U_k Λ_0 − Λ_0 U_k = R with R = Σ B_j U_{k−j} over j ≥ 1 less
  /// Σ U_j Λ_{k−j} over 0 < j < k: its diagonal is Λ_k, the rest gives U_k off the diagonal by dividing by differences
  /// of eigenvalues.
  /// The diagonal of U_k comes from coefficient k of UᵀU = 1. Where eigenvalues are equal at t = 0 the vectors are not
  /// turned among each other: the series are right for distinct eigenvalues.
  static func eigenSeries(_ a: TaylorSeries, vectors: Bool) throws(TensorError) -> [TaylorSeries] {
    let values = try applyAll(.eigh(vectors: true), [a.value])
    let rows = values[1]
    let columns = rows.swappedAxes(-1, -2)
    let difference = values[0].expandedDims(-2) - values[0].expandedDims(-1)
    let isEqual = difference .== 0
    let factors = Tensors.select(isEqual, 0, reciprocal(Tensors.select(isEqual, 1, difference)))
    let identity = Tensor.eye(rows.shape[rows.rank - 1], dtype: rows.dtype)

    let b = a.mapped { matmul(matmul(rows, $0.lowerSymmetric), columns) }
    var lambda = TaylorSeries([values[0]])
    let u = TaylorSeries(identity.broadcast(to: rows.shape), order: a.order) { k, before in
      let gain = TaylorSeries.products(b, before, k, 1..<k + 1, matmul)
      let loss = TaylorSeries.products(before, lambda, k, 1..<k) { $0 * $1.expandedDims(-2) }
      let right = TaylorSeries.difference(gain, loss)
      lambda.coefficients.append(right?.diagonal())
      let norm = TaylorSeries.products(before, before, k, 1..<k) { ($0 * $1).sum(axis: -2) }
      return sum([right.map { $0 * factors }, norm.map { identity * (-0.5 * $0).expandedDims(-2) }])
    }
    return vectors ? [lambda, u.mapped { matmul($0.swappedAxes(-1, -2), rows) }.replacingValue(rows)] : [lambda]
  }
}
