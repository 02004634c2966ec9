import DataFiles
import NeuralTangents
import Tensors

/// A recipe fitted to rows: what is chosen, and networks that predict together.
struct TableModel: Sendable {
  let encoder: any RowEncoder
  /// Sentences about what was chosen.
  let notes: [String]
  let members: [(model: TrainedModel, weight: Double)]
  /// Of each number to predict.
  private let columns: [TargetColumn]

  /// - Parameters:
  ///   - rows: to learn from.
  ///   - classes: those of the target, where the rows may lack some.
  init(
    _ recipe: Recipe, encoding: any Encoding, rows: DataRows, classes: [String]? = nil, key: RandomKey,
    progress: ProgressReporter
  ) throws {
    let keys = key.split()
    // Before any work; with what is chosen again.
    try Self.requireMemory(recipe, rows: rows.rowCount, networks: 1)
    let selection = try Selection(
      recipe, encoding: encoding, rows: rows, classes: classes, key: keys[0], progress: progress)
    encoder = selection.encoder
    notes = selection.notes
    let x = try encoder.inputs(of: rows)
    let targets = selection.targets
    try Self.requireMemory(recipe, rows: rows.rowCount, networks: selection.members.count)
    members = try selection.members.map { member in
      let model = try TrainedModel(
        recipe, network: member.network, x: x, targets: targets, known: member.calibration, key: keys[1],
        progress: progress)
      return (model, member.weight)
    }
    if case .numbers(let candidates) = targets {
      columns = zip(candidates, members[0].model.calibration.choices).map { $0[$1] }
    } else {
      columns = []
    }
  }

  private static func requireMemory(_ recipe: Recipe, rows: Int, networks: Int) throws {
    let need = SolverNeed(recipe, rows: rows, networks: networks)
    try MemoryCheck.require(
      need.memory, for: "learning from \(counted(rows, "row"))",
      wayOn: need.isWhole ? "--max-rows takes fewer, --solver cg needs less" : "--max-rows takes fewer")
  }

  func predict(_ rows: DataRows, progress: ProgressReporter) throws -> TablePrediction {
    let x = try encoder.inputs(of: rows)
    let outputs = try members.map { try $0.model.predict(x, progress: progress) }
    if encoder.target.classes != nil {
      var probabilities: [[Double]] = []
      for (member, output) in zip(members, outputs) {
        let own = member.model.probabilities(output).map { $0.map { $0 * member.weight } }
        probabilities = probabilities.isEmpty ? own : zip(probabilities, own).map { zip($0, $1).map(+) }
      }
      return .classes(probabilities)
    }
    let parts = zip(members, outputs).map { $0.model.components($1, weight: $0.weight) }
    return .numbers(
      (0..<rows.rowCount).map { row in
        columns.enumerated().map { target, column in
          PredictiveDistribution(
            parts.map { $0[row][target] }, transform: column.transform, plausible: column.plausible)
        }
      })
  }
}

/// What is predicted for the rows of a table, in the units of the table.
enum TablePrediction: Sendable {
  /// For each row, one distribution of a new measurement per target.
  case numbers([[PredictiveDistribution]])
  /// For each row, the probabilities of the classes.
  case classes([[Double]])

  /// The distributions where there is one number to predict.
  var ofOneNumber: [PredictiveDistribution] {
    if case .numbers(let rows) = self { rows.compactMap(\.first) } else { [] }
  }

  /// Several predictions as one, with the rows of the n-th at `places[n]` of the result.
  ///
  /// - Precondition: there is at least one, and all are of one kind.
  static func merged(_ parts: [TablePrediction], places: [[Int]]) -> TablePrediction {
    let order = places.flatMap { $0 }
    var position = [Int](repeating: 0, count: order.count)
    for (index, place) in order.enumerated() { position[place] = index }
    if case .numbers = parts[0] {
      var all: [[PredictiveDistribution]] = []
      for case .numbers(let rows) in parts { all += rows }
      return .numbers(position.map { all[$0] })
    }
    var all: [[Double]] = []
    for case .classes(let rows) in parts { all += rows }
    return .classes(position.map { all[$0] })
  }

  /// The predictions for some rows.
  func selecting(rows: [Int]) -> TablePrediction {
    switch self {
    case .numbers(let predictions): .numbers(rows.map { predictions[$0] })
    case .classes(let probabilities): .classes(rows.map { probabilities[$0] })
    }
  }

  /// Class probabilities, shape (rows, classes).
  static func tensor(_ probabilities: [[Double]]) -> Tensor {
    Tensor(probabilities.flatMap { $0 }, shape: [probabilities.count, probabilities.first?.count ?? 0])
  }

