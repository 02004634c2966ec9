import ArgumentParser
import DataFiles

/// The options of subcommands that learn from a table: which columns and rows it learns from.
struct LearningOptions: ParsableArguments {
  @Option(help: .init("Columns of numbers to be read as names, separated by commas.", valueName: "columns"))
  var categorical: String?

  @Option(help: .init("Columns that are not inputs, separated by commas.", valueName: "columns"))
  var ignore: String?

  @Option(
    help: .init(
      "Missing inputs: fill in the median or a category of their own, drop rows to learn from, or error.",
      valueName: "what"))
  var missing = MissingPolicy.fill

  @Option(help: .init("Column whose equal values keep rows in one fold; it is not an input.", valueName: "column"))
  var group: String?

  /// The columns that are not inputs, the one of groups among them.
  func ignored(in table: Table) -> Set<String> {
    Set((ignore.map { ColumnNames($0).resolved(in: table) } ?? []) + (group.map { [$0] } ?? []))
  }

  /// The rows of a table to learn from; what is left out goes to standard error.
  func trainingRows(of table: Table, targets: String, at path: String) throws -> TrainingRows {
    let rows = try TrainingRows(
      table, targets: ColumnNames(targets).resolved(in: table), ignored: ignored(in: table), missing: missing)
    for note in rows.notes { StandardError.write("note: \(path): \(note)\n") }
    return rows
  }

  func encoder(
    of table: Table, targets: String, task: TargetEncoder.Task, classes: [String]? = nil
  ) throws -> FeatureEncoder {
    try FeatureEncoder(
      table, targets: ColumnNames(targets).resolved(in: table), task: task, classes: classes,
      categorical: Set(categorical.map { ColumnNames($0).resolved(in: table) } ?? []), ignored: ignored(in: table),
      missing: missing)
  }
}

extension MissingPolicy: ExpressibleByArgument {}
