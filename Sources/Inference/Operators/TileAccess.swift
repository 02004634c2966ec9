import CovarianceEngine
import Tensors

/// A tile as solvers read it: where its elements are, how many rows and columns it has, and how far its rows are apart.
struct TileView {
  let elements: UnsafeRawPointer
  let rows: Int
  let columns: Int
  let stride: Int
}

/// A tiled matrix that is in memory, so that reading a tile copies nothing.
protocol ResidentTiles: TiledMatrix {
  func withTile(row: Int, column: Int, _ body: (TileView) -> Void)
}

/// A tiled matrix that has a better way to whole rows than through its tiles.
protocol RowSource: TiledMatrix {
  /// The rows at `indices`, shape (indices, count), float64.
  func rows(_ indices: [Int]) throws -> Tensor
}

/// A tiled matrix whose products are somebody else's work.
protocol ProductSource: RowSource {
  /// The diagonal, shape (count), float64.
  func diagonal() throws -> Tensor
  /// The product with each row of `vectors`, float64.
  func multiply(_ vectors: Tensor) throws -> Tensor
}

/// A tiled matrix of which one process has some tiles only: products are sums over those.
protocol PartialTiles: TiledMatrix {
  /// Whether a tile on or above the diagonal is among them.
  func holds(row: Int, column: Int) -> Bool
}

extension TiledMatrix {
  /// Whether `read` finds the tile here.
  func isHere(row: Int, column: Int) -> Bool { (self as? any PartialTiles)?.holds(row: row, column: column) ?? true }

  /// The rows or columns of the tiles at `index`.
  func range(ofTile index: Int) -> Range<Int> { index * tileSize..<min(count, (index + 1) * tileSize) }

  /// Calls `body` with a tile on or above the diagonal.
  func read(row: Int, column: Int, _ body: (TileView) -> Void) throws {
    if let resident = self as? any ResidentTiles { return resident.withTile(row: row, column: column, body) }
    let tile = try tile(row: row, column: column)
    let expected = [range(ofTile: row).count, range(ofTile: column).count]
    guard tile.shape == expected, tile.dtype == dtype else {
      throw PredictionError.shapeMismatch(
        argument: "tile (\(row), \(column))", expected: "shape \(expected) of \(dtype)", found: "\(tile.type)")
    }
    tile.withElements { body(TileView(elements: $0, rows: expected[0], columns: expected[1], stride: expected[1])) }
  }
}

extension Tensor {
  /// Calls `body` with the address of the elements of a tensor of floating-point numbers.
  func withElements<Result>(_ body: (UnsafeRawPointer) -> Result) -> Result {
    func call<Scalar: TensorScalar>(_ type: Scalar.Type) -> Result {
      withUnsafeBuffer(of: type) { buffer in
        guard let start = buffer.baseAddress else { preconditionFailure("a tensor without elements") }
        return body(UnsafeRawPointer(start))
      }
    }
    return dtype == .float32 ? call(Float.self) : call(Double.self)
  }
}
