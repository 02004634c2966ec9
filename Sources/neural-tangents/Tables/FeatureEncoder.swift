import Foundation
import DataFiles
import Tensors

/// Turns the rows of a table into inputs of a network, in the way that a training table decides: columns of numbers are
/// standardised with the training rows' mean and standard deviation, columns of text become one input per category.
///
/// Columns that are the same in all training rows, and text columns that are different in all of them, are not used.
struct FeatureEncoder: Sendable {
  /// How one column is encoded.
  enum Column: Sendable, Equatable {
    case number(Standardization)
    /// Categories in order; the n-th is 1 at input n and 0 at the others.
    case category([String])

    var width: Int {
      switch self {
      case .number: 1
      case .category(let categories): categories.count
      }
    }
  }

  /// The columns that are used, in the order of the training table.
  let columns: [(name: String, column: Column)]
  let target: TargetEncoder
  /// Sentences about columns that are not used.
  let notes: [String]

  private let unusedNames: Set<String>
  private let allowsUnknownCategories: Bool

  /// Learns the encoding from a training table.
  ///
  /// - Parameters:
  ///   - targets: the columns to predict.
  ///   - task: whether to predict numbers or classes.
  ///   - categorical: columns of numbers that are names, such as postal codes.
  ///   - allowsUnknownCategories: whether a text that no training row has is encoded as zeros instead of being an error.
  /// - Throws: `TensorError.format` naming line and column of what cannot be encoded.
  init(
    _ table: Table, targets: [String], task: TargetEncoder.Task = .automatic, categorical: Set<String> = [],
    allowsUnknownCategories: Bool = false
  ) throws(TensorError) {
    guard table.rowCount >= 2 else {
      throw .format(
        path: table.path, place: "line \((table.lines.last ?? 1) + 1)", expected: "at least 2 rows to learn from",
        found: "\(table.rowCount)")
    }
    target = try TargetEncoder(table, names: targets, task: task)
    for name in categorical.sorted() { _ = try table.column(name) }

    var columns: [(name: String, column: Column)] = []
    var notes: [String] = []
    for name in table.names where !targets.contains(name) {
      let column = try TableColumn(table, name)
      if column.isNumeric && !categorical.contains(name) {
        let numbers = try column.numbers("a number, as in most rows of the column")
        if let standardization = Standardization(numbers) {
          columns.append((name, .number(standardization)))
        } else {
          notes.append("column \"\(name)\" is the same in all training rows and is not used")
        }
      } else {
        let texts = try column.texts()
        let categories = Set(texts).sorted()
        if categories.count == 1 {
          notes.append("column \"\(name)\" is the same in all training rows and is not used")
        } else if categories.count == texts.count, texts.count >= Self.fewestNamedRows {
          notes.append("column \"\(name)\" has another text in every training row and is not used")
        } else {
          columns.append((name, .category(categories)))
        }
      }
    }
    guard !columns.isEmpty else {
      throw .format(
        path: table.path, place: "line 1", expected: "a column to learn from besides the target",
        found: notes.isEmpty ? "none" : "none: " + notes.joined(separator: "; "))
    }
    self.columns = columns
    self.notes = notes
    self.allowsUnknownCategories = allowsUnknownCategories
    unusedNames = Set(table.names).subtracting(columns.map(\.name))
  }

  /// Fewer rows than this may have a text of their own each without being mistaken for names of the rows.
  private static let fewestNamedRows = 20

  /// The number of inputs, D.
  var width: Int { columns.reduce(0) { $0 + $1.column.width } }

  /// What each input is: the column's name, with the category for text.
  var featureNames: [String] {
    columns.flatMap { name, column in
      switch column {
      case .number: [name]
      case .category(let categories): categories.map { "\(name)=\($0)" }
      }
    }
  }

  /// The rows as inputs, shape (N, D), float64. Columns may be in any order; those of the targets may be missing.
  ///
  /// - Throws: `TensorError.format` when columns are missing or unknown, or naming the first cell that cannot be encoded.
  func features(of table: Table) throws(TensorError) -> Tensor {
    try checkColumns(of: table)
    guard table.rowCount > 0 else {
      throw .format(path: table.path, place: "line 2", expected: "at least one row", found: "none")
    }
    let (count, width) = (table.rowCount, width)
    var features = [Double](repeating: 0, count: count * width)
    var offset = 0
    for (name, encoding) in columns {
      let column = try TableColumn(table, name)
      switch encoding {
      case .number(let standardization):
        for (row, number) in try column.numbers().enumerated() {
          features[row * width + offset] = standardization.standardized(number)
        }
      case .category(let categories):
        let positions = Dictionary(uniqueKeysWithValues: zip(categories, 0...))
        for (row, text) in try column.texts().enumerated() {
          if let position = positions[text] {
            features[row * width + offset + position] = 1
          } else if !allowsUnknownCategories {
            throw column.wrong(row, expected: "a category of the training rows: \(Self.list(categories))")
          }
        }
      }
      offset += encoding.width
    }
    return Tensor(features, shape: [count, width])
  }

  private func checkColumns(of table: Table) throws(TensorError) {
    let names = Set(columns.map(\.name))
    let missing = columns.map(\.name).filter { !table.hasColumn($0) }
    let unknown = table.names.filter { !names.contains($0) && !unusedNames.contains($0) }
    guard missing.isEmpty, unknown.isEmpty else {
      let problems = [
        missing.isEmpty ? nil : "without " + Self.list(missing),
        unknown.isEmpty ? nil : "with unknown " + Self.list(unknown),
      ]
      throw .format(
        path: table.path, place: "line 1", expected: "the columns of the training table",
        found: "a table " + problems.compactMap { $0 }.joined(separator: " and "))
    }
  }

  /// Names in quotes, the first ten of them.
  static func list(_ names: [String]) -> String {
    names.prefix(10).map { "\"\($0)\"" }.joined(separator: ", ") + (names.count > 10 ? ", … (\(names.count))" : "")
  }
}
