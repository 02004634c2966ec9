import DurableFiles

/// Which tiles are files already, by listing directories.
///
/// A tile is done when all its kernels have it, and of a mirrored one the file above the diagonal, which is written last.
struct DoneTiles: Sendable {
  private let store: GramStore
  private var isDone: [Bool]
  private(set) var count = 0

  init(_ store: GramStore) {
    self.store = store
    isDone = [Bool](repeating: false, count: store.grid.count)
  }

  var isComplete: Bool { count == isDone.count }

  subscript(number: Int) -> Bool { isDone[number] }

  /// Rows with tiles that are not done.
  var incompleteRows: [Int] {
    if isComplete { return [] }
    var isMissing = [Bool](repeating: false, count: store.grid.rows)
    for number in isDone.indices where !isDone[number] { isMissing[store.grid[number].row] = true }
    return isMissing.indices.filter { isMissing[$0] }
  }

  mutating func insert(_ number: Int) {
    if isDone[number] { return }
    isDone[number] = true
    count += 1
  }

  /// Looks at all tiles again, and at the size of their files.
  mutating func scan() throws(FileFailure) {
    (isDone, count) = ([Bool](repeating: false, count: isDone.count), 0)
    for row in 0..<store.grid.rows { try scan(row: row, checksSize: true) }
  }

  /// Looks at a row of tiles again.
  ///
  /// - Parameter checksSize: whether the size of every file is looked at, too.
  mutating func scan(row: Int, checksSize: Bool = false) throws(FileFailure) {
    let columns = store.grid.computedColumns(row)
    var found = [Int](repeating: 0, count: store.grid.columns)
    let byteCount = store.matrixArray.chunkByteCount
    for kernel in store.kernels {
      for name in try store.files.namesIfAny(in: store.rowPath(kernel, row)) {
        guard let column = Self.column(name), columns.contains(column) else { continue }
        if checksSize {
          let path = store.path(kernel, TileIndex(row: row, column: column))
          guard let status = try? store.files.status(of: path), status.byteCount == byteCount else { continue }
        }
        found[column] += 1
      }
    }
    for column in columns where found[column] == store.kernels.count {
      insert(store.grid.number(TileIndex(row: row, column: column)))
    }
  }

  /// The number that a chunk's name is, written without signs and zeros in front.
  static func column(_ name: String) -> Int? {
    guard let column = Int(name), column >= 0, "\(column)" == name else { return nil }
    return column
  }
}

extension GramStore {
  /// Whether a tile is done, by looking at its files alone.
  func isDone(_ index: TileIndex) -> Bool {
    kernels.allSatisfy { kernel in
      (try? files.status(of: path(kernel, index)))?.byteCount == matrixArray.chunkByteCount
    }
  }
}
