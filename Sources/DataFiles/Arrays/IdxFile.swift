import Foundation
import Tensors

extension Tensor {
  /// Reads an IDX file, the format of MNIST; a compressed one is inflated on the way.
  ///
  /// Unsigned and signed bytes, 16- and 32-bit integers become int32; floats float32; doubles float64.
  ///
  /// *Source:* LeCun, Cortes, Burges, "The MNIST database", file format.
  ///
  /// - Throws: `TensorError.file` when the file cannot be read, `TensorError.format` when it is damaged.
  public init(idxAt path: String) throws(TensorError) {
    self = try Tensor(storedIdx: FileBytes(at: path))
  }

  init(storedIdx stored: FileBytes) throws(TensorError) {
    guard let container = Compression.container(of: stored) else {
      self = try Tensor(idx: stored)
      return
    }
    // The header says how long the rest may be; it is at most four bytes and a size for each of 255 axes.
    func inflated(limit: Int, isPrefixEnough: Bool) throws(TensorError) -> FileBytes {
      let bytes = try Compression.inflate(stored, container, limit: limit, isPrefixEnough: isPrefixEnough)
      return FileBytes(path: stored.path, part: "inflated", bytes: bytes)
    }
    let header = try IdxHeader(inflated(limit: 4 + 4 * 255, isPrefixEnough: true))
    self = try Tensor(idx: inflated(limit: header.byteCount, isPrefixEnough: false))
  }

  init(idx file: FileBytes) throws(TensorError) {
    let header = try IdxHeader(file)
    guard file.count == header.byteCount else {
      throw file.wrong(
        at: header.dataOffset, expected: "\(header.byteCount - header.dataOffset) bytes for shape \(header.shape)",
        found: "\(file.count - header.dataOffset)")
    }
    // No element type of the format is wider than its tensor.
    var notes: [ReadingNote] = []
    self = try header.element.tensor(
      of: file, at: header.dataOffset, shape: header.shape, isBigEndian: true, notes: &notes)
  }
}

extension FileBytes {
  /// Whether the first bytes are those of an IDX file: two zeros, an element type, and one to eight axes.
  var beginsLikeIdx: Bool {
    let start = [UInt8](bytes.prefix(4))
    return start.count == 4 && start[0] == 0 && start[1] == 0 && IdxHeader.elements[start[2]] != nil
      && (1...8).contains(start[3])
  }
}

/// Two zero bytes, the type of the elements, the number of axes, and their sizes.
private struct IdxHeader {
  let element: ElementFormat
  let shape: [Int]
  let dataOffset: Int
  /// The size of the whole file.
  let byteCount: Int

  static let elements: [UInt8: ElementFormat] = [
    0x08: .uint8, 0x09: .int8, 0x0B: .int16, 0x0C: .int32, 0x0D: .float32, 0x0E: .float64,
  ]

  init(_ file: FileBytes) throws(TensorError) {
    let magic = try file.slice(4, at: 0, "the IDX magic number")
    let (first, second, type, rank) = (
      magic.startIndex, magic.startIndex + 1, magic.startIndex + 2, magic.startIndex + 3
    )
    guard magic[first] == 0, magic[second] == 0 else {
      throw file.wrong(
        at: 0, expected: "two zero bytes, the beginning of an IDX file", found: "\(magic[first]) and \(magic[second])")
    }
    guard let element = Self.elements[magic[type]] else {
      throw file.wrong(
        at: 2, expected: "an element type of 8, 9, 11, 12, 13 or 14", found: "\(magic[type])")
    }
    var shape: [Int] = []
    for axis in 0..<Int(magic[rank]) {
      shape.append(Int(try file.bigEndianInteger(UInt32.self, at: 4 + 4 * axis, "the size of axis \(axis)")))
    }
    self.element = element
    self.shape = shape
    dataOffset = 4 + 4 * shape.count
    byteCount = dataOffset + (try file.byteCount(of: shape, elementSize: element.byteCount))
  }
}
