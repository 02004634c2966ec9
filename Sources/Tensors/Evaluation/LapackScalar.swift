import CVectorKernels
import CLinearAlgebra

/// The element types that BLAS and LAPACK work on, with their routines under one name.
///
/// Sizes arrive as `Int32`, which `blasInt` makes from `Int` with a check. Every routine but `gemm`, `gemv`, `symv`,
/// `syrk` and `trsm` reads matrices column-major; the callers in `LinearAlgebra*.swift` say how a row-major matrix
/// becomes that without a copy.
protocol LinearAlgebraScalar: TensorScalar, BinaryFloatingPoint {
  typealias Pointer = UnsafePointer<Self>
  typealias MutablePointer = UnsafeMutablePointer<Self>

  /// Whether any of `count` elements is NaN or infinite.
  static func containsNonFinite(_ elements: Pointer, count: Int) -> Bool

  /// c = alpha op(a) op(b); `multiply` is the one to call.
  static func gemm(
    transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, alpha: Self, a: Pointer, lda: Int, b: Pointer, ldb: Int,
    c: MutablePointer, ldc: Int)
  static func gemv(
    columnMajor: Bool, transpose: Bool, m: Int, n: Int, a: Pointer, lda: Int, x: Pointer, incx: Int,
    y: MutablePointer, incy: Int)
  static func symv(n: Int, a: Pointer, x: Pointer, y: MutablePointer)
  /// A triangle of c = alpha a aᵀ; `multiplyBySelf` is the one to call.
  static func syrk(
    upper: Bool, columnMajor: Bool, n: Int, k: Int, alpha: Self, a: Pointer, lda: Int, c: MutablePointer, ldc: Int)
  static func trsm(
    left: Bool, lower: Bool, transpose: Bool, unitDiagonal: Bool, m: Int, n: Int, alpha: Self, a: Pointer, lda: Int,
    b: MutablePointer, ldb: Int)
  static func potrf(n: Int, a: MutablePointer) -> Int
  static func potri(n: Int, a: MutablePointer) -> Int
  static func syevd(vectors: Bool, n: Int, a: MutablePointer, values: MutablePointer) -> Int
  static func syevr(
    vectors: Bool, n: Int, a: MutablePointer, range: ClosedRange<Int>, values: MutablePointer, z: MutablePointer?
  ) -> Int
  static func gesdd(
    vectors: SingularVectors?, m: Int, n: Int, a: MutablePointer, values: MutablePointer, u: MutablePointer?,
    vt: MutablePointer?, ldvt: Int
  ) -> Int
  static func gelqf(m: Int, n: Int, a: MutablePointer, tau: MutablePointer) -> Int
  static func orglq(m: Int, n: Int, k: Int, a: MutablePointer, tau: Pointer) -> Int
  static func getrf(n: Int, a: MutablePointer, pivots: UnsafeMutablePointer<Int32>) -> Int
  static func getrs(
    transpose: Bool, n: Int, columns: Int, a: Pointer, pivots: UnsafePointer<Int32>, b: MutablePointer
  ) -> Int
}

/// Which singular vectors a decomposition returns.
public enum SingularVectors: Hashable, Sendable {
  /// As many as there are singular values: the smaller side of the matrix.
  case thin
  /// Complete orthogonal bases of both sides.
  case full
}

/// A size for BLAS and LAPACK, whose integers have 32 bits.
func blasInt(_ value: Int) -> Int32 {
  precondition(value <= Int32.max, "a matrix side of \(value) is larger than BLAS takes (\(Int32.max))")
  return Int32(truncatingIfNeeded: value)
}

private func option(_ letter: Unicode.Scalar) -> CChar { CChar(truncatingIfNeeded: letter.value) }

private func svdJob(_ vectors: SingularVectors?) -> CChar {
  switch vectors {
  case .thin: option("S")
  case .full: option("A")
  case nil: option("N")
  }
}

private let rowMajor = Int32(nt_row_major)
private let columnMajorOrder = Int32(nt_column_major)

private func transposition(_ transpose: Bool) -> Int32 {
  Int32(transpose ? nt_transpose : nt_no_transpose)
}

/// Whether BLAS may be called from here: by somebody who holds its number of threads, or for work so small that it never
/// takes a second thread (matrices times vectors below 9216 multiplications, products of matrices below 262144). Accelerate
/// decides by itself.
private func mayCallBLAS(_ multiplications: Int = .max, few: Int = 0) -> Bool {
  #if canImport(Darwin)
    return true
  #else
    return multiplications <= few || nt_blas_is_entered() != 0
  #endif
}

private let fewOfVector = 9215
private let fewOfMatrix = 262_143

extension Float: LinearAlgebraScalar {
  static func containsNonFinite(_ elements: Pointer, count: Int) -> Bool {
    nt_all_finite_f32(count, elements) == 0
  }

