import Tensors

/// How a delimited text is written, found out from its first records.
struct Dialect {
  /// Zero where there is one column.
  var separator: UInt8
  var hasHeader: Bool
  /// The decimal mark that the first records show: a guess, which is checked against all cells.
  var likelyMark: DecimalMark
  /// A line in front that says what the separator is, as Excel writes it.
  var hasSeparatorLine = false
  /// Sentences about what was guessed.
  var notes: [String] = []

  private static let separators: [UInt8] = [",", ";", "\t", "|"].map { UInt8(ascii: $0) }

  /// A record of the beginning of a text.
  private struct Record {
    var line: Int
    var cells: [String]
  }

  init(_ text: UnsafeBufferPointer<UInt8>, file: FileBytes, options: ReadingOptions) throws(TensorError) {
    var separator: UInt8?
    if let character = options.separator {
      guard let byte = character.asciiValue, byte != 0, !"\"\r\n ".utf8.contains(byte) else {
        throw file.wrong(
          "separator", expected: "an ASCII character that is no quote and no space", found: "\"\(character)\"")
      }
      separator = byte
    }
    hasSeparatorLine = false
    if separator == nil, let stated = Self.statedSeparator(text) { (separator, hasSeparatorLine) = (stated, true) }
    if let separator {
      self.separator = separator
    } else {
      self.separator = try Self.separator(of: text, file, options)
    }
    hasHeader = true
    likelyMark = options.decimalMark ?? .point
    // What is wrong with quotes is said when all records are read.
    guard let sample = try? Self.sample(text, self.separator, skipsFirst: hasSeparatorLine) else { return }
    if options.decimalMark == nil { likelyMark = Self.mark(of: sample, self.separator) }
    if let stated = options.hasHeader {
      hasHeader = stated
    } else if let names = sample.first?.cells, names.contains(where: { options.expected[$0] != nil }) {
      hasHeader = true
    } else {
      (hasHeader, notes) = Self.header(of: sample, mark: likelyMark, options)
    }
  }

  /// Of a first line such as `sep=;`.
  private static func statedSeparator(_ text: UnsafeBufferPointer<UInt8>) -> UInt8? {
    guard text.count >= 5, text.prefix(4).elementsEqual("sep=".utf8), !"\"\r\n ".utf8.contains(text[4]),
      text.count == 5 || text[5] == UInt8(ascii: "\n") || text[5] == UInt8(ascii: "\r")
    else { return nil }
    return text[4]
  }

  private static func sample(
    _ text: UnsafeBufferPointer<UInt8>, _ separator: UInt8, skipsFirst: Bool = false
  ) throws(CellScanner.Mistake) -> [Record] {
    var scanner = CellScanner(text, separator: separator)
    var records: [Record] = []
    var cellCount = 0
    while !scanner.isAtEnd, records.count < 20 || (records.count < 500 && cellCount < 20_000) {
      if scanner.skipsBlankLine() { continue }
      var record = Record(line: scanner.line, cells: [])
      while true {
        let cell = try scanner.next()
        record.cells.append(String(decoding: scanner.text(of: cell).withoutSurroundingSpaces, as: UTF8.self))
        if cell.endsRecord { break }
      }
      cellCount += record.cells.count
      records.append(record)
    }
    return skipsFirst ? Array(records.dropFirst()) : records
  }

  // MARK: Separator

  private static func separator(
    of text: UnsafeBufferPointer<UInt8>, _ file: FileBytes, _ options: ReadingOptions
  ) throws(TensorError) -> UInt8 {
    var candidates: [(separator: UInt8, records: [Record])] = []
    for separator in separators {
      if let records = try? sample(text, separator), !records.isEmpty { candidates.append((separator, records)) }
    }
    try requireNoComment(candidates.map(\.records), file)
    let regular = candidates.filter { isRegular($0.records) && $0.records[0].cells.count > 1 }
    if let first = regular.first {
      // Decimal commas can be as regular as separators: then those cells are numbers that the others leave whole.
      let scored = regular.count == 1 ? [] : regular.map { ($0.separator, numberShare($0.records, options)) }
      return scored.reduce((first.separator, -1.0)) { $1.1 > $0.1 ? $1 : $0 }.0
    }
    let best = candidates.filter { $0.records[0].cells.count > 1 }.max { first, second in
      func share(_ records: [Record]) -> Double {
        Double(records.count { $0.cells.count == records[0].cells.count }) / Double(records.count)
      }
      return share(first.records) < share(second.records)
    }
    if let best { return best.separator }
    guard let whole = try? sample(text, 0), let header = whole.first else { return UInt8(ascii: ",") }
    let rows = whole.dropFirst().flatMap(\.cells)
    try requireNoSpacesBetween(header, whole, file, options)
    // One column: a comma in its cells is a decimal mark, or the rows have more cells than the header.
    let isNumeric =
      !rows.isEmpty && rows.allSatisfy { options.missing.contains($0) || NumberText.evidence(of: $0) != nil }
    return isNumeric ? 0 : candidates.first { $0.records.contains { $0.cells.count > 1 } }?.separator ?? 0
  }

