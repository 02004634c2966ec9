import Foundation
import DataFiles
import Tensors

/// Turns the rows of a table into inputs of a network, in the way that a training table decides: columns of numbers are
/// scaled by what the training rows have, columns of text become one input per category.
///
/// Columns that are the same in all training rows, and text columns that are different in all of them, are not used. Missing
/// numbers are the training rows' median, missing texts a category of their own where training rows have some.
struct FeatureEncoder: Sendable {
  /// How one column is encoded.
  enum Column: Sendable, Equatable {
    /// `fill` stands for what is missing.
    case number(NumberScale, fill: Double)
    /// Categories in order, nil for what is missing; the n-th is 1 at input n and 0 at the others.
    case category([String?])

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
  /// Sentences about columns that are not used and values that are filled in.
  let notes: [String]

  private let path: String
  private let trainingNames: Set<String>
  private let missing: MissingPolicy
  /// What the inputs of each column are multiplied by.
  private var factors: [Double]

  /// Learns the encoding from a training table.
  ///
  /// - Parameters:
  ///   - targets: the columns to predict.
  ///   - task: whether to predict numbers or classes.
  ///   - classes: those of the target, where the rows may lack some.
  ///   - categorical: columns of numbers that are names, such as postal codes.
  ///   - ignored: columns that are not inputs.
  ///   - missing: what becomes of missing inputs.
  ///   - scaling: what becomes of numbers.
  /// - Throws: `TensorError.format` naming line and column of what cannot be encoded.
  init(
    _ table: Table, targets: [String], task: TargetEncoder.Task = .automatic, classes: [String]? = nil,
    categorical: Set<String> = [], ignored: Set<String> = [], missing: MissingPolicy = .fill,
    scaling: InputScaling = .standardize
  ) throws(TensorError) {
    guard table.rowCount >= 1 else {
      throw .format(
        path: table.path, place: "line \((table.lines.last ?? 1) + 1)", expected: "at least one row to learn from",
        found: "none")
    }
    target = try TargetEncoder(table, names: targets, task: task, classes: classes)
    for name in (categorical.union(ignored)).sorted() { _ = try table.column(name) }
    if let name = targets.first(where: ignored.contains) {
      throw .format(
        path: table.path, place: "line 1", expected: "ignored columns that are not predicted", found: "\"\(name)\"")
    }

    var columns: [(name: String, column: Column)] = []
    var notes: [String] = []
    var squares: [Double] = []
    // Said in one note, where the first of them comes.
    var constants: (names: [String], place: Int) = ([], 0)
    func leaveOut(_ name: String) {
      if constants.names.isEmpty {
        constants.place = notes.count
        notes.append("")
      }
      constants.names.append(name)
    }
    for name in table.names where !targets.contains(name) && !ignored.contains(name) {
      let column = try TableColumn(table, name)
      let isNumeric = column.isNumeric && !categorical.contains(name)
      if missing == .error {
        // Throws for the first one.
        _ = isNumeric ? try column.numbers("a number, as in most rows of the column").count : try column.texts().count
      }
      if column.missingCount == table.rowCount {
        notes.append("column \"\(name)\" has no value in any training row and is not used")
      } else if isNumeric {
        let numbers = try column.numbersOrMissing("a number, as in most rows of the column")
        let fill = Self.median(numbers.filter { !$0.isNaN })
        let filled = numbers.map { $0.isNaN ? fill : $0 }
        guard let standardization = Standardization(filled) else {
          leaveOut(name)
          continue
        }
        if column.missingCount > 0 {
          notes.append(Self.filled(column, with: fill))
        }
        squares.append(standardization.rootMeanSquare)
        let ranks = scaling == .rank ? NumberScale.Ranks(filled) : nil
        columns.append((name, .number(ranks.map(NumberScale.ranked) ?? .standardized(standardization), fill: fill)))
      } else {
        let texts = column.textsOrMissing
        let names = Set(texts.compactMap { $0 }).sorted()
        let categories = names.map(Optional.some) + (column.missingCount > 0 ? [nil] : [])
        if categories.count == 1 {
          leaveOut(name)
        } else if names.count == texts.count - column.missingCount, names.count >= Self.fewestNamedRows {
          notes.append("column \"\(name)\" has another text in every training row and is not used")
        } else {
          if column.missingCount > 0 {
            notes.append(
              "column \"\(name)\": \(counted(column.missingCount, "missing value")) as a category of their own")
          }
          columns.append((name, .category(categories)))
        }
      }
    }
    if constants.names.count == 1 {
      notes[constants.place] = "column \"\(constants.names[0])\" is the same in all training rows and is not used"
    } else if !constants.names.isEmpty {
      notes[constants.place] =
        "columns that are the same in all training rows and are not used: \(Self.list(constants.names))"
    }
    if scaling == .none {
      let divisor = Self.rootMeanSquare(squares)
      for index in columns.indices {
        if case .number(_, let fill) = columns[index].column {
          columns[index].column = .number(.divided(by: divisor), fill: fill)
        }
      }
    }
    if columns.isEmpty { notes.append("no column tells rows apart: the same is predicted for all of them") }
    self.columns = columns
    factors = Array(repeating: 1, count: columns.count)
    self.notes = notes
    self.missing = missing
    path = table.path
    trainingNames = Set(table.names)
  }

  /// Of the columns' own, so that no square is too large.
  private static func rootMeanSquare(_ numbers: [Double]) -> Double {
    let largest = numbers.max() ?? 1
    let mean = numbers.reduce(0) { $0 + ($1 / largest) * ($1 / largest) } / Double(max(1, numbers.count))
    return largest * mean.squareRoot()
  }