  static func gemm(
    transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, alpha: Self, a: Pointer, lda: Int, b: Pointer, ldb: Int,
    c: MutablePointer, ldc: Int
  ) {
    assert(mayCallBLAS(m * n * k, few: fewOfMatrix))
    nt_sgemm(
      rowMajor, transposition(transposeA), transposition(transposeB), blasInt(m), blasInt(n), blasInt(k), alpha,
      a, blasInt(lda), b, blasInt(ldb), 0, c, blasInt(ldc))
  }

  static func gemv(
    columnMajor: Bool, transpose: Bool, m: Int, n: Int, a: Pointer, lda: Int, x: Pointer, incx: Int,
    y: MutablePointer, incy: Int
  ) {
    assert(mayCallBLAS(m * n, few: fewOfVector))
    nt_sgemv(
      columnMajor ? columnMajorOrder : rowMajor, transposition(transpose), blasInt(m), blasInt(n), 1, a, blasInt(lda),
      x, blasInt(incx), 0, y, blasInt(incy))
  }

  static func symv(n: Int, a: Pointer, x: Pointer, y: MutablePointer) {
    assert(mayCallBLAS())
    nt_ssymv(rowMajor, Int32(nt_lower), blasInt(n), 1, a, blasInt(n), x, 1, 0, y, 1)
  }

  static func syrk(
    upper: Bool, columnMajor: Bool, n: Int, k: Int, alpha: Self, a: Pointer, lda: Int, c: MutablePointer, ldc: Int
  ) {
    assert(mayCallBLAS())
    nt_ssyrk(
      rowMajor, Int32(upper ? nt_upper : nt_lower), transposition(columnMajor), blasInt(n), blasInt(k), alpha, a,
      blasInt(lda), 0, c, blasInt(ldc))
  }

  static func trsm(
    left: Bool, lower: Bool, transpose: Bool, unitDiagonal: Bool, m: Int, n: Int, alpha: Self, a: Pointer, lda: Int,
    b: MutablePointer, ldb: Int
  ) {
    assert(mayCallBLAS())
    nt_strsm(
      rowMajor, Int32(left ? nt_left : nt_right), Int32(lower ? nt_lower : nt_upper),
      transposition(transpose), Int32(unitDiagonal ? nt_unit : nt_non_unit), blasInt(m), blasInt(n), alpha,
      a, blasInt(lda), b, blasInt(ldb))
  }

  static func potrf(n: Int, a: MutablePointer) -> Int {
    assert(mayCallBLAS())
    return Int(nt_spotrf(option("U"), blasInt(n), a))
  }

  static func potri(n: Int, a: MutablePointer) -> Int {
    assert(mayCallBLAS())
    return Int(nt_spotri(option("U"), blasInt(n), a))
  }

  static func syevd(vectors: Bool, n: Int, a: MutablePointer, values: MutablePointer) -> Int {
    Int(nt_ssyevd(option(vectors ? "V" : "N"), option("U"), blasInt(n), a, values))
  }

  static func syevr(
    vectors: Bool, n: Int, a: MutablePointer, range: ClosedRange<Int>, values: MutablePointer, z: MutablePointer?
  ) -> Int {
    Int(
      nt_ssyevr(
        option(vectors ? "V" : "N"), option("U"), blasInt(n), a, blasInt(range.lowerBound + 1),
        blasInt(range.upperBound + 1), values, z))
  }

  static func gesdd(
    vectors: SingularVectors?, m: Int, n: Int, a: MutablePointer, values: MutablePointer, u: MutablePointer?,
    vt: MutablePointer?, ldvt: Int
  ) -> Int {
    Int(nt_sgesdd(svdJob(vectors), blasInt(m), blasInt(n), a, values, u, vt, blasInt(ldvt)))
  }

  static func gelqf(m: Int, n: Int, a: MutablePointer, tau: MutablePointer) -> Int {
    Int(nt_sgelqf(blasInt(m), blasInt(n), a, tau))
  }

  static func orglq(m: Int, n: Int, k: Int, a: MutablePointer, tau: Pointer) -> Int {
    Int(nt_sorglq(blasInt(m), blasInt(n), blasInt(k), a, tau))
  }

  static func getrf(n: Int, a: MutablePointer, pivots: UnsafeMutablePointer<Int32>) -> Int {
    Int(nt_sgetrf(blasInt(n), a, pivots))
  }

  static func getrs(
    transpose: Bool, n: Int, columns: Int, a: Pointer, pivots: UnsafePointer<Int32>, b: MutablePointer
  ) -> Int {
    Int(nt_sgetrs(option(transpose ? "T" : "N"), blasInt(n), blasInt(columns), a, pivots, b))
  }
}

