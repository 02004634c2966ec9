import CovarianceEngine
import Tensors

/// A symmetric matrix of a store as what solvers read: tile by tile, each checked.
public struct StoredMatrix: TiledMatrix {
  /// Where its tiles are.
  public let store: GramStore
  /// Which of the store's matrices.
  public let kernel: StoredKernel
  private let notice: (@Sendable (String) -> Void)?

  init(_ store: GramStore, _ kernel: StoredKernel, _ notice: (@Sendable (String) -> Void)?) {
    (self.store, self.kernel, self.notice) = (store, kernel, notice)
  }

  public var count: Int { store.rowCount }
  public var tileSize: Int { store.tileSize }
  public var dtype: DType { store.dtype }

  /// - Throws: `GramStoreError` when the tile is missing; one that is damaged is computed again, written, and said of.
  public func tile(row: Int, column: Int) throws -> Tensor {
    do {
      return try store.tile(kernel, row: row, column: column)
    } catch GramStoreError.corrupted(let tile, _, let expected, let found) {
      notice?("\(tile): \(expected) expected, \(found) found; computing it again")
      try store.recompute([store.grid.number(TileIndex(row: row, column: column))])
      return try store.tile(kernel, row: row, column: column)
    }
  }
}

extension GramStore {
  /// A matrix as what solvers read. It is symmetric, and its tiles may still be missing: `requireComplete` says so before any work.
  ///
  /// - Parameters:
  ///   - kernel: which.
  ///   - notice: called with what is said of damaged tiles, which are computed again.
  /// - Throws: `GramStoreError` where the store has no such kernel, or two data sets.
  public func matrix(
    _ kernel: StoredKernel, notice: (@Sendable (String) -> Void)? = nil
  ) throws(GramStoreError) -> StoredMatrix {
    guard kernels.contains(kernel) else {
      throw .malformed(
        path: path, expected: "a store with \(kernel.rawValue)", found: kernels.map(\.rawValue).joined(separator: ", "))
    }
    guard isSymmetric else {
      throw .malformed(
        path: path, expected: "the kernel of one data set",
        found: "that of two, of \(rowCount) and \(columnCount) inputs")
    }
    return StoredMatrix(self, kernel, notice)
  }
}
