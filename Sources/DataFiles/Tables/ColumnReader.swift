import Tensors

/// Decides what a column is whose cells are not all plain numbers, and reads it.
///
/// Numbers when most cells are; then a text is an error that names the cell. Texts otherwise. What is read in a way that
/// the writer might not have meant comes with a note, and what can be read in two ways is an error.
struct ColumnReader {
  let file: FileBytes
  let name: String
  /// Without surrounding spaces; empty where the value is missing.
  let cells: [String]
  let lines: [Int]
  let expected: Table.Column.Format?
  /// Whether the column must be numbers, or dates.
  var requiresNumbers = false

  /// The column as texts, whatever is in it.
  func texts() -> Table.Column { .init(name, .texts(cells), .init(.text)) }

  /// - Parameter tableMark: the decimal mark that other columns show.
  /// - Throws: `TensorError.format` naming the first cell that does not fit the others.
  func column(tableMark: DecimalMark?, notes: inout [ReadingNote]) throws(TensorError) -> Table.Column {
    if let column = try dates(&notes) { return column }
    let mark = try mark(tableMark)
    let numbers = cells.map { $0.isEmpty ? nil : NumberText($0, mark: mark ?? .point) }
    // What is infinite, or too large, is meant as a number.
    func isMeantAsNumber(_ row: Int) -> Bool { numbers[row] != nil || isNotFinite(cells[row]) }
    let filled = cells.indices.filter { !cells[$0].isEmpty }
    let numberCount = filled.count(where: isMeantAsNumber)
    let textCount = filled.count - numberCount
    if let wrong = firstText(numbers), numberCount > textCount || expected?.kind == .number || requiresNumbers {
      let reason = numberCount > textCount ? "a number, as in most rows of the column" : "a number"
      throw self.wrong(
        wrong, expected: isNotFinite(cells[wrong]) ? "\(reason), and a finite one" : reason,
        found: "\"\(cells[wrong])\"; --missing-text \"\(cells[wrong])\" takes it for a missing value, "
          + "--categorical \"\(name)\" takes all cells for names")
    }
    guard numberCount > 0 || (textCount == 0 && expected?.kind != .text) else {
      noteNearNumbers(&notes)
      return texts()
    }
    guard textCount == 0 else {
      let row = filled.first(where: isMeantAsNumber) ?? 0
      note(
        row, "the column is read as text, of which \(numberCount) of \(numberCount + textCount) cells are numbers",
        &notes)
      return texts()
    }
    try requireOneKind(numbers)
    noteKinds(numbers, &notes)
    let marks = ".,".utf8
    let hasMark = cells.contains { $0.utf8.contains(where: marks.contains) }
    return .init(
      name, .numbers(numbers.map { $0?.value ?? .nan }), .init(.number, decimalMark: hasMark ? mark : nil))
  }

  // MARK: Numbers

  /// The decimal mark that the column's cells show, or else the table's.
  private func mark(_ tableMark: DecimalMark?) throws(TensorError) -> DecimalMark? {
    var first: [DecimalMark: Int] = [:]
    var ambiguous: Int?
    for (row, cell) in cells.enumerated() where !cell.isEmpty {
      switch NumberText.evidence(of: cell) {
      case .point: if first[.point] == nil { first[.point] = row }
      case .comma: if first[.comma] == nil { first[.comma] = row }
      case .either: if ambiguous == nil { ambiguous = row }
      case nil, NumberText.Evidence.none?: break
      }
    }
    if let point = first[.point], let comma = first[.comma] {
      let later = max(point, comma)
      throw wrong(
        later,
        expected: "the decimal mark of line \(lines[min(point, comma)]), where \"\(cells[min(point, comma)])\" is",
        found: "\"\(cells[later])\"; write all numbers in one way")
    }
    if let mark = first.keys.first { return mark }
    if let mark = expected?.decimalMark ?? tableMark { return mark }
    // A point is what programs write; a comma may be anything.
    guard let ambiguous, cells[ambiguous].contains(",") else { return .point }
    let asPoint = NumberText(cells[ambiguous], mark: .point).map { "\($0.value)" } ?? ""
    let asComma = NumberText(cells[ambiguous], mark: .comma).map { "\($0.value)" } ?? ""
    throw wrong(
      ambiguous, expected: "a number that is read in one way only",
      found: "\"\(cells[ambiguous])\", which is \(asPoint) or \(asComma); --decimal . or --decimal , says which")
  }

