import DurableFiles
import Platform
import Tensors

extension GramStore {
  /// The elements of a tile, checked: rows `row * tileSize` and on, columns `column * tileSize` and on, shape (rows, columns).
  ///
  /// Of a symmetric matrix tiles below the diagonal are there, too, whether they are files or not.
  ///
  /// - Throws: `GramStoreError.incomplete` when the tile has not been computed, `.corrupted` when it is not what was written.
  /// - Precondition: the store has such a kernel and such a tile.
  public func tile(_ kernel: StoredKernel, row: Int, column: Int) throws(GramStoreError) -> Tensor {
    let index = TileIndex(row: row, column: column)
    precondition(kernels.contains(kernel), "\(path) has no \(kernel.rawValue)")
    precondition(grid.contains(index), "no tile \(index.description) of \(grid.rows) by \(grid.columns)")
    if isSymmetric, !isMirrored, row > column { return try tile(kernel, row: column, column: row).transposed([1, 0]) }
    let bytes = try chunk(kernel, index)
    do {
      return try ZarrChunk.decoded(
        bytes, matrixArray, shape: [grid.rowRange(row).count, grid.columnRange(column).count])
    } catch {
      throw corrupted(kernel, index, error)
    }
  }

  func chunk(_ kernel: StoredKernel, _ index: TileIndex) throws(GramStoreError) -> [UInt8] {
    do {
      return try files.read(path(kernel, index))
    } catch {
      guard error.code == ENOENT else { throw .init(reading: error) }
      throw try incomplete()
    }
  }

  func corrupted(_ kernel: StoredKernel, _ index: TileIndex, _ damage: ZarrChunk.Damage) -> GramStoreError {
    .corrupted(
      tile: "\(kernel.rawValue) tile \(index.description)", path: path(kernel, index), expected: damage.expected,
      found: damage.found)
  }

  /// How much is missing, as an error.
  func incomplete() throws(GramStoreError) -> GramStoreError {
    .incomplete(store: path, missing: grid.count - (try done().count), tileCount: grid.count)
  }

  func done() throws(GramStoreError) -> DoneTiles {
    var done = DoneTiles(self)
    do { try done.scan() } catch { throw .init(reading: error) }
    return done
  }

  /// - Throws: `GramStoreError.incomplete` unless all tiles are there.
  public func requireComplete() throws(GramStoreError) {
    let done = try done()
    guard done.isComplete else {
      throw .incomplete(store: path, missing: grid.count - done.count, tileCount: grid.count)
    }
  }

  /// Rows of a matrix that a row of tiles has, shape (rows, columns of the whole).
  package func strip(_ kernel: StoredKernel, row: Int) throws(GramStoreError) -> Tensor {
    var tiles: [Tensor] = []
    for column in 0..<grid.columns { tiles.append(try tile(kernel, row: row, column: column)) }
    return tiles.count == 1 ? tiles[0] : concatenate(tiles, axis: 1)
  }

  /// Rows of tiles.
  package var stripCount: Int { grid.rows }
}
