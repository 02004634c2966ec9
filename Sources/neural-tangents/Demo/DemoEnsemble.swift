import Foundation
import NeuralTangents
import Tensors

/// The figure the field opens with: finite networks trained by gradient descent beside their infinite ensemble, in which
/// nothing is trained.
struct DemoEnsemble {
  struct Settings {
    var trainCount = 5
    var noise = 0.1
    var memberCount = 100
    var width = 512
    var steps = 1024
    var sweepWidths = [32, 64, 128, 256, 512, 1024, 2048]
    /// Even, because the networks come in pairs.
    var sweepMemberCount = 64
    var sweepSteps = 32
    var variants = EnsembleVariants.Settings()
  }

  /// Networks trained at a time, so that their parameters stay in cache.
  private static let parametersPerGroup = 1 << 20

  private let settings: Settings
  private let xTrain: Tensor
  private let yTrain: Tensor
  private let xTest: Tensor
  private let yTest: Tensor
  private let infinite: GradientFlowEnsemble
  private let learningRate: Double
  private let key: RandomKey

  init(key: RandomKey, settings: Settings = Settings()) throws {
    self.settings = settings
    let keys = key.split(into: 3)
    xTrain = keys[0].uniform([settings.trainCount, 1], from: -.pi, to: .pi, dtype: .float64)
    yTrain = sin(xTrain) + settings.noise * keys[1].normal([settings.trainCount, 1], dtype: .float64)
    xTest = Tensor.linspace(-.pi, .pi, count: 101, dtype: .float64).expandedDims(-1)
    yTest = sin(xTest)
    self.key = keys[2]
    let network = Self.network(width: settings.width)
    guard let ntk = try network.kernel(xTrain).ntk else { preconditionFailure("a kernel without its tangent kernel") }
    learningRate = try maximumLearningRate(ntkTrainTrain: ntk) / 4
    infinite = try GradientFlowEnsemble(network, xTrain, yTrain, learningRate: learningRate)
  }

  /// Prints and draws everything; returns the distances of a pair's mean from the infinite mean, per width.
  @discardableResult
  func run(_ report: inout DemoReport) throws -> [Double] {
    let times = Self.times(upTo: settings.steps)
    let flow = try infinite.predict(
      xTest, kernel: .ntk, time: TrainingTime(times.map(Double.init)), covariance: .diagonal)
    let trainFlow = try infinite.predict(
      nil, kernel: .ntk, time: TrainingTime(times.map(Double.init)), covariance: .diagonal)
    let members = try train(
      width: settings.width, count: settings.memberCount, isPaired: false, at: times, progress: report.progress)
    let curves = EnsembleCurves(
      times: times, finite: members.test, finiteTrain: members.train, infinite: flow, infiniteTrain: trainFlow,
      yTrain: yTrain, yTest: yTest)

    report.write(
      "sin at \(settings.trainCount) points: \(settings.memberCount) networks of width \(settings.width), three layers, trained by "
        + "gradient descent with rate \(significant(learningRate)),\n  beside the infinite ensemble in closed form\n")
    report.write(curves.table)
    let data = EnsembleFigures(
      x: xTest.scalars(as: Double.self), truth: yTest.scalars(as: Double.self),
      xTrain: xTrain.scalars(as: Double.self), yTrain: yTrain.scalars(as: Double.self), curves: curves,
      memberCount: settings.memberCount, width: settings.width)
    try report.draw(data.bands(at: times.count - 1), name: "ensemble")
    try report.draw(data.losses, name: "ensemble-loss")
    try report.animate(times.indices.map(data.bands), name: "ensemble-training")
    let variants = EnsembleVariants(
      settings: settings.variants, key: key.folding(in: 1), xTrain: xTrain, yTrain: yTrain, xTest: xTest, yTest: yTest)
    _ = try variants.run(&report)
    return try sweep(&report)
  }

