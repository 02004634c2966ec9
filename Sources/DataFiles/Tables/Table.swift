import Tensors

/// Named columns of numbers and of texts, as a CSV file or an array holds them, with what is missing and where each row
/// comes from.
public struct Table: Sendable {
  /// One column.
  public struct Column: Sendable {
    /// What the cells are, one per row.
    public enum Values: Sendable {
      /// NaN where the value is missing: nothing else is.
      case numbers([Double])
      /// Without surrounding spaces; empty where the value is missing: nothing else is.
      case texts([String])
    }

    /// How cells are read.
    public struct Format: Sendable, Hashable {
      /// What the cells of a column are.
      public enum Kind: Sendable, Hashable {
        case number
        /// Numbers: days since 1970-01-01.
        case date
        case text
      }

      /// What the cells are.
      public var kind: Kind
      /// The decimal mark, where a cell shows it.
      public var decimalMark: DecimalMark?
      /// Whether days stand before months, where the cells of a column of dates show it.
      public var isDayFirst: Bool?

      init(_ kind: Kind, decimalMark: DecimalMark? = nil, isDayFirst: Bool? = nil) {
        (self.kind, self.decimalMark, self.isDayFirst) = (kind, decimalMark, isDayFirst)
      }
    }

    /// Without surrounding spaces; different from those of the other columns.
    public let name: String
    /// The cells.
    public let values: Values
    /// How the cells were read, for other tables to be read like this one.
    public let format: Format

    init(_ name: String, _ values: Values, _ format: Format) {
      (self.name, self.values, self.format) = (name, values, format)
    }

    /// The number of rows.
    public var count: Int {
      switch values {
      case .numbers(let numbers): numbers.count
      case .texts(let texts): texts.count
      }
    }

    /// NaN where the value is missing; nil for a column of texts.
    public var numbers: [Double]? { if case .numbers(let numbers) = values { numbers } else { nil } }
    /// Empty where the value is missing; nil for a column of numbers.
    public var texts: [String]? { if case .texts(let texts) = values { texts } else { nil } }

    /// Whether the value of a row is missing.
    public func isMissing(_ row: Int) -> Bool {
      switch values {
      case .numbers(let numbers): numbers[row].isNaN
      case .texts(let texts): texts[row].isEmpty
      }
    }

    /// Whether the value of each row is missing.
    public var missing: [Bool] {
      switch values {
      case .numbers(let numbers): numbers.map(\.isNaN)
      case .texts(let texts): texts.map(\.isEmpty)
      }
    }

    /// The number of missing values.
    public var missingCount: Int {
      switch values {
      case .numbers(let numbers): numbers.count(where: \.isNaN)
      case .texts(let texts): texts.count(where: \.isEmpty)
      }
    }

    /// The value of a row as a text: whole numbers without decimals; empty where it is missing.
    public func text(_ row: Int) -> String {
      switch values {
      case .texts(let texts): return texts[row]
      case .numbers(let numbers):
        if numbers[row].isNaN { return "" }
        return Int(exactly: numbers[row]).map(String.init) ?? "\(numbers[row])"
      }
    }

    /// Some of the rows, in the order of `rows`.
    func selecting(_ rows: [Int]) -> Column {
      switch values {
      case .numbers(let numbers): Column(name, .numbers(rows.map { numbers[$0] }), format)
      case .texts(let texts): Column(name, .texts(rows.map { texts[$0] }), format)
      }
    }
  }

  /// Where the table comes from, for messages.
  public let path: String
  /// The columns in the order of the file.
  public let columns: [Column]
  /// The number in the file of the line, or of the array's row, where each row begins.
  public let lines: [Int]
  /// What was understood in a way that somebody might not have meant.
  public let notes: [ReadingNote]
  /// What the file counts its rows in: `line` or `row`.
  private let unit: String
  private let positions: [String: Int]

  /// - Precondition: names differ, and all columns have as many rows as there are `lines`.
  init(path: String, columns: [Column], lines: [Int], notes: [ReadingNote] = [], unit: String = "line") {
    precondition(columns.allSatisfy { $0.count == lines.count }, "columns of other lengths than \(lines.count)")
    self.path = path
    self.columns = columns
    self.lines = lines
    self.notes = notes
    self.unit = unit
    positions = Dictionary(uniqueKeysWithValues: zip(columns.map(\.name), 0...))
  }

  /// The number of rows.
  public var rowCount: Int { lines.count }

  /// The names of the columns.
  public var names: [String] { columns.map(\.name) }

  /// Whether there is a column of that name.
  public func hasColumn(_ name: String) -> Bool { positions[name] != nil }

