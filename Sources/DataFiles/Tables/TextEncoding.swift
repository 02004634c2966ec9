import Foundation
import Tensors

/// How characters are stored in a text file.
public enum TextEncoding: String, Sendable, Hashable, CaseIterable {
  case utf8 = "utf-8"
  case latin1 = "latin-1"
  case windows1252 = "windows-1252"
  case utf16LittleEndian = "utf-16le"
  case utf16BigEndian = "utf-16be"

  /// The text of `file` as UTF-8 without a byte-order mark, checked.
  ///
  /// A byte-order mark says what a file is. Without one and without `encoding` it must be UTF-8.
  ///
  /// - Throws: `TensorError.format` with the line of the first wrong byte and the encoding that the file likely has.
  static func text(of file: FileBytes, encoding: TextEncoding?) throws(TensorError) -> FileBytes {
    let start = [UInt8](file.bytes.prefix(4))
    if start.starts(with: [0xFF, 0xFE, 0, 0]) || start.starts(with: [0, 0, 0xFE, 0xFF]) {
      throw file.wrong("line 1", expected: "UTF-8 or UTF-16", found: "UTF-32; convert the file to UTF-8")
    }
    let marked: (encoding: TextEncoding, size: Int)? =
      start.starts(with: [0xEF, 0xBB, 0xBF])
      ? (.utf8, 3)
      : start.starts(with: [0xFF, 0xFE])
        ? (.utf16LittleEndian, 2) : start.starts(with: [0xFE, 0xFF]) ? (.utf16BigEndian, 2) : nil
    if let marked, let encoding, marked.encoding != encoding {
      throw file.wrong(
        "line 1", expected: "\(encoding.rawValue), as asked for",
        found: "the mark of \(marked.encoding.rawValue); leave the encoding out")
    }
    let bytes = file.bytes.dropFirst(marked?.size ?? 0)
    let result: FileBytes
    switch marked?.encoding ?? encoding ?? .utf8 {
    case .utf8: result = FileBytes(path: file.path, part: file.part, bytes: bytes)
    case .latin1: result = file.transcoded(bytes.map { UInt16($0) })
    case .windows1252: result = file.transcoded(bytes.map { codePoints1252[Int($0)] })
    case .utf16LittleEndian: result = try file.transcodedWords(bytes) { UInt16($0) | UInt16($1) << 8 }
    case .utf16BigEndian: result = try file.transcodedWords(bytes) { UInt16($0) << 8 | UInt16($1) }
    }
    try result.requireText(isAskedFor: encoding != nil)
    return result
  }

  /// The code points of all bytes; the five without a character stay what they are in Latin-1.
  private static let codePoints1252: [UInt16] = {
    var points = (0..<256).map { UInt16($0) }
    let upper: [UInt16] = [
      0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D,
      0x017D,
      0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,
      0x017E, 0x0178,
    ]
    points.replaceSubrange(0x80..<0xA0, with: upper)
    return points
  }()
}

extension FileBytes {
  fileprivate func transcoded(_ words: [UInt16]) -> FileBytes {
    FileBytes(path: path, part: part, bytes: Data(String(decoding: words, as: UTF16.self).utf8))
  }

  fileprivate func transcodedWords(
    _ bytes: Data, _ word: (UInt8, UInt8) -> UInt16
  ) throws(TensorError) -> FileBytes {
    guard bytes.count % 2 == 0 else {
      throw wrong("end of the file", expected: "UTF-16, two bytes each", found: "an odd number of bytes; it is cut off")
    }
    let pairs = [UInt8](bytes)
    let words = stride(from: 0, to: pairs.count, by: 2).map { word(pairs[$0], pairs[$0 + 1]) }
    guard let text = String(validating: words, as: UTF16.self) else {
      throw wrong("text", expected: "UTF-16", found: "half of a pair of surrogates; the file is damaged")
    }
    return FileBytes(path: path, part: part, bytes: Data(text.utf8))
  }

