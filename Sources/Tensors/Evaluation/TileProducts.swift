import CLinearAlgebra
import CVectorKernels

/// Products of parts of matrices for solvers that go through a matrix piece by piece: on the calling thread alone, so that
/// results do not depend on how many threads there are.
package enum TileProducts {
  /// Adds the products of a tile with vectors, in float64 whatever the elements of the tile are.
  ///
  /// With the tile T of `rows` times `columns` elements, whose rows are `stride` apart, `toRows` is increased by T v for the
  /// vectors v at `columnParts`, and `toColumns` by Tᵀ u for the vectors u at `rowParts`. Vectors lie behind each other, those that
  /// are read `vectorStride` apart.
  package static func add<Scalar: TensorScalar>(
    _ tile: UnsafePointer<Scalar>, rows: Int, columns: Int, stride: Int, vectors: Int, vectorStride: Int,
    columnParts: UnsafePointer<Double>, toRows: UnsafeMutablePointer<Double>, rowsStride: Int,
    rowParts: UnsafePointer<Double>?, toColumns: UnsafeMutablePointer<Double>?, columnsStride: Int
  ) {
    // A strip that stays in the second-level cache for both products.
    let height = max(8, (1 << 18) / max(1, columns * MemoryLayout<Scalar>.stride) & ~7)
    for first in Swift.stride(from: 0, to: rows, by: height) {
      let count = min(height, rows - first)
      let part = UnsafeRawPointer(tile + first * stride)
      if Scalar.dtype == .float32 {
        let part = part.assumingMemoryBound(to: Float.self)
        nt_tile_times_f32(
          count, columns, part, stride, vectors, columnParts, vectorStride, toRows + first, rowsStride)
        if let rowParts, let toColumns {
          nt_tile_transposed_times_f32(
            count, columns, part, stride, vectors, rowParts + first, vectorStride, toColumns, columnsStride)
        }
      } else {
        let part = part.assumingMemoryBound(to: Double.self)
        nt_tile_times_f64(
          count, columns, part, stride, vectors, columnParts, vectorStride, toRows + first, rowsStride)
        if let rowParts, let toColumns {
          nt_tile_transposed_times_f64(
            count, columns, part, stride, vectors, rowParts + first, vectorStride, toColumns, columnsStride)
        }
      }
    }
  }

  /// c = alpha op(a) op(b) of row-major matrices: op(a) is m×k, op(b) is k×n; `lda`, `ldb` and `ldc` are what rows are apart.
  package static func multiply(
    transposeA: Bool = false, transposeB: Bool = false, m: Int, n: Int, k: Int, alpha: Double = 1,
    _ a: UnsafePointer<Double>, lda: Int, _ b: UnsafePointer<Double>, ldb: Int, _ c: UnsafeMutablePointer<Double>,
    ldc: Int
  ) {
    Threads.withSingleThreadedBLAS {
      Double.multiply(
        transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: k, alpha: alpha, a: a, lda: lda, b: b, ldb: ldb,
        c: c, ldc: ldc)
    }
  }

  /// c −= op(a) b of row-major matrices: op(a) is m×k, b is k×n.
  package static func subtract(
    transposeA: Bool, m: Int, n: Int, k: Int, _ a: UnsafePointer<Double>, lda: Int, _ b: UnsafePointer<Double>,
    ldb: Int, _ c: UnsafeMutablePointer<Double>, ldc: Int
  ) {
    Threads.withSingleThreadedBLAS {
      nt_dgemm(
        Int32(nt_row_major), Int32(transposeA ? nt_transpose : nt_no_transpose), Int32(nt_no_transpose), blasInt(m),
        blasInt(n), blasInt(k), -1, a, blasInt(lda), b, blasInt(ldb), 1, c, blasInt(ldc))
    }
  }

  /// L⁻¹ b in place of b, of row-major matrices: L is lower triangular n×n, b is n×columns.
  package static func solveLower(
    n: Int, columns: Int, _ factor: UnsafePointer<Double>, lda: Int, _ b: UnsafeMutablePointer<Double>, ldb: Int
  ) {
    Threads.withSingleThreadedBLAS {
      Double.trsm(
        left: true, lower: true, transpose: false, unitDiagonal: false, m: n, n: columns, alpha: 1, a: factor, lda: lda,
        b: b, ldb: ldb)
    }
  }
}
