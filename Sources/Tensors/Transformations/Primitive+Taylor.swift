extension Primitive {
  /// The series of the results for series of the inputs, all of one order K.
  ///
  /// The counterpart of `jvp` for curves: where that takes x'(0), this takes all of x(t) up to tᴷ and gives y(t). It
  /// takes O(K²) operations, of which those of K = 1 are those of `jvp`.
  func taylor(_ x: [TaylorSeries], order: Int) throws(TensorError) -> [TaylorSeries] {
    if x.allSatisfy(\.isConstant) {
      return try applyAll(self, x.map(\.value)).map { TaylorSeries($0, order: order) }
    }
    switch self {
    case .unary(let function):
      return [function.taylor(x[0], value(x))]
    case .binary(let function):
      let z = value(x)
      return [function.taylor(x[0], x[1], z).broadcast(to: z.shape)]
    case .multiplyAdd:
      let y = value(x)
      return [(x[0] * x[1] + x[2]).replacingValue(y).broadcast(to: y.shape)]
    case .convert(let dtype):
      let y = value(x)
      guard dtype.isFloatingPoint else { return [TaylorSeries(y, order: order)] }
      return [x[0].mapped { $0.asType(dtype) }.replacingValue(y)]
    case .compare, .argReduce, .argSort, .iota, .stopGradient:
      return [TaylorSeries(value(x), order: order)]

    case .reshape, .transpose, .broadcast, .reverse, .slice, .reduce(.sum, _), .cumulativeSum, .windowSum:
      return [x[0].mapped { apply(self, [$0]) }]
    case .take, .scatterAdd, .takeAlong, .scatterAddAlong, .dynamicSlice:
      return [x[0].mapped { apply(self, [$0, x[1].value]) }]
    case .select:
      return [Self.linear(Array(x[1...])) { apply(self, [x[0].value] + $0) }]
    case .assign, .pad, .concatenate:
      return [Self.linear(x) { apply(self, $0) }]
    case .dynamicUpdateSlice:
      return [Self.linear(Array(x[..<2])) { apply(self, $0 + [x[2].value]) }]

    case .reduce(.product, let axes):
      return [Self.productSeries(x[0], axes).replacingValue(value(x))]
    case .reduce(.min, let axes), .reduce(.max, let axes):
      let y = value(x)
      let weights = Self.extremeWeights(x[0].value, y, axes)
      return [x[0].mapped { ($0 * weights).sum(axes: axes) }.replacingValue(y)]
    case .sort(let axis):
      let places = x[0].value.argSorted(axis: axis)
      return [x[0].mapped { $0.takingAlong(places, axis: axis) }]

    case .dotGeneral, .convolution:
      return [
        TaylorSeries(
          (0...order).map { k in TaylorSeries.products(x[0], x[1], k, 0..<k + 1) { apply(self, [$0, $1]) } })
      ]
    case .cholesky:
      return [try Self.choleskySeries(x[0])]
    case .triangularSolve(let options):
      let matrix = x[0].mapped { options.transpose ? options.triangle($0).swappedAxes(-1, -2) : options.triangle($0) }
      return [
        try Self.solutionSeries(matrix, x[1], options.side) { right throws(TensorError) in
          try applyAll(self, [x[0].value, right])[0]
        }
      ]
    case .solve:
      return [
        try Self.solutionSeries(x[0], x[1], .left) { right throws(TensorError) in
          try applyAll(self, [x[0].value, right])[0]
        }
      ]
    case .eigh(let vectors):
      return try Self.eigenSeries(x[0], vectors: vectors)
    case .call(let subprogram):
      return try subprogram.taylor(x, order: order)
    }
  }

  /// The result at t = 0 of a primitive that has one and cannot fail.
  private func value(_ x: [TaylorSeries]) -> Tensor { apply(self, x.map(\.value)) }

  /// A function that is linear in all of its arguments together.
  static func linear(_ x: [TaylorSeries], _ apply: ([Tensor]) -> Tensor) -> TaylorSeries {
    TaylorSeries(
      x[0].coefficients.indices.map { k in
        x.contains { $0[k] != nil } ? apply(x.map { $0[k] ?? .zero(of: $0.value) }) : nil
      })
  }

  /// The series of a product, by multiplying neighbours again and again: no division, so zeros do no harm.
  private static func productSeries(_ x: TaylorSeries, _ axes: [Int]) -> TaylorSeries {
    let inputShape = x.value.shape
    let kept = inputShape.indices.filter { !axes.contains($0) }
    let shape = kept.map { inputShape[$0] }
    var length = axes.map { inputShape[$0] }.product
    if length == 0 { return TaylorSeries(.ones(shape, dtype: x.value.dtype), order: x.order) }
    var product = x.mapped { [length] in $0.transposed(kept + axes).reshaped(shape + [length]) }
    while length > 1 {
      let half = length / 2
      let first = product.mapped { $0[.ellipsis, 0..<half] }
      let second = product.mapped { $0[.ellipsis, half..<2 * half] }
      let rest = product.mapped { [length] in $0[.ellipsis, 2 * half..<length] }
      product = length % 2 == 0 ? first * second : linear([first * second, rest]) { Tensors.concatenate($0, axis: -1) }
      length -= half
    }
    return product.mapped { $0.reshaped(shape) }
  }
}
