import CLinearAlgebra
import CVectorKernels

/// Products of matrices by BLAS, or by our own kernels where BLAS runs the loops of a lesser processor than this one:
/// that happens where somebody else in the process had loaded BLAS before (`nt_get_blas_core`).
extension LinearAlgebraScalar {
  /// c = alpha op(a) op(b) of row-major matrices: op(a) is m×k, op(b) is k×n, rows of c are `ldc` apart.
  static func multiply(
    transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, alpha: Self = 1, a: Pointer, lda: Int, b: Pointer,
    ldb: Int, c: MutablePointer, ldc: Int
  ) {
    if OwnProducts.areFaster, OwnProducts.suit(m: m, n: n, k: k) {
      OwnProducts.multiply(
        m: m, n: n, k: k, alpha: alpha, a, .init(transpose: transposeA, leadingDimension: lda), b,
        .init(transpose: transposeB, leadingDimension: ldb), c, ldc: ldc)
    } else {
      gemm(
        transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: k, alpha: alpha, a: a, lda: lda, b: b, ldb: ldb,
        c: c, ldc: ldc)
    }
  }

  /// The part on and above, or on and below, the diagonal of the n×n matrix c = alpha op(a) op(a)ᵀ, where op(a) is n×k;
  /// rows of c are `ldc` apart, and what is beyond its diagonal may be overwritten.
  static func multiplyBySelf(
    upper: Bool, columnMajor: Bool, n: Int, k: Int, alpha: Self = 1, a: Pointer, lda: Int, c: MutablePointer, ldc: Int
  ) {
    guard OwnProducts.areFaster, OwnProducts.suit(m: n, n: n, k: k) else {
      return syrk(upper: upper, columnMajor: columnMajor, n: n, k: k, alpha: alpha, a: a, lda: lda, c: c, ldc: ldc)
    }
    OwnProducts.multiplyBySelf(
      upper: upper, n: n, k: k, alpha: alpha, a, .init(transpose: columnMajor, leadingDimension: lda), c, ldc: ldc)
  }
}

/// Products of row-major matrices on one thread, for tiles of Gram matrices.
package enum GramProducts {
  /// c = alpha · a bᵀ: a is m×k, b is n×k, c is m×n with rows `ldc` apart.
  package static func multiplyTransposed(
    _ m: Int, _ n: Int, _ k: Int, alpha: Float, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    _ c: UnsafeMutablePointer<Float>, ldc: Int
  ) {
    product(m, n, k, alpha, a, b, c, ldc)
  }

  package static func multiplyTransposed(
    _ m: Int, _ n: Int, _ k: Int, alpha: Double, _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>,
    _ c: UnsafeMutablePointer<Double>, ldc: Int
  ) {
    product(m, n, k, alpha, a, b, c, ldc)
  }

  /// The part of c = alpha · a aᵀ on and above the diagonal; a is n×k, c has rows `ldc` apart.
  package static func multiplyBySelf(
    _ n: Int, _ k: Int, alpha: Float, _ a: UnsafePointer<Float>, _ c: UnsafeMutablePointer<Float>, ldc: Int
  ) {
    productWithSelf(n, k, alpha, a, c, ldc)
  }

  package static func multiplyBySelf(
    _ n: Int, _ k: Int, alpha: Double, _ a: UnsafePointer<Double>, _ c: UnsafeMutablePointer<Double>, ldc: Int
  ) {
    productWithSelf(n, k, alpha, a, c, ldc)
  }

  private static func product<Scalar: LinearAlgebraScalar>(
    _ m: Int, _ n: Int, _ k: Int, _ alpha: Scalar, _ a: Scalar.Pointer, _ b: Scalar.Pointer, _ c: Scalar.MutablePointer,
    _ ldc: Int
  ) {
    Threads.withSingleThreadedBLAS {
      Scalar.multiply(
        transposeA: false, transposeB: true, m: m, n: n, k: k, alpha: alpha, a: a, lda: k, b: b, ldb: k, c: c, ldc: ldc)
    }
  }

  private static func productWithSelf<Scalar: LinearAlgebraScalar>(
    _ n: Int, _ k: Int, _ alpha: Scalar, _ a: Scalar.Pointer, _ c: Scalar.MutablePointer, _ ldc: Int
  ) {
    Threads.withSingleThreadedBLAS {
      Scalar.multiplyBySelf(upper: true, columnMajor: false, n: n, k: k, alpha: alpha, a: a, lda: k, c: c, ldc: ldc)
    }
  }
}

