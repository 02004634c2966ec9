extension Primitive {
  /// Tangents of the results: the directional derivative at `x` along `tangents`, linear in them.
  ///
  /// - Parameters:
  ///   - x: the inputs.
  ///   - y: the results at `x`.
  ///   - tangents: of the inputs; nil is zero. Inputs that are not floating-point have none.
  /// - Returns: the tangents of the results; nil is zero.
  func jvp(_ x: [Tensor], _ y: [Tensor], _ tangents: [Tensor?]) throws(TensorError) -> [Tensor?] {
    if tangents.allSatisfy({ $0 == nil }) { return y.map { _ in nil } }
    switch self {
    case .unary(let function):
      return [tangents[0].flatMap { t in function.derivative(x[0], y[0]).map { t * $0 } }]
    case .binary(let function):
      return [function.jvp(x[0], x[1], y[0], tangents[0], tangents[1])]
    case .multiplyAdd:
      let products = [tangents[0].map { $0 * x[1] }, tangents[1].map { $0 * x[0] }, tangents[2]]
      return [Self.sum(products).map { $0.broadcast(to: y[0].shape) }]
    case .select:
      guard tangents[1] != nil || tangents[2] != nil else { return [nil] }
      return [apply(self, [x[0], tangents[1] ?? .zero(of: x[1]), tangents[2] ?? .zero(of: x[2])])]
    case .convert(let dtype):
      return [dtype.isFloatingPoint ? tangents[0]?.asType(dtype) : nil]
    case .compare, .argReduce, .argSort, .iota, .stopGradient:
      return y.map { _ in nil }

    case .reshape, .transpose, .broadcast, .reverse, .slice, .reduce(.sum, _), .cumulativeSum, .windowSum:
      return [tangents[0].map { apply(self, [$0]) }]
    case .take, .scatterAdd, .takeAlong, .scatterAddAlong, .dynamicSlice:
      return [tangents[0].map { apply(self, [$0, x[1]]) }]
    case .assign, .pad:
      return [apply(self, [tangents[0] ?? .zero(of: x[0]), tangents[1] ?? .zero(of: x[1])])]
    case .concatenate:
      return [apply(self, zip(tangents, x).map { $0 ?? .zero(of: $1) })]
    case .dynamicUpdateSlice:
      return [apply(self, [tangents[0] ?? .zero(of: x[0]), tangents[1] ?? .zero(of: x[1]), x[2]])]

    case .reduce(.product, let axes):
      return [tangents[0].map { Self.productTangent(x[0], $0, axes) }]
    case .reduce(_, let axes):
      return [tangents[0].map { ($0 * Self.extremeWeights(x[0], y[0], axes)).sum(axes: axes) }]
    case .sort(let axis):
      return [tangents[0]?.takingAlong(x[0].argSorted(axis: axis), axis: axis)]

    case .dotGeneral, .convolution:
      return [Self.sum([tangents[0].map { apply(self, [$0, x[1]]) }, tangents[1].map { apply(self, [x[0], $0]) }])]
    case .cholesky:
      return [try tangents[0].map { t throws(TensorError) in try Self.choleskyTangent(y[0], t.lowerSymmetric) }]
    case .triangularSolve(let options):
      return [try Self.solveTangent(x[0], y[0], tangents, options.triangle, options.side, transpose: options.transpose) {
        right throws(TensorError) in try applyAll(self, [x[0], right])[0]
      }]
    case .solve:
      return [try Self.solveTangent(x[0], y[0], tangents, { $0 }, .left, transpose: false) {
        right throws(TensorError) in try applyAll(self, [x[0], right])[0]
      }]
    case .eigh(let vectors):
      guard let t = tangents[0]?.lowerSymmetric else { return y.map { _ in nil } }
      return try Self.eigenTangents(vectors ? y : applyAll(.eigh(vectors: true), x), t, vectors: vectors)
    case .call(let subprogram):
      return try subprogram.jvp(x, y, tangents)
    }
  }

  static func sum(_ terms: [Tensor?]) -> Tensor? {
    let present = terms.compactMap { $0 }
    return present.dropFirst().reduce(present.first) { sum, term in sum.map { $0 + term } }
  }

  /// The part that each element has in the smallest or largest: equal parts for those that are equal.
  static func extremeWeights(_ x: Tensor, _ y: Tensor, _ axes: [Int]) -> Tensor {
    let kept = x.shape.indices.map { axes.contains($0) ? 1 : x.shape[$0] }
    let isExtreme = (x .== y.reshaped(kept)).asType(x.dtype)
    return isExtreme / isExtreme.sum(axes: axes, keepDims: true)
  }

  /// The tangent of a product, by multiplying neighbours again and again: no division, so zeros do no harm.
  private static func productTangent(_ x: Tensor, _ tangent: Tensor, _ axes: [Int]) -> Tensor {
    let kept = x.shape.indices.filter { !axes.contains($0) }
    let shape = kept.map { x.shape[$0] }
    var length = axes.map { x.shape[$0] }.product
    func lined(_ tensor: Tensor) -> Tensor { tensor.transposed(kept + axes).reshaped(shape + [length]) }
    var (product, tangent) = (lined(x), lined(tangent))
    if length == 0 { return .zeros(shape, dtype: x.dtype) }
    while length > 1 {
      let half = length / 2
      let (first, second) = (product[.ellipsis, 0..<half], product[.ellipsis, half..<2 * half])
      let (left, right) = (tangent[.ellipsis, 0..<half], tangent[.ellipsis, half..<2 * half])
      let (rest, restTangent) = (product[.ellipsis, 2 * half..<length], tangent[.ellipsis, 2 * half..<length])
      product = Tensors.concatenate([first * second, rest], axis: -1)
      tangent = Tensors.concatenate([left * second + right * first, restTangent], axis: -1)
      length -= half
    }
    return tangent.reshaped(shape)
  }

  /// dL = L Φ(L⁻¹ dA L⁻ᵀ), where Φ takes the lower triangle and half of the diagonal.
  ///
  /// *Source:* Murray, "Differentiation of the Cholesky decomposition" (2016).
  static func choleskyTangent(_ factor: Tensor, _ tangent: Tensor) throws(TensorError) -> Tensor {
    let middle = try triangularSolve(triangularSolved(factor, tangent), by: factor)
    let size = factor.shape[factor.rank - 1]
    let weights = Tensor.ones([size, size], dtype: factor.dtype).lowerTriangle()
      - 0.5 * Tensor.eye(size, dtype: factor.dtype)
    return matmul(factor, middle * weights)
  }

  private static func triangularSolved(_ factor: Tensor, _ b: Tensor) throws(TensorError) -> Tensor {
    try Tensors.triangularSolve(factor, b)
  }

  /// b L⁻ᵀ.
  private static func triangularSolve(_ b: Tensor, by factor: Tensor) throws(TensorError) -> Tensor {
    try Tensors.triangularSolve(factor, b, transpose: true, side: .right)
  }

  /// dX = A⁻¹ (dB − dA X) for A X = B, and on the other side dX = (dB − X dA) A⁻¹.
  private static func solveTangent(
    _ a: Tensor, _ x: Tensor, _ tangents: [Tensor?], _ part: (Tensor) -> Tensor, _ side: MatrixSide, transpose: Bool,
    _ solve: (Tensor) throws(TensorError) -> Tensor
  ) throws(TensorError) -> Tensor? {
    let change = tangents[0].map { tangent in
      let matrix = transpose ? part(tangent).swappedAxes(-1, -2) : part(tangent)
      return side == .left ? matmul(matrix, x) : matmul(x, matrix)
    }
    guard let right = sum([tangents[1], change.map { -$0 }]) else { return nil }
    return try solve(right)
  }

  /// With M = Vᵀ dA V: dλ = diag M and dV = V (M ∘ F), where F = 1 / (λ_j − λ_i) off the diagonal and 0 where
  /// eigenvalues are equal. `y` are the values and the vectors as rows.
  private static func eigenTangents(_ y: [Tensor], _ tangent: Tensor, vectors: Bool) throws(TensorError) -> [Tensor?] {
    let (values, rows) = (y[0], y[1])
    let rotated = matmul(matmul(rows, tangent), rows.swappedAxes(-1, -2))
    let valueTangent = rotated.diagonal()
    guard vectors else { return [valueTangent] }
    let difference = values.expandedDims(-2) - values.expandedDims(-1)
    let isEqual = difference .== 0
    let factors = Tensors.select(isEqual, 0, reciprocal(Tensors.select(isEqual, 1, difference)))
    return [valueTangent, matmul((rotated * factors).swappedAxes(-1, -2), rows)]
  }
}

extension TriangularSolveOptions {
  /// The part of a matrix that the solution depends on.
  func triangle(_ a: Tensor) -> Tensor {
    let offset = unitDiagonal ? 1 : 0
    return lower ? a.lowerTriangle(offset: -offset) : a.upperTriangle(offset: offset)
  }
}

extension Tensor {
  /// The symmetric matrices that have this lower triangle.
  var lowerSymmetric: Tensor { lowerTriangle() + lowerTriangle(offset: -1).swappedAxes(-1, -2) }

  static func zero(of tensor: Tensor) -> Tensor { .zeros(tensor.shape, dtype: tensor.dtype) }
}