  /// Throws unless the bytes are UTF-8 without control characters other than tabs and line ends.
  fileprivate func requireText(isAskedFor: Bool) throws(TensorError) {
    try bytes.withRawBytes { (raw) throws(TensorError) in
      let bytes = raw.bindMemory(to: UInt8.self)
      guard let offset = Self.firstWrongByte(bytes) else { return }
      let (line, column) = Self.place(of: offset, in: bytes)
      let place = "line \(line), byte \(column)"
      if bytes[offset] == 0 {
        let prefix = bytes.prefix(4096)
        let zeros = prefix.indices.filter { prefix[$0] == 0 }
        if !isAskedFor, zeros.count > prefix.count / 4 {
          let isBig = zeros.count { $0 % 2 == 0 } > zeros.count / 2
          let likely = (isBig ? TextEncoding.utf16BigEndian : .utf16LittleEndian).rawValue
          throw wrong(
            place, expected: "UTF-8 text",
            found: "a zero byte, as UTF-16 has; read the file with --encoding \(likely), or convert it")
        }
      }
      if bytes[offset] < 0x20 {
        let name = bytes[offset] == 0 ? "a zero byte" : "the control character \(bytes[offset])"
        let octal = String(bytes[offset], radix: 8)
        throw wrong(
          place, expected: "text",
          found: "\(name), which no table has; the file is damaged or no table (tr -d '\\\(octal)' removes such bytes)")
      }
      // Windows-1252 has letters and quotation marks where Latin-1 has control characters.
      let isWindows = bytes.contains { (0x80...0x9F).contains($0) }
      let likely = (isWindows ? TextEncoding.windows1252 : .latin1).rawValue
      throw wrong(
        place, expected: "UTF-8 text",
        found: "the byte \(String(bytes[offset], radix: 16)); the file is likely \(likely): read it with --encoding "
          + "\(likely), or convert it")
    }
  }

  /// The offset of the first byte that is a control character, zero among them, or not part of a UTF-8 character.
  private static func firstWrongByte(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    let raw = UnsafeRawBufferPointer(bytes)
    var index = 0
    while index < bytes.count {
      if index + 8 <= bytes.count {
        let word = raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)
        // Eight bytes from 0x20 to 0x7F: taking 0x20 from a smaller one borrows, which sets its highest bit.
        if (word | (word &- 0x2020_2020_2020_2020)) & 0x8080_8080_8080_8080 == 0 {
          index += 8
          continue
        }
      }
      let byte = bytes[index]
      if byte < 0x80 {
        guard byte >= 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D else { return index }
        index += 1
        continue
      }
      guard let length = scalarLength(bytes, index) else { return index }
      index += length
    }
    return nil
  }

  /// The length of the character that begins at `index`, by the table of well-formed sequences in the Unicode standard.
  private static func scalarLength(_ bytes: UnsafeBufferPointer<UInt8>, _ index: Int) -> Int? {
    func follows(_ offset: Int, _ range: ClosedRange<UInt8> = 0x80...0xBF) -> Bool {
      index + offset < bytes.count && range.contains(bytes[index + offset])
    }
    switch bytes[index] {
    case 0xC2...0xDF: return follows(1) ? 2 : nil
    case 0xE0: return follows(1, 0xA0...0xBF) && follows(2) ? 3 : nil
    case 0xE1...0xEC, 0xEE...0xEF: return follows(1) && follows(2) ? 3 : nil
    case 0xED: return follows(1, 0x80...0x9F) && follows(2) ? 3 : nil
    case 0xF0: return follows(1, 0x90...0xBF) && follows(2) && follows(3) ? 4 : nil
    case 0xF1...0xF3: return follows(1) && follows(2) && follows(3) ? 4 : nil
    case 0xF4: return follows(1, 0x80...0x8F) && follows(2) && follows(3) ? 4 : nil
    default: return nil
    }
  }

  /// Line and byte within it of an offset, both from 1.
  private static func place(of offset: Int, in bytes: UnsafeBufferPointer<UInt8>) -> (line: Int, column: Int) {
    var (line, start) = (1, 0)
    for index in 0..<offset {
      let isEnd =
        bytes[index] == UInt8(ascii: "\n")
        || (bytes[index] == UInt8(ascii: "\r") && bytes[index + 1] != UInt8(ascii: "\n"))
      if isEnd { (line, start) = (line + 1, index + 1) }
    }
    return (line, offset - start + 1)
  }
}
