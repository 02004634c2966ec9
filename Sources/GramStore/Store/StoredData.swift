import DurableFiles
import Networks
import Tensors

/// A data set in a store: an array of its own, cut along the first axis.
enum StoredData {
  /// Bytes of a chunk at most, unless a single input has more.
  private static let chunkSize = 1 << 26

  static func array(shape: [Int], dtype: DType) -> ZarrArray {
    let line = max(1, shape.dropFirst().reduce(1, *) * dtype.byteCount)
    let rows = max(1, min(max(1, shape[0]), chunkSize / line))
    return ZarrArray(shape: shape, dtype: dtype, chunkShape: [rows] + shape.dropFirst().map { max(1, $0) })
  }

  private static func chunkPath(_ path: String, _ number: Int, rank: Int) -> String {
    path + "/c/\(number)" + String(repeating: "/0", count: rank - 1)
  }

  /// Writes the array into a directory that nobody knows yet, and synchronizes it.
  static func write(_ x: Tensor, to path: String, _ files: some FileSystem) throws(FileFailure) {
    let array = array(shape: x.shape, dtype: x.dtype)
    try files.makeDirectory(path)
    try files.writeNew(array.json.json(), to: "\(path)/\(ZarrArray.fileName)")
    for number in 0..<array.chunkCounts[0] {
      let rows = number * array.chunkShape[0]..<min((number + 1) * array.chunkShape[0], x.shape[0])
      let chunk = chunkPath(path, number, rank: x.rank)
      try files.makeDirectories(parent(of: chunk))
      try files.writeNew(ZarrChunk.encoded(x[rows], chunkShape: array.chunkShape), to: chunk)
      try files.synchronizeDirectory(parent(of: chunk))
    }
    try files.synchronizeDirectory(path)
  }

  static func read(_ path: String, shape: [Int], dtype: DType, _ files: some FileSystem) throws(GramStoreError)
    -> Tensor
  {
    let expected = array(shape: shape, dtype: dtype)
    try requireArray(expected, at: path, files)
    var parts: [Tensor] = []
    for number in 0..<expected.chunkCounts[0] {
      let chunk = chunkPath(path, number, rank: shape.count)
      let rows = min(expected.chunkShape[0], shape[0] - number * expected.chunkShape[0])
      do {
        parts.append(try ZarrChunk.decoded(try files.read(chunk), expected, shape: [rows] + shape.dropFirst()))
      } catch let failure as FileFailure {
        throw .init(reading: failure)
      } catch let damage as ZarrChunk.Damage {
        throw .malformed(path: chunk, expected: damage.expected, found: damage.found)
      } catch {
        throw .cannotRead(path: chunk, reason: "\(error)")
      }
    }
    return parts.count == 1 ? parts[0] : concatenate(parts)
  }

  /// - Throws: where the metadata of an array are others.
  static func requireArray(_ expected: ZarrArray, at path: String, _ files: some FileSystem) throws(GramStoreError) {
    let file = "\(path)/\(ZarrArray.fileName)"
    let found = try ZarrArray(readJSON(file, files), path: file)
    guard found.shape == expected.shape, found.dtype == expected.dtype, found.chunkShape == expected.chunkShape else {
      throw .malformed(
        path: file, expected: "\(expected.dtype) of shape \(expected.shape) in chunks of \(expected.chunkShape)",
        found: "\(found.dtype) of shape \(found.shape) in chunks of \(found.chunkShape)")
    }
  }

  static func readJSON(_ path: String, _ files: some FileSystem) throws(GramStoreError) -> NodeValue {
    let bytes: [UInt8]
    do {
      bytes = try files.read(path)
    } catch {
      throw .init(reading: error)
    }
    do {
      return try NodeValue(json: bytes)
    } catch {
      throw .malformed(path: path, expected: error.expected, found: error.found)
    }
  }
}

extension FileSystem {
  /// Writes a file that nobody looks for yet, and synchronizes it.
  func writeNew(_ bytes: [UInt8], to path: String) throws(FileFailure) {
    let file = try create(path)
    do throws(FileFailure) {
      try bytes.withRawBytes { (bytes) throws(FileFailure) in try writeAll(bytes, to: file) }
      try synchronize(file)
    } catch {
      try? close(file)
      throw error
    }
    try close(file)
  }

  func writeNew(_ text: String, to path: String) throws(FileFailure) {
    try writeNew(Array(text.utf8) + [0x0A], to: path)
  }
}
