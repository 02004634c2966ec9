import Foundation
import Tensors

/// What the header of an NPY file says: the type, order and shape of the numbers that follow.
///
/// *Source:* numpy.lib.format: versions 1.0 to 3.0.
struct NpyHeader: Equatable {
  /// The NumPy type string without its byte order: `f8`, `i4`, `b1`, …
  var type: String
  var isBigEndian: Bool
  var isFortranOrder: Bool
  var shape: [Int]

  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// Reads the header; `dataOffset` is where the numbers begin.
  static func read(_ file: FileBytes) throws(TensorError) -> (header: NpyHeader, dataOffset: Int) {
    let start = try file.slice(8, at: 0, "the NPY magic number and version")
    guard start.prefix(6).elementsEqual(magic) else {
      throw file.wrong(at: 0, expected: "\\x93NUMPY, the beginning of an NPY file", found: describe(start.prefix(6)))
    }
    let version = start[start.startIndex + 6]
    let textOffset: Int
    let textLength: Int
    switch version {
    case 1:
      textLength = Int(try file.integer(UInt16.self, at: 8, "header length"))
      textOffset = 10
    case 2, 3:
      textLength = Int(try file.integer(UInt32.self, at: 8, "header length"))
      textOffset = 12
    default: throw file.wrong(at: 6, expected: "NPY version 1, 2 or 3", found: "version \(version)")
    }
    let text = try file.slice(textLength, at: textOffset, "header")
    var parser = DictionaryParser(characters: Array(text), file: file, offset: textOffset)
    return (try parser.header(), textOffset + textLength)
  }

  /// The header of version 1.0, padded so that the numbers after it are aligned to 64 bytes.
  func encoded() -> Data {
    let sizes = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    let order = type == "b1" ? "|" : isBigEndian ? ">" : "<"
    var text =
      "{'descr': '\(order)\(type)', 'fortran_order': \(isFortranOrder ? "True" : "False"), 'shape': (\(sizes)), }"
    let unpadded = NpyHeader.magic.count + 4 + text.utf8.count + 1
    text += String(repeating: " ", count: (64 - unpadded % 64) % 64) + "\n"
    precondition(text.utf8.count <= Int(UInt16.max), "a tensor of rank \(shape.count) has too long an NPY header")
    var data = Data(NpyHeader.magic + [1, 0])
    data.append(contentsOf: [UInt8(text.utf8.count & 0xFF), UInt8(text.utf8.count >> 8)])
    data.append(contentsOf: text.utf8)
    return data
  }

  private static func describe(_ bytes: Data) -> String {
    bytes.prefix(2).elementsEqual([0x50, 0x4B])
      ? "the beginning of a zip archive (an NPZ file?)"
      : bytes.map { String(format: "%02x", $0) }.joined(separator: " ")
  }
}

/// Reads the Python dictionary of an NPY header: three keys in any order, whose values are a string, a Boolean and a tuple
/// of integers.
private struct DictionaryParser {
  let characters: [UInt8]
  let file: FileBytes
  let offset: Int
  var position = 0

  mutating func header() throws(TensorError) -> NpyHeader {
    var type: String?
    var isFortranOrder: Bool?
    var shape: [Int]?
    try expect("{")
    while !takes("}") {
      let key = try string()
      try expect(":")
      switch key {
      case "descr": type = try descriptor()
      case "fortran_order": isFortranOrder = try boolean()
      case "shape": shape = try tuple()
      default: throw wrong(expected: "descr, fortran_order or shape", found: "'\(key)'")
      }
      if !takes(",") {
        try expect("}")
        break
      }
    }
    guard let type, let isFortranOrder, let shape else {
      let missing = [
        type == nil ? "descr" : nil, isFortranOrder == nil ? "fortran_order" : nil, shape == nil ? "shape" : nil,
      ]
      throw wrong(
        expected: "a header with descr, fortran_order and shape",
        found: "none of " + missing.compactMap { $0 }.joined(separator: ", "))
    }
    let order = type.first.map(String.init) ?? ""
    let hasOrder = ["<", ">", "=", "|"].contains(order)
    return NpyHeader(
      type: hasOrder ? String(type.dropFirst()) : type, isBigEndian: order == ">", isFortranOrder: isFortranOrder,
      shape: shape)
  }

  private mutating func descriptor() throws(TensorError) -> String {
    skipSpace()
    if position < characters.count, characters[position] == UInt8(ascii: "[") {
      throw wrong(expected: "an array of one number type", found: "a structured array; save its columns separately")
    }
    return try string()
  }

  private mutating func string() throws(TensorError) -> String {
    skipSpace()
    guard position < characters.count, [UInt8(ascii: "'"), UInt8(ascii: "\"")].contains(characters[position]),
      let end = characters[(position + 1)...].firstIndex(of: characters[position])
    else { throw wrong(expected: "a quoted string", found: next) }
    defer { position = end + 1 }
    return String(decoding: characters[(position + 1)..<end], as: UTF8.self)
  }

  private mutating func boolean() throws(TensorError) -> Bool {
    if takes("True") { return true }
    if takes("False") { return false }
    throw wrong(expected: "True or False", found: next)
  }

  private mutating func tuple() throws(TensorError) -> [Int] {
    var sizes: [Int] = []
    try expect("(")
    while !takes(")") {
      skipSpace()
      let digits = characters[position...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      guard let size = Int(String(decoding: digits, as: UTF8.self)) else {
        throw wrong(expected: "a size of the shape, at most \(Int.max)", found: next)
      }
      sizes.append(size)
      guard sizes.count <= 64 else { throw wrong(expected: "at most 64 axes", found: "more") }
      position = digits.endIndex
      // Python 2 wrote long integers as 3L.
      _ = takes("L")
      if !takes(",") {
        try expect(")")
        break
      }
    }
    return sizes
  }

  private mutating func skipSpace() {
    while position < characters.count, [0x20, 0x09, 0x0A, 0x0D].contains(characters[position]) { position += 1 }
  }

  private mutating func takes(_ text: String) -> Bool {
    skipSpace()
    guard characters[position...].starts(with: text.utf8) else { return false }
    position += text.utf8.count
    return true
  }

  private mutating func expect(_ text: String) throws(TensorError) {
    guard takes(text) else { throw wrong(expected: "\"\(text)\"", found: next) }
  }

  private var next: String {
    guard position < characters.count else { return "the end of the header" }
    return "\"\(String(decoding: characters[position...].prefix(20), as: UTF8.self))\""
  }

  private func wrong(expected: String, found: String) -> TensorError {
    file.wrong(at: offset + position, expected: expected, found: found)
  }
}
