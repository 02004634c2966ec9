import DataFiles
import NeuralTangents
import Tensors

/// A recipe fitted to the rows of a table.
struct TableModel: Sendable {
  let encoder: FeatureEncoder
  let model: TrainedModel

  init(_ recipe: Recipe, encoder: FeatureEncoder, table: Table, key: RandomKey, progress: ProgressReporter) throws {
    self.encoder = encoder
    model = try TrainedModel(
      recipe, x: encoder.features(of: table), y: encoder.target.outputs(of: table), key: key, progress: progress)
  }

  func predict(_ table: Table, progress: ProgressReporter) throws -> TablePrediction {
    let outputs = try model.predict(encoder.features(of: table), progress: progress)
    let target = encoder.target
    if target.classes != nil {
      let probabilities = try classProbabilities(mean: outputs.mean, variance: square(outputs.standardDeviation))
      return .classes(target.predictedClasses(ofOutputs: probabilities), probabilities: probabilities)
    }
    return .numbers(
      target.values(ofOutputs: outputs.mean), deviations: target.deviations(ofOutputs: outputs.standardDeviation))
  }
}

/// What is predicted for the rows of a table, in the units of the table.
enum TablePrediction: Sendable {
  /// Shapes (N, targets), float64; deviations are those of a new measurement.
  case numbers(Tensor, deviations: Tensor)
  /// The most probable class of each row, by its index, and probabilities of shape (N, classes), float64.
  case classes([Int], probabilities: Tensor)

  /// Several predictions as one, with the rows of the n-th at `places[n]` of the result.
  ///
  /// - Precondition: there is at least one, and all are of one kind.
  static func merged(_ parts: [TablePrediction], places: [[Int]]) -> TablePrediction {
    let order = places.flatMap { $0 }
    var position = [Int](repeating: 0, count: order.count)
    for (index, place) in order.enumerated() { position[place] = index }
    func joined(_ tensors: [Tensor]) -> Tensor { concatenate(tensors).taking(position, axis: 0) }
    if case .numbers = parts[0] {
      var (means, deviations) = ([Tensor](), [Tensor]())
      for case .numbers(let mean, let deviation) in parts {
        means.append(mean)
        deviations.append(deviation)
      }
      return .numbers(joined(means), deviations: joined(deviations))
    }
    var (classes, probabilities) = ([Int](), [Tensor]())
    for case .classes(let part, let probability) in parts {
      classes += part
      probabilities.append(probability)
    }
    return .classes(position.map { classes[$0] }, probabilities: joined(probabilities))
  }
}

extension TablePrediction {
  /// The predictions for some rows.
  func selecting(rows: [Int]) -> TablePrediction {
    switch self {
    case .numbers(let means, let deviations):
      .numbers(means.taking(rows, axis: 0), deviations: deviations.taking(rows, axis: 0))
    case .classes(let classes, let probabilities):
      .classes(rows.map { classes[$0] }, probabilities: probabilities.taking(rows, axis: 0))
    }
  }

  /// The columns of a table of predictions.
  func header(for target: TargetEncoder) -> [String] {
    switch self {
    case .numbers: target.names.flatMap { [$0, "\($0)_std", "\($0)_lower95", "\($0)_upper95"] }
    case .classes: target.names + (target.classes ?? []).map { "probability_\($0)" }
    }
  }

  /// The rows of a table of predictions, in the order of the input.
  func rows(for target: TargetEncoder) -> [[String]] {
    switch self {
    case .numbers(let means, let deviations):
      let width = means.shape[1]
      let (means, deviations) = (means.scalars(as: Double.self), deviations.scalars(as: Double.self))
      return stride(from: 0, to: means.count, by: width).map { start in
        (start..<start + width).flatMap { index in
          let half = RegressionScores.intervalFactor * deviations[index]
          return [means[index], deviations[index], means[index] - half, means[index] + half].map { "\($0)" }
        }
      }
    case .classes(let classes, let probabilities):
      let names = target.classes ?? []
      let values = probabilities.scalars(as: Double.self)
      return classes.enumerated().map { row, index in
        [names[index]] + names.indices.map { "\(values[row * names.count + $0])" }
      }
    }
  }

  /// What the true values in `table` say about the predictions, as text for a terminal.
  func judged(by table: Table, target: TargetEncoder) throws -> String {
    switch self {
    case .numbers(let means, let deviations):
      let truth = try target.values(of: table)
      return try Self.judgedNumbers(target.names, truth: truth, means: means, deviations: deviations)
    case .classes(_, let probabilities):
      return try Self.judgedClasses(
        target.classes ?? [], labels: target.classIndices(of: table), probabilities: probabilities)
    }
  }

  private static func judgedNumbers(
    _ names: [String], truth: Tensor, means: Tensor, deviations: Tensor
  ) throws -> String {
    var table = TextTable(
      ["target", "RMSE", "NLPD", "R2"] + RegressionScores.levels.map { "in \(format(100 * $0, 0)) %" })
    for (column, name) in names.enumerated() {
      func part(_ tensor: Tensor) -> Tensor { tensor.taking([column], axis: 1) }
      let scores = try RegressionScores(truth: part(truth), mean: part(means), standardDeviation: part(deviations))
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
