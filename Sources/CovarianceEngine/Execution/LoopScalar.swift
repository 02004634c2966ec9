import CVectorKernels
import Tensors

/// Float or Double, with the inner loops for it under one name each.
protocol LoopScalar: TensorScalar, BinaryFloatingPoint {
  typealias Pointer = UnsafeMutablePointer<Self>

  /// c = alpha · a bᵀ for row-major matrices: a is m×k, b is n×k, c is m×n with rows `ldc` apart.
  static func multiplyTransposed(
    _ m: Int, _ n: Int, _ k: Int, alpha: Self, _ a: UnsafePointer<Self>, _ b: UnsafePointer<Self>, _ c: Pointer,
    ldc: Int)
  /// The part of c = alpha · a aᵀ on and above the diagonal; a is n×k, c has rows `ldc` apart.
  static func multiplyBySelf(_ n: Int, _ k: Int, alpha: Self, _ a: UnsafePointer<Self>, _ c: Pointer, ldc: Int)
  static func findAtLeast(
    _ n: Int, from start: Int, _ k: UnsafePointer<Self>, factor: Self, scale: UnsafePointer<Self>
  ) -> Int
  /// Copies a block of a matrix past the caches where alignment allows, and says whether all numbers are finite.
  static func storeBlock(
    rows: Int, columns: Int, _ source: UnsafePointer<Self>, stride: Int, to target: Pointer, stride: Int
  ) -> Bool
  /// In float64, whatever the numbers are.
  static func sumOfSquares(_ n: Int, _ x: UnsafePointer<Self>) -> Double
  static func transpose(
    rows: Int, columns: Int, _ source: UnsafePointer<Self>, stride: Int, to target: Pointer, stride: Int)

  static func factors(
    _ dual: UnsafePointer<nt_dual>, _ n: Int, _ q: UnsafePointer<Self>, _ factors: Pointer, stride: Int)
  static func dualRow(
    _ dual: UnsafePointer<nt_dual>, _ n: Int, row: UnsafePointer<Self>, rowStride: Int, column: UnsafePointer<Self>,
    stride: Int, _ k: Pointer, _ theta: Pointer?)
  static func dualDiagonal(
    _ dual: UnsafePointer<nt_dual>, _ n: Int, _ factors: UnsafePointer<Self>, stride: Int, _ k: Pointer,
    _ theta: Pointer?)
  static func seriesVariances(_ dual: UnsafePointer<nt_dual>, _ n: Int, _ q: Pointer)
  /// - Parameter tangent: that of what comes in.
  static func affine(_ rule: nt_affine, _ n: Int, _ tangent: Tangent, _ k: Pointer, _ theta: Pointer?)
  static func scaleRow(_ n: Int, row: Self, column: UnsafePointer<Self>, _ k: Pointer, _ theta: Pointer?)
  static func scaleDiagonal(_ n: Int, _ scale: UnsafePointer<Self>, _ k: Pointer, _ theta: Pointer?)
  /// - Parameters:
  ///   - tangent: that of the branch that the other is taken into.
  ///   - theta: nil where neither has a given one.
  ///   - theta2: nil where that of the other branch is not given.
  static func combine(
    _ combination: PairCombination, _ n: Int, _ tangent: Tangent, _ k: Pointer, _ theta: Pointer?,
    _ k2: UnsafePointer<Self>, _ theta2: UnsafePointer<Self>?)
}

extension AffineOperation {
  /// What the inner loops read.
  var loopDescription: nt_affine {
    nt_affine(
      weight_variance: weightVariance.wrappedValue, bias_variance: biasVariance.wrappedValue,
      theta_from_input: inputScale,
      theta_from_output: outputScale, theta_constant: constant)
  }
}

extension Float: LoopScalar {
  static func multiplyTransposed(
    _ m: Int, _ n: Int, _ k: Int, alpha: Float, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ c: Pointer,
    ldc: Int
  ) {
    GramProducts.multiplyTransposed(m, n, k, alpha: alpha, a, b, c, ldc: ldc)
  }

