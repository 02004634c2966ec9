import DurableFiles
import Platform
import Tensors

extension GramStore {
  /// What verification has found.
  public struct Verification: Sendable, Hashable {
    /// Files of tiles that were read.
    public internal(set) var chunksRead = 0
    /// Tiles that are not what was written, one line each.
    public internal(set) var damages: [String] = []
    /// Tiles that have been computed again.
    public internal(set) var tilesRepaired = 0
  }

  /// Reads every tile that is there and its checksum, and the data sets.
  ///
  /// - Parameters:
  ///   - repair: whether tiles that are damaged are removed and computed again. Until then they count as missing, so that whoever is
  ///     killed in between has lost nothing.
  ///   - progress: called with the share that has been read.
  /// - Throws: `GramStoreError` when a file cannot be read, or a data set is damaged, which only its owner can repair.
  public func verify(
    repair: Bool = false, progress: ((Double) -> Void)? = nil
  ) throws(GramStoreError) -> Verification {
    try verify(repair: repair, settings: StoreWorker.Settings(), progress: progress)
  }

  func verify(
    repair: Bool, settings: StoreWorker.Settings, progress: ((Double) -> Void)? = nil
  ) throws(GramStoreError) -> Verification {
    var result = Verification()
    var damaged: Set<Int> = []
    for name in JobDescription.dataNames { _ = try dataSet(name) }
    for kernel in kernels {
      for row in 0..<grid.rows {
        try verify(kernel, row: row, &result, &damaged)
        progress?(Double(row + 1) / Double(grid.rows))
      }
    }
    if repair, !damaged.isEmpty {
      try recompute(damaged, settings)
      result.tilesRepaired = damaged.count
    }
    return result
  }

  private func verify(
    _ kernel: StoredKernel, row: Int, _ result: inout Verification, _ damaged: inout Set<Int>
  ) throws(GramStoreError) {
    let names: [String]
    do { names = try files.namesIfAny(in: rowPath(kernel, row)) } catch { throw .init(reading: error) }
    let columns = Set(names.compactMap(DoneTiles.column).filter { (0..<grid.columns).contains($0) })
    for column in columns.sorted() {
      let index = TileIndex(row: row, column: column)
      let upper = isSymmetric && row > column ? index.mirrored : index
      do {
        result.chunksRead += 1
        let bytes: [UInt8]
        do {
          bytes = try files.read(path(kernel, index))
        } catch {
          // Somebody else may repair it at the moment.
          if error.code == ENOENT { continue }
          throw GramStoreError(reading: error)
        }
        try ZarrChunk.check(bytes, byteCount: matrixArray.chunkByteCount)
        if isMirrored, row < column, files.isMissing(path(kernel, index.mirrored)) {
          throw ZarrChunk.Damage(expected: "a mirror image", found: "none")
        }
      } catch let damage as ZarrChunk.Damage {
        damaged.insert(grid.number(upper))
        result.damages.append(
          "\(kernel.rawValue) tile \(index.description): \(damage.expected) expected, \(damage.found) found")
      } catch let error as GramStoreError {
        throw error
      } catch {
        throw .cannotRead(path: path(kernel, index), reason: "\(error)")
      }
    }
  }

  /// Removes tiles and computes them again.
  func recompute(
    _ numbers: Set<Int>, _ settings: StoreWorker.Settings = StoreWorker.Settings()
  ) throws(GramStoreError) {
    for number in numbers {
      for kernel in kernels {
        do { try remove(kernel, grid[number]) } catch { throw .init(writing: "in \(path)", error) }
      }
    }
    _ = try run(timeLimit: nil, settings: settings, wanted: numbers)
  }

  /// Removes a tile, for good before its mirror image, because a tile that is there says that it has one.
  private func remove(_ kernel: StoredKernel, _ index: TileIndex) throws(FileFailure) {
    for index in isMirrored && index.row != index.column ? [index, index.mirrored] : [index] {
      do {
        try files.remove(path(kernel, index))
      } catch {
        if error.code == ENOENT { continue }
        throw error
      }
      try files.synchronizeDirectory(rowPath(kernel, index.row))
    }
  }
}
