/// What a reader is told about a file beside its name. All of it is found out from the file where it is left out.
///
/// Messages name these options as the program's command line does: `--encoding`, `--separator`, `--decimal`, `--header`,
/// `--categorical` and `--missing`.
public struct ReadingOptions: Sendable {
  /// What the file holds; nil for what its first bytes say.
  public var format: DataFormat?
  /// How the characters of a table are stored; nil for its byte-order mark, or UTF-8.
  public var encoding: TextEncoding?
  /// An ASCII character between the cells of a table.
  public var separator: Character?
  /// What is between whole numbers and decimals.
  public var decimalMark: DecimalMark?
  /// Whether the first row of a table names its columns.
  public var hasHeader: Bool?
  /// Columns that are names whatever is in them, such as postal codes; they keep their text as it is.
  public var categorical: Set<String> = []
  /// What counts as a missing value.
  public var missing = MissingCells()
  /// What columns of the same names are in another table, which this one is to be read like.
  public var expected: [String: Table.Column.Format] = [:]

  /// Whether a column of texts is an error that names its first text.
  var requiresNumbers = false

  /// Nothing is told: everything is found out.
  public init() {}

  /// The same, to read a table whose columns mean what those of `table` do: numbers stay numbers, texts texts, and dates
  /// keep the order of day and month.
  public func matching(_ table: Table) -> ReadingOptions {
    var options = self
    for column in table.columns { options.expected[column.name] = column.format }
    return options
  }
}
