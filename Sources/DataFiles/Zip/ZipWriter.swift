import Foundation
import Tensors

/// Writes a zip archive member by member.
struct ZipWriter {
  private struct Member {
    var name: String
    var method: UInt16
    var checksum: UInt32
    var compressedSize: Int
    var size: Int
    var offset: Int
  }

  private let writer: FileWriter
  private var members: [Member] = []
  private var position = 0
  /// Sizes and offsets from here on are written as zip64 fields.
  private let zip64Threshold: Int

  init(to path: String, zip64Threshold: Int = Int(UInt32.max)) throws(TensorError) {
    writer = try FileWriter(to: path)
    self.zip64Threshold = zip64Threshold
  }

  /// Adds a member that is the concatenation of `parts`.
  mutating func add(
    _ name: String, _ parts: [UnsafeRawBufferPointer], isDeflated: Bool
  ) throws(TensorError) {
    let deflated = isDeflated ? try Compression.deflate(parts, path: writer.path) : nil
    let size = parts.reduce(0) { $0 + $1.count }
    let member = Member(
      name: name, method: isDeflated ? 8 : 0, checksum: parts.reduce(0) { Compression.checksum($1, after: $0) },
      compressedSize: deflated?.count ?? size, size: size, offset: position)
    members.append(member)

    let isLarge = max(member.size, member.compressedSize) >= zip64Threshold
    var header = Data()
    header.append(little: 0x0403_4B50 as UInt32)
    appendCommon(member, isLarge: isLarge, to: &header)
    header.append(little: UInt16(isLarge ? 20 : 0))
    header.append(contentsOf: member.name.utf8)
    if isLarge { appendZip64([member.size, member.compressedSize], to: &header) }
    try write(header)
    if let deflated {
      try write(deflated)
    } else {
      for part in parts {
        try writer.write(part)
        position += part.count
      }
    }
  }

  /// Writes the directory and gives the file its name.
  mutating func finish() throws(TensorError) {
    let start = position
    for member in members {
      let isLarge = max(member.size, member.compressedSize, member.offset) >= zip64Threshold
      var entry = Data()
      entry.append(little: 0x0201_4B50 as UInt32)
      entry.append(little: 45 as UInt16)
      appendCommon(member, isLarge: isLarge, to: &entry)
      entry.append(little: UInt16(isLarge ? 28 : 0))
      entry.append(Data(count: 10))
      entry.append(little: isLarge ? .max : UInt32(member.offset))
      entry.append(contentsOf: member.name.utf8)
      if isLarge { appendZip64([member.size, member.compressedSize, member.offset], to: &entry) }
      try write(entry)
    }
    let size = position - start
    let isLarge = max(position, members.count << 16) >= zip64Threshold
    var end = Data()
    if isLarge {
      end.append(little: 0x0606_4B50 as UInt32)
      end.append(little: 44 as UInt64)
      end.append(little: 45 as UInt16)
      end.append(little: 45 as UInt16)
      end.append(Data(count: 8))
      for value in [members.count, members.count, size, start] { end.append(little: UInt64(value)) }
      end.append(little: 0x0706_4B50 as UInt32)
      end.append(Data(count: 4))
      end.append(little: UInt64(position))
      end.append(little: 1 as UInt32)
    }
    end.append(little: 0x0605_4B50 as UInt32)
    end.append(Data(count: 4))
    for _ in 0..<2 { end.append(little: isLarge ? .max : UInt16(members.count)) }
    for value in [size, start] { end.append(little: isLarge ? .max : UInt32(value)) }
    end.append(Data(count: 2))
    try write(end)
    try writer.finish()
  }

  /// What a member's header and its directory entry have in common: from the version needed to the name's length.
  private func appendCommon(_ member: Member, isLarge: Bool, to data: inout Data) {
    data.append(little: UInt16(isLarge ? 45 : 20))
    // Names are UTF-8; the time is the first that the format knows, so that equal contents give equal files.
    data.append(little: 0x0800 as UInt16)
    data.append(little: member.method)
    data.append(little: 0x0021_0000 as UInt32)
    data.append(little: member.checksum)
    data.append(little: isLarge ? .max : UInt32(member.compressedSize))
    data.append(little: isLarge ? .max : UInt32(member.size))
    data.append(little: UInt16(member.name.utf8.count))
  }

  private func appendZip64(_ values: [Int], to data: inout Data) {
    data.append(little: 1 as UInt16)
    data.append(little: UInt16(8 * values.count))
    for value in values { data.append(little: UInt64(value)) }
  }

  private mutating func write(_ data: Data) throws(TensorError) {
    try writer.write(data)
    position += data.count
  }
}

extension Data {
  fileprivate mutating func append(little value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }
}
