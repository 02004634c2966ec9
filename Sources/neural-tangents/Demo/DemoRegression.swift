import Foundation
import NeuralTangents
import Tensors

/// Regression with calibrated intervals: the network and the noise are chosen by marginal likelihood on the training rows,
/// everything is judged on rows that were not looked at.
struct DemoRegression {
  private static let trainCount = 310

  private let data: DemoData
  private let split: Split
  private let x: Tensor
  /// Standardised with the training rows.
  private let y: Tensor
  private let center: Double
  private let unit: Double

  init(key: RandomKey) throws {
    data = try DemoData(.diabetes)
    split = .random(count: data.count, trainCount: Self.trainCount, key: key)
    x = data.standardized(over: split.train)
    let train = data.targets.taking(split.train, axis: 0)
    center = train.mean().scalar(as: Double.self)
    unit = train.standardDeviation().scalar(as: Double.self)
    y = (data.targets - center) / unit
  }

  func run(_ report: inout DemoReport, key: RandomKey) throws {
    let candidates = try evidence()
    report.write(
      "Diabetes: \(split.train.count) patients to learn from, \(split.test.count) to test on, \(data.x.shape[1]) features")
    report.write("Log marginal likelihood on the training rows; each network with its best noise:\n")
    var table = TextTable(["network", "bias std", "noise / variance", "log likelihood"])
    for candidate in candidates.prefix(5) {
      table.add([
        candidate.network.name, format(candidate.network.biasStd, 1), format(candidate.noise, 2),
        format(candidate.logLikelihood, 2),
      ])
    }
    report.write(table)

    let best = candidates[0]
    let truth = part(data.targets, split.test)
    var predictions: [(name: String, outputs: TrainedModel.Outputs)] = []
    for (name, network, method, regularizer) in [
      ("linear, NNGP", DemoNetwork(depth: 0, nonlinearity: .relu, biasStd: 1), Recipe.Method.nngp, Recipe.Regularizer.automatic),
      ("\(best.network.name), NNGP", best.network, .nngp, .fixed(.relative(best.noise))),
      ("\(best.network.name), NTK", best.network, .ntk, .automatic),
    ] {
      let recipe = Recipe(network: network.network, method: method, regularizer: regularizer)
      let model = try TrainedModel(
        recipe, x: x.taking(split.train, axis: 0), y: y.taking(split.train, axis: 0), key: key, progress: report.progress)
      predictions.append((name, try model.predict(x.taking(split.test, axis: 0), progress: report.progress)))
    }
    let scores = predictions.map { prediction in
      RegressionScores(
        truth: truth, mean: means(prediction.outputs), standardDeviation: deviations(prediction.outputs))
    }
    report.write("\nOn the \(split.test.count) test patients (guessing the mean: RMSE \(format(guessError(truth), 1))):\n")
    var results = TextTable(
      ["model", "RMSE", "NLPD"] + RegressionScores.levels.map { "in \(format(100 * $0, 0)) %" })
    for (prediction, score) in zip(predictions, scores) {
      results.add(
        [prediction.name, format(score.rootMeanSquaredError, 1), format(score.negativeLogDensity, 3)]
          + RegressionScores.levels.map { "\(format(100 * score.coverage(of: $0), 1)) %" })
    }
    report.write(results)
    report.write("\"in 95 %\": part of true values inside the 95 % interval; ideal is 95 %.")

    try report.draw(
      bands(means(predictions[1].outputs), deviations(predictions[1].outputs), truth, scores[1], network: best.network),
      name: "regression-intervals")
    try report.draw(
      reliability(zip(predictions.dropFirst(), scores.dropFirst()).map { ($0.name, $1) }), name: "reliability")
  }

  // MARK: - Choosing the network

  private struct Candidate {
    var network: DemoNetwork
    /// Relative to the mean diagonal of the kernel.
    var noise: Double
    var logLikelihood: Double
  }

