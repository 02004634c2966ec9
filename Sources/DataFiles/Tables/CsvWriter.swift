import Foundation
import Tensors

extension Table {
  /// Writes a table of texts as CSV, cells quoted where they must be.
  ///
  /// - Parameters:
  ///   - header: the names of the columns.
  ///   - rows: the cells of each row.
  ///   - path: of the file to write.
  /// - Precondition: every row has a cell for each column.
  /// - Throws: `TensorError.file` when the file cannot be written.
  public static func writeCsv(header: [String], rows: [[String]], to path: String) throws(TensorError) {
    precondition(rows.allSatisfy { $0.count == header.count }, "rows of other lengths than the header's")
    let writer = try FileWriter(to: path)
    var text = ""
    for row in [header] + rows {
      // An empty line would be no row.
      text += (row == [""] ? "\"\"" : row.map(quoted).joined(separator: ",")) + "\n"
      if text.utf8.count > 1 << 20 {
        try writer.write(Data(text.utf8))
        text = ""
      }
    }
    try writer.write(Data(text.utf8))
    try writer.finish()
  }

  private static func quoted(_ cell: String) -> String {
    // Spaces at the ends of an unquoted cell would be skipped on reading.
    let mustQuote =
      cell.contains { $0 == "," || $0 == "\"" || $0.isNewline } || cell.first?.isWhitespace == true
      || cell.last?.isWhitespace == true
    return mustQuote ? "\"" + cell.replacing("\"", with: "\"\"") + "\"" : cell
  }
}
