import CVectorKernels
import Platform
import Tensors

/// The bytes of a chunk: its elements row after row, little-endian, and their CRC-32C. A chunk at the edge of its array has the size
/// of all others, and NaN or zero where there is no array.
///
/// Elements are little-endian in memory on all machines that Swift runs on.
enum ZarrChunk {
  static let checksumSize = 4

  /// What is wrong with the bytes of a chunk, as expected and as found.
  struct Damage: Error, Hashable {
    let expected: String
    let found: String
  }

  /// - Parameters:
  ///   - part: of the array, at most as large as a chunk along the first axis and the second; others are whole.
  ///   - chunkShape: of a chunk.
  static func encoded(_ part: Tensor, chunkShape: [Int]) -> [UInt8] {
    let size = part.dtype.byteCount
    let (rows, line) = (chunkShape[0], chunkShape.dropFirst().reduce(1, *) * size)
    let partRows = part.shape[0]
    let partLine = part.shape.dropFirst().reduce(1, *) * size
    precondition(partRows <= rows && partLine <= line, "a part of shape \(part.shape) in a chunk of \(chunkShape)")
    let count = rows * line
    let isWhole = partRows == rows && partLine == line
    return [UInt8](unsafeUninitializedCapacity: count + checksumSize) { buffer, initialized in
      guard let start = buffer.baseAddress else { return }
      if !isWhole { fill(UnsafeMutableRawPointer(start), count, part.dtype) }
      if partLine == line {
        memcpy(start, part.storage.bytes, partRows * line)
      } else {
        for row in 0..<partRows { memcpy(start + row * line, part.storage.bytes + row * partLine, partLine) }
      }
      withExtendedLifetime(part) {}
      let checksum = nt_crc32c(0, start, count).littleEndian
      withUnsafeBytes(of: checksum) {
        UnsafeMutableRawBufferPointer(start: start + count, count: checksumSize).copyMemory(from: $0)
      }
      initialized = count + checksumSize
    }
  }

  private static func fill(_ bytes: UnsafeMutableRawPointer, _ count: Int, _ dtype: DType) {
    switch dtype {
    case .float32: bytes.bindMemory(to: Float.self, capacity: count / 4).update(repeating: .nan, count: count / 4)
    case .float64: bytes.bindMemory(to: Double.self, capacity: count / 8).update(repeating: .nan, count: count / 8)
    case .int32, .bool: memset(bytes, 0, count)
    }
  }

  /// - Throws: where the size is another or the checksum is not that of the elements.
  static func check(_ bytes: [UInt8], byteCount: Int) throws(Damage) {
    guard bytes.count == byteCount else {
      throw Damage(expected: "\(byteCount) bytes", found: "\(bytes.count)")
    }
    let count = byteCount - checksumSize
    let (expected, found) = bytes.withUnsafeBytes { raw in
      (
        UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: count, as: UInt32.self)),
        nt_crc32c(0, raw.baseAddress, count)
      )
    }
    func text(_ checksum: UInt32) -> String {
      let digits = String(checksum, radix: 16)
      return String(repeating: "0", count: 8 - digits.count) + digits
    }
    guard expected == found else { throw Damage(expected: "checksum \(text(expected))", found: text(found)) }
  }

  /// The part of the array that a chunk holds.
  ///
  /// - Parameter shape: of the part, at most that of a chunk along the first axis and the second.
  static func decoded(_ bytes: [UInt8], _ array: ZarrArray, shape: [Int]) throws(Damage) -> Tensor {
    try check(bytes, byteCount: array.chunkByteCount)
    let line = array.chunkShape.dropFirst().reduce(1, *) * array.dtype.byteCount
    let part = Tensor(uninitialized: shape, dtype: array.dtype)
    let partLine = shape.dropFirst().reduce(1, *) * array.dtype.byteCount
    bytes.withUnsafeBytes { raw in
      guard let start = raw.baseAddress else { return }
      if partLine == line {
        memcpy(part.storage.bytes, start, shape[0] * line)
      } else {
        for row in 0..<shape[0] { memcpy(part.storage.bytes + row * partLine, start + row * line, partLine) }
      }
    }
    return part
  }
}
