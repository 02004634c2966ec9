import Tensors

/// A tile of a stored matrix by its place in the grid.
struct TileIndex: Hashable, Sendable {
  var row: Int
  var column: Int

  var mirrored: TileIndex { TileIndex(row: column, column: row) }
  var description: String { "(\(row), \(column))" }
}

/// The tiles of a stored matrix that are computed: all, or of a symmetric matrix those on and above the diagonal.
///
/// Tiles are numbered in the order in which they are worth computing: those off the diagonal row after row, and then those on it,
/// which are half the work and fill the time of workers that wait for others.
struct TileGrid: Hashable, Sendable {
  let rowCount: Int
  let columnCount: Int
  /// Rows and columns of a tile but for the last ones.
  let tile: Int
  let isSymmetric: Bool

  /// Tiles along each axis.
  var rows: Int { (rowCount + tile - 1) / tile }
  var columns: Int { (columnCount + tile - 1) / tile }
  /// Tiles to compute.
  var count: Int { isSymmetric ? rows * (rows + 1) / 2 : rows * columns }
  /// Of these, those that are no half of the work of the others.
  var countOffDiagonal: Int { isSymmetric ? rows * (rows - 1) / 2 : count }

  func rowRange(_ row: Int) -> Range<Int> { row * tile..<min((row + 1) * tile, rowCount) }
  func columnRange(_ column: Int) -> Range<Int> { column * tile..<min((column + 1) * tile, columnCount) }

  func contains(_ index: TileIndex) -> Bool {
    (0..<rows).contains(index.row) && (0..<columns).contains(index.column)
  }

  /// The tile of a number below `count`.
  subscript(number: Int) -> TileIndex {
    guard isSymmetric else { return TileIndex(row: number / columns, column: number % columns) }
    let off = countOffDiagonal
    if number >= off { return TileIndex(row: number - off, column: number - off) }
    // The last row that begins at or before the number.
    var (low, high) = (0, rows - 1)
    while high - low > 1 {
      let middle = (low + high) / 2
      if rowStart(middle) <= number { low = middle } else { high = middle }
    }
    return TileIndex(row: low, column: low + 1 + number - rowStart(low))
  }

  /// The number of a tile that is computed.
  func number(_ index: TileIndex) -> Int {
    guard isSymmetric else { return index.row * columns + index.column }
    if index.row == index.column { return countOffDiagonal + index.row }
    return rowStart(index.row) + index.column - index.row - 1
  }

  /// Tiles off the diagonal in the rows above.
  private func rowStart(_ row: Int) -> Int { row * (rows - 1) - row * (row - 1) / 2 }

  /// Columns of a row whose tiles are computed.
  func computedColumns(_ row: Int) -> Range<Int> { (isSymmetric ? row : 0)..<columns }
}