  /// How the mean over finite networks approaches the infinite one as they grow wider.
  private func sweep(_ report: inout DemoReport) throws -> [Double] {
    let mean = try descendedMean(steps: settings.sweepSteps)
    var errors: [(pair: Double, all: Double)] = []
    for width in settings.sweepWidths {
      let members = try train(
        width: width, count: settings.sweepMemberCount, isPaired: true, at: [settings.sweepSteps],
        progress: report.progress)
      // Members of a pair stand side by side.
      let pairs = members.test[0].reshaped([settings.sweepMemberCount / 2, 2] + mean.shape).mean(axis: 1)
      func distance(_ means: Tensor) -> Double { square(means - mean).mean().scalar(as: Double.self).squareRoot() }
      errors.append((distance(pairs), distance(pairs.mean(axis: 0))))
    }
    report.writeEmptyLine()
    report.write(
      "RMSE between finite and infinite means after \(settings.sweepSteps) steps: \(settings.sweepMemberCount) networks in pairs of "
        + "opposite output weights\n")
    var table = TextTable(["width", "mean of a pair", "over 1/√width", "mean of all"])
    for (width, error) in zip(settings.sweepWidths, errors) {
      let scaled = error.pair * (Double(width) / Double(settings.sweepWidths[0])).squareRoot() / errors[0].pair
      table.add(["\(width)", significant(error.pair), format(scaled, 2), significant(error.all)])
    }
    report.write(table)
    try report.draw(
      EnsembleFigures.widths(
        settings.sweepWidths, ofPairs: errors.map(\.pair), ofAll: errors.map(\.all),
        memberCount: settings.sweepMemberCount),
      name: "ensemble-width")
    return errors.map(\.pair)
  }

  /// The infinite mean after steps of gradient descent, of the same length as those of the finite networks:
  /// Θ* Q (1 − (1 − ηΛ/N)ᵏ) Λ⁻¹ Qᵀ y for Θ = Q Λ Qᵀ. The flow is its limit for short steps.
  private func descendedMean(steps: Int) throws -> Tensor {
    let network = Self.network(width: settings.width)
    guard let square = try network.kernel(xTrain).ntk, let rectangle = try network.kernel(xTest, xTrain).ntk else {
      preconditionFailure("a kernel without its tangent kernel")
    }
    let (values, vectors) = try eigh(square)
    let left = pow(1 - values * (learningRate / Double(settings.trainCount)), Tensor(Double(steps)))
    let weights = ((1 - left) / values).expandedDims(-1) * matmul(vectors.transposed(), yTrain)
    return matmul(rectangle, matmul(vectors, weights))
  }

  private static func network(width: Int) -> Serial {
    Serial {
      Dense(width, weightStd: 1.5, biasStd: 0.05)
      Erf()
      Dense(width, weightStd: 1.5, biasStd: 0.05)
      Erf()
      Dense(1, weightStd: 1.5, biasStd: 0.05)
    }
  }

  /// 0, then steps at growing distances.
  private static func times(upTo last: Int) -> [Int] {
    var times = [0, 1]
    while let time = times.last, time < last { times.append(min(last, max(time + 1, time * 5 / 4))) }
    return times
  }

  /// Outputs of trained networks at the given numbers of steps: per time shape (networks, points, 1), float64.
  ///
  /// - Parameter isPaired: whether the networks come in pairs with opposite output weights and biases. Both are networks
  ///   as likely as any, but the outputs that a pair starts with cancel, and with them most of the chance in the mean.
  private func train(
    width: Int, count: Int, isPaired: Bool, at times: [Int], progress: ProgressReporter
  ) throws -> (test: [Tensor], train: [Tensor]) {
    progress.begin("\(count) networks of width \(width)")
    let network = Self.network(width: width)
    let keys = key.folding(in: UInt32(width)).split(into: isPaired ? count / 2 : count)
    let (x, y, grid) = (xTrain.asType(.float32), yTrain.asType(.float32), xTest.asType(.float32))
    let group = max(isPaired ? 1 : 2, Self.parametersPerGroup / (width * width)) / (isPaired ? 2 : 1)
    var (test, train) = ([[Tensor]](), [[Tensor]]())
    var done = 0
    for start in stride(from: 0, to: keys.count, by: max(1, group)) {
      var members: [Parameters] = []
      for key in keys[start..<min(keys.count, start + max(1, group))] {
        let parameters = try network.initialize(key, inputShape: x.shape)
        members.append(parameters)
        if isPaired { members.append(Self.withOppositeOutput(parameters)) }
      }
      var ensemble = FiniteEnsemble(network, members: members, learningRate: learningRate)
      var (testOutputs, trainOutputs) = ([Tensor](), [Tensor]())
      var step = 0
      for time in times {
        try ensemble.train(x, y, steps: time - step)
        step = time
        testOutputs.append(try ensemble(grid).asType(.float64))
        trainOutputs.append(try ensemble(x).asType(.float64))
      }
      test.append(testOutputs)
      train.append(trainOutputs)
      done += members.count
      progress.update(Double(done) / Double(count))
    }
    return (
      times.indices.map { time in concatenate(test.map { $0[time] }) },
      times.indices.map { time in concatenate(train.map { $0[time] }) }
    )
  }

  private static func withOppositeOutput(_ parameters: Parameters) -> Parameters {
    guard case .list(var layers) = parameters, let last = layers.popLast() else { return parameters }
    return .list(layers + [last.mapTensors { -$0 }])
  }
}
