import ArgumentParser
import DataFiles
import GramStore
import Inference
import NeuralTangents
import Tensors

/// `neural-tangents predict`: from a table to predictions with uncertainty.
struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Predict columns of a table from its other columns, with uncertainty.",
    usage: """
      neural-tangents predict [<network>] --train <file> --target <columns> \\
        --test <file> --output <file> [<options>]
      neural-tangents predict [<network>] --train <file> --target <columns> \\
        --folds <count> [<options>]
      neural-tangents predict [<network>] --train <array> \\
        --train-targets <file> --test <array> --output <file> [<options>]
      neural-tangents predict --store <store> --train-targets <file> \\
        --test <array> --output <file> [<options>]
      """,
    discussion: """
      Numbers: each prediction is the mean of a new measurement, noise included, and
      comes with its standard deviation and 95 % interval in the target's own units.
      Classes: the most probable class, and the probability of every class.

      Without a network, or with auto, several fully connected ones predict together,
      with weights by how well they predict left-out rows. How inputs are scaled, how
      the target is transformed, whether errors have heavy tails, and whether columns
      get scales of their own is chosen by left-out rows of --train, too, and each
      choice can be made with an option. Columns of text become one input per
      category. --diag-reg is the noise: its variance as a part of the kernel's mean
      diagonal. By default it is the level between 1e-6 and 10 that predicts
      left-out training rows best (of at most 1000 rows). The scale of all
      variances is fitted to left-out training rows too; means do not depend on it.
      Linear algebra is done in float64 whatever the precision of the kernels.

      Files are tables, or arrays: NPY, NPZ (whose --target is the name of an array),
      IDX and CIFAR. Images with positions are standardised channel by channel.

      Rows to learn from whose target is missing are not learned from; without
      --test, --output has the predictions for them. Rows to predict are scored
      where their target is there, and columns that only they have are not used.

      Up to 40,000 rows whose kernel fits into memory are solved by a factorisation.
      More are solved by conjugate gradients, until errors of means are certified
      to be at most --tolerance of the targets' standard deviation. Where the limit
      of products comes first, results are written and the exit status is 4.

      --store is a store of gram create and gram run, which has the kernel of the rows
      to learn from, these rows and the network; a network or --train that are named
      must be the same. Rows to predict are as those of the store, or in a store of
      their own, --test-store, made with --x2 of the rows to learn from. Under mpirun
      processes have the kernel or its factor in their memory together, in a program
      that was built with MPI.

      --method nngp is the Bayesian network, --method ntk the ensemble of networks
      trained by gradient descent, after --time steps of --learning-rate.

      EXAMPLES
        neural-tangents predict --train train.csv --target price \
          --test test.csv --output predictions.csv
        neural-tangents predict network.json --train iris.csv --target species \
          --folds 10
        neural-tangents predict network.yaml --train lab.csv --target yield,purity \
          --method ntk --time 1000 --diag-reg 0.01 --folds 5
        neural-tangents predict network.json --solver cg --tolerance 0.001 \
          --train train-images.idx.gz \
          --train-targets train-labels.idx.gz --test test.npy --output labels.csv
        neural-tangents predict --store train.zarr --targets y.npy --test test.npy \
          --output predictions.csv --solver cg --tolerance 0.01
        mpirun -n 64 neural-tangents predict --store train.zarr --targets y.npy \
          --test-store test.zarr --output predictions.csv
      """)

  @Argument(
    help: ArgumentHelp("\(InputFiles.networkHelp.abstract) Without one, several are tried."), completion: .file())
  var network = Self.automaticNetwork

  @Option(
    name: .customLong("network"), help: .init("The same as an option.", valueName: "network"), completion: .file())
  var namedNetwork: String?

  /// Stands for several networks that are tried.
  static let automaticNetwork = "auto"

  @Option(
    help: .init("Table, such as a CSV file, or array: the rows to learn from; - is standard input.", valueName: "file"),
    completion: .file())
  var train: String?

  @Option(
    help: .init("Table or array: the rows to predict. With targets it is also scored.", valueName: "file"),
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

  @Option(help: .init("Rows to learn from; of more, a random part.", valueName: "count"))
  var maxRows: Int?

  @Flag(help: "Write the median of numbers, too, which a transform of the target does not move.")
  var median = false

  @Option(parsing: .unconditional, help: "Seed of the folds.")
  var seed = 0

  @OptionGroup var choices: ChoiceOptions
  @OptionGroup var solving: SolverArguments
  @OptionGroup var storing: StoreArguments

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

  /// What is to be said of models whose errors are larger than asked.
  private static func shortfall(_ model: TableModel) -> CommandError? {
    for (member, _) in model.members {
      guard let certificate = member.certificate, !certificate.isReached else { continue }
      return CommandError(
        .notCertified,
        "after \(counted(certificate.products, "product")) errors of means are certified to be at most "
          + "\(significant(certificate.largestError)) of standardised targets, expected "
          + "\(significant(certificate.tolerances.min() ?? 0)): raise --diag-reg, --tolerance or --max-products")
    }
    return nil
  }

  /// The network, however it is given.
  private var networkName: String { namedNetwork ?? network }

  func validate() throws {
    guard namedNetwork == nil || network == Self.automaticNetwork || network == namedNetwork else {
      throw ValidationError("expected one network, found \(network) and --network \(namedNetwork ?? "")")
    }
    guard train != nil || storing.store != nil else {
      throw ValidationError("expected --train or --store with the rows to learn from")
    }
    if storing.store != nil { try validateStore() }
    if test != nil && output == nil { throw ValidationError("--test needs --output") }
    guard output != nil || folds != nil else {
      throw ValidationError("expected --test with rows to predict, or --folds to cross-validate")
    }
    if learning.group != nil && folds == nil { throw ValidationError("--group needs --folds") }
    if let maxRows, maxRows < 1 { throw ValidationError("--max-rows: expected at least 1, found \(maxRows)") }
    if learning.testTargets != nil && test == nil && storing.testStore == nil {
      throw ValidationError("--test-targets needs --test or --test-store")
    }
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

  /// What has no meaning for rows whose kernel is in a store.
  private func validateStore() throws {
    guard learning.trainTargets != nil else {
      throw ValidationError("--store: expected --train-targets with it, found none")
    }
    guard (test != nil) != (storing.testStore != nil) else {
      throw ValidationError(
        "--store: expected one of --test and --test-store with it, found \(test == nil ? "none" : "both")")
    }
    if storing.testStore != nil, output == nil { throw ValidationError("--test-store needs --output") }
    if choices.inputs != .auto && choices.inputs != .none {
      throw ValidationError("--inputs: expected none, as inputs are what they are in --store, found \(choices.inputs)")
    }
    for (option, isGiven) in [
      ("--folds", folds != nil), ("--max-rows", maxRows != nil), ("--keep", keep != nil),
      ("--input-shape", learning.inputShape != nil), ("--precision", compute.precision != nil),
      ("--tile-size", compute.tileSize != nil),
    ] where isGiven {
      throw ValidationError("\(option): expected rows of --train, found those of --store")
    }
  }

  func run() throws {
    try storing.run { team in try run(team) }
  }

  private func run(_ team: ClusterTeam?) throws {
    try compute.apply()
    try InputFiles.requireOneStandardInput([networkName, train, test, learning.trainTargets, learning.testTargets])
    for file in [test, learning.testTargets].compactMap({ $0 }) { try InputFiles.requireReadable(file) }
    if let output {
      try OutputFiles.requireWritable(
        output, formats: ["csv"], inputs: [networkName, train, test, learning.trainTargets, learning.testTargets])
    }
    var recipe = try recipe()
    let reading = tables.reading(categorical: learning.categorical.map(ColumnNames.init))
    recipe.stored = try storing.open(network: recipe.network, method: recipe.method, team: team)
    let (train, source) = try source(recipe.stored, reading)
    if let stored = recipe.stored { recipe.network = try stored.training.network() }
    let known = try learning.trainingRows(of: source, at: train)
    let key = RandomKey(seed: seed)
    let rows = part(of: known.rows, key)
    if recipe.stored != nil, let unlabelled = known.unlabelled {
      throw CommandError.badData(
        "\(learning.trainTargets ?? train): expected a target for every row of \(train), found "
          + "\(counted(unlabelled.rowCount, "row")) without")
    }
    if output != nil && test == nil && storing.testStore == nil && known.unlabelled == nil {
      throw CommandError.usage("--output needs --test, or rows of \(train) without a target")
    }
    let encoding: any Encoding =
      recipe.stored != nil
      ? StoredEncoding(targets: source.targets, task: task.task)
      : try learning.encoding(
        of: source, task: task.task, scalings: choices.inputs.scalings, network: recipe.network)
    let encoder = try encoding.encoder(rows, classes: nil, scaling: encoding.scalings[0])
    for note in encoder.notes { StandardError.write("note: \(train): \(note)\n") }
    if let folds, folds > rows.rowCount {
      throw CommandError.usage("--folds: expected at most the \(rows.rowCount) rows of \(train), found \(folds)")
    }
    let progress = ProgressReporter("reading")
    defer { progress.finish() }
    var shortfall: CommandError?
    var report = ["\(counted(rows.rowCount, "row")), \(counted(encoder.width, "input")), \(describe(encoder.target))"]
    if let folds {
      let validation = CrossValidation(recipe: recipe, folds: folds, group: learning.group, encoding: encoding)
      let prediction = try validation.run(rows, encoder: encoder, key: key, progress: progress)
      report += [
        "\nCross-validation in \(folds) folds:\n", try prediction.judged(by: rows.table, target: encoder.target),
      ]
    }
    if let output {
      let path = test ?? storing.testStore ?? train
      let newRows = try rowsToPredict(recipe.stored, source, reading) ?? known.unlabelled!
      for note in encoder.notes(on: newRows) { StandardError.write("note: \(path): \(note)\n") }
      let kept = try keptColumns(of: newRows.table)
      // Judged before it is written: a mistake in the true values should not leave a file behind.
      let model = try TableModel(recipe, encoding: encoding, rows: rows, key: key, progress: progress)
      let prediction = try model.predict(newRows, progress: progress)
      shortfall = Self.shortfall(model)
      report += describe(model)
      let judged = encoder.target.rows(in: newRows.table)
      if !judged.isEmpty {
        let name =
          judged.count == newRows.rowCount ? path : "\(path), the \(counted(judged.count, "row")) with a target"
        report += [
          "\n\(name):\n",
          try prediction.selecting(rows: judged).judged(
            by: newRows.table.selecting(rows: judged), target: encoder.target),
        ]
      }
      progress.begin("writing \(output)")
      let results = prediction.rows(for: encoder.target, withMedian: median)
      try OutputFiles.writeTable(
        header: kept.map(\.name) + prediction.header(for: encoder.target, withMedian: median),
        rows: results.enumerated().map { row, cells in kept.map { $0.text(row) } + cells }, to: output)
      report.append("\(output): \(counted(newRows.rowCount, "prediction"))")
    }
    progress.finish()
    StandardOutput.report(report.joined(separator: "\n"), beside: output)
    if let shortfall { throw shortfall }
  }

  /// Where the rows to learn from are, and these.
  private func source(_ stored: StoredKernels?, _ reading: ReadingOptions) throws -> (String, DataSource) {
    guard let stored else {
      let train = train ?? ""
      return (train, try DataSource(training: train, learning, reading: reading))
    }
    if let train {
      var reading = reading
      try stored.training.require(x1: try InputFiles.tensor(at: train, options: &reading))
    }
    let path = stored.training.path
    return (
      path,
      try DataSource(
        stored: path, stored.training.firstInputs(), learning, targetsAt: learning.trainTargets, reading: reading)
    )
  }

  /// Those of --test or --test-store; nil where neither is given.
  private func rowsToPredict(
    _ stored: StoredKernels?, _ source: DataSource, _ reading: ReadingOptions
  ) throws -> DataRows? {
    if stored != nil, let test {
      // As gram create reads inputs: all columns are.
      var reading = reading
      return try DataSource(
        stored: test, InputFiles.tensor(at: test, options: &reading), learning, targetsAt: learning.testTargets,
        reading: reading, like: source
      ).rows
    }
    if let test = stored?.test {
      return try DataSource(
        stored: test.path, test.firstInputs(), learning, targetsAt: learning.testTargets, reading: reading, like: source
      ).rows
    }
    return try test.map { try DataSource(testing: $0, learning, like: source).rows }
  }

  /// As many rows as --max-rows allows.
  private func part(of rows: DataRows, _ key: RandomKey) -> DataRows {
    guard let maxRows, rows.rowCount > maxRows else { return rows }
    StandardError.write(
      "note: \(train ?? "rows"): \(maxRows) of \(rows.rowCount) rows are learned from, drawn at random\n")
    return rows.selecting(rows: key.permutation(rows.rowCount).prefix(maxRows).sorted())
  }

  private func recipe() throws -> Recipe {
    var recipe = Recipe(
      network: networkName == Self.automaticNetwork ? nil : try InputFiles.network(at: networkName),
      method: method.method)
    if let diagReg { recipe.regularizer = .fixed(.relative(diagReg)) }
    if let diagRegAbsolute { recipe.regularizer = .fixed(.absolute(diagRegAbsolute)) }
    recipe.time = time
    recipe.learningRate = learningRate
    recipe.precision = compute.precision?.dtype ?? .float64
    recipe.packedPrecision = compute.precision?.dtype ?? .float32
    recipe.tileSize = compute.tileSize
    recipe.device = try compute.device.open()
    (recipe.solver, recipe.solverOptions) = (solving.solver.choice, solving.options)
    recipe.targetTransform = choices.targetTransform
    recipe.tails = choices.tails
    recipe.fitsColumnScales = choices.columnScales == .auto
    return recipe
  }

  /// The columns of --keep.
  private func keptColumns(of table: Table) throws -> [Table.Column] {
    guard let keep else { return [] }
    return try ColumnNames(keep).resolved(in: table).map { try table.column($0) }
  }

  /// What was chosen, a line for each.
  private func describe(_ model: TableModel) -> [String] {
    var lines = model.notes
    for (member, weight) in model.members {
      let name = model.members.count > 1 ? ", weight \(format(100 * weight, 0)) %" : ""
      lines.append(describe(member.calibration.regularizer) + describe(member.calibration.kind) + name)
      guard let note = member.solverNote else { continue }
      let certified = member.certificate.map {
        ": errors of means at most \(significant($0.largestError)) after \(counted($0.products, "product"))"
      }
      lines.append("solver: \(note)\(certified ?? "")")
    }
    return lines
  }

  private func describe(_ kind: Calibration.Kind) -> String {
    guard choices.tails != .normal, case .numbers(let numbers) = kind else { return "" }
    let names = numbers.map {
      $0.tails.degreesOfFreedom == .infinity
        ? "normal"
        : "Student's t with \(format($0.tails.degreesOfFreedom, 0)) degrees of freedom, "
          + "\(format($0.tails.gain, 3)) nats a row better than normal"
    }
    return "; errors: \(names.joined(separator: ", "))"
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
