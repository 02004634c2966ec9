import ArgumentParser
import DataFiles
import NeuralTangents
import Tensors

/// `neural-tangents predict`: from a table to predictions with uncertainty.
struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Predict columns of a table from its other columns, with uncertainty.",
    usage: """
      neural-tangents predict <network> --train <file> --target <columns> \\
        --test <file> --output <file> [<options>]
      neural-tangents predict <network> --train <file> --target <columns> \\
        --folds <count> [<options>]
      """,
    discussion: """
      Numbers: each prediction comes with the standard deviation and the 95 %
      interval of a new measurement, noise included, in the target's own units.
      Classes: the most probable class, and the probability of every class that
      its output is the largest in a regression on one-hot targets (one less 1/C at
      the row's class, -1/C at the others).

      Columns of numbers are standardised, columns of text become one input per
      category. --diag-reg is the noise: its variance as a part of the kernel's mean
      diagonal. By default it is the level between 1e-6 and 10 that predicts
      left-out training rows best (of at most 1000 rows). The scale of all
      variances is fitted to left-out training rows too; means do not depend on it.
      Linear algebra is done in float64 whatever the precision of the kernels.

      Rows to learn from whose target is missing are not learned from; without
      --test, --output has the predictions for them. Rows to predict are scored
      where their target is there, and columns that only they have are not used.

      --method nngp is the Bayesian network, --method ntk the ensemble of networks
      trained by gradient descent, after --time steps of --learning-rate.

      EXAMPLES
        neural-tangents predict network.json --train train.csv --target price \\
          --test test.csv --output predictions.csv
        neural-tangents predict network.json --train iris.csv --target species \\
          --folds 10
        neural-tangents predict network.yaml --train lab.csv --target yield,purity \\
          --method ntk --time 1000 --diag-reg 0.01 --folds 5
      """)

  @Argument(help: InputFiles.networkHelp, completion: .file())
  var network: String

  @Option(
    help: .init("Table, such as a CSV file: the rows to learn from; - is standard input.", valueName: "file"),
    completion: .file())
  var train: String

  @Option(
    help: .init("The column to predict, or several separated by commas; quotes as in CSV.", valueName: "columns"))
  var target: String

  @Option(
    help: .init("Table: the rows to predict. With the target column it is also scored.", valueName: "file"),
    completion: .file())
  var test: String?

  @Option(
    help: .init("CSV file to write the predictions to.", valueName: "file"), completion: .file(extensions: ["csv"]))
  var output: String?

  @Option(help: .init("Judge by cross-validation of the training rows in so many folds.", valueName: "count"))
  var folds: Int?

  @Option(help: "What the target is.")
  var task = TaskChoice.auto

  @Option(help: "Which network to predict with; see above.")
  var method = MethodChoice.nngp

  @Option(parsing: .unconditional, help: .init("Training time in gradient steps.", valueName: "steps"))
  var time = Double.infinity

  @Option(parsing: .unconditional, help: .init("Learning rate of a gradient step.", valueName: "rate"))
  var learningRate = 1.0

  @Option(
    parsing: .unconditional,
    help: .init("Noise relative to the kernel's mean diagonal (default: chosen).", valueName: "number"))
  var diagReg: Double?

  @Option(parsing: .unconditional, help: .init("Noise in the kernel's own units instead.", valueName: "number"))
  var diagRegAbsolute: Double?

  @Option(
    help: .init(
      "Columns of the rows to predict to write beside the predictions, separated by commas.", valueName: "columns"))
  var keep: String?

  @Option(parsing: .unconditional, help: "Seed of the folds.")
  var seed = 0

  @OptionGroup var learning: LearningOptions
  @OptionGroup var tables: TableOptions
  @OptionGroup var compute: ComputeOptions

  enum TaskChoice: String, ExpressibleByArgument, CaseIterable {
    case auto, regression, classification

    var task: TargetEncoder.Task {
      switch self {
      case .auto: .automatic
      case .regression: .regression
      case .classification: .classification
      }
    }
  }

  enum MethodChoice: String, ExpressibleByArgument, CaseIterable {
    case nngp, ntk

    var method: Recipe.Method { self == .nngp ? .nngp : .ntk }
  }

  func validate() throws {
    if test != nil && output == nil { throw ValidationError("--test needs --output") }
    guard output != nil || folds != nil else {
      throw ValidationError("expected --test with rows to predict, or --folds to cross-validate")
    }
    if learning.group != nil && folds == nil { throw ValidationError("--group needs --folds") }
    if keep != nil && output == nil { throw ValidationError("--keep needs --output") }
    if let folds, folds < 2 { throw ValidationError("--folds: expected at least 2, found \(folds)") }
    guard time > 0 else { throw ValidationError("--time: expected a positive number or inf, found \(time)") }
    guard learningRate > 0, learningRate.isFinite else {
      throw ValidationError("--learning-rate: expected a positive number, found \(learningRate)")
    }
    for (name, value) in [("--diag-reg", diagReg), ("--diag-reg-absolute", diagRegAbsolute)] {
      if let value, !(value >= 0 && value.isFinite) {
        throw ValidationError("\(name): expected zero or a positive number, found \(value)")
      }
    }
    guard diagReg == nil || diagRegAbsolute == nil else {
      throw ValidationError("expected only one of --diag-reg and --diag-reg-absolute")
    }
  }

  func run() throws {
    compute.apply()
    try InputFiles.requireOneStandardInput([train, test])
    if let test { try InputFiles.requireReadable(test) }
    if let output { try OutputFiles.requireWritable(output, formats: ["csv"], inputs: [network, train, test]) }
    let recipe = try recipe()
    let reading = tables.reading(categorical: learning.categorical.map(ColumnNames.init))
    let all = try InputFiles.table(at: train, options: reading)
    let rows = try learning.trainingRows(of: all, targets: target, at: train)
    let table = rows.table
    if output != nil && test == nil && rows.unlabelled == nil {
      throw CommandError.usage("--output needs --test, or rows of \(train) without a target")
    }
    let encoder = try learning.encoder(of: table, targets: target, task: task.task)
    for note in encoder.notes { StandardError.write("note: \(train): \(note)\n") }
    if let folds, folds > table.rowCount {
      throw CommandError.usage("--folds: expected at most the \(table.rowCount) rows of \(train), found \(folds)")
    }
    let progress = ProgressReporter("reading")
    defer { progress.finish() }
    let key = RandomKey(seed: seed)
    var report = ["\(table.rowCount) rows, \(encoder.width) inputs, \(describe(encoder.target))"]
    if let folds {
      let validation = CrossValidation(recipe: recipe, folds: folds, group: learning.group) { rows, classes in
        try learning.encoder(of: rows, targets: target, task: task.task, classes: classes)
      }
      let prediction = try validation.run(table, encoder: encoder, key: key, progress: progress)
      report += ["\nCross-validation in \(folds) folds:\n", try prediction.judged(by: table, target: encoder.target)]
    }
    if let output {
      let source = test ?? train
      let newTable = try test.map { try InputFiles.table(at: $0, options: reading, matching: all) } ?? rows.unlabelled!
      for note in encoder.notes(on: newTable) { StandardError.write("note: \(source): \(note)\n") }
      let kept = try keptColumns(of: newTable)
      // Judged before it is written: a mistake in the true values should not leave a file behind.
      let model = try TableModel(recipe, encoder: encoder, table: table, key: key, progress: progress)
      let prediction = try model.predict(newTable, progress: progress)
      report.append(describe(model.model.calibration.regularizer))
      let judged = encoder.target.rows(in: newTable)
      if !judged.isEmpty {
        let name = judged.count == newTable.rowCount ? source : "\(source), the \(judged.count) rows with a target"
        report += [
          "\n\(name):\n",
          try prediction.selecting(rows: judged).judged(by: newTable.selecting(rows: judged), target: encoder.target),
        ]
      }
      let results = prediction.rows(for: encoder.target)
      try OutputFiles.writeTable(
        header: kept.map(\.name) + prediction.header(for: encoder.target),
        rows: results.enumerated().map { row, cells in kept.map { $0.text(row) } + cells }, to: output)
      report.append("\(output): \(newTable.rowCount) predictions")
    }
    progress.finish()
    StandardOutput.report(report.joined(separator: "\n"), beside: output)
  }

  private func recipe() throws -> Recipe {
    var recipe = Recipe(network: try InputFiles.network(at: network), method: method.method)
    if let diagReg { recipe.regularizer = .fixed(.relative(diagReg)) }
    if let diagRegAbsolute { recipe.regularizer = .fixed(.absolute(diagRegAbsolute)) }
    recipe.time = time
    recipe.learningRate = learningRate
    recipe.precision = compute.precision?.dtype ?? .float64
    recipe.tileSize = compute.tileSize
    return recipe
  }

  /// The columns of --keep.
  private func keptColumns(of table: Table) throws -> [Table.Column] {
    guard let keep else { return [] }
    return try ColumnNames(keep).resolved(in: table).map { try table.column($0) }
  }

  private func describe(_ regularizer: DiagonalRegularizer) -> String {
    switch regularizer {
    case .relative(let value): "noise: \(significant(value)) of the kernel's mean diagonal"
    case .absolute(let value): "noise: \(significant(value))"
    }
  }

  private func describe(_ target: TargetEncoder) -> String {
    guard let classes = target.classes else { return "predicting \(target.names.joined(separator: ", "))" }
    return "predicting \(target.names[0]) among \(classes.count) classes"
  }
}
