import DataFiles
import Tensors

/// Turns the target columns of a table into outputs of a network, and outputs back.
///
/// Numbers are standardised, one output each. Classes become one output per class: 1 − 1/C at the row's own and −1/C at the
/// others, so that outputs have mean zero when classes are equally frequent.
struct TargetEncoder: Sendable {
  /// What the user asks for.
  enum Task: String, Sendable, CaseIterable {
    /// Classes when the only target is text, or has few integers; else numbers.
    case automatic
    case regression
    case classification
  }

  enum Kind: Sendable, Equatable {
    /// One standardisation for each target column.
    case regression([Standardization])
    /// The classes of the only target column, in order.
    case classification([String])
  }

  /// The target columns.
  let names: [String]
  let kind: Kind

  /// - Parameter known: the classes, where the rows may lack some.
  /// - Throws: `TensorError.format` when a column is missing, or not what `task` needs.
  init(
    _ table: Table, names: [String], task: Task = .automatic, classes known: [String]? = nil
  ) throws(TensorError) {
    self.names = names
    func wrong(_ expected: String, _ found: String) -> TensorError {
      .format(path: table.path, place: "target \(FeatureEncoder.list(names))", expected: expected, found: found)
    }
    guard let name = names.first, Set(names).count == names.count else {
      throw wrong("target columns with different names", names.isEmpty ? "none" : "one twice")
    }
    let isSingle = names.count == 1
    let first = try TableColumn(table, name)
    guard task != .classification || isSingle else { throw wrong("one target column with the class", "\(names.count)") }
    if let known {
      kind = .classification(known)
      return
    }
    if task == .classification || (task == .automatic && isSingle && Self.looksLikeClasses(first)) {
      let classes = try Self.labels(first).reduce(into: Set()) { $0.insert($1) }
      kind = .classification(classes.sorted(by: Self.precedes))
      return
    }
    var standardizations: [Standardization] = []
    for name in names {
      let numbers = try TableColumn(table, name).numbers(
        task == .regression ? "a number to predict" : "a number to predict, as in most rows")
      standardizations.append(Standardization(numbers) ?? Standardization(constant: numbers[0]))
    }
    kind = .regression(standardizations)
  }

  /// The number of outputs of the network.
  var width: Int {
    switch kind {
    case .regression(let standardizations): standardizations.count
    case .classification(let classes): classes.count
    }
  }

  /// The classes in order; nil for regression.
  var classes: [String]? { if case .classification(let classes) = kind { classes } else { nil } }

  /// The rows of a table that have all targets, so that predictions for them can be judged.
  func rows(in table: Table) -> [Int] {
    let columns = names.compactMap { try? table.column($0) }
    guard columns.count == names.count else { return [] }
    return (0..<table.rowCount).filter { row in columns.allSatisfy { !$0.isMissing(row) } }
  }

  /// The targets as outputs, shape (N, `width`), float64.
  ///
  /// - Throws: `TensorError.format` naming line and column of a missing number or an unknown class.
  func outputs(of table: Table) throws(TensorError) -> Tensor {
    switch kind {
    case .regression(let standardizations):
      let columns = try numberColumns(of: table)
      return Tensor(
        (0..<table.rowCount).flatMap { row in
          zip(columns, standardizations).map { column, standardization in standardization.standardized(column[row]) }
        }, shape: [table.rowCount, width])
    case .classification(let classes):
      let share = 1 / Double(classes.count)
      var outputs = [Double](repeating: -share, count: table.rowCount * classes.count)
      for (row, label) in try classIndices(of: table).enumerated() { outputs[row * classes.count + label] += 1 }
      return Tensor(outputs, shape: [table.rowCount, classes.count])
    }
  }

  /// The numbers to predict as they are in the table, shape (N, number of targets), float64.
  ///
  /// - Precondition: the task is regression.
  func values(of table: Table) throws(TensorError) -> Tensor {
    let columns = try numberColumns(of: table)
    return Tensor(
      (0..<table.rowCount).flatMap { row in columns.map { $0[row] } }, shape: [table.rowCount, columns.count])
  }

  /// The index of each row's class.
  ///
  /// - Precondition: the task is classification.
  /// - Throws: `TensorError.format` naming the line of a class that the training rows do not have.
  func classIndices(of table: Table) throws(TensorError) -> [Int] {
    guard case .classification(let classes) = kind else { preconditionFailure("a regression has no classes") }
    let positions = Dictionary(uniqueKeysWithValues: zip(classes, 0...))
    let column = try TableColumn(table, names[0])
    var indices: [Int] = []
    for (row, label) in try Self.labels(column).enumerated() {
      guard let index = positions[label] else {
        throw column.wrong(row, expected: "a class of the training rows: \(FeatureEncoder.list(classes))")
      }
      indices.append(index)
    }
    return indices
  }

  private func numberColumns(of table: Table) throws(TensorError) -> [[Double]] {
    var columns: [[Double]] = []
    for name in names { columns.append(try TableColumn(table, name).numbers("a number to predict")) }
    return columns
  }

  /// Text, or so few different integers that each of them has its own share of rows: two, or up to 20 that have as many
  /// rows each, on average, as there are of them.
  private static func looksLikeClasses(_ column: TableColumn) -> Bool {
    guard column.isNumeric else { return true }
    guard let numbers = try? column.numbers(), numbers.allSatisfy({ $0 == $0.rounded() && abs($0) < 1e9 }) else {
      return false
    }
    let count = Set(numbers).count
    return count == 2 || (count > 2 && count <= 20 && count * count <= numbers.count)
  }

  /// The class of each row; 1, 01 and 1.0 are the same one.
  private static func labels(_ column: TableColumn) throws(TensorError) -> [String] {
    try column.texts().map { text in
      guard let number = TableColumn.number(text), let integer = Int(exactly: number) else { return text }
      return String(integer)
    }
  }

  /// Numbers in numerical order before texts in alphabetical order.
  private static func precedes(_ first: String, _ second: String) -> Bool {
    switch (Double(first), Double(second)) {
    case (let firstNumber?, let secondNumber?): (firstNumber, first) < (secondNumber, second)
    case (.some, nil): true
    case (nil, .some): false
    case (nil, nil): first < second
    }
  }
}
