import CovarianceEngine
import Tensors

/// The tiles that one process of a cluster keeps in memory: those on and above the diagonal are dealt out one after another.
struct HeldTiles: ResidentTiles, PartialTiles {
  let count: Int
  let tileSize: Int
  let dtype: DType
  private let place: (rank: Int, count: Int)
  /// By their number in the upper triangle.
  private let tiles: [Int: Tensor]

  /// - Throws: what the matrix throws, and `PredictionError.memory`.
  init(_ matrix: any TiledMatrix, rank: Int, of processes: Int) throws {
    (count, tileSize, dtype, place) = (matrix.count, matrix.tileSize, matrix.dtype, (rank, processes))
    let bytes = PackedMatrix.byteCount(rows: count, tileSize: tileSize, dtype: dtype) / Double(processes)
    try MemoryNeed.require(
      bytes, for: "the part of a kernel of \(count) rows that one of \(processes) processes holds")
    var tiles: [Int: Tensor] = [:]
    for row in 0..<matrix.tilesPerRow {
      for column in row..<matrix.tilesPerRow {
        let number = Self.number(row, column, matrix.tilesPerRow)
        if number % processes == rank { tiles[number] = try matrix.tile(row: row, column: column) }
      }
    }
    self.tiles = tiles
  }

  private static func number(_ row: Int, _ column: Int, _ perRow: Int) -> Int {
    row * perRow - row * (row - 1) / 2 + column - row
  }

  func holds(row: Int, column: Int) -> Bool { Self.number(row, column, tilesPerRow) % place.count == place.rank }

  func tile(row: Int, column: Int) -> Tensor {
    guard let tile = tiles[Self.number(row, column, tilesPerRow)] else {
      preconditionFailure("tile (\(row), \(column)) is in another process than \(place.rank)")
    }
    return tile
  }

  func withTile(row: Int, column: Int, _ body: (TileView) -> Void) {
    let tile = tile(row: row, column: column)
    tile.withElements {
      body(TileView(elements: $0, rows: tile.shape[0], columns: tile.shape[1], stride: tile.shape[1]))
    }
  }
}
