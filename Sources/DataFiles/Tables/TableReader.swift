import Tensors

extension Table {
  /// Reads a table from text; `path` only names it in messages.
  public init(csv text: String, path: String, options: ReadingOptions = .init()) throws(TensorError) {
    try self.init(csv: FileBytes(path: path, part: "", bytes: .init(text.utf8)), options: options)
  }

  init(csv file: FileBytes, options: ReadingOptions) throws(TensorError) {
    let file = try TextEncoding.text(of: file, encoding: options.encoding)
    self = try file.bytes.withRawBytes { (raw) throws(TensorError) in
      try TableReader(raw.bindMemory(to: UInt8.self), file: file, options: options).table()
    }
  }
}

/// Reads one table: header, numbers, and then the columns that are not plain numbers.
private struct TableReader {
  private let file: FileBytes
  private let options: ReadingOptions
  private let dialect: Dialect
  /// Behind the header.
  private let scanner: CellScanner
  private let layout: CellPass.Layout
  private var notes: [ReadingNote] = []

  init(
    _ text: UnsafeBufferPointer<UInt8>, file: FileBytes, options: ReadingOptions
  ) throws(TensorError) {
    self.file = file
    self.options = options
    dialect = try Dialect(text, file: file, options: options)
    var scanner = CellScanner(text, separator: dialect.separator)
    if dialect.hasSeparatorLine { _ = try Self.record(&scanner, file) }
    while !scanner.isAtEnd, scanner.skipsBlankLine() {}
    let line = scanner.line
    guard !scanner.isAtEnd else {
      throw file.wrong("line \(line)", expected: "a header with the names of the columns", found: "nothing")
    }
    var behind = scanner
    let first = try Self.record(&behind, file)
    var next = behind
    while !next.isAtEnd, next.skipsBlankLine() {}
    let second = next.isAtEnd ? nil : try Self.record(&next, file)
    var names: [String]
    var endsWithSeparator: Bool
    if dialect.hasHeader {
      names = first
      endsWithSeparator = names.count > 1 && names.last == ""
      if endsWithSeparator {
        names.removeLast()
      } else if let second, second.count == names.count + 1, second.last == "" {
        endsWithSeparator = true
      }
      try Self.check(names, line, file)
      self.scanner = behind
    } else {
      endsWithSeparator = first.count > 1 && first.last == "" && second?.count == first.count && second?.last == ""
      names = (1...(first.count - (endsWithSeparator ? 1 : 0))).map { "column\($0)" }
      self.scanner = scanner
    }
    if endsWithSeparator {
      notes.append(.init(path: file.path, place: "", message: "every line ends with a separator, which is left out"))
    }
    notes += dialect.notes.map { .init(path: file.path, place: "", message: $0) }
    layout = .init(
      names: names, endsWithSeparator: endsWithSeparator, missing: options.missing, mark: dialect.likelyMark)
  }

  /// The cells of the next record, without surrounding spaces.
  private static func record(_ scanner: inout CellScanner, _ file: FileBytes) throws(TensorError) -> [String] {
    do throws(CellScanner.Mistake) {
      var cells: [String] = []
      while true {
        let cell = try scanner.next()
        cells.append(scanner.string(of: cell).withoutSurroundingSpaces)
        if cell.endsRecord { return cells }
      }
    } catch {
      throw error.error(file)
    }
  }

  /// Throws for names that are the same or missing; the first may be, where row numbers are.
  private static func check(_ names: [String], _ line: Int, _ file: FileBytes) throws(TensorError) {
    var columns: [String: Int] = [:]
    for (column, name) in names.enumerated() {
      if name.isEmpty, column > 0 || names.count == 1 { throw unnamed(column, line, file) }
      if let earlier = columns.updateValue(column, forKey: name) {
        throw file.wrong(
          "line \(line)", expected: "columns with different names",
          found: "\"\(name)\" for columns \(earlier + 1) and \(column + 1); rename or remove one")
      }
    }
  }

  private static func unnamed(_ column: Int, _ line: Int, _ file: FileBytes) -> TensorError {
    file.wrong(
      "line \(line)", expected: "a name for column \(column + 1)", found: "none; name or remove the column")
  }

