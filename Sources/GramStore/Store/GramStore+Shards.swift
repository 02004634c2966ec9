import DurableFiles
import CVectorKernels
import Platform
import Tensors

extension GramStore {
  /// Writes the finished matrices as another Zarr group, many tiles to a file, so that a hundred thousand files become hundreds.
  ///
  /// A file has its tiles one after another and an index at the end (`sharding_indexed`), which `zarr` and `tensorstore` read. Two
  /// workers could not write one file, so a store that is being computed has none.
  ///
  /// - Parameters:
  ///   - other: the directory to make; nothing may be there.
  ///   - size: rows and columns of the matrix that a file has, rounded down to whole tiles.
  ///   - progress: called with the share that is done.
  /// - Throws: `GramStoreError` when tiles are missing or damaged, or a file cannot be written.
  package func exportShards(
    to other: String, size: Int, progress: ((Double) -> Void)? = nil
  ) throws(GramStoreError) {
    try requireComplete()
    guard files.isMissing(other) else { throw .exists(other) }
    let partial = "\(other).\(WorkerIdentity.next().name).partial"
    do {
      try HeldFiles.makeDirectory(partial, files)
      do {
        for (index, kernel) in kernels.enumerated() {
          try exportShards(kernel, to: "\(partial)/\(kernel.rawValue)", size) { share in
            progress?((Double(index) + share) / Double(kernels.count))
          }
        }
        try files.writeNew(ZarrGroup.json(attributes: job.json).json(), to: "\(partial)/\(ZarrArray.fileName)")
        try files.synchronizeDirectory(partial)
        try HeldFiles.rename(partial, to: other, files)
      } catch {
        HeldFiles.remove(partial)
        throw error
      }
      try files.synchronizeDirectory(parent(of: other))
    } catch let error as GramStoreError {
      throw error
    } catch let failure as FileFailure {
      throw .init(writing: other, failure)
    } catch {
      throw .cannotWrite(what: other, reason: "\(error)", advice: "")
    }
  }

  private func exportShards(
    _ kernel: StoredKernel, to path: String, _ size: Int, _ progress: (Double) -> Void
  ) throws {
    var array = matrixArray
    let perAxis = array.chunkCounts.map { $0 == 1 ? 1 : max(1, min(size / tileSize, $0)) }
    array.shardShape = zip(array.chunkShape, perAxis).map(*)
    try files.makeDirectory(path)
    try files.writeNew(array.json.json(), to: "\(path)/\(ZarrArray.fileName)")
    try files.makeDirectory("\(path)/c")
    let counts = zip(array.chunkCounts, perAxis).map { ($0 + $1 - 1) / $1 }
    for row in 0..<counts[0] {
      let directory = "\(path)/c/\(row)"
      try files.makeDirectory(directory)
      for column in 0..<counts[1] {
        let start = TileIndex(row: row * perAxis[0], column: column * perAxis[1])
        try writeShard(kernel, start, perAxis, to: "\(directory)/\(column)")
      }
      try files.synchronizeDirectory(directory)
      progress(Double(row + 1) / Double(counts[0]))
    }
    try files.synchronizeDirectory("\(path)/c")
    try files.synchronizeDirectory(path)
  }

  private func writeShard(_ kernel: StoredKernel, _ start: TileIndex, _ counts: [Int], to path: String) throws {
    let file = try files.create(path)
    var index: [UInt64] = []
    var offset: UInt64 = 0
    do {
      for row in start.row..<start.row + counts[0] {
        for column in start.column..<start.column + counts[1] {
          let tile = TileIndex(row: row, column: column)
          guard grid.contains(tile) else {
            index += [.max, .max]
            continue
          }
          let bytes = try checkedChunk(kernel, tile)
          try bytes.withUnsafeBytes { try files.writeAll($0, to: file) }
          index += [offset, UInt64(bytes.count)]
          offset += UInt64(bytes.count)
        }
      }
      var end = index.flatMap { number in withUnsafeBytes(of: number.littleEndian) { Array($0) } }
      withUnsafeBytes(of: nt_crc32c(0, end, end.count).littleEndian) { end += $0 }
      try end.withUnsafeBytes { try files.writeAll($0, to: file) }
      try files.synchronize(file)
    } catch {
      try? files.close(file)
      throw error
    }
    try files.close(file)
  }

  /// The bytes of a tile, whether it is a file or the mirror image of one.
  private func checkedChunk(_ kernel: StoredKernel, _ index: TileIndex) throws(GramStoreError) -> [UInt8] {
    if isSymmetric, !isMirrored, index.row > index.column {
      return ZarrChunk.encoded(
        try tile(kernel, row: index.row, column: index.column), chunkShape: matrixArray.chunkShape)
    }
    let bytes = try chunk(kernel, index)
    do {
      try ZarrChunk.check(bytes, byteCount: matrixArray.chunkByteCount)
    } catch {
      throw corrupted(kernel, index, error)
    }
    return bytes
  }
}
