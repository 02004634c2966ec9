import Tensors

/// The first pass over the cells of a text: plain numbers are read, and what is none is noted per column.
///
/// Numbers are stored row by row, as they come: one stream of writes, whatever the number of columns.
struct CellPass: ~Copyable {
  /// The cells of a record, an empty one after a last separator included.
  let width: Int
  private(set) var values: UnsafeMutablePointer<Double>
  private var capacity: Int
  /// The line of each row.
  private(set) var lines: [Int] = []
  /// Of each column, the traits that some number has.
  private(set) var traits: [NumberParser.Traits]
  /// Of each column, whether some cell is neither a plain number nor missing.
  private(set) var isIrregular: [Bool]

  var rowCount: Int { lines.count }

  init(width: Int) {
    self.width = width
    capacity = max(width, 1024)
    values = .allocate(capacity: capacity)
    traits = Array(repeating: [], count: width)
    isIrregular = Array(repeating: false, count: width)
  }

  deinit { values.deallocate() }

  /// Which lines are rows, and what is expected in them.
  struct Layout {
    var names: [String]
    /// Every record ends with a separator, behind which is nothing.
    var endsWithSeparator: Bool
    var missing: MissingCells
    var mark: DecimalMark

    var width: Int { names.count + (endsWithSeparator ? 1 : 0) }
    /// In a table of one column an empty line before another row is an empty cell.
    var countsBlankLines: Bool { width == 1 }
  }

  /// Reads all records from where `scanner` is.
  ///
  /// - Throws: `TensorError.format` with the line of a record with other cells than the header has, or of a wrong quote.
  mutating func read(_ scanner: CellScanner, _ layout: Layout, file: FileBytes) throws(TensorError) {
    do throws(Failure) {
      try readRecords(scanner, layout)
    } catch {
      switch error {
      case .quotes(let mistake): throw mistake.error(file)
      case .count(let line, let found, let isComment):
        let count = layout.names.count
        let cure =
          isComment
          ? "CSV has no comments: remove the line"
          : found > layout.width ? "a cell with a separator in it must be quoted" : "the row is cut off or on two lines"
        throw file.wrong(
          "line \(line)",
          expected: "\(count) \(count == 1 ? "cell" : "cells")"
            + (layout.endsWithSeparator ? " and a separator behind them" : "") + ", as in the header",
          found: "\(found); \(cure)")
      case .trailing(let line):
        throw file.wrong(
          "line \(line)", expected: "nothing after the last separator, as in the header or the first rows",
          found: "a cell; name the column or remove it")
      }
    }
  }

  private enum Failure: Error {
    case quotes(CellScanner.Mistake)
    case count(line: Int, found: Int, isComment: Bool)
    case trailing(line: Int)
  }

  private mutating func readRecords(_ start: CellScanner, _ layout: Layout) throws(Failure) {
    var scanner = start
    let parser = NumberParser(mark: layout.mark.byte)
    let readsNumbersFirst = !layout.missing.mayContainNumbers
    let width = width
    let emptyColumn = layout.endsWithSeparator ? width - 1 : Int.max
    var blankLines: [Int] = []
    while !scanner.isAtEnd {
      let line = scanner.line
      if scanner.skipsBlankLine() {
        if layout.countsBlankLines { blankLines.append(line) }
        continue
      }
      for blankLine in blankLines { addMissingRow(blankLine) }
      blankLines.removeAll(keepingCapacity: true)
      let row = nextRow()
      let isComment = scanner.bytes[scanner.position] == UInt8(ascii: "#")
      var column = 0
      var isRecord = true
      while isRecord {
        if readsNumbersFirst, let (value, found, ends) = scanner.nextNumber(parser) {
          isRecord = !ends
          if column < width {
            if column == emptyColumn { throw .trailing(line: line) }
            row[column] = value
            if !found.isEmpty { traits[column].formUnion(found) }
            if value.isInfinite { isIrregular[column] = true }
          }
        } else {
          let cell: CellScanner.Cell
          do throws(CellScanner.Mistake) { cell = try scanner.next() } catch { throw .quotes(error) }
          isRecord = !cell.endsRecord
          if column < width {
            if column == emptyColumn, !cell.range.isEmpty { throw .trailing(line: line) }
            row[column] = classify(scanner.text(of: cell), column, parser, layout.missing)
          }
        }
        column += 1
      }
      guard column == width else {
        throw .count(line: line, found: column, isComment: isComment)
      }
      lines.append(line)
    }
  }