  /// Whether all records have as many cells, or all but the header one more, an empty last one.
  private static func isRegular(_ records: [Record]) -> Bool {
    let width = records[0].cells.count
    return records.allSatisfy { $0.cells.count == width }
      || records.dropFirst().allSatisfy { $0.cells.count == width + 1 && $0.cells[width].isEmpty }
  }

  private static func numberShare(_ records: [Record], _ options: ReadingOptions) -> Double {
    let cells = records.flatMap(\.cells)
    let numbers = cells.count { !options.missing.contains($0) && kind(of: $0) != .text }
    return Double(numbers) / Double(cells.count)
  }

  /// Throws for a first line that is a comment: one that begins with a hash and has other cells than all the rest.
  private static func requireNoComment(_ candidates: [[Record]], _ file: FileBytes) throws(TensorError) {
    for records in candidates where records[0].cells[0].hasPrefix("#") {
      let widths = Set(records.dropFirst().map(\.cells.count))
      if let width = widths.first, widths.count == 1, width > 1, records[0].cells.count != width {
        throw file.wrong(
          "line \(records[0].line)", expected: "a header with the names of the columns",
          found: "a comment, which CSV does not have; remove the line")
      }
    }
  }

  /// Throws where cells are set apart by spaces.
  private static func requireNoSpacesBetween(
    _ header: Record, _ records: [Record], _ file: FileBytes, _ options: ReadingOptions
  ) throws(TensorError) {
    let words = records.map { $0.cells[0].split { $0 == " " || $0 == "\t" } }
    let width = words[0].count
    guard width > 1, records.count > 1, words.allSatisfy({ $0.count == width }),
      words.dropFirst().contains(where: { row in row.allSatisfy { kind(of: String($0)) == .number } })
    else { return }
    throw file.wrong(
      "line \(header.line)", expected: "cells with commas, semicolons, tabs or bars between them",
      found: "\(width) with spaces between them; put commas there (tr -s ' ' ',')")
  }

  // MARK: Decimal mark

  private static func mark(of records: [Record], _ separator: UInt8) -> DecimalMark {
    guard separator != UInt8(ascii: ",") else { return .point }
    var (points, commas) = (0, 0)
    for cell in records.dropFirst().flatMap(\.cells) {
      switch NumberText.evidence(of: cell) {
      case .point: points += 1
      case .comma: commas += 1
      default: break
      }
    }
    return commas > points ? .comma : .point
  }

  // MARK: Header

  private enum Kind { case missing, number, date, text }

  private static func kind(of cell: String) -> Kind {
    if NumberText.evidence(of: cell) != nil { return .number }
    return DateText(cell) == nil ? .text : .date
  }

  /// Whether the first record names the columns; it does unless it is like the records below it.
  private static func header(
    of records: [Record], mark: DecimalMark, _ options: ReadingOptions
  ) -> (hasHeader: Bool, notes: [String]) {
    guard let first = records.first?.cells else { return (true, []) }
    func kinds(_ cells: some Sequence<String>) -> [Kind] {
      cells.map { options.missing.contains($0) ? .missing : kind(of: $0) }
    }
    let firstKinds = kinds(first)
    guard firstKinds.contains(where: { $0 == .number || $0 == .date }) else { return (true, []) }
    let rows = records.dropFirst()
    let isNumbered = first.count > 2 && first.elementsEqual(first.indices.map(String.init))
    if isNumbered {
      return (
        true, ["the first row, 0 to \(first.count - 1), is taken for names of columns; --no-header says otherwise"]
      )
    }
    if rows.isEmpty {
      let isData = firstKinds.allSatisfy { $0 == .number }
      return (!isData, isData ? [noHeaderNote] : [])
    }
    for (column, firstKind) in firstKinds.enumerated() {
      let cells = rows.compactMap { $0.cells.indices.contains(column) ? $0.cells[column] : nil }
      let below = kinds(cells).filter { $0 != .missing }
      let numbers = below.count { $0 == .number }
      let dates = below.count { $0 == .date }
      let isLike =
        switch firstKind {
        case .missing: column > 0
        case .number: 2 * numbers > below.count
        case .date: 2 * dates > below.count
        // A class, which other rows have too.
        case .text: cells.contains(first[column])
        }
      guard isLike else { return (true, []) }
    }
    return (false, [noHeaderNote])
  }

  private static let noHeaderNote =
    "there is no header: the first row is like the rows below it and is read as data, with columns called column1, "
    + "column2 and so on; --header says otherwise"
}
