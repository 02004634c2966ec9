import DataFiles
import Foundation
import NeuralTangents
import Tensors

/// Regression with calibrated intervals: the network and the noise are chosen by marginal likelihood on the training
/// rows, everything is judged on rows that were not looked at.
struct DemoRegression {
  private static let trainCount = 310
  private static let foldCount = 10

  private let data: DemoData
  private let split: Split
  private let train: Table
  private let test: Table
  private let encoder: FeatureEncoder
  private let key: RandomKey

  init(key: RandomKey) throws {
    let keys = key.split()
    data = try DemoData(.diabetes)
    split = .random(count: data.count, trainCount: Self.trainCount, key: keys[0])
    train = data.table.selecting(rows: split.train)
    test = data.table.selecting(rows: split.test)
    encoder = try data.encoder(over: split.train)
    self.key = keys[1]
  }

  func run(_ report: inout DemoReport) throws {
    let best = try choose(&report)
    let models = [
      Model(
        name: "linear, NNGP", recipe: Recipe(network: DemoNetwork(depth: 0, nonlinearity: .relu, biasStd: 1).network)),
      Model(
        name: "\(best.network.name), NNGP",
        recipe: Recipe(network: best.network.network, regularizer: .fixed(.relative(best.noise)))),
      Model(name: "\(best.network.name), NTK", recipe: Recipe(network: best.network.network, method: .ntk)),
    ]
    let truth = try data.target.values(of: test).scalars(as: Double.self)
    let mean = try data.target.values(of: train).mean().scalar(as: Double.self)
    let guess = (truth.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(truth.count)).squareRoot()
    report.writeEmptyLine()
    report.write(
      "On \(split.test.count) test patients (always guessing the training mean: RMSE \(format(guess, 1))):\n")
    var table = TextTable(["model", "RMSE", "NLPD"] + RegressionScores.levels.map { "in \(format(100 * $0, 0)) %" })
    var shown: [PredictiveDistribution] = []
    for model in models {
      let fitted = try TableModel(
        model.recipe, encoding: encoding, rows: DataRows(train), key: key, progress: report.progress)
      let predictions = try fitted.predict(DataRows(test), progress: report.progress).ofOneNumber
      add(try RegressionScores(truth: truth, predictions: predictions), named: model.name, to: &table)
      if model.name == models[1].name { shown = predictions }
    }
    report.write(table)
    try report.draw(bands(shown, truth, network: best.network), name: "regression-intervals")
    try crossValidate(models, &report)
  }

  private var encoding: TableEncoding { TableEncoding(targets: data.target.names) }

  private struct Model {
    var name: String
    var recipe: Recipe
  }

  private func add(_ scores: RegressionScores, named name: String, to table: inout TextTable) {
    table.add(
      [name, format(scores.rootMeanSquareError, 1), format(scores.negativeLogDensity, 3)]
        + scores.calibration.rows.map { "\(format(100 * $0.observed, 1)) %" })
  }

  /// All patients, each predicted by a model that did not see them; noise and scale fitted anew in each fold.
  private func crossValidate(_ models: [Model], _ report: inout DemoReport) throws {
    let truth = try data.target.values(of: data.table).scalars(as: Double.self)
    let encoder = try data.encoder(over: Array(0..<data.count))
    let levels = stride(from: 0.05, to: 0.975, by: 0.05).map { $0 }
    var table = TextTable(["model", "RMSE", "NLPD"] + RegressionScores.levels.map { "in \(format(100 * $0, 0)) %" })
    var curves: [(name: String, calibration: CalibrationTable)] = []
    for model in models {
      var recipe = model.recipe
      recipe.regularizer = .automatic
      let validation = CrossValidation(recipe: recipe, folds: Self.foldCount, encoding: encoding)
      let predictions = try validation.run(
        DataRows(data.table), encoder: encoder, key: key, progress: report.progress
      ).ofOneNumber
      add(try RegressionScores(truth: truth, predictions: predictions), named: model.name, to: &table)
      let scores = try RegressionScores(truth: truth, predictions: predictions, levels: levels)
      curves.append((model.name, scores.calibration))
    }
    report.writeEmptyLine()
    report.write("On all \(data.count) patients, in \(Self.foldCount) folds:\n")
    report.write(table)
    report.writeEmptyLine()
    report.write("RMSE: root mean square error; NLPD: mean negative log predictive density.")
    report.write("\"in 95 %\": part of true values inside the 95 % interval; ideally 95 %.")
    try report.draw(reliability(Array(curves.dropFirst())), name: "reliability")
  }

  // MARK: - Choosing the network

  private struct Candidate {
    var network: DemoNetwork
    /// Relative to the mean diagonal of the kernel.
    var noise: Double
    var logLikelihood: Double
  }