  static func multiplyBySelf(_ n: Int, _ k: Int, alpha: Float, _ a: UnsafePointer<Float>, _ c: Pointer, ldc: Int) {
    GramProducts.multiplyBySelf(n, k, alpha: alpha, a, c, ldc: ldc)
  }

  static func findAtLeast(
    _ n: Int, from start: Int, _ k: UnsafePointer<Float>, factor: Float, scale: UnsafePointer<Float>
  ) -> Int {
    nt_find_at_least_f32(n, start, k, factor, scale)
  }

  static func storeBlock(
    rows: Int, columns: Int, _ source: UnsafePointer<Float>, stride: Int, to target: Pointer, stride targetStride: Int
  ) -> Bool {
    nt_store_block_f32(rows, columns, source, stride, target, targetStride) != 0
  }

  static func sumOfSquares(_ n: Int, _ x: UnsafePointer<Float>) -> Double { nt_sum_of_squares_f32(n, x) }

  static func transpose(
    rows: Int, columns: Int, _ source: UnsafePointer<Float>, stride: Int, to target: Pointer, stride targetStride: Int
  ) {
    nt_transpose_f32(rows, columns, source, stride, target, targetStride)
  }

  static func factors(
    _ dual: UnsafePointer<nt_dual>, _ n: Int, _ q: UnsafePointer<Float>, _ factors: Pointer, stride: Int
  ) {
    nt_dual_factors_f32(dual, n, q, factors, stride)
  }

  static func dualRow(
    _ dual: UnsafePointer<nt_dual>, _ n: Int, row: UnsafePointer<Float>, rowStride: Int, column: UnsafePointer<Float>,
    stride: Int, _ k: Pointer, _ theta: Pointer?
  ) {
    nt_dual_row_f32(dual, n, row, rowStride, column, stride, k, theta)
  }

  static func dualDiagonal(
    _ dual: UnsafePointer<nt_dual>, _ n: Int, _ factors: UnsafePointer<Float>, stride: Int, _ k: Pointer,
    _ theta: Pointer?
  ) {
    nt_dual_diagonal_f32(dual, n, factors, stride, k, theta)
  }

  static func seriesVariances(_ dual: UnsafePointer<nt_dual>, _ n: Int, _ q: UnsafeMutablePointer<Float>) {
    nt_series_variances_f32(dual, n, q)
  }

  static func affine(_ rule: nt_affine, _ n: Int, _ tangent: Tangent, _ k: Pointer, _ theta: Pointer?) {
    var description = rule
    nt_affine_f32(&description, n, tangent == .given ? 0 : 1, k, tangent == .absent ? nil : theta)
  }

  static func scaleRow(_ n: Int, row: Float, column: UnsafePointer<Float>, _ k: Pointer, _ theta: Pointer?) {
    nt_scale_row_f32(n, row, column, k, theta)
  }

  static func scaleDiagonal(_ n: Int, _ scale: UnsafePointer<Float>, _ k: Pointer, _ theta: Pointer?) {
    nt_scale_diagonal_f32(n, scale, k, theta)
  }

  static func combine(
    _ combination: PairCombination, _ n: Int, _ tangent: Tangent, _ k: Pointer, _ theta: Pointer?,
    _ k2: UnsafePointer<Float>, _ theta2: UnsafePointer<Float>?
  ) {
    let isZero: Int32 = tangent == .given ? 0 : 1
    switch combination {
    case .sum: nt_add_f32(n, isZero, k, theta, k2, theta2)
    case .product: nt_multiply_f32(n, isZero, k, theta, k2, theta2)
    case .weightedSum(let weight, let weight2):
      nt_weighted_add_f32(n, weight, isZero, k, theta, weight2, k2, theta2)
    }
  }
}

