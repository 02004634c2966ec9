import Tensors

/// A symmetric matrix that is read tile by tile: from memory, from a store on disk, or computed anew whenever it is read.
///
/// The one seam between whatever holds a Gram matrix and the solvers that read it.
public protocol TiledMatrix: Sendable {
  /// Rows, and columns.
  var count: Int { get }
  /// Rows and columns of a tile; the last ones may have fewer.
  var tileSize: Int { get }
  /// Of the elements.
  var dtype: DType { get }
  /// The elements of rows `row * tileSize` and on, columns `column * tileSize` and on, `row <= column`; shape (rows, columns).
  ///
  /// - Throws: Whatever keeps the tile from being read.
  func tile(row: Int, column: Int) throws -> Tensor
}

extension TiledMatrix {
  /// Tiles of one row.
  public var tilesPerRow: Int { (count + tileSize - 1) / tileSize }
}
