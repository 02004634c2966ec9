import ArgumentParser
import DataFiles
import NeuralTangents
import Tensors

/// `neural-tangents fit`: from a network file and a table to a network file with fitted standard deviations.
struct FitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fit",
    abstract: "Fit a network's standard deviations and the noise to a table.",
    usage: """
      neural-tangents fit <network> --train <file> --target <columns> \\
        [--test <file>] [--folds <count>] [--output <file>] [<options>]
      """,
    discussion: """
      Finds the weightStd and biasStd of every layer, and the level of noise, that
      make the training targets most probable under the infinitely wide network: the
      largest log marginal likelihood, by gradient (L-BFGS). Layers without a bias
      stay without one. What the rows do not determine stays near the file's
      numbers. Nothing is held out for it.

      Columns are encoded as predict encodes them. --output writes the fitted
      network, and the last line says how predict uses it. --test or --folds judge
      the network before and after: before with the noise that predict would
      choose, after with the fitted one, each on rows that it was not fitted to.

      EXAMPLES
        neural-tangents fit network.json --train train.csv --target price \\
          --test test.csv --output fitted.json
        neural-tangents fit network.json --train train.csv --target price --folds 5
      """)

  @Argument(help: InputFiles.networkHelp, completion: .file())
  var network: String

  @Option(
    help: .init("Table, such as a CSV file: the rows to learn from; - is standard input.", valueName: "file"),
    completion: .file())
  var train: String

  @Option(
    help: .init("Table with the target column: rows to judge by.", valueName: "file"),
    completion: .file())
  var test: String?

  @Option(help: .init("Judge by cross-validation of the training rows in so many folds.", valueName: "count"))
  var folds: Int?

  @Option(
    help: .init("File to write the fitted network to: JSON, or YAML by its name.", valueName: "file"),
    completion: .file(extensions: ["json", "yaml", "yml"]))
  var output: String?

  @Option(help: "The covariance whose likelihood is maximised.")
  var kernel = PredictCommand.MethodChoice.nngp

  @Flag(help: "One factor for all weights and one for all biases.")
  var tied = false

  @Option(help: .init("Steps of the optimizer.", valueName: "count"))
  var maxIterations = 100

  @Option(help: .init("Further fits from random places; the best counts.", valueName: "count"))
  var restarts = 0

  @Option(help: .init("Rows to fit to; of more, a random part.", valueName: "count"))
  var maxRows = 2000

  @Option(help: "What the target is.")
  var task = PredictCommand.TaskChoice.auto

  @Option(parsing: .unconditional, help: "Seed of folds, restarts and parts.")
  var seed = 0

  @OptionGroup var learning: LearningOptions
  @OptionGroup var tables: TableOptions
  @OptionGroup var compute: ComputeOptions

  func validate() throws {
    for (name, value, least) in [
      ("--max-iterations", maxIterations, 1), ("--restarts", restarts, 0), ("--max-rows", maxRows, 2),
      ("--folds", folds ?? 2, 2),
    ] where value < least {
      throw ValidationError("\(name): expected at least \(least), found \(value)")
    }
    guard restarts <= EvidenceFitOptions.largestRestarts else {
      throw ValidationError("--restarts: expected at most \(EvidenceFitOptions.largestRestarts), found \(restarts)")
    }
  }

  func run() throws {
    try compute.apply()
    try InputFiles.requireOneStandardInput([network, train, test, learning.trainTargets, learning.testTargets])
    for file in [test, learning.testTargets].compactMap({ $0 }) { try InputFiles.requireReadable(file) }
    if let output {
      try OutputFiles.requireWritable(
        output, formats: ["json", "yaml", "yml"],
        inputs: [network, train, test, learning.trainTargets, learning.testTargets])
    }
    let network = try InputFiles.network(at: network)
    var recipe = Recipe(network: network, method: kernel.method)
    recipe.precision = compute.precision?.dtype ?? .float64
    recipe.tileSize = compute.tileSize
    recipe.device = try compute.device.open()
    let reading = tables.reading(categorical: learning.categorical.map(ColumnNames.init))
    let source = try DataSource(training: train, learning, reading: reading)
    let rows = try learning.trainingRows(of: source, at: train).rows
    let encoding = try learning.encoding(of: source, task: task.task, scalings: [.standardize], network: network)
    let encoder = try encoding.encoder(rows, classes: nil, scaling: .standardize)
    for note in encoder.notes { StandardError.write("note: \(train): \(note)\n") }
    if let folds, folds > rows.rowCount {
      throw CommandError.usage("--folds: expected at most the \(rows.rowCount) rows of \(train), found \(folds)")
    }
    let testRows = try test.map { path in
      let testRows = try DataSource(testing: path, learning, like: source).rows
      let judged = encoder.target.rows(in: testRows.table)
      guard !judged.isEmpty else {
        throw CommandError.badData(
          "\(testRows.table.path): the target column is missing, and without it nothing is judged")
      }
      for note in encoder.notes(on: testRows) { StandardError.write("note: \(path): \(note)\n") }
      return testRows.selecting(rows: judged)
    }
    let progress = ProgressReporter("reading")
    defer { progress.finish() }
    let keys = RandomKey(seed: seed).split(into: 3)
    let fitting = Fitting(
      method: recipe.method, isTied: tied, maximumIterations: maxIterations, restarts: restarts, rowLimit: maxRows,
      key: keys[0])
    let fit = try fitting.fit(network, encoder: encoder, rows: rows, progress: progress)
    let fitted = Fitting.recipe(recipe, fit)
    var report = ["\(counted(rows.rowCount, "row")), \(counted(encoder.width, "input"))", describe(fit, of: network)]
    if let testRows {
      let predictions = try [recipe, fitted].map { recipe in
        try TableModel(recipe, encoding: encoding, rows: rows, key: keys[1], progress: progress)
          .predict(testRows, progress: progress)
      }
      report += [
        "\(testRows.table.path):\n", try compared(predictions, by: testRows.table, target: encoder.target),
      ]
    }
    if let folds {
      var validation = CrossValidation(recipe: recipe, folds: folds, group: learning.group, encoding: encoding)
      let before = try validation.run(rows, encoder: encoder, key: keys[2], progress: progress)
      validation.prepare = { recipe, encoder, rows in
        Fitting.recipe(recipe, try fitting.fit(network, encoder: encoder, rows: rows, progress: progress))
      }
      let after = try validation.run(rows, encoder: encoder, key: keys[2], progress: progress)
      report += [
        "Cross-validation in \(folds) folds, fitted anew in each:\n",
        try compared([before, after], by: rows.table, target: encoder.target),
      ]
    }
    progress.finish()
    if let output { try OutputFiles.writeText(text(of: NetworkFile(fit.network), for: output), to: output) }
    let name = output ?? "<fitted network>"
    // Fitted to inputs and targets as these options make them.
    report.append(
      "Predict with: neural-tangents predict \(name) --method \(kernel.rawValue) --diag-reg-absolute \(fit.noiseVariance) "
        + "--inputs standardize --column-scales none --target-transform none")
    StandardOutput.report(report.joined(separator: "\n"), beside: output)
  }

  private func text(of file: NetworkFile, for path: String) throws -> String {
    let isYAML = [".yaml", ".yml"].contains { path.lowercased().hasSuffix($0) }
    return try isYAML ? file.yaml() : file.json() + "\n"
  }

  private func describe(_ fit: EvidenceFit, of network: any Layer) -> String {
    var table = TextTable(["hyper-parameter", "before", "after"])
    let (before, after) = (network.hyperParameters, fit.network.hyperParameters)
    for (old, new) in zip(before.entries, after.entries) where old.kind == .standardDeviation {
      table.add([old.path] + [old, new].map { significant($0.value.scalar(as: Double.self)) })
    }
    table.add(["noise variance", significant(fit.initialNoiseVariance), significant(fit.noiseVariance)])
    let evidence = fit.logMarginalLikelihood
    table.add(["log marginal likelihood", format(evidence.before, 2), format(evidence.after, 2)])
    let state = fit.isConverged ? "converged" : "stopped"
    return "Fitted to \(kernel.rawValue), \(state) after \(fit.iterations) iterations:\n\n\(table)\n"
  }

  /// Scores of the network before and after.
  private func compared(
    _ predictions: [TablePrediction], by table: Table, target: TargetEncoder
  ) throws -> String {
    let scores = try zip(["before", "after"], predictions).map { name, prediction in
      try prediction.scores(by: table, target: target).map { [name] + $0 }
    }
    var text = TextTable(["network"] + TablePrediction.scoreNames(for: target))
    for row in scores.flatMap({ $0 }) { text.add(row) }
    return "\(text)\n"
  }
}