  private func choose(_ report: inout DemoReport) throws -> Candidate {
    let (x, y) = (try encoder.features(of: train), try encoder.target.outputs(of: train))
    var candidates: [Candidate] = []
    for nonlinearity in DemoNetwork.Nonlinearity.allCases {
      for depth in 1...3 {
        for biasStd in [0.1, 0.5, 1] {
          let network = DemoNetwork(depth: depth, nonlinearity: nonlinearity, biasStd: biasStd)
          let kernel = try network.network.nngp(x)
          let scored = try stride(from: -1.0, through: 1, by: 0.25).map { exponent in
            let noise = pow(10, exponent)
            return Candidate(
              network: network, noise: noise,
              logLikelihood: try Self.logLikelihood(kernel, y, noise: .relative(noise)))
          }
          candidates += [scored.max { $0.logLikelihood < $1.logLikelihood }].compactMap(\.self)
        }
      }
    }
    candidates.sort { $0.logLikelihood > $1.logLikelihood }
    report.write("Diabetes: \(split.train.count) patients to learn from, \(encoder.width) features.")
    report.write("Log marginal likelihood of \(candidates.count) networks, each with its best noise; the first five:\n")
    var table = TextTable(["network", "bias std", "noise / variance", "log likelihood"])
    for candidate in candidates.prefix(5) {
      table.add([
        candidate.network.name, format(candidate.network.biasStd, 1), format(candidate.noise, 2),
        format(candidate.logLikelihood, 2),
      ])
    }
    report.write(table)
    return candidates[0]
  }

  /// log N(y; 0, s K̃) with the scale s that makes it largest, yᵀ K̃⁻¹ y / N.
  private static func logLikelihood(_ kernel: Tensor, _ y: Tensor, noise: DiagonalRegularizer) throws -> Double {
    // A second target of zeros gives the part that does not depend on the targets.
    let pair = concatenate([y, y * 0], axis: 1)
    let process = try GaussianProcess(kTrainTrain: kernel, yTrain: pair, regularizer: noise)
    let parts = try process.logMarginalLikelihood().perOutput.scalars(as: Double.self)
    let count = Double(y.shape[0])
    let fit = 2 * (parts[1] - parts[0])
    return parts[1] - 0.5 * count * (1 + log(fit / count))
  }

  // MARK: - Pictures

  private func bands(
    _ predictions: [PredictiveDistribution], _ truth: [Double], network: DemoNetwork
  ) -> Figure {
    let mean = predictions.map(\.moments.mean)
    let order = mean.indices.sorted { mean[$0] < mean[$1] }
    let x = order.indices.map { Double($0 + 1) }
    func band(_ level: Double) -> Mark.Geometry {
      .band(
        lower: order.map { predictions[$0].quantile((1 - level) / 2) },
        upper: order.map { predictions[$0].quantile((1 + level) / 2) })
    }
    let inside = zip(truth, predictions).count { abs($1.cumulative($0) - 0.5) <= 0.475 }
    return Figure(
      title: "Diabetes (NNGP, \(network.name)): \(inside) of \(truth.count) test patients lie in their 95 % interval",
      x: Axis("test patient, ordered by prediction", range: 0...Double(truth.count + 1)),
      y: Axis("disease progression after one year (score)"),
      content: .marks([
        Mark(label: "95 % interval", x: x, geometry: band(0.95), color: .skyBlue),
        Mark(label: "50 % interval", x: x, geometry: band(0.5), color: .blue),
        Mark(label: "prediction", x: x, geometry: .line(y: order.map { mean[$0] }), color: .blue),
        Mark(label: "observed", x: x, geometry: .points(y: order.map { truth[$0] }), color: .vermilion),
      ]))
  }

  private func reliability(_ models: [(name: String, calibration: CalibrationTable)]) -> Figure {
    let ideal = Mark(label: "ideal", x: [0, 1], geometry: .line(y: [0, 1]), color: .gray, isDashed: true)
    let marks = zip(models, [Color.blue, .vermilion, .green]).map { model, color in
      Mark(
        label: model.name, x: model.calibration.rows.map(\.expected),
        geometry: .linePoints(y: model.calibration.rows.map(\.observed)), color: color)
    }
    // Two standard errors of the observed part of so many rows, were the intervals exact.
    let levels = stride(from: 0.0, through: 1, by: 0.02).map { $0 }
    let errors = levels.map { 2 * ($0 * (1 - $0) / Double(data.count)).squareRoot() }
    let chance = Mark(
      label: "ideal ± 2 standard errors", x: levels,
      geometry: .band(
        lower: zip(levels, errors).map { max(0, $0 - $1) }, upper: zip(levels, errors).map { min(1, $0 + $1) }),
      color: .gray)
    return Figure(
      title: "Diabetes: reliability of the intervals of \(data.count) patients in \(Self.foldCount) folds",
      x: Axis("probability of the predicted interval", range: 0...1),
      y: Axis("part of true values inside it", range: 0...1),
      content: .marks([chance, ideal] + marks), shape: .square)
  }
}