  /// Infinity, or a number that float64 cannot hold.
  private func isNotFinite(_ cell: String) -> Bool {
    let signs = "+-".utf8
    guard let first = cell.utf8.first(where: { !signs.contains($0) }),
      first | 0x20 == UInt8(ascii: "i") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first),
      !cell.utf8.contains(where: { $0 | 0x20 == UInt8(ascii: "x") })
    else { return false }
    return Double(cell)?.isInfinite == true
  }

  private func firstText(_ numbers: [NumberText?]) -> Int? {
    cells.indices.first { !cells[$0].isEmpty && numbers[$0] == nil }
  }

  /// Throws where some numbers are percent, or in other currencies, and some are not.
  private func requireOneKind(_ numbers: [NumberText?]) throws(TensorError) {
    guard let first = numbers.firstIndex(where: { $0 != nil }), let pattern = numbers[first] else { return }
    var currency = pattern.currency
    for (row, number) in zip(cells.indices, numbers) {
      guard let number else { continue }
      if number.isPercent != pattern.isPercent {
        throw wrong(
          row,
          expected: pattern.isPercent ? "percent, as in line \(lines[first])" : "a number, as in line \(lines[first])",
          found: "\"\(cells[row])\"; write all numbers in one way")
      }
      if let found = number.currency {
        if let currency, currency != found {
          throw wrong(row, expected: "\(currency), as in the rows above", found: "\"\(cells[row])\"; convert it")
        }
        currency = found
      }
    }
  }

  private func noteKinds(_ numbers: [NumberText?], _ notes: inout [ReadingNote]) {
    func noteFirst(_ message: (NumberText, String) -> String, where matches: (NumberText) -> Bool) {
      guard let row = numbers.firstIndex(where: { $0.map(matches) ?? false }), let number = numbers[row] else { return }
      note(row, message(number, cells[row]), &notes)
    }
    noteFirst({ "amounts of money are read as numbers: \"\($1)\" is \(Self.text($0.value))" }) { $0.currency != nil }
    noteFirst({ "percent signs are left out: \"\($1)\" is \(Self.text($0.value))" }) { $0.isPercent }
    noteFirst({ "marks between thousands are left out: \"\($1)\" is \(Self.text($0.value))" }) {
      $0.isGrouped && $0.currency == nil && !$0.isPercent
    }
    if let row = cells.indices.first(where: { numbers[$0] != nil && isDecimalComma(cells[$0], numbers[$0]) }),
      let number = numbers[row]
    {
      note(row, "commas are decimal marks: \"\(cells[row])\" is \(Self.text(number.value))", &notes)
    }
  }

  private func isDecimalComma(_ cell: String, _ number: NumberText?) -> Bool {
    guard cell.contains(","), let number, number.currency == nil, !number.isPercent, !number.isGrouped else {
      return false
    }
    return NumberText(cell, mark: .comma)?.value == number.value
  }

  private static func text(_ value: Double) -> String { Int(exactly: value).map(String.init) ?? "\(value)" }

  // MARK: Dates

  /// The column in days since 1970-01-01; nil when most cells are no dates.
  private func dates(_ notes: inout [ReadingNote]) throws(TensorError) -> Table.Column? {
    guard expected?.kind != .number else { return nil }
    // Most columns are no dates, which a few cells show.
    let filled = cells.indices.filter { !cells[$0].isEmpty }
    if expected == nil, filled.prefix(20).allSatisfy({ DateText(cells[$0]) == nil }) { return nil }
    let dates = cells.map { $0.isEmpty ? nil : DateText($0) }
    let count = dates.count { $0 != nil }
    guard 2 * count > filled.count || expected?.kind == .date else { return nil }
    if let row = filled.first(where: { dates[$0] == nil }) {
      throw wrong(
        row, expected: expected == nil ? "a date, as in most rows of the column" : "a date",
        found: "\"\(cells[row])\"; --missing-text \"\(cells[row])\" takes it for a missing value, "
          + "--categorical \"\(name)\" takes all cells for names")
    }
    let order = try order(of: dates)
    var days: [Double] = []
    days.reserveCapacity(cells.count)
    for (row, date) in dates.enumerated() {
      guard let date else {
        days.append(.nan)
        continue
      }
      guard let day = date.days(order ?? .dayFirst) else {
        throw wrong(
          row, expected: order == .monthFirst ? "a date with the month first" : "a date with the day first",
          found: "\"\(cells[row])\"")
      }
      days.append(day)
    }
    if let row = filled.first {
      note(row, "dates are read as days since 1970-01-01: \"\(cells[row])\" is \(Self.text(days[row]))", &notes)
    }
    return .init(name, .numbers(days), .init(.date, isDayFirst: order.map { $0 == .dayFirst }))
  }

  /// The order of day and month that the cells show; nil where all are written so that there is no question.
  private func order(of dates: [DateText?]) throws(TensorError) -> DateText.Order? {
    var first: [DateText.Order: Int] = [:]
    var open: Int?
    for (row, date) in dates.enumerated() {
      guard let date, date.needsOrder else { continue }
      if let order = date.order {
        if first[order] == nil { first[order] = row }
      } else if open == nil {
        open = row
      }
    }
    if let day = first[.dayFirst], let month = first[.monthFirst] {
      throw wrong(
        max(day, month), expected: "day and month in the order of line \(lines[min(day, month)])",
        found: "\"\(cells[max(day, month)])\" after \"\(cells[min(day, month)])\"; write dates as 2024-12-31")
    }
    if let order = first.keys.first { return order }
    guard let open else { return nil }
    if let isDayFirst = expected?.isDayFirst { return isDayFirst ? .dayFirst : .monthFirst }
    throw wrong(
      open, expected: "a date that is read in one way only",
      found: "\"\(cells[open])\", where day and month may be either; write dates as 2024-12-31")
  }

  // MARK: Messages

  /// Says it where texts begin like numbers: units, ranges, versions and what else is no number.
  private func noteNearNumbers(_ notes: inout [ReadingNote]) {
    func isNear(_ cell: String) -> Bool {
      let signs = "+-<>~$(.,".utf8
      let first = cell.utf8.first { $0 < 0x80 && !signs.contains($0) }
      return first.map { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ?? false
    }
    let filled = cells.filter { !$0.isEmpty }
    guard let row = cells.firstIndex(where: isNear), 2 * filled.count(where: isNear) > filled.count else { return }
    note(row, "the column is read as text, though cells such as \"\(cells[row])\" begin like numbers", &notes)
  }

  private func note(_ row: Int, _ message: String, _ notes: inout [ReadingNote]) {
    notes.append(.init(path: file.path, place: place(row), message: message))
  }

  private func place(_ row: Int) -> String { "line \(lines[row]), column \"\(name)\"" }

  private func wrong(_ row: Int, expected: String, found: String) -> TensorError {
    file.wrong(place(row), expected: expected, found: found)
  }
}