  func table() throws(TensorError) -> Table {
    var pass = CellPass(width: layout.width)
    try pass.read(scanner, layout, file: file)
    var notes = notes
    let first = isRowNumbers(pass) ? 1 : 0
    if layout.names[0].isEmpty, first == 0 { throw Self.unnamed(0, 1, file) }
    if first == 1 {
      notes.append(
        .init(
          path: file.path, place: "",
          message: "the first column "
            + (layout.names[0].isEmpty ? "has no name" : "\"\(layout.names[0])\"") + " and row numbers, and is left out"
        ))
    }
    let kept = Array(first..<layout.names.count)
    // Texts are needed where cells are not plain numbers, must stay texts, or may be numbers of another kind.
    let collected = kept.filter { column in
      let traits = pass.traits[column]
      return pass.isIrregular[column] || isText(layout.names[column])
        || options.expected[layout.names[column]]?.kind == .date
        || (traits.contains(.hasMark) && !traits.contains(.isMarkCertain))
    }
    let texts = pass.texts(scanner, layout, of: collected)
    let numbers = pass.numbers { texts[$0] == nil }
    let lines = pass.lines
    if layout.mark == .comma, options.decimalMark == nil, kept.contains(where: { pass.traits[$0].contains(.hasMark) }) {
      notes.append(
        .init(path: file.path, place: "", message: "commas in numbers are decimal marks; --decimal . says otherwise"))
    }
    let tableMark = mark(pass, texts)
    var columns: [Table.Column] = []
    for column in kept {
      let name = layout.names[column]
      guard let texts = texts[column] else {
        let traits = pass.traits[column]
        if traits.contains(.hasLeadingZero) {
          notes.append(
            .init(
              path: file.path, place: "column \"\(name)\"",
              message: "digits after a leading zero, as codes have them, are read as numbers; "
                + "--categorical \"\(name)\" reads names"))
        }
        columns.append(
          .init(
            name, .numbers(numbers[column]),
            .init(.number, decimalMark: traits.contains(.isMarkCertain) ? layout.mark : nil)))
        continue
      }
      let reader = ColumnReader(
        file: file, name: name, cells: texts, lines: lines, expected: options.expected[name],
        requiresNumbers: options.requiresNumbers)
      columns.append(
        isText(name) ? reader.texts() : try reader.column(tableMark: tableMark, notes: &notes))
    }
    return Table(path: file.path, columns: columns, lines: lines, notes: notes)
  }

  private func isText(_ name: String) -> Bool {
    options.categorical.contains(name) || options.expected[name]?.kind == .text
  }

  /// Whether the first column is what pandas writes in front of the others: nameless, with a whole number of its own in
  /// every row.
  private func isRowNumbers(_ pass: borrowing CellPass) -> Bool {
    let name = layout.names[0]
    guard layout.names.count > 1, name.isEmpty || name == "Unnamed: 0", !pass.isIrregular[0],
      options.expected[name] == nil
    else { return false }
    let numbers = pass.numbers(0)
    return numbers.allSatisfy { $0 >= 0 && $0 == $0.rounded() } && Set(numbers).count == numbers.count
  }

  /// The decimal mark of the table, where its cells show one and only one.
  private func mark(_ pass: borrowing CellPass, _ texts: [Int: [String]]) -> DecimalMark? {
    if let mark = options.decimalMark { return mark }
    // Where a comma separates cells, it does not separate decimals.
    if dialect.separator == UInt8(ascii: ",") { return .point }
    var seen: Set<DecimalMark> = []
    for column in pass.traits.indices where pass.traits[column].contains(.isMarkCertain) {
      if pass.traits[column].contains(.hasMark) { seen.insert(layout.mark) }
    }
    for cell in texts.values.lazy.joined() {
      switch NumberText.evidence(of: cell) {
      case .point: seen.insert(.point)
      case .comma: seen.insert(.comma)
      default: break
      }
      if seen.count > 1 { return nil }
    }
    return seen.first
  }
}
