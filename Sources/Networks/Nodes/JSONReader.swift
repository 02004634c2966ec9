import CovarianceEngine

/// Reads JSON as RFC 8259 has it, saying line, column and what was found where a text is none. What is ambiguous is refused:
/// keys that an object has twice.
///
/// Foundation's reader gives no places and takes the last of equal keys.
struct JSONReader {
  /// More levels would end the process and not the reading.
  private static let largestDepth = 512

  private let bytes: [UInt8]
  private var position = 0
  private var path: [NetworkError.PathComponent] = []

  private init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// - Throws: `NetworkError` with the path of the value and the place in the text.
  static func value(of text: [UInt8]) throws(NetworkError) -> NodeValue {
    var bytes = text
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
      throw NetworkError(expected: "JSON in UTF-8", found: "a text in UTF-16; save it as UTF-8")
    }
    var reader = JSONReader(bytes)
    reader.skipSpaces()
    guard reader.position < bytes.count else { throw NetworkError(expected: "JSON", found: "an empty text") }
    let value = try reader.value(depth: 0)
    reader.skipSpaces()
    guard reader.position == bytes.count else { throw reader.wrong("the end of the text") }
    return value
  }

  // MARK: - Values

  private mutating func value(depth: Int) throws(NetworkError) -> NodeValue {
    guard depth < Self.largestDepth else { throw wrong("at most \(Self.largestDepth) levels", found: "more") }
    switch peek {
    case UInt8(ascii: "{"): return try object(depth)
    case UInt8(ascii: "["): return try array(depth)
    case UInt8(ascii: "\""): return .string(try string())
    case .some(UInt8(ascii: "-")), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return try number()
    default:
      for (word, value) in [("true", NodeValue.boolean(true)), ("false", .boolean(false)), ("null", .null)]
      where bytes[position...].starts(with: word.utf8) && !isLetter(position + word.utf8.count) {
        position += word.utf8.count
        return value
      }
      throw wrong("a value")
    }
  }

  private mutating func object(_ depth: Int) throws(NetworkError) -> NodeValue {
    var members: [String: NodeValue] = [:]
    position += 1
    skipSpaces()
    if take("}") { return .object(members) }
    while true {
      guard peek == UInt8(ascii: "\"") else { throw wrong("a key in double quotes") }
      let start = position
      let key = try string()
      path.append(.name(key))
      guard members[key] == nil else {
        position = start
        throw wrong("a key only once", found: "\"\(key)\" again")
      }
      skipSpaces()
      guard take(":") else { throw wrong("a colon behind the key") }
      skipSpaces()
      members[key] = try value(depth: depth + 1)
      path.removeLast()
      skipSpaces()
      if take("}") { return .object(members) }
      guard take(",") else { throw wrong("a comma or }") }
      skipSpaces()
      if peek == UInt8(ascii: "}") { throw wrong("a key behind the comma", found: "}, so a comma too many") }
    }
  }

  private mutating func array(_ depth: Int) throws(NetworkError) -> NodeValue {
    var values: [NodeValue] = []
    position += 1
    skipSpaces()
    if take("]") { return .array(values) }
    while true {
      path.append(.index(values.count))
      values.append(try value(depth: depth + 1))
      path.removeLast()
      skipSpaces()
      if take("]") { return .array(values) }
      guard take(",") else { throw wrong("a comma or ]") }
      skipSpaces()
      if peek == UInt8(ascii: "]") { throw wrong("a value behind the comma", found: "], so a comma too many") }
    }
  }

  private mutating func number() throws(NetworkError) -> NodeValue {
    let start = position
    func digits(_ reader: inout JSONReader) -> Int {
      let first = reader.position
      while let byte = reader.peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { reader.position += 1 }
      return reader.position - first
    }
    _ = take("-")
    let hasLeadingZero = peek == UInt8(ascii: "0")
    let whole = digits(&self)
    guard whole > 0, !(hasLeadingZero && whole > 1) else {
      if whole > 0 { position = start }
      throw wrong("a number", found: whole > 0 ? "a zero before other digits" : nil)
    }
    var isInteger = true
    if take(".") {
      isInteger = false
      guard digits(&self) > 0 else { throw wrong("digits behind the point") }
    }
    if take("e") || take("E") {
      isInteger = false
      if !take("+") { _ = take("-") }
      guard digits(&self) > 0 else { throw wrong("digits of the exponent") }
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isInteger, let integer = Int(text) { return .integer(integer) }
    guard let number = Double(text), number.isFinite else {
      position = start
      throw wrong("a number of at most 1.8e308", found: text.count > 40 ? "a larger one" : text)
    }
    return .number(number)
  }

  private mutating func string() throws(NetworkError) -> String {
    var text: [UInt8] = []
    position += 1
    while let byte = peek {
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          throw wrong("UTF-8", found: "other bytes in the text that ends here")
        }
        position += 1
        return string
      case UInt8(ascii: "\\"):
        position += 1
        text += Array(String(try escaped()).utf8)
      case 0..<0x20: throw wrong("the closing quote of the text", found: "a line break or control character")
      default:
        text.append(byte)
        position += 1
      }
    }
    throw wrong("the closing quote of the text")
  }

  /// What stands behind a backslash.
  private mutating func escaped() throws(NetworkError) -> Character {
    let names: [UInt8: Unicode.Scalar] = [
      UInt8(ascii: "\""): "\"", UInt8(ascii: "\\"): "\\", UInt8(ascii: "/"): "/", UInt8(ascii: "b"): "\u{8}",
      UInt8(ascii: "f"): "\u{c}", UInt8(ascii: "n"): "\n", UInt8(ascii: "r"): "\r", UInt8(ascii: "t"): "\t",
    ]
    if let byte = peek, let scalar = names[byte] {
      position += 1
      return Character(scalar)
    }
    guard take("u") else { throw wrong("one of \" \\ / b f n r t u behind the backslash") }
    var unit = try hexadecimal()
    if (0xD800..<0xDC00).contains(unit) {
      // The second half of a pair.
      guard take("\\"), take("u") else { throw wrong("the second half of a surrogate pair") }
      let low = try hexadecimal()
      guard (0xDC00..<0xE000).contains(low) else { throw wrong("the second half of a surrogate pair") }
      unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(unit) else { throw wrong("a character", found: "half of a surrogate pair") }
    return Character(scalar)
  }

  private mutating func hexadecimal() throws(NetworkError) -> UInt32 {
    let end = position + 4
    guard end <= bytes.count,
      let value = UInt32(String(decoding: bytes[position..<end], as: UTF8.self), radix: 16),
      bytes[position] != UInt8(ascii: "+")
    else { throw wrong("four hexadecimal digits") }
    position = end
    return value
  }

  // MARK: - Characters

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard peek == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private func isLetter(_ index: Int) -> Bool {
    guard index < bytes.count else { return false }
    let byte = bytes[index]
    return (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z")) || byte == UInt8(ascii: "_")
      || (byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9"))
  }

  private mutating func skipSpaces() {
    while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  // MARK: - Errors

  /// An error at the present place.
  private func wrong(_ expected: String, found: String? = nil) -> NetworkError {
    let before = bytes[..<min(position, bytes.count)]
    let line = before.count { $0 == 0x0A } + 1
    let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    // Bytes that continue a character are no column.
    let column = bytes[lineStart..<before.endIndex].count { $0 & 0xC0 != 0x80 } + 1
    return NetworkError(
      path: path, expected: "\(expected) at line \(line), column \(column)", found: found ?? self.found)
  }

  /// What stands at the present place, with what people mean by it.
  private var found: String {
    guard let byte = peek else { return "the end of the text" }
    let rest = bytes[position...]
    if rest.starts(with: "//".utf8) || rest.starts(with: "/*".utf8) || byte == UInt8(ascii: "#") {
      return "a comment, which JSON has not; YAML has, in a file whose name ends in .yaml"
    }
    if byte == UInt8(ascii: "'") { return "a single quote; JSON has double quotes" }
    if byte >= 0x80, String(validating: rest.prefix(4), as: UTF8.self) == nil, !isCharacter(rest) {
      return "the byte 0x\(String(byte, radix: 16)), which is no UTF-8; save the file as UTF-8"
    }
    if isLetter(position) {
      var end = position
      while isLetter(end), end - position < 40 { end += 1 }
      let word = String(decoding: bytes[position..<end], as: UTF8.self)
      switch word {
      case "NaN", "Infinity", "nan", "inf": return "\(word), which JSON has not, and no layer takes"
      case "True", "False", "None": return "\(word), which is Python; JSON has true, false and null"
      default: return "\(word) without quotes"
      }
    }
    if byte < 0x20 { return "a control character" }
    let text = String(decoding: rest.prefix(4), as: UTF8.self)
    return text.first.map { String($0) } ?? "something else"
  }

  /// Whether a whole character begins there.
  private func isCharacter(_ rest: ArraySlice<UInt8>) -> Bool {
    (2...4).contains { rest.count >= $0 && String(validating: rest.prefix($0), as: UTF8.self) != nil }
  }
}
