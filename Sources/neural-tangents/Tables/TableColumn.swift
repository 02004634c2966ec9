import DataFiles
import Foundation
import Tensors

/// One column of a table, with what is needed to say where one of its cells is.
struct TableColumn {
  private let table: Table
  private let column: Table.Column

  var name: String { column.name }

  /// - Throws: `TensorError.format` when there is no such column.
  init(_ table: Table, _ name: String) throws(TensorError) {
    self.table = table
    column = try table.column(name)
  }

  /// The cells as numbers.
  ///
  /// - Parameter reason: why they must be, for the message.
  /// - Throws: `TensorError.format` naming the first cell that is none.
  func numbers(_ reason: String = "a number") throws(TensorError) -> [Double] {
    let numbers = column.numbers ?? column.texts?.map { Self.number($0) ?? .nan } ?? []
    if let row = numbers.firstIndex(where: { !$0.isFinite }) { throw wrong(row, expected: reason) }
    return numbers
  }

  /// The cells as numbers, NaN where the value is missing.
  ///
  /// - Parameter reason: why they must be, for the message.
  /// - Throws: `TensorError.format` naming the first cell that is there and is none.
  func numbersOrMissing(_ reason: String = "a number") throws(TensorError) -> [Double] {
    if let numbers = column.numbers { return numbers }
    var numbers: [Double] = []
    for row in 0..<column.count {
      if column.isMissing(row) {
        numbers.append(.nan)
      } else if let number = Self.number(column.text(row)) {
        numbers.append(number)
      } else {
        throw wrong(row, expected: reason)
      }
    }
    return numbers
  }

  /// The cells as names, without surrounding spaces; nil where the value is missing.
  var textsOrMissing: [String?] { (0..<column.count).map { column.isMissing($0) ? nil : column.text($0) } }

  /// How many values are missing.
  var missingCount: Int { column.missingCount }

  /// The cells as names, without surrounding spaces.
  ///
  /// - Throws: `TensorError.format` naming the first cell that is missing.
  func texts() throws(TensorError) -> [String] {
    var texts: [String] = []
    texts.reserveCapacity(column.count)
    for row in 0..<column.count {
      guard !column.isMissing(row) else { throw wrong(row, expected: "a value") }
      texts.append(column.text(row))
    }
    return texts
  }

  /// Whether the column holds numbers.
  var isNumeric: Bool { column.numbers != nil }

  /// The number that a name is, as a class: decimal digits only, for hexadecimal ones are codes.
  static func number(_ text: String) -> Double? {
    text.contains { $0 == "x" || $0 == "X" } ? nil : Double(text).flatMap { $0.isFinite ? $0 : nil }
  }

  func wrong(_ row: Int, expected: String) -> TensorError {
    let found = column.isMissing(row) ? "a missing value; fill it in, or say --missing fill" : "\"\(column.text(row))\""
    return .format(path: table.path, place: table.place(row: row, column: name), expected: expected, found: found)
  }
}