  /// All candidates, the most likely first.
  private func evidence() throws -> [Candidate] {
    let (xTrain, yTrain) = (x.taking(split.train, axis: 0), y.taking(split.train, axis: 0))
    var candidates: [Candidate] = []
    for nonlinearity in DemoNetwork.Nonlinearity.allCases {
      for depth in 1...3 {
        for biasStd in [0.1, 0.5, 1] {
          let network = DemoNetwork(depth: depth, nonlinearity: nonlinearity, biasStd: biasStd)
          let kernel = try network.network.nngp(xTrain)
          let scored = try stride(from: -2.0, through: 1, by: 0.25).map { exponent in
            let noise = pow(10, exponent)
            return Candidate(
              network: network, noise: noise,
              logLikelihood: try Self.logLikelihood(kernel, yTrain, noise: .relative(noise)))
          }
          candidates += [scored.max { $0.logLikelihood < $1.logLikelihood }].compactMap(\.self)
        }
      }
    }
    return candidates.sorted { $0.logLikelihood > $1.logLikelihood }
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

  // MARK: - In the units of the data

  private func part(_ tensor: Tensor, _ rows: [Int]) -> [Double] { tensor.taking(rows, axis: 0).scalars(as: Double.self) }

  private func means(_ outputs: TrainedModel.Outputs) -> [Double] {
    (outputs.mean * unit + center).scalars(as: Double.self)
  }

  private func deviations(_ outputs: TrainedModel.Outputs) -> [Double] {
    (outputs.standardDeviation * unit).scalars(as: Double.self)
  }

  private func guessError(_ truth: [Double]) -> Double {
    (truth.reduce(0) { $0 + ($1 - center) * ($1 - center) } / Double(truth.count)).squareRoot()
  }

  // MARK: - Pictures

  private func bands(
    _ mean: [Double], _ deviation: [Double], _ truth: [Double], _ scores: RegressionScores, network: DemoNetwork
  ) -> Figure {
    let order = mean.indices.sorted { mean[$0] < mean[$1] }
    let x = order.indices.map { Double($0 + 1) }
    func band(_ factor: Double) -> Mark.Geometry {
      .band(
        lower: order.map { mean[$0] - factor * deviation[$0] }, upper: order.map { mean[$0] + factor * deviation[$0] })
    }
    let covered = "\(format(100 * scores.coverage(of: 0.95), 0)) %"
    return Figure(
      title: "Diabetes, \(truth.count) test patients: \(covered) of true scores lie in the 95 % interval (NNGP, \(network.name))",
      x: Axis("test patient, ordered by prediction", range: 0...Double(truth.count + 1)),
      y: Axis("disease progression after one year (score)"),
      content: .marks([
        Mark(label: "95 % interval", x: x, geometry: band(RegressionScores.intervalFactor), color: .skyBlue),
        Mark(label: "50 % interval", x: x, geometry: band(0.6744897501960817), color: .blue),
        Mark(label: "prediction", x: x, geometry: .line(y: order.map { mean[$0] }), color: .blue),
        Mark(label: "observed", x: x, geometry: .points(y: order.map { truth[$0] }), color: .vermilion),
      ]))
  }

  private func reliability(_ models: [(name: String, scores: RegressionScores)]) -> Figure {
    let levels = stride(from: 0.0, through: 1, by: 0.05).map { $0 }
    let ideal = Mark(label: "ideal", x: [0, 1], geometry: .line(y: [0, 1]), color: .gray, isDashed: true)
    let marks = zip(models, [Color.blue, .vermilion, .green]).map { model, color in
      Mark(
        label: model.name, x: levels,
        geometry: .linePoints(y: levels.map { $0 == 1 ? 1 : model.scores.coverage(of: $0) }), color: color)
    }
    // Two standard errors of the observed part of so many rows, were the intervals exact.
    let errors = levels.map { 2 * ($0 * (1 - $0) / Double(split.test.count)).squareRoot() }
    let chance = Mark(
      label: "two standard errors", x: levels,
      geometry: .band(
        lower: zip(levels, errors).map { max(0, $0 - $1) }, upper: zip(levels, errors).map { min(1, $0 + $1) }),
      color: .gray)
    return Figure(
      title: "Reliability of the intervals of \(split.test.count) test patients",
      x: Axis("probability of the predicted interval", range: 0...1),
      y: Axis("part of true values inside it", range: 0...1),
      content: .marks([chance, ideal] + marks), shape: .square)
  }
}

