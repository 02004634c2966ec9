import CovarianceEngine
import Tensors

/// A symmetric matrix in memory as tiles, of which none is copied to be read.
public struct DenseMatrix: ResidentTiles {
  private let matrix: Tensor

  /// Long rows of a tile make its products fast, and a strip of it fits into a second-level cache.
  public let tileSize = 1024

  /// - Parameter matrix: symmetric, of which the part on and above the diagonal is read; shape (N, N), float32 or float64.
  /// - Throws: `PredictionError.shapeMismatch` for anything else.
  public init(_ matrix: Tensor) throws(PredictionError) {
    guard matrix.rank == 2, matrix.shape[0] == matrix.shape[1], matrix.dtype.isFloatingPoint else {
      throw .shapeMismatch(
        argument: "matrix", expected: "a square matrix of floating-point numbers", found: "\(matrix.type)")
    }
    self.matrix = matrix
  }

  public var count: Int { matrix.shape[0] }
  public var dtype: DType { matrix.dtype }

  public func tile(row: Int, column: Int) -> Tensor { matrix[range(ofTile: row), range(ofTile: column)] }

  func withTile(row: Int, column: Int, _ body: (TileView) -> Void) {
    let (rows, columns) = (range(ofTile: row), range(ofTile: column))
    matrix.withElements { elements in
      let offset = rows.lowerBound * count + columns.lowerBound
      body(
        TileView(
          elements: elements + offset * dtype.byteCount, rows: rows.count, columns: columns.count, stride: count))
    }
  }
}
