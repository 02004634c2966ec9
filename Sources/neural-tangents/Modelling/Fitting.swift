import DataFiles
import NeuralTangents
import Tensors

/// How a network's standard deviations and the noise are fitted to the rows of a table.
struct Fitting: Sendable {
  var method: Recipe.Method
  var isTied: Bool
  var maximumIterations: Int
  var restarts: Int
  /// An iteration takes time that grows with the cube of the rows.
  var rowLimit: Int
  var key: RandomKey

  func fit(
    _ network: any Layer, encoder: any RowEncoder, rows: DataRows, progress: ProgressReporter
  ) throws -> EvidenceFit {
    let keys = key.split()
    var rows = rows
    if rows.rowCount > rowLimit {
      rows = rows.selecting(rows: keys[0].permutation(rows.rowCount).prefix(rowLimit).sorted())
    }
    // A matrix for every step of the kernel and of its derivative.
    let size = Double(rows.rowCount)
    try MemoryCheck.require(
      8 * 10 * Double(max(1, network.hyperParameters.entries.count)) * size * size,
      for: "fitting to \(counted(rows.rowCount, "row"))", wayOn: "--max-rows takes fewer")
    progress.begin("fitting to \(counted(rows.rowCount, "row"))")
    do {
      return try NeuralTangents.fit(
        network, encoder.inputs(of: rows), encoder.target.outputs(of: rows.table),
        options: EvidenceFitOptions(
          kernel: method == .nngp ? .nngp : .ntk, isTied: isTied, maximumIterations: maximumIterations,
          restarts: restarts, key: keys[1], progress: { [weak progress] in progress?.update($0) }))
    } catch PredictionError.notPositiveDefinite(_, let pivot, let size, _) {
      throw CommandError.badData(
        "the kernel of \(counted(size, "training row")) is not positive definite at row \(pivot + 1): scale the network's "
          + "standard deviations down")
    }
  }

  /// A recipe with the fitted network and noise.
  static func recipe(_ recipe: Recipe, _ fit: EvidenceFit) -> Recipe {
    var result = recipe
    result.network = fit.network
    result.regularizer = .fixed(.absolute(fit.noiseVariance))
    return result
  }
}

extension TablePrediction {
  /// The names of the columns of `scores`.
  static func scoreNames(for target: TargetEncoder) -> [String] {
    target.classes == nil ? ["target", "RMSE", "NLPD", "R2", "in 95 %"] : ["accuracy", "NLPD", "Brier score"]
  }

  /// In short what the true values in `table` say about the predictions: a row for each target, or one for classes.
  func scores(by table: Table, target: TargetEncoder) throws -> [[String]] {
    switch self {
    case .numbers(let predictions):
      let scores = try Self.scores(predictions, truth: target.values(of: table), levels: [0.95])
      return zip(target.names, scores).map { name, scores in
        [
          name, significant(scores.rootMeanSquareError), format(scores.negativeLogDensity, 4),
          scores.determination.map { format($0, 3) } ?? "-",
        ] + scores.calibration.rows.map { "\(format(100 * $0.observed, 1)) %" }
      }
    case .classes(let probabilities):
      let metrics = try ClassificationMetrics(
        probabilities: Self.tensor(probabilities), labels: target.classIndices(of: table))
      return [
        [
          "\(format(100 * metrics.accuracy, 2)) %", format(metrics.negativeLogLikelihood, 4),
          format(metrics.brierScore, 4),
        ]
      ]
    }
  }
}
