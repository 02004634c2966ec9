import Foundation
import NeuralTangents
import Tensors

/// What infinite networks believe before and after five points: draws of finite networks from the prior, and the posteriors of
/// training the last layer (NNGP) and all layers (NTK), of a plain network and of one with residual blocks.
struct EnsembleVariants {
  struct Settings {
    var width = 512
    var drawCount = 10
    var memberCount = 32
    var memberWidth = 256
    var steps = 512
  }

  private struct Variant: Sendable {
    var name: String
    /// As a function of the width.
    var network: @Sendable (Int) -> Serial
  }

  private static let variants = [
    Variant(name: "plain") { width in
      Serial {
        dense(width)
        Erf()
        dense(width)
        Erf()
        dense(1)
      }
    },
    Variant(name: "residual") { width in
      Serial {
        dense(width)
        block(width)
        block(width)
        Erf()
        dense(1)
      }
    },
  ]

  private static func dense(_ width: Int) -> Dense { Dense(width, weightStd: 1.5, biasStd: 0.05) }

  private static func block(_ width: Int) -> Serial {
    Serial {
      FanOut(2)
      Parallel {
        Serial {
          Erf()
          dense(width)
        }
        Identity()
      }
      FanInSum()
    }
  }

  let settings: Settings
  let key: RandomKey
  let xTrain: Tensor
  let yTrain: Tensor
  let xTest: Tensor
  let yTest: Tensor

  struct Result {
    var name: String
    /// Root mean squares over the test points: of differences between finite and infinite means, and of the infinite deviation.
    var distance: Double
    var deviation: Double
  }

  func run(_ report: inout DemoReport) throws -> [Result] {
    report.writeEmptyLine()
    report.write(
      "Plain and residual networks (two blocks), regularizer 1e-4: mean square error of the mean, and mean deviation,")
    report.write("at the test points\n")
    var table = TextTable([
      "network", "prior: deviation", "NNGP: error", "deviation", "NTK: error", "deviation",
      "\(settings.memberCount) trained: error", "deviation", "RMSE of means",
    ])
    var (figures, results) = ([Figure](), [Result]())
    for (index, variant) in Self.variants.enumerated() {
      let network = variant.network(settings.width)
      let prior = Moments(
        mean: [Double](repeating: 0, count: xTest.shape[0]),
        deviation: sqrt(try network.nngp(xTest).diagonal()).scalars())
      let draws = try key.folding(in: UInt32(index)).split(into: settings.drawCount).map { key in
        try network(network.initialize(key, inputShape: xTest.shape, dtype: .float64), xTest)
          .scalars(as: Double.self)
      }
      let ensemble = try GradientFlowEnsemble(network, xTrain, yTrain, diagonalRegularizer: 1e-4)
      let nngp = Moments(try ensemble.predict(xTest, kernel: .nngp, time: .infinity, covariance: .diagonal))
      let ntk = Moments(try ensemble.predict(xTest, kernel: .ntk, time: .infinity, covariance: .diagonal))
      report.progress.begin("\(settings.memberCount) \(variant.name) networks")
      let (members, infinite) = try trained(variant, key.folding(in: UInt32(100 + index)))
      let distance = rootMeanSquare(zip(members.mean, infinite.mean).map { $0 - $1 })
      results.append(
        Result(name: variant.name, distance: distance, deviation: rootMeanSquare(infinite.deviation)))
      table.add(
        [variant.name, significant(mean(prior.deviation))]
          + [nngp, ntk, members].flatMap { [significant(error($0)), significant(mean($0.deviation))] }
          + [significant(distance)])
      figures += [
        figure(
          "\(variant.name): prior", prior, .blue, "infinite",
          draws.enumerated().map { number, y in
            Mark(
              label: number == 0 ? "finite, width \(settings.width)" : nil, x: x, geometry: .line(y: y),
              color: .gray)
          }, isPosterior: false),
        figure("\(variant.name): last layer trained", nngp, .green, "NNGP", [], isPosterior: true),
        figure(
          "\(variant.name): all layers trained", ntk, .blue, "NTK",
          [
            Mark(
              label: "\(settings.memberCount) networks, \(settings.steps) steps", x: x,
              geometry: .line(y: members.mean),
              color: .vermilion, isDashed: true)
          ]
            + [-2.0, 2].map { factor in
              Mark(
                x: x, geometry: .line(y: zip(members.mean, members.deviation).map { $0 + factor * $1 }),
                color: .vermilion, isDashed: true)
            }, isPosterior: true),
      ]
    }
    report.write(table)
    report.writeEmptyLine()
    report.write(
      "Trained: width \(settings.memberWidth), \(settings.steps) steps; their mean beside the infinite one after as many steps."
    )
    try report.draw(
      Panels(
        title: "sin at \(xTrain.shape[0]) points: beliefs before and after (mean ± 2σ)", figures: figures, columns: 3),
      name: "ensemble-variants")
    return results
  }

