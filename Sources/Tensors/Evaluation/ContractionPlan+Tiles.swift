import CLinearAlgebra

/// One large product, shared between threads as tiles that they take as they come free. Threads of BLAS would do it, too, but
/// look for more work for milliseconds afterwards, in which they are in the way of everybody else.
///
/// The tiles do not depend on the number of threads, and so no bit of a result does.
extension ContractionPlan {
  /// Multiplications of a tile: about half a millisecond.
  static let tileMultiplications = 1 << 25
  /// Tiles have whole blocks of the kernels of BLAS.
  private static let block = 32
  /// Elements of a matrix for a tile of its product with a vector: more than a processor reads in some microseconds.
  private static let vectorTileElements = 1 << 18

  private static func tile(_ size: Int, _ pieces: Int) -> Int {
    ((size + pieces - 1) / pieces + block - 1) / block * block
  }

  func tiledProduct<Scalar: LinearAlgebraScalar>(
    _ a: UnsafePointer<Scalar>, _ b: UnsafePointer<Scalar>, _ out: UnsafeMutablePointer<Scalar>
  ) {
    let wanted = min(256, max(4, multiplications / Self.tileMultiplications))
    var (rowPieces, columnPieces) = (1, 1)
    while rowPieces * columnPieces < wanted {
      let (height, width) = (m / rowPieces, n / columnPieces)
      guard max(height, width) >= 64 else { break }
      // Every row of tiles packs the second operand again, which takes longer than packing the first.
      if height > 2 * width { rowPieces *= 2 } else { columnPieces *= 2 }
    }
    let (tileRows, tileColumns) = (Self.tile(m, rowPieces), Self.tile(n, columnPieces))
    let columnTiles = (n + tileColumns - 1) / tileColumns
    let tiles = (m + tileRows - 1) / tileRows * columnTiles
    nonisolated(unsafe) let (a, b, out) = (a, b, out)
    Threads.forEach(tiles) { [self] index in
      let (i, j) = index.quotientAndRemainder(dividingBy: columnTiles)
      let (row, column) = (i * tileRows, j * tileColumns)
      Threads.withSingleThreadedBLAS {
        Scalar.multiply(
          transposeA: aLayout.isTransposed, transposeB: bLayout.isTransposed, m: min(tileRows, m - row),
          n: min(tileColumns, n - column), k: k, a: a + row * aView.rowStride, lda: aLayout.leadingDimension,
          b: b + column * bView.columnStride, ldb: bLayout.leadingDimension, c: out + row * n + column, ldc: n)
      }
    }
  }

  /// a aᵀ: tiles on and below the diagonal, and their mirror images.
  func tiledGramMatrix<Scalar: LinearAlgebraScalar>(_ a: UnsafePointer<Scalar>, _ out: UnsafeMutablePointer<Scalar>) {
    let wanted = min(256, max(8, multiplications / (2 * Self.tileMultiplications)))
    var pieces = 1
    while pieces * (pieces + 1) / 2 < wanted && m / pieces >= 64 { pieces += 1 }
    let side = Self.tile(m, pieces)
    let blocks = (m + side - 1) / side
    // Those on the diagonal take half as long: last, so that no thread waits for long.
    var tiles: [(row: Int, column: Int)] = (0..<blocks).flatMap { i in (0..<i).map { (i, $0) } }
    tiles += (0..<blocks).map { ($0, $0) }
    nonisolated(unsafe) let (a, out) = (a, out)
    Threads.forEach(tiles.count) { [self, tiles] index in
      let (row, column) = (tiles[index].row * side, tiles[index].column * side)
      let (left, corner) = (a + row * aView.rowStride, out + row * m + column)
      Threads.withSingleThreadedBLAS {
        if row == column {
          Scalar.multiplyBySelf(
            upper: false, columnMajor: aLayout.isTransposed, n: min(side, m - row), k: k, a: left,
            lda: aLayout.leadingDimension, c: corner, ldc: m)
        } else {
          Scalar.multiply(
            transposeA: aLayout.isTransposed, transposeB: !aLayout.isTransposed, m: min(side, m - row), n: side, k: k,
            a: left, lda: aLayout.leadingDimension, b: a + column * aView.rowStride, ldb: aLayout.leadingDimension,
            c: corner, ldc: m)
        }
      }
    }
    mirrorLowerTriangle(out, size: m)
  }

  /// A matrix times a vector, or a vector times a matrix.
  func tiledVectorProduct<Scalar: LinearAlgebraScalar>(
    _ a: UnsafePointer<Scalar>, _ b: UnsafePointer<Scalar>, _ out: UnsafeMutablePointer<Scalar>
  ) {
    let count = m * n
    let side = Self.tile(max(1, Self.vectorTileElements / k), 1)
    nonisolated(unsafe) let (a, b, out) = (a, b, out)
    Threads.forEach((count + side - 1) / side) { [self] index in
      Threads.withSingleThreadedBLAS {
        vectorProduct(a, b, out, index * side..<min(count, (index + 1) * side))
      }
    }
  }

  /// Some elements of a product of which one operand is a vector.
  func vectorProduct<Scalar: LinearAlgebraScalar>(
    _ a: UnsafePointer<Scalar>, _ b: UnsafePointer<Scalar>, _ out: UnsafeMutablePointer<Scalar>, _ part: Range<Int>
  ) {
    let out = out + part.lowerBound
    // Some versions of gemv multiply what is there by beta = 0, which keeps a NaN.
    out.update(repeating: 0, count: part.count)
    if n == 1 {
      Scalar.gemv(
        columnMajor: aLayout.isTransposed, transpose: false, m: part.count, n: k,
        a: a + part.lowerBound * aView.rowStride, lda: aLayout.leadingDimension, x: b, incx: bView.rowStride, y: out,
        incy: 1)
    } else {
      Scalar.gemv(
        columnMajor: bLayout.isTransposed, transpose: true, m: k, n: part.count,
        a: b + part.lowerBound * bView.columnStride, lda: bLayout.leadingDimension, x: a, incx: aView.columnStride,
        y: out, incy: 1)
    }
  }
}