  /// The number of a cell that is missing, quoted, or none; NaN unless it is a number.
  private mutating func classify(
    _ text: UnsafeBufferPointer<UInt8>, _ column: Int, _ parser: NumberParser, _ missing: MissingCells
  ) -> Double {
    if missing.contains(text) { return .nan }
    if let (value, found) = parser.whole(text.withoutSurroundingSpaces), value.isFinite {
      traits[column].formUnion(found)
      return value
    }
    isIrregular[column] = true
    return .nan
  }

  private mutating func addMissingRow(_ line: Int) {
    nextRow().update(repeating: .nan, count: width)
    lines.append(line)
  }

  /// Where the next row goes.
  private mutating func nextRow() -> UnsafeMutablePointer<Double> {
    let count = lines.count * width
    if count + width > capacity {
      let larger = UnsafeMutablePointer<Double>.allocate(capacity: max(2 * capacity, count + width))
      larger.moveInitialize(from: values, count: count)
      values.deallocate()
      values = larger
      capacity = max(2 * capacity, count + width)
    }
    return values + count
  }

  /// The numbers of a column.
  borrowing func numbers(_ column: Int) -> [Double] {
    let (values, rowCount, width) = (values, rowCount, width)
    // The empty array is shared by all threads, and its length would be written.
    guard rowCount > 0 else { return [] }
    return Array(unsafeUninitializedCapacity: rowCount) { buffer, count in
      for row in 0..<rowCount { buffer.initializeElement(at: row, to: values[row * width + column]) }
      count = rowCount
    }
  }

  /// The numbers of every column, empty for those of which `isWanted` is false.
  ///
  /// Eight neighbours at a time, which share a line of the cache in every row.
  borrowing func numbers(where isWanted: (Int) -> Bool) -> [[Double]] {
    let group = 8
    let (values, rowCount, width) = (values, rowCount, width)
    let turned = UnsafeMutablePointer<Double>.allocate(capacity: max(1, group * rowCount))
    defer { turned.deallocate() }
    var result: [[Double]] = []
    result.reserveCapacity(width)
    for first in stride(from: 0, to: width, by: group) {
      let count = min(group, width - first)
      for row in 0..<rowCount {
        for offset in 0..<count { turned[offset * rowCount + row] = values[row * width + first + offset] }
      }
      for offset in 0..<count {
        let column = UnsafeBufferPointer(start: turned + offset * rowCount, count: rowCount)
        result.append(isWanted(first + offset) ? Array(column) : [])
      }
    }
    return result
  }

  /// The second pass: the texts of some columns, without surrounding spaces, empty where they are missing.
  ///
  /// - Precondition: `scanner` is where it was for the first pass, which threw nothing.
  borrowing func texts(_ scanner: CellScanner, _ layout: Layout, of columns: [Int]) -> [Int: [String]] {
    guard !columns.isEmpty else { return [:] }
    var scanner = scanner
    var slots = [Int](repeating: -1, count: width)
    for (slot, column) in columns.enumerated() { slots[column] = slot }
    var texts = [[String]](repeating: [], count: columns.count)
    for slot in texts.indices { texts[slot].reserveCapacity(rowCount) }
    for line in lines {
      while scanner.line < line, scanner.skipsBlankLine() {}
      if layout.countsBlankLines, scanner.skipsBlankLine() {
        texts[0].append("")
        continue
      }
      for column in 0..<width {
        guard let cell = try? scanner.next() else { preconditionFailure("a cell of line \(line) is gone") }
        guard slots[column] >= 0 else { continue }
        let text = scanner.text(of: cell)
        texts[slots[column]].append(
          layout.missing.contains(text) ? "" : scanner.string(of: cell).withoutSurroundingSpaces)
      }
    }
    return Dictionary(uniqueKeysWithValues: zip(columns, texts))
  }
}

extension String {
  /// Without spaces, tabs and non-breaking spaces at both ends.
  var withoutSurroundingSpaces: String {
    var text = self
    return text.withUTF8 { bytes in
      let trimmed = bytes.withoutSurroundingSpaces
      return trimmed.count == bytes.count ? nil : String(decoding: trimmed, as: UTF8.self)
    } ?? self
  }
}
