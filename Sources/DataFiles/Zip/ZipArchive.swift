import Foundation
import Tensors

/// The members of a zip archive: stored or deflated, with or without zip64.
///
/// *Source:* PKWARE, ".ZIP File Format Specification" (APPNOTE 6.3).
struct ZipArchive {
  struct Entry: Sendable {
    var name: String
    var isEncrypted: Bool
    var method: UInt16
    var checksum: UInt32
    var compressedSize: Int
    var size: Int
    var headerOffset: Int
  }

  let entries: [Entry]

  /// Reads the directory at the end of the archive.
  init(_ file: FileBytes) throws(TensorError) {
    let end = try Self.endOfDirectory(file)
    var count = Int(try file.integer(UInt16.self, at: end + 10, "number of entries"))
    var position = Int(try file.integer(UInt32.self, at: end + 16, "offset of the directory"))
    if let end64 = try Self.zip64EndOfDirectory(file, end) {
      count = try file.size(at: end64 + 32, "number of entries")
      position = try file.size(at: end64 + 48, "offset of the directory")
    }
    var entries: [Entry] = []
    for _ in 0..<count {
      let (entry, next) = try Self.entry(file, at: position)
      entries.append(entry)
      position = next
    }
    self.entries = entries
  }

  /// The bytes of a member, inflated and checked.
  static func contents(of entry: Entry, in file: FileBytes) throws(TensorError) -> Data {
    let place = "member \(entry.name)"
    func wrong(_ expected: String, _ found: String) -> TensorError {
      file.wrong(place, expected: expected, found: found)
    }
    guard !entry.isEncrypted else { throw wrong("a member without a password", "an encrypted one") }
    guard try file.integer(UInt32.self, at: entry.headerOffset, "header of \(entry.name)") == 0x0403_4B50 else {
      throw file.wrong(at: entry.headerOffset, expected: "the header of \(entry.name)", found: "something else")
    }
    let nameLength = Int(try file.integer(UInt16.self, at: entry.headerOffset + 26, "length of a name"))
    let extraLength = Int(try file.integer(UInt16.self, at: entry.headerOffset + 28, "length of an extra field"))
    let stored = try file.slice(
      entry.compressedSize, at: entry.headerOffset + 30 + nameLength + extraLength, "member \(entry.name)")
    let contents: Data
    switch entry.method {
    case 0:
      guard entry.size == entry.compressedSize else {
        throw wrong("\(entry.compressedSize) bytes, stored as they are", "a size of \(entry.size)")
      }
      contents = stored
    case 8:
      contents = try Compression.inflate(
        FileBytes(path: file.path, part: place, bytes: stored), .raw, limit: entry.size)
    default: throw wrong("a stored or deflated member", "compression method \(entry.method)")
    }
    guard contents.count == entry.size else { throw wrong("\(entry.size) bytes when inflated", "\(contents.count)") }
    let checksum = contents.withUnsafeBytes { Compression.checksum($0) }
    guard checksum == entry.checksum else {
      throw wrong(
        "CRC \(String(entry.checksum, radix: 16))", "\(String(checksum, radix: 16)); the file is damaged")
    }
    return contents
  }

  private static func endOfDirectory(_ file: FileBytes) throws(TensorError) -> Int {
    // The directory's end is followed by a comment of at most 65,535 bytes.
    let size = 22
    if file.count >= size {
      for position in stride(from: file.count - size, through: max(0, file.count - size - 0xFFFF), by: -1) {
        if try file.integer(UInt32.self, at: position, "signature") == 0x0605_4B50,
          try position + size + Int(file.integer(UInt16.self, at: position + 20, "comment length")) == file.count
        {
          return position
        }
      }
    }
    throw file.wrong(
      "end of the file", expected: "the directory of a zip archive", found: "none; the file is cut off or no archive")
  }

  private static func zip64EndOfDirectory(_ file: FileBytes, _ end: Int) throws(TensorError) -> Int? {
    let locator = end - 20
    guard locator >= 0, try file.integer(UInt32.self, at: locator, "signature") == 0x0706_4B50 else { return nil }
    let position = try file.size(at: locator + 8, "offset of the zip64 directory's end")
    guard try file.integer(UInt32.self, at: position, "the zip64 directory's end") == 0x0606_4B50 else {
      throw file.wrong(at: position, expected: "the zip64 directory's end", found: "something else")
    }
    return position
  }

  private static func entry(_ file: FileBytes, at start: Int) throws(TensorError) -> (Entry, next: Int) {
    guard try file.integer(UInt32.self, at: start, "a directory entry") == 0x0201_4B50 else {
      throw file.wrong(at: start, expected: "an entry of the archive's directory", found: "something else")
    }
    func field16(_ offset: Int) throws(TensorError) -> Int {
      Int(try file.integer(UInt16.self, at: start + offset, "a directory entry"))
    }
    func field32(_ offset: Int) throws(TensorError) -> UInt32 {
      try file.integer(UInt32.self, at: start + offset, "a directory entry")
    }
    let nameLength = try field16(28)
    let extraLength = try field16(30)
    let next = try start + 46 + nameLength + extraLength + field16(32)
    // A field of all ones stands for a 64-bit value in the extra field with tag 1, in this order.
    var large = try zip64Fields(file, at: start + 46 + nameLength, count: extraLength)[...]
    func size(_ field: UInt32) throws(TensorError) -> Int {
      guard field == .max, let position = large.popFirst() else { return Int(field) }
      return try file.size(at: position, "a zip64 field")
    }
    let uncompressedSize = try size(try field32(24))
    let compressedSize = try size(try field32(20))
    let headerOffset = try size(try field32(42))
    let name = try file.slice(nameLength, at: start + 46, "the name of a member")
    let entry = Entry(
      name: String(decoding: name, as: UTF8.self), isEncrypted: try field16(8) & 1 == 1,
      method: UInt16(try field16(10)), checksum: try field32(16), compressedSize: compressedSize,
      size: uncompressedSize, headerOffset: headerOffset)
    return (entry, next)
  }

  /// Where the 64-bit values of a directory entry are.
  private static func zip64Fields(_ file: FileBytes, at start: Int, count: Int) throws(TensorError) -> [Int] {
    try file.require(count, at: start, "an extra field")
    var position = start
    while position + 4 <= start + count {
      let tag = try file.integer(UInt16.self, at: position, "an extra field")
      let size = Int(try file.integer(UInt16.self, at: position + 2, "an extra field"))
      if tag == 1 {
        return Array(stride(from: position + 4, through: min(position + 4 + size, start + count) - 8, by: 8))
      }
      position += 4 + size
    }
    return []
  }
}

extension FileBytes {
  /// A 64-bit size or offset, which must lie within what a file can have.
  fileprivate func size(at offset: Int, _ meaning: String) throws(TensorError) -> Int {
    let value = try integer(UInt64.self, at: offset, meaning)
    guard value <= 1 << 48 else {
      throw wrong(at: offset, expected: "\(meaning) of at most 2^48", found: "\(value)")
    }
    return Int(value)
  }
}