  private typealias Moments = EnsembleCurves.Moments

  /// Finite networks after training, and the infinite ensemble after as many steps.
  private func trained(_ variant: Variant, _ key: RandomKey) throws -> (finite: Moments, infinite: Moments) {
    let network = variant.network(settings.memberWidth)
    let rate = try maximumLearningRate(ntkTrainTrain: network.ntk(xTrain)) / 4
    let members = try key.split(into: settings.memberCount).map {
      try network.initialize($0, inputShape: xTrain.shape)
    }
    var ensemble = FiniteEnsemble(network, members: members, learningRate: rate)
    try ensemble.train(xTrain.asType(.float32), yTrain.asType(.float32), steps: settings.steps)
    let outputs = try ensemble(xTest.asType(.float32)).asType(.float64)
    let finite = Moments(
      mean: outputs.mean(axis: 0).scalars(), deviation: sqrt(outputs.variance(axis: 0, correction: 1)).scalars())
    let flow = try GradientFlowEnsemble(network, xTrain, yTrain, learningRate: rate, dynamics: .steps())
    return (
      finite,
      Moments(
        try flow.predict(
          xTest, kernel: .ntk, time: TrainingTime(Double(settings.steps)), covariance: .diagonal))
    )
  }

  private var x: [Double] { xTest.scalars() }

  private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

  private func rootMeanSquare(_ values: [Double]) -> Double { mean(values.map { $0 * $0 }).squareRoot() }

  private func error(_ moments: Moments) -> Double {
    mean(zip(moments.mean, yTest.scalars(as: Double.self)).map { ($0 - $1) * ($0 - $1) })
  }

  private func figure(
    _ title: String, _ moments: Moments, _ color: Color, _ label: String, _ others: [Mark], isPosterior: Bool
  ) -> Figure {
    let band = Mark(
      x: x,
      geometry: .band(
        lower: zip(moments.mean, moments.deviation).map { $0 - 2 * $1 },
        upper: zip(moments.mean, moments.deviation).map { $0 + 2 * $1 }), color: color)
    let middle = Mark(label: label, x: x, geometry: .line(y: moments.mean), color: color)
    let data =
      isPosterior
      ? [
        Mark(label: "sin", x: x, geometry: .line(y: yTest.scalars()), color: .gray),
        Mark(label: "training data", x: xTrain.scalars(), geometry: .points(y: yTrain.scalars()), color: .black),
      ] : []
    let highest = isPosterior ? 2.5 : 2.5 * (moments.deviation.max() ?? 1)
    return Figure(
      title: title, x: Axis("input", range: -3.15...3.15), y: Axis("output", range: -highest...1.3 * highest),
      content: .marks([band] + others + [middle] + data), legend: .topLeft)
  }
}

extension EnsembleCurves.Moments {
  fileprivate init(_ prediction: Prediction) {
    self.init(
      mean: prediction.mean.scalars(),
      deviation: prediction.variance.map { sqrt(maximum($0, 0)).scalars() } ?? [])
  }
}
