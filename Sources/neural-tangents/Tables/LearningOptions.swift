import ArgumentParser
import DataFiles
import NeuralTangents

/// The options of subcommands that learn from a table: which columns and rows it learns from.
struct LearningOptions: ParsableArguments {
  @Option(
    help: .init(
      "The column or the array to predict, or several separated by commas; quotes as in CSV.", valueName: "columns"))
  var target: String?

  @Option(
    name: [.customLong("train-targets"), .customLong("targets")],
    help: .init("Targets of --train, where another file has them.", valueName: "file"), completion: .file())
  var trainTargets: String?

  @Option(
    help: .init("Targets of --test, where another file has them.", valueName: "file"), completion: .file())
  var testTargets: String?

  @Option(
    help: .init("Shape of one input, such as 8,8,1: positions, then channels.", valueName: "sizes"))
  var inputShape: InputShape?

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

  func validate() throws {
    guard testTargets == nil || trainTargets != nil else {
      throw ValidationError("--test-targets: expected --train-targets with it, found none")
    }
  }

  /// The columns that are not inputs, the one of groups among them.
  func ignored(in table: Table) -> Set<String> {
    Set((ignore.map { ColumnNames($0).resolved(in: table) } ?? []) + (group.map { [$0] } ?? []))
  }

  /// The rows to learn from; what is left out goes to standard error.
  func trainingRows(of source: DataSource, at path: String) throws -> TrainingRows {
    let rows = try TrainingRows(
      source.rows, targets: source.targets, ignored: ignored(in: source.rows.table), missing: missing)
    for note in rows.notes { StandardError.write("note: \(path): \(note)\n") }
    return rows
  }

  /// How rows become inputs and outputs, once rows to learn from have been read.
  func encoding(
    of source: DataSource, task: TargetEncoder.Task, scalings: [InputScaling]?, network: (any Layer)?
  ) throws -> any Encoding {
    let (table, targets) = (source.rows.table, source.targets)
    if let array = source.rows.array {
      return try ArrayEncoding(
        targets: targets, task: task, array: array, inputShape: inputShape?.sizes, network: network, scalings: scalings)
    }
    return TableEncoding(
      targets: targets, task: task,
      categorical: Set(categorical.map { ColumnNames($0).resolved(in: table) } ?? []), ignored: ignored(in: table),
      missing: missing, scalings: scalings ?? [.standardize, .rank, .none])
  }
}

/// Positive sizes separated by commas or by `x`.
struct InputShape: ExpressibleByArgument {
  let sizes: [Int]

  init?(argument: String) {
    let sizes = argument.split(whereSeparator: { $0 == "," || $0 == "x" }).map { Int($0) ?? 0 }
    guard !sizes.isEmpty, sizes.allSatisfy({ $0 > 0 && $0 <= 1 << 31 }) else { return nil }
    self.sizes = sizes
  }
}

extension MissingPolicy: ExpressibleByArgument {}