extension Double: LoopScalar {
  static func multiplyTransposed(
    _ m: Int, _ n: Int, _ k: Int, alpha: Double, _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ c: Pointer,
    ldc: Int
  ) {
    GramProducts.multiplyTransposed(m, n, k, alpha: alpha, a, b, c, ldc: ldc)
  }

  static func multiplyBySelf(_ n: Int, _ k: Int, alpha: Double, _ a: UnsafePointer<Double>, _ c: Pointer, ldc: Int) {
    GramProducts.multiplyBySelf(n, k, alpha: alpha, a, c, ldc: ldc)
  }

  static func findAtLeast(
    _ n: Int, from start: Int, _ k: UnsafePointer<Double>, factor: Double, scale: UnsafePointer<Double>
  ) -> Int {
    nt_find_at_least_f64(n, start, k, factor, scale)
  }

  static func storeBlock(
    rows: Int, columns: Int, _ source: UnsafePointer<Double>, stride: Int, to target: Pointer, stride targetStride: Int
  ) -> Bool {
    nt_store_block_f64(rows, columns, source, stride, target, targetStride) != 0
  }

  static func sumOfSquares(_ n: Int, _ x: UnsafePointer<Double>) -> Double { nt_sum_of_squares_f64(n, x) }

  static func transpose(
    rows: Int, columns: Int, _ source: UnsafePointer<Double>, stride: Int, to target: Pointer, stride targetStride: Int
  ) {
    nt_transpose_f64(rows, columns, source, stride, target, targetStride)
  }

  static func factors(
    _ dual: UnsafePointer<nt_dual>, _ n: Int, _ q: UnsafePointer<Double>, _ factors: Pointer, stride: Int
  ) {
    nt_dual_factors_f64(dual, n, q, factors, stride)
  }

  static func dualRow(
    _ dual: UnsafePointer<nt_dual>, _ n: Int, row: UnsafePointer<Double>, rowStride: Int, column: UnsafePointer<Double>,
    stride: Int, _ k: Pointer, _ theta: Pointer?
  ) {
    nt_dual_row_f64(dual, n, row, rowStride, column, stride, k, theta)
  }

  static func dualDiagonal(
    _ dual: UnsafePointer<nt_dual>, _ n: Int, _ factors: UnsafePointer<Double>, stride: Int, _ k: Pointer,
    _ theta: Pointer?
  ) {
    nt_dual_diagonal_f64(dual, n, factors, stride, k, theta)
  }

  static func seriesVariances(_ dual: UnsafePointer<nt_dual>, _ n: Int, _ q: UnsafeMutablePointer<Double>) {
    nt_series_variances_f64(dual, n, q)
  }

  static func affine(_ rule: nt_affine, _ n: Int, _ tangent: Tangent, _ k: Pointer, _ theta: Pointer?) {
    var description = rule
    nt_affine_f64(&description, n, tangent == .given ? 0 : 1, k, tangent == .absent ? nil : theta)
  }

  static func scaleRow(_ n: Int, row: Double, column: UnsafePointer<Double>, _ k: Pointer, _ theta: Pointer?) {
    nt_scale_row_f64(n, row, column, k, theta)
  }

  static func scaleDiagonal(_ n: Int, _ scale: UnsafePointer<Double>, _ k: Pointer, _ theta: Pointer?) {
    nt_scale_diagonal_f64(n, scale, k, theta)
  }

  static func combine(
    _ combination: PairCombination, _ n: Int, _ tangent: Tangent, _ k: Pointer, _ theta: Pointer?,
    _ k2: UnsafePointer<Double>, _ theta2: UnsafePointer<Double>?
  ) {
    let isZero: Int32 = tangent == .given ? 0 : 1
    switch combination {
    case .sum: nt_add_f64(n, isZero, k, theta, k2, theta2)
    case .product: nt_multiply_f64(n, isZero, k, theta, k2, theta2)
    case .weightedSum(let weight, let weight2):
      nt_weighted_add_f64(n, weight, isZero, k, theta, weight2, k2, theta2)
    }
  }
}