  /// The column called `name`.
  ///
  /// - Throws: `TensorError.format` when there is no such column, with the names of those that there are.
  public func column(_ name: String) throws(TensorError) -> Column {
    guard let position = positions[name] else {
      let shown = names.prefix(20).map { "\"\($0)\"" }.joined(separator: ", ")
      throw .format(
        path: path, place: "\(unit) 1", expected: "a column \"\(name)\"",
        found: "only " + (columns.count > 20 ? "\(shown), … (\(columns.count))" : shown))
    }
    return columns[position]
  }

  /// Where a row is in the file, or a cell of it: `line 3, column "a"`.
  public func place(row: Int, column: String? = nil) -> String {
    let place = "\(unit) \(lines[row])"
    return column.map { "\(place), column \"\($0)\"" } ?? place
  }

  /// The table of some of its rows, in the order of `rows`; each keeps its line. Notes stay with the whole table.
  public func selecting(rows: [Int]) -> Table {
    Table(path: path, columns: columns.map { $0.selecting(rows) }, lines: rows.map { lines[$0] }, unit: unit)
  }

  /// All cells as numbers, shape (rows, columns), float64.
  ///
  /// - Parameter allowsMissing: whether a missing number is NaN instead of an error.
  /// - Throws: `TensorError.format` naming the first cell that is a text or missing.
  public func tensor(allowsMissing: Bool = false) throws(TensorError) -> Tensor {
    let width = columns.count
    var wrong: (row: Int, column: Int)?
    let tensor = Tensor(shape: [rowCount, width]) { (buffer: UnsafeMutableBufferPointer<Double>) in
      for (index, column) in columns.enumerated() {
        let numbers = column.numbers
        for row in 0..<rowCount {
          let number = numbers?[row] ?? .nan
          if number.isNaN, !allowsMissing || numbers == nil, row < wrong?.row ?? .max { wrong = (row, index) }
          buffer[row * width + index] = number
        }
      }
    }
    if let wrong {
      let text = columns[wrong.column].text(wrong.row)
      throw .format(
        path: path, place: place(row: wrong.row, column: columns[wrong.column].name), expected: "a number",
        found: text.isEmpty ? "a missing value; fill it in or remove the row" : "\"\(text)\"")
    }
    return tensor
  }
}

extension Table {
  /// Rows without columns, for what is predicted from something else than columns.
  package init(path: String, rowCount: Int) {
    self.init(path: path, columns: [], lines: Array(1...max(1, rowCount)).prefix(rowCount).map { $0 }, unit: "row")
  }

  /// The columns of this table, then those of another one with the same rows.
  ///
  /// - Throws: `TensorError.format` for another number of rows, or a column that both have.
  package func joined(with other: Table) throws(TensorError) -> Table {
    guard other.rowCount == rowCount else {
      throw .format(
        path: other.path, place: "rows", expected: "\(rowCount) as in \(path)", found: "\(other.rowCount)")
    }
    if let name = other.names.first(where: hasColumn) {
      throw .format(
        path: other.path, place: "column \"\(name)\"", expected: "a name that \(path) has not", found: "the same name")
    }
    return Table(path: path, columns: columns + other.columns, lines: lines, notes: notes, unit: unit)
  }

  /// The table of arrays, for those that are no columns of a file with others.
  ///
  /// - Throws: `TensorError.format` when they have different numbers of rows, or none.
  package init(path: String, named arrays: [(name: String, tensor: Tensor)]) throws(TensorError) {
    try self.init(path: path, arrays: arrays)
  }

  /// A table from arrays with as many rows each: one column for an array of rank 1, and one per element of a row for others,
  /// with its number behind the name.
  ///
  /// - Throws: `TensorError.format` when the numbers of rows differ, or an array has none.
  init(path: String, arrays: [(name: String, tensor: Tensor)], notes: [ReadingNote] = []) throws(TensorError) {
    var columns: [Column] = []
    let rowCount = arrays.first?.tensor.shape.first ?? 0
    for (name, tensor) in arrays {
      guard tensor.rank > 0, tensor.shape[0] == rowCount else {
        throw .format(
          path: path, place: "array \(name)", expected: "\(rowCount) rows, as the first array has",
          found: "shape \(tensor.shape)")
      }
      let numbers = tensor.asType(.float64).scalars(as: Double.self)
      let width = rowCount == 0 ? 0 : numbers.count / rowCount
      for column in 0..<width {
        columns.append(
          Column(
            width == 1 ? name : "\(name)\(column)",
            .numbers((0..<rowCount).map { numbers[$0 * width + column] }), .init(.number)))
      }
    }
    guard rowCount > 0, !columns.isEmpty else {
      throw .format(path: path, place: "array", expected: "at least one row", found: "none")
    }
    guard Set(columns.map(\.name)).count == columns.count else {
      throw .format(path: path, place: "arrays", expected: "different names", found: "two columns of one name")
    }
    self.init(path: path, columns: columns, lines: Array(1...rowCount), notes: notes, unit: "row")
  }
}
