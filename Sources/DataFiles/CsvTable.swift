import Foundation
import SwiftCSV
import Tensors

/// A table of text cells with a header, read from or written to a CSV file.
///
/// Cells may be quoted, with doubled quotes and line ends inside; lines may end in LF, CR LF or CR; a byte-order mark is
/// skipped. Every row has a cell for each column: a row with fewer or more is an error, never padded or cut.
public struct CsvTable: Sendable {
  /// Where the table comes from, for messages.
  public let path: String
  /// The names of the columns, without surrounding spaces: all different, none empty.
  public let header: [String]
  /// The cells of each row, one per column.
  public let rows: [[String]]
  /// The line of the file on which each row begins; the header is on line 1.
  public let lines: [Int]

  /// Reads a CSV file.
  ///
  /// - Parameters:
  ///   - separator: what stands between cells; without it, the first comma, semicolon or tab of the header.
  ///   - path: of the file; it may be compressed.
  /// - Throws: `TensorError.file` when the file cannot be read, `TensorError.format` with the line when it is not a table.
  public init(at path: String, separator: Character? = nil) throws(TensorError) {
    let file = try FileBytes(at: path)
    guard let text = String(validating: file.bytes, as: UTF8.self) else {
      var line = 1
      for bytes in file.bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
        guard String(validating: bytes, as: UTF8.self) != nil else { break }
        line += 1
      }
      throw file.wrong("line \(line)", expected: "UTF-8 text", found: "other bytes; convert the file")
    }
    try self.init(text: text, path: path, separator: separator)
  }

  /// Reads a table from text; `path` only names it in messages.
  public init(text: String, path: String, separator: Character? = nil) throws(TensorError) {
    func wrong(_ line: Int, _ expected: String, _ found: String) -> TensorError {
      .format(path: path, place: "line \(line)", expected: expected, found: found)
    }
    var rows: [[String]] = []
    var lines: [Int] = []
    var line = 1
    do {
      // The parser drops an empty last cell when no line end follows it.
      let ended = text.isEmpty || text.last?.isNewline == true ? text : text + "\n"
      let delimiter = separator.map { CSVDelimiter(unicodeScalarLiteral: $0) } ?? CSVDelimiter.guessed(string: ended)
      try CSV<NoView>(string: ended, delimiter: delimiter).enumerateAsArray(startAt: 0, rowLimit: nil) { cells in
        rows.append(cells)
        lines.append(line)
        line += 1 + cells.reduce(0) { $0 + $1.count(where: \.isNewline) }
      }
    } catch {
      throw wrong(
        line, "a quoted cell to end before the next separator",
        "text after a closing quote, or a quote inside an unquoted cell; double it and quote the cell")
    }
    // Every quote is paired, or the parser has read the rest of the file as one cell.
    if text.utf8.count(where: { $0 == UInt8(ascii: "\"") }) % 2 == 1 {
      throw wrong(lines.last ?? 1, "a closing quote", "none up to the end of the file")
    }
    guard let first = rows.first, first != [""] else {
      throw wrong(1, "a header with the names of the columns", "nothing")
    }

    let header = first.map { $0.trimmingCharacters(in: .whitespaces) }
    for (column, name) in header.enumerated() {
      if name.isEmpty { throw wrong(1, "a name for column \(column + 1)", "none; name or remove the column") }
      if let earlier = header[..<column].firstIndex(of: name) {
        throw wrong(
          1, "columns with different names", "\"\(name)\" for columns \(earlier + 1) and \(column + 1)")
      }
    }
    self.path = path
    self.header = header
    // An empty line is no row; where there is one column, only at the end: before, it is an empty cell.
    let lastFull = rows.lastIndex { $0 != [""] } ?? 0
    let kept = rows.indices.dropFirst().filter { rows[$0] != [""] || (header.count == 1 && $0 < lastFull) }
    for index in kept where rows[index].count != header.count {
      throw wrong(lines[index], "\(header.count) cells, as in the header", "\(rows[index].count)")
    }
    self.rows = kept.map { rows[$0] }
    self.lines = kept.map { lines[$0] }
  }

  /// The cells of the column called `name`.
  ///
  /// - Throws: `TensorError.format` when there is no such column, with the names of those that there are.
  public func column(_ name: String) throws(TensorError) -> [String] {
    let index = try columnIndex(name)
    return rows.map { $0[index] }
  }

  /// The position of the column called `name`.
  public func columnIndex(_ name: String) throws(TensorError) -> Int {
    guard let index = header.firstIndex(of: name) else {
      throw .format(
        path: path, place: "line 1", expected: "a column \"\(name)\"",
        found: "only " + header.map { "\"\($0)\"" }.joined(separator: ", "))
    }
    return index
  }

  /// The table of some of its rows, in the order of `indices`; each keeps its line.
  public func selecting(rows indices: [Int]) -> CsvTable {
    CsvTable(path: path, header: header, rows: indices.map { rows[$0] }, lines: indices.map { lines[$0] })
  }

  private init(path: String, header: [String], rows: [[String]], lines: [Int]) {
    self.path = path
    self.header = header
    self.rows = rows
    self.lines = lines
  }

  /// Writes a table, cells quoted where they must be.
  ///
  /// - Precondition: every row has a cell for each column.
  /// - Throws: `TensorError.file` when the file cannot be written.
  public static func write(header: [String], rows: [[String]], to path: String) throws(TensorError) {
    precondition(rows.allSatisfy { $0.count == header.count }, "rows of other lengths than the header's")
    let writer = try FileWriter(to: path)
    var text = ""
    for row in [header] + rows {
      text += row.map(quoted).joined(separator: ",") + "\n"
      if text.utf8.count > 1 << 20 {
        try writer.write(Data(text.utf8))
        text = ""
      }
    }
    try writer.write(Data(text.utf8))
    try writer.finish()
  }

  private static func quoted(_ cell: String) -> String {
    // Spaces at the beginning of an unquoted cell would be skipped on reading.
    let mustQuote =
      cell.contains { $0 == "," || $0 == "\"" || $0.isNewline } || cell.first?.isWhitespace == true
    return mustQuote ? "\"" + cell.replacing("\"", with: "\"\"") + "\"" : cell
  }
}

/// SwiftCSV's views pad short rows: this one holds nothing, and rows are taken from the parser as they are.
private struct NoView: CSVView {
  let rows: [[String]] = []
  let columns: [String]? = nil

  init(header: [String], text: String, delimiter: CSVDelimiter, loadColumns: Bool, rowLimit: Int?) {}

  func serialize(header: [String], delimiter: CSVDelimiter) -> String { "" }
}