  private static func filled(_ column: TableColumn, with fill: Double) -> String {
    "column \"\(column.name)\": \(counted(column.missingCount, "missing value")) taken as the median, \(significant(fill))"
  }

  private static func median(_ numbers: [Double]) -> Double {
    let sorted = numbers.sorted(), middle = sorted.count / 2
    return sorted.count.isMultiple(of: 2) ? sorted[middle - 1] / 2 + sorted[middle] / 2 : sorted[middle]
  }

  /// Fewer rows than this may have a text of their own each without being mistaken for names of the rows.
  private static let fewestNamedRows = 20

  /// The number of inputs, D; one that is always 1 where no column is used.
  var width: Int { max(1, columns.reduce(0) { $0 + $1.column.width }) }

  /// What each input is: the column's name, with the category for text.
  var featureNames: [String] {
    columns.flatMap { name, column in
      switch column {
      case .number: [name]
      case .category(let categories): categories.map { $0.map { "\(name)=\($0)" } ?? "\(name) is missing" }
      }
    }
  }

  /// The rows as inputs, shape (N, D), float64. Columns may be in any order; those of the targets may be missing, and ones
  /// that the training table has not are not used. A text that no training row has is 0 at all inputs of its column.
  ///
  /// - Throws: `TensorError.format` when columns are missing, or naming the first cell that cannot be encoded.
  func features(of table: Table) throws(TensorError) -> Tensor {
    try checkColumns(of: table)
    guard table.rowCount > 0 else {
      throw .format(path: table.path, place: "line 2", expected: "at least one row", found: "none")
    }
    let (count, width) = (table.rowCount, width)
    // Ones where no column is used: a network without biases makes nothing of zeros.
    var features = [Double](repeating: columns.isEmpty ? 1 : 0, count: count * width)
    var offset = 0
    for ((name, encoding), factor) in zip(columns, factors) {
      let column = try TableColumn(table, name)
      switch encoding {
      case .number(let scale, let fill):
        let numbers = missing == .error ? try column.numbers() : try column.numbersOrMissing()
        for (row, number) in numbers.enumerated() {
          features[row * width + offset] = factor * scale(number.isNaN ? fill : number)
        }
      case .category(let categories):
        if missing == .error { _ = try column.texts() }
        let positions = Dictionary(uniqueKeysWithValues: zip(categories, 0...))
        for (row, text) in column.textsOrMissing.enumerated() {
          if let position = positions[text] { features[row * width + offset + position] = factor }
        }
      }
      offset += encoding.width
    }
    return Tensor(features, shape: [count, width])
  }

  /// Sentences about a table to predict: columns that are not used, values that are filled in, unknown texts.
  func notes(on table: Table) -> [String] {
    let unknown = table.names.filter { !trainingNames.contains($0) }
    var notes = unknown.isEmpty ? [] : ["not used, since \(path) has them not: \(Self.list(unknown))"]
    for (name, encoding) in columns {
      guard let column = try? TableColumn(table, name) else { continue }
      switch encoding {
      case .number(_, let fill):
        if column.missingCount > 0 {
          notes.append(Self.filled(column, with: fill))
        }
      case .category(let categories):
        let known = Set(categories)
        let others = column.textsOrMissing.filter { !known.contains($0) }
        guard !others.isEmpty else { continue }
        let list = Self.list(Set(others.map { $0 ?? "" }).sorted())
        notes.append("column \"\(name)\": \(counted(others.count, "row")) with what no training row has: \(list)")
      }
    }
    return notes
  }

  private func checkColumns(of table: Table) throws(TensorError) {
    let missing = columns.map(\.name).filter { !table.hasColumn($0) }
    guard missing.isEmpty else {
      let others = table.names.filter { !trainingNames.contains($0) }
      throw .format(
        path: table.path, place: "line 1", expected: "the columns of the training table",
        found: "a table without \(Self.list(missing))"
          + (others.isEmpty ? "" : " and with unknown \(Self.list(others))"))
    }
  }

  /// Names in quotes, the first ten of them.
  static func list(_ names: [String]) -> String {
    names.prefix(10).map { "\"\($0)\"" }.joined(separator: ", ") + (names.count > 10 ? ", … (\(names.count))" : "")
  }
}

extension FeatureEncoder: RowEncoder {
  func inputs(of rows: DataRows) throws -> Tensor { try features(of: rows.table) }

  func notes(on rows: DataRows) -> [String] { notes(on: rows.table) }

  var columnOfInput: [Int]? {
    columns.enumerated().flatMap { index, column in Array(repeating: index, count: column.column.width) }
  }

  func multiplied(by scales: [Double]) -> any RowEncoder {
    var result = self
    result.factors = zip(factors, scales).map { $0 * $1 }
    return result
  }
}

/// Encoders of tables whose columns are the inputs.
struct TableEncoding: Encoding {
  var targets: [String]
  var task = TargetEncoder.Task.automatic
  var categorical: Set<String> = []
  var ignored: Set<String> = []
  var missing = MissingPolicy.fill
  var scalings = [InputScaling.standardize]

  func encoder(_ rows: DataRows, classes: [String]?, scaling: InputScaling) throws -> any RowEncoder {
    try FeatureEncoder(
      rows.table, targets: targets, task: task, classes: classes, categorical: categorical, ignored: ignored,
      missing: missing, scaling: scaling)
  }
}