/// Products without BLAS.
enum OwnProducts {
  /// Whether BLAS, as it is loaded in this process, is slower.
  static let areFaster: Bool = nt_get_blas_core().is_lesser != 0 && nt_selected_instruction_set() != nt_baseline

  static func suit(m: Int, n: Int, k: Int) -> Bool { m >= 6 && n >= 16 && k >= 16 }

  /// c = alpha a b, on one thread: a is (m, k), b is (k, n), rows of c are `ldc` apart.
  static func multiply<Scalar: LinearAlgebraScalar>(
    m: Int, n: Int, k: Int, alpha: Scalar, _ a: UnsafePointer<Scalar>, _ aStrides: PanelProduct<Scalar>.Matrix,
    _ b: UnsafePointer<Scalar>, _ bStrides: PanelProduct<Scalar>.Matrix, _ c: UnsafeMutablePointer<Scalar>, ldc: Int
  ) {
    var (a, aStrides) = (a, aStrides)
    var copy: TensorStorage?
    if aStrides.columnStride != 1 {
      let storage = TensorStorage(byteCount: m * k * MemoryLayout<Scalar>.stride)
      let elements = storage.bytes.bindMemory(to: Scalar.self, capacity: m * k)
      nt_copy(Scalar.dtype.kernelType, elements, k, 1, a, aStrides.rowStride, aStrides.columnStride, m, k)
      (a, aStrides, copy) = (UnsafePointer(elements), .init(transpose: false, leadingDimension: k), storage)
    }
    let product = PanelProduct<Scalar>(m: m, n: n, k: k, alpha: alpha, a: aStrides, b: bStrides, outStride: ldc)
    let scratch = TensorStorage(byteCount: max(1 << 18, product.scratchCount * MemoryLayout<Scalar>.stride))
    let panel = scratch.bytes.bindMemory(to: Scalar.self, capacity: product.scratchCount)
    for task in 0..<product.taskCount { product.run(task, a, b, c, scratch: panel) }
    withExtendedLifetime((copy, scratch)) {}
  }

  /// The part of c = alpha a aᵀ on and above, or on and below, the diagonal: a is (n, k). What is beyond the diagonal by
  /// less than a block is overwritten.
  static func multiplyBySelf<Scalar: LinearAlgebraScalar>(
    upper: Bool, n: Int, k: Int, alpha: Scalar, _ a: UnsafePointer<Scalar>, _ strides: PanelProduct<Scalar>.Matrix,
    _ c: UnsafeMutablePointer<Scalar>, ldc: Int
  ) {
    let transposed = PanelProduct<Scalar>.Matrix(rowStride: strides.columnStride, columnStride: strides.rowStride)
    let height = 192
    for first in stride(from: 0, to: n, by: height) {
      let rows = min(height, n - first)
      let columns = upper ? first..<n : 0..<first + rows
      multiply(
        m: rows, n: columns.count, k: k, alpha: alpha, a + first * strides.rowStride, strides,
        a + columns.lowerBound * strides.rowStride, transposed, c + first * ldc + columns.lowerBound, ldc: ldc)
    }
  }
}

extension PanelProduct.Matrix {
  /// A row-major matrix, or the transpose of one.
  init(transpose: Bool, leadingDimension: Int) {
    self.init(rowStride: transpose ? 1 : leadingDimension, columnStride: transpose ? leadingDimension : 1)
  }
}