extension Double: LinearAlgebraScalar {
  static func containsNonFinite(_ elements: Pointer, count: Int) -> Bool {
    nt_all_finite_f64(count, elements) == 0
  }

  static func gemm(
    transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, alpha: Self, a: Pointer, lda: Int, b: Pointer, ldb: Int,
    c: MutablePointer, ldc: Int
  ) {
    assert(mayCallBLAS(m * n * k, few: fewOfMatrix))
    nt_dgemm(
      rowMajor, transposition(transposeA), transposition(transposeB), blasInt(m), blasInt(n), blasInt(k), alpha,
      a, blasInt(lda), b, blasInt(ldb), 0, c, blasInt(ldc))
  }

  static func gemv(
    columnMajor: Bool, transpose: Bool, m: Int, n: Int, a: Pointer, lda: Int, x: Pointer, incx: Int,
    y: MutablePointer, incy: Int
  ) {
    assert(mayCallBLAS(m * n, few: fewOfVector))
    nt_dgemv(
      columnMajor ? columnMajorOrder : rowMajor, transposition(transpose), blasInt(m), blasInt(n), 1, a, blasInt(lda),
      x, blasInt(incx), 0, y, blasInt(incy))
  }

  static func symv(n: Int, a: Pointer, x: Pointer, y: MutablePointer) {
    assert(mayCallBLAS())
    nt_dsymv(rowMajor, Int32(nt_lower), blasInt(n), 1, a, blasInt(n), x, 1, 0, y, 1)
  }

  static func syrk(
    upper: Bool, columnMajor: Bool, n: Int, k: Int, alpha: Self, a: Pointer, lda: Int, c: MutablePointer, ldc: Int
  ) {
    assert(mayCallBLAS())
    nt_dsyrk(
      rowMajor, Int32(upper ? nt_upper : nt_lower), transposition(columnMajor), blasInt(n), blasInt(k), alpha, a,
      blasInt(lda), 0, c, blasInt(ldc))
  }

  static func trsm(
    left: Bool, lower: Bool, transpose: Bool, unitDiagonal: Bool, m: Int, n: Int, alpha: Self, a: Pointer, lda: Int,
    b: MutablePointer, ldb: Int
  ) {
    assert(mayCallBLAS())
    nt_dtrsm(
      rowMajor, Int32(left ? nt_left : nt_right), Int32(lower ? nt_lower : nt_upper),
      transposition(transpose), Int32(unitDiagonal ? nt_unit : nt_non_unit), blasInt(m), blasInt(n), alpha,
      a, blasInt(lda), b, blasInt(ldb))
  }

  static func potrf(n: Int, a: MutablePointer) -> Int {
    assert(mayCallBLAS())
    return Int(nt_dpotrf(option("U"), blasInt(n), a))
  }

  static func potri(n: Int, a: MutablePointer) -> Int {
    assert(mayCallBLAS())
    return Int(nt_dpotri(option("U"), blasInt(n), a))
  }

  static func syevd(vectors: Bool, n: Int, a: MutablePointer, values: MutablePointer) -> Int {
    Int(nt_dsyevd(option(vectors ? "V" : "N"), option("U"), blasInt(n), a, values))
  }

  static func syevr(
    vectors: Bool, n: Int, a: MutablePointer, range: ClosedRange<Int>, values: MutablePointer, z: MutablePointer?
  ) -> Int {
    Int(
      nt_dsyevr(
        option(vectors ? "V" : "N"), option("U"), blasInt(n), a, blasInt(range.lowerBound + 1),
        blasInt(range.upperBound + 1), values, z))
  }

  static func gesdd(
    vectors: SingularVectors?, m: Int, n: Int, a: MutablePointer, values: MutablePointer, u: MutablePointer?,
    vt: MutablePointer?, ldvt: Int
  ) -> Int {
    Int(nt_dgesdd(svdJob(vectors), blasInt(m), blasInt(n), a, values, u, vt, blasInt(ldvt)))
  }

  static func gelqf(m: Int, n: Int, a: MutablePointer, tau: MutablePointer) -> Int {
    Int(nt_dgelqf(blasInt(m), blasInt(n), a, tau))
  }

  static func orglq(m: Int, n: Int, k: Int, a: MutablePointer, tau: Pointer) -> Int {
    Int(nt_dorglq(blasInt(m), blasInt(n), blasInt(k), a, tau))
  }

  static func getrf(n: Int, a: MutablePointer, pivots: UnsafeMutablePointer<Int32>) -> Int {
    Int(nt_dgetrf(blasInt(n), a, pivots))
  }

  static func getrs(
    transpose: Bool, n: Int, columns: Int, a: Pointer, pivots: UnsafePointer<Int32>, b: MutablePointer
  ) -> Int {
    Int(nt_dgetrs(option(transpose ? "T" : "N"), blasInt(n), blasInt(columns), a, pivots, b))
  }
}
