import Tensors

/// Cuts delimited text into cells, by RFC 4180 with the line ends of all systems.
///
/// A record is read by asking for cells until one ends it. What is wrong with quotes is said with the line where the quote
/// was opened, because where it ends is anybody's guess.
struct CellScanner {
  let bytes: UnsafePointer<UInt8>
  let end: Int
  /// Zero, which no text holds, where nothing separates cells: a table of one column.
  let separator: UInt8
  private(set) var position = 0
  /// The line of `position`, from 1.
  private(set) var line = 1

  init(_ text: UnsafeBufferPointer<UInt8>, separator: UInt8) {
    // Never read where there is nothing, but there must be something to point to.
    bytes = text.baseAddress ?? UnsafePointer(bitPattern: 1)!
    end = text.count
    self.separator = separator
  }

  struct Cell {
    /// Where the cell's text is, without quotes around it.
    var range: Range<Int>
    var isQuoted: Bool
    /// Two quotes stand for one.
    var hasDoubledQuotes: Bool
    /// Whether the record ends with it.
    var endsRecord: Bool
  }

  /// What is wrong with quotes, with the line where the quote was opened.
  enum Mistake: Error {
    case unclosed(line: Int)
    case textAfterQuote(line: Int)
    case quoteInText(line: Int)

    var line: Int {
      switch self {
      case .unclosed(let line), .textAfterQuote(let line), .quoteInText(let line): line
      }
    }

    func error(_ file: FileBytes) -> TensorError {
      switch self {
      case .unclosed:
        file.wrong(
          "line \(line)", expected: "a closing quote", found: "none up to the end of the file for the one opened here")
      case .textAfterQuote:
        file.wrong(
          "line \(line)", expected: "a quoted cell to end before the next separator",
          found: "text after a closing quote; double quotes that belong to the text")
      case .quoteInText:
        file.wrong(
          "line \(line)", expected: "a quoted cell to end before the next separator",
          found: "a quote inside an unquoted cell; double it and quote the cell")
      }
    }
  }

  var isAtEnd: Bool { position >= end }

  func text(of cell: Cell) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: bytes + cell.range.lowerBound, count: cell.range.count)
  }

  func string(of cell: Cell) -> String {
    let text = text(of: cell)
    guard cell.hasDoubledQuotes else { return String(decoding: text, as: UTF8.self) }
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var index = 0
    while index < text.count {
      result.append(text[index])
      index += text[index] == UInt8(ascii: "\"") ? 2 : 1
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// Moves behind a line with nothing but spaces; false, and no move, where there is something.
  mutating func skipsBlankLine() -> Bool {
    let index = skippingSpaces(position)
    guard index >= end || isLineEnd(bytes[index]) else { return false }
    position = index
    if index < end { endLine() }
    return true
  }

  /// The number that is the whole next cell; nil, and no move, where it is something else or quoted.
  @inline(__always)
  mutating func nextNumber(_ parser: NumberParser) -> (value: Double, traits: NumberParser.Traits, endsRecord: Bool)? {
    var index = position
    while index < end, bytes[index] == UInt8(ascii: " ") { index += 1 }
    guard let (value, traits) = parser.number(bytes, &index, end: end) else { return nil }
    while index < end, bytes[index] == UInt8(ascii: " ") { index += 1 }
    guard index < end else {
      position = index
      return (value, traits, true)
    }
    if bytes[index] == separator {
      position = index + 1
      return (value, traits, false)
    }
    guard isLineEnd(bytes[index]) else { return nil }
    position = index
    endLine()
    return (value, traits, true)
  }

  /// The next cell of a record; at the end of the text, an empty one that ends it.
  mutating func next() throws(Mistake) -> Cell {
    let start = skippingSpaces(position)
    if start < end, bytes[start] == UInt8(ascii: "\"") { return try nextQuoted(start) }
    var index = position
    while index < end, bytes[index] != separator, !isLineEnd(bytes[index]) {
      if bytes[index] == UInt8(ascii: "\"") { throw .quoteInText(line: line) }
      index += 1
    }
    let range = position..<index
    position = index
    return Cell(range: range, isQuoted: false, hasDoubledQuotes: false, endsRecord: endsCell())
  }

  private mutating func nextQuoted(_ start: Int) throws(Mistake) -> Cell {
    let openingLine = line
    var index = start + 1
    var hasDoubledQuotes = false
    while true {
      guard index < end else { throw .unclosed(line: openingLine) }
      let byte = bytes[index]
      if byte == UInt8(ascii: "\"") {
        guard index + 1 < end, bytes[index + 1] == UInt8(ascii: "\"") else { break }
        hasDoubledQuotes = true
        index += 1
      } else if byte == UInt8(ascii: "\n")
        || (byte == UInt8(ascii: "\r") && !(index + 1 < end && bytes[index + 1] == UInt8(ascii: "\n")))
      {
        line += 1
      }
      index += 1
    }
    let range = start + 1..<index
    position = skippingSpaces(index + 1)
    guard position >= end || bytes[position] == separator || isLineEnd(bytes[position]) else {
      throw .textAfterQuote(line: openingLine)
    }
    return Cell(range: range, isQuoted: true, hasDoubledQuotes: hasDoubledQuotes, endsRecord: endsCell())
  }

  /// Moves behind what ends a cell, and says whether that ends the record.
  private mutating func endsCell() -> Bool {
    guard position < end else { return true }
    if bytes[position] == separator {
      position += 1
      return false
    }
    endLine()
    return true
  }

  @inline(__always)
  private mutating func endLine() {
    let isReturn = bytes[position] == UInt8(ascii: "\r")
    position += 1
    if isReturn, position < end, bytes[position] == UInt8(ascii: "\n") { position += 1 }
    line += 1
  }

  @inline(__always)
  private func isLineEnd(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") }

  /// Spaces and tabs that are not separators.
  private func skippingSpaces(_ start: Int) -> Int {
    var index = start
    while index < end, bytes[index] == UInt8(ascii: " ") || (bytes[index] == UInt8(ascii: "\t") && separator != 9) {
      index += 1
    }
    return index
  }
}
