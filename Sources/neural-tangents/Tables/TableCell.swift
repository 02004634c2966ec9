import Foundation
import DataFiles
import Tensors

/// What a cell of a table is taken for.
enum TableCell: Equatable {
  case number(Double)
  /// Infinity, or what programs write where there is no number.
  case notFinite
  /// Nothing but spaces.
  case empty
  case text(String)

  init(_ cell: String) {
    let trimmed = cell.trimmingCharacters(in: .whitespaces)
    // Swift reads hexadecimal numbers too, which in a table are codes and not quantities.
    if let number = Double(trimmed), !trimmed.contains(where: { $0 == "x" || $0 == "X" }) {
      self = number.isFinite ? .number(number) : .notFinite
    } else {
      self = trimmed.isEmpty ? .empty : .text(trimmed)
    }
  }

  /// Whether a text is what programs write for a missing number: it does not make a column a text column.
  static func meansMissing(_ text: String) -> Bool {
    ["na", "n/a", "#n/a", "null", "none", "?", "-", "."].contains(text.lowercased())
  }
}

/// One column of a table, with what is needed to say where one of its cells is.
struct TableColumn {
  let path: String
  let name: String
  let cells: [String]
  let lines: [Int]

  /// - Throws: `TensorError.format` when there is no such column.
  init(_ table: CsvTable, _ name: String) throws(TensorError) {
    path = table.path
    self.name = name
    cells = try table.column(name)
    lines = table.lines
  }

  /// The cells as numbers.
  ///
  /// - Parameter reason: why they must be, for the message.
  /// - Throws: `TensorError.format` naming the first cell that is none.
  func numbers(_ reason: String = "a number") throws(TensorError) -> [Double] {
    var numbers: [Double] = []
    numbers.reserveCapacity(cells.count)
    for (row, cell) in cells.enumerated() {
      guard case .number(let number) = TableCell(cell) else { throw wrong(row, expected: reason) }
      numbers.append(number)
    }
    return numbers
  }

  /// The cells as names, without surrounding spaces.
  ///
  /// - Throws: `TensorError.format` naming the first cell that is empty or not a number.
  func texts() throws(TensorError) -> [String] {
    var texts: [String] = []
    texts.reserveCapacity(cells.count)
    for (row, cell) in cells.enumerated() {
      switch TableCell(cell) {
      case .empty, .notFinite: throw wrong(row, expected: "a value")
      case .number, .text: texts.append(cell.trimmingCharacters(in: .whitespaces))
      }
    }
    return texts
  }

  /// Whether the column holds numbers: all of its cells but the missing ones, or most of them.
  var isNumeric: Bool {
    var (numberCount, textCount) = (0, 0)
    for cell in cells {
      switch TableCell(cell) {
      case .number, .notFinite: numberCount += 1
      case .text(let text): textCount += TableCell.meansMissing(text) ? 0 : 1
      case .empty: break
      }
    }
    return numberCount > textCount
  }

  func wrong(_ row: Int, expected: String) -> TensorError {
    let found =
      switch TableCell(cells[row]) {
      case .empty: "an empty cell; fill it in or remove the row"
      case .notFinite: "\"\(cells[row])\"; put a finite number or remove the row"
      case .text(let text) where TableCell.meansMissing(text): "\"\(text)\"; fill it in or remove the row"
      case .number, .text: "\"\(cells[row])\""
      }
    return .format(path: path, place: "line \(lines[row]), column \"\(name)\"", expected: expected, found: found)
  }
}