  /// The columns of a table of predictions.
  ///
  /// - Parameter withMedian: whether the median of numbers is a column, too.
  func header(for target: TargetEncoder, withMedian: Bool = false) -> [String] {
    switch self {
    case .numbers:
      target.names.flatMap {
        [$0, "\($0)_std", "\($0)_lower95", "\($0)_upper95"] + (withMedian ? ["\($0)_median"] : [])
      }
    case .classes: target.names + (target.classes ?? []).map { "probability_\($0)" }
    }
  }

  /// The rows of a table of predictions, in the order of the input.
  func rows(for target: TargetEncoder, withMedian: Bool = false) -> [[String]] {
    switch self {
    case .numbers(let predictions):
      return predictions.map { row in
        row.flatMap { prediction in
          let moments = prediction.moments
          let numbers =
            [moments.mean, moments.standardDeviation, prediction.quantile(0.025), prediction.quantile(0.975)]
            + (withMedian ? [prediction.median] : [])
          return numbers.map { "\($0)" }
        }
      }
    case .classes(let probabilities):
      let names = target.classes ?? []
      return probabilities.map { row in [names[Self.largest(row)]] + row.map { "\($0)" } }
    }
  }

  /// The place of the largest number, of the first of equal ones.
  private static func largest(_ row: [Double]) -> Int { row.indices.reduce(0) { row[$1] > row[$0] ? $1 : $0 } }

  /// What the true values in `table` say about the predictions, as text for a terminal.
  func judged(by table: Table, target: TargetEncoder) throws -> String {
    switch self {
    case .numbers(let predictions):
      return try Self.judgedNumbers(target.names, truth: target.values(of: table), predictions)
    case .classes(let probabilities):
      return try Self.judgedClasses(
        target.classes ?? [], labels: target.classIndices(of: table), probabilities: Self.tensor(probabilities))
    }
  }

  /// How good the predictions of each target were.
  ///
  /// - Precondition: numbers are predicted.
  static func scores(
    _ predictions: [[PredictiveDistribution]], truth: Tensor, levels: [Double] = RegressionScores.levels
  ) throws -> [RegressionScores] {
    let width = truth.shape[1]
    let scalars = truth.scalars(as: Double.self)
    return try (0..<width).map { column in
      try RegressionScores(
        truth: predictions.indices.map { scalars[$0 * width + column] }, predictions: predictions.map { $0[column] },
        levels: levels)
    }
  }

  private static func judgedNumbers(
    _ names: [String], truth: Tensor, _ predictions: [[PredictiveDistribution]]
  ) throws -> String {
    var table = TextTable(
      ["target", "RMSE", "NLPD", "R2"] + RegressionScores.levels.map { "in \(format(100 * $0, 0)) %" })
    for (name, scores) in zip(names, try scores(predictions, truth: truth)) {
      table.add(
        [
          name, significant(scores.rootMeanSquareError), format(scores.negativeLogDensity, 3),
          scores.determination.map { format($0, 3) } ?? "-",
        ] + scores.calibration.rows.map { "\(format(100 * $0.observed, 1)) %" })
    }
    return """
      \(table)

        RMSE root mean square error; NLPD mean negative log predictive density (nats);
        "in 95 %": part of true values inside the 95 % interval, ideally 95 %.
      """
  }

  private static func judgedClasses(_ names: [String], labels: [Int], probabilities: Tensor) throws -> String {
    let metrics = try ClassificationMetrics(probabilities: probabilities, labels: labels)
    var scores = TextTable(["accuracy", "NLPD", "Brier score", "calibration error"])
    scores.add([
      "\(format(100 * metrics.accuracy, 2)) %", format(metrics.negativeLogLikelihood, 4), format(metrics.brierScore, 4),
      format(metrics.expectedCalibrationError, 4),
    ])
    var reliability = TextTable(["largest probability", "rows", "mean probability", "accuracy"])
    for bin in metrics.reliability where bin.count > 0 {
      reliability.add([
        "\(format(bin.lower, 1)) to \(format(bin.upper, 1))", "\(bin.count)",
        bin.meanConfidence.map { format($0, 3) } ?? "-", bin.accuracy.map { format($0, 3) } ?? "-",
      ])
    }
    let sections = [scores.description, reliability.description] + confusion(names, labels, probabilities)
    return sections.joined(separator: "\n\n")
      + "\n\n  NLPD mean negative log probability of the true class (nats)."
  }

  /// A table of true against predicted classes, where it fits a terminal.
  private static func confusion(_ names: [String], _ labels: [Int], _ probabilities: Tensor) -> [String] {
    guard names.count <= 12 else { return [] }
    var counts = [[Int]](repeating: Array(repeating: 0, count: names.count), count: names.count)
    for (label, prediction) in zip(labels, probabilities.argMax(axis: 1).scalars(as: Int32.self)) {
      counts[label][Int(prediction)] += 1
    }
    var table = TextTable(["true \\ predicted"] + names)
    for (name, row) in zip(names, counts) { table.add([name] + row.map(String.init)) }
    return [table.description]
  }
}
