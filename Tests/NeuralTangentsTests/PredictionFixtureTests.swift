import Foundation
import NeuralTangents
import Tensors
import Testing

/// `Fixtures/prediction.json`: kernels, targets, and what the peer predicts from them.
struct PredictionFixture: Decodable {
  var cases: [Case]

  struct Case: Decodable {
    var name: String
    var xTrain: FixtureArray
    var xTest: FixtureArray
    var yTrain: FixtureArray
    var initialTrain: FixtureArray
    var initialTest: FixtureArray
    var kernels: [String: FixtureArray]
    var results: [Result]

    func kernels(_ pair: String) -> KernelPair {
      KernelPair(nngp: kernels["nngp" + pair]?.tensor, ntk: kernels["ntk" + pair]?.tensor)
    }

    func kernel(_ name: String) throws -> Tensor { try #require(kernels[name]).tensor }
  }

  struct Result: Decodable {
    var function: String
    var diagReg: Double?
    var absoluteScale: Bool?
    var kernel: String?
    var computeCovariance: Bool?
    var onTrain: Bool?
    var learningRate: Double?
    var time: Times?
    var initial: Bool?
    var momentum: Double?
    var outputSize: Int?
    var value: Double?
    var output: Output?
    var train: FixtureArray?
    var test: FixtureArray?
    var trainOnly: FixtureArray?
    var testOnly: FixtureArray?

    var regularizer: DiagonalRegularizer {
      absoluteScale == true ? .absolute(diagReg ?? 0) : .relative(diagReg ?? 0)
    }

    var kind: EnsembleKind {
      switch kernel {
      case "nngp": .nngp
      case "ntkgp": .ntkGaussianProcess
      default: .ntk
      }
    }
  }

  struct Output: Decodable {
    var mean: FixtureArray
    var covariance: FixtureArray?
  }

  /// A number, or nested arrays of numbers.
  struct Times: Decodable {
    var time: TrainingTime

    init(from decoder: Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let value = try? container.decode(Double.self) {
        time = TrainingTime(value)
      } else if let values = try? container.decode([Double].self) {
        time = TrainingTime(values)
      } else {
        let rows = try container.decode([[Double]].self)
        time = TrainingTime(rows.flatMap { $0 }, shape: [rows.count, rows.first?.count ?? 0])
      }
    }
  }

  static func load() throws -> PredictionFixture {
    let url = try #require(Bundle.module.url(forResource: "Fixtures/prediction", withExtension: "json"))
    return try JSONDecoder().decode(PredictionFixture.self, from: Data(contentsOf: url))
  }
}

@Suite("Predictions against the peer")
struct PredictionFixtureTests {
  let fixture: PredictionFixture

  init() throws { fixture = try PredictionFixture.load() }

  private func expect(
    _ found: Tensor?, _ expected: FixtureArray?, _ place: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let expected = try #require(expected)
    let found = try #require(found, "\(place)", sourceLocation: sourceLocation)
    #expect(found.shape == expected.shape, "\(place)", sourceLocation: sourceLocation)
    let values = found.scalars(as: Double.self)
    let scale = expected.values.map(abs).max() ?? 0
    let worst = zip(values, expected.values).map { abs($0 - $1) }.max() ?? 0
    #expect(worst <= 1e-9 * max(scale, 1e-3), "\(place): off by \(worst) of \(scale)", sourceLocation: sourceLocation)
  }

  private func forEach(
    _ function: String, _ body: (PredictionFixture.Case, PredictionFixture.Result, String) throws -> Void
  ) throws {
    var count = 0
    for example in fixture.cases {
      for (index, result) in example.results.enumerated() where result.function == function {
        try body(example, result, "\(example.name), result \(index), kernel \(result.kernel ?? "-")")
        count += 1
      }
    }
    #expect(count >= 12)
  }

  @Test("inference at infinite time agrees for NNGP, NTK and NTK-GP")
  func gaussianProcessInference() throws {
    try forEach("gpInference") { example, result, place in
      let ensemble = try KernelEnsemble(
        trainTrain: example.kernels("TrainTrain"), yTrain: example.yTrain.tensor,
        diagonalRegularizer: result.regularizer)
      let prediction: Prediction
      if result.onTrain == true {
        prediction = try ensemble.predictTrain(kernel: result.kind)
      } else {
        prediction = try ensemble.predict(
          testTrain: example.kernels("TestTrain"),
          testTest: result.computeCovariance == true ? example.kernels("TestTest") : nil, kernel: result.kind)
      }
      try expect(prediction.mean, result.output?.mean, place)
      #expect((prediction.covariance != nil) == (result.computeCovariance == true))
      if result.computeCovariance == true { try expect(prediction.covariance, result.output?.covariance, place) }

      guard result.kind != .ntk, result.onTrain != true else { return }
      let name = result.kind == .nngp ? "nngp" : "ntk"
      let process = try GaussianProcess(
        kTrainTrain: example.kernel(name + "TrainTrain"), yTrain: example.yTrain.tensor, regularizer: result.regularizer
      )
      let posterior = try process.predict(
        kTestTrain: example.kernel(name + "TestTrain"), kTestTest: example.kernel(name + "TestTest"))
      try expect(posterior.mean, result.output?.mean, place)
      if result.computeCovariance == true { try expect(posterior.covariance, result.output?.covariance, place) }
    }
  }

  @Test("gradient flow of one network agrees at train and test points")
  func gradientFlow() throws {
    try forEach("gradientDescentMSE") { example, result, place in
      let name = try #require(result.kernel)
      let flow = try GradientFlow(
        kTrainTrain: example.kernel(name + "TrainTrain"), yTrain: example.yTrain.tensor,
        learningRate: try #require(result.learningRate), regularizer: result.regularizer)
      let time = result.time?.time ?? .infinity
      let kTestTrain = try example.kernel(name + "TestTrain")
      if result.initial == true {
        let initial = example.initialTrain.tensor
        try expect(flow.trainOutputs(at: time, initial: initial), result.train, place)
        let test = try flow.testOutputs(
          at: time, kTestTrain: kTestTrain, initialTrain: initial, initialTest: example.initialTest.tensor)
        try expect(test, result.test, place)
      } else {
        try expect(flow.trainOutputs(at: time), result.trainOnly, place)
        try expect(flow.testOutputs(at: time, kTestTrain: kTestTrain), result.testOnly, place)
      }
    }
  }

  @Test("the ensemble agrees at all times, at train and test points, also with variances alone")
  func ensemble() throws {
    try forEach("gradientDescentMSEEnsemble") { example, result, place in
      let ensemble = try KernelEnsemble(
        trainTrain: example.kernels("TrainTrain"), yTrain: example.yTrain.tensor,
        learningRate: try #require(result.learningRate), diagonalRegularizer: result.regularizer)
      let time = result.time?.time ?? .infinity
      let testTest = example.kernels("TestTest")
      let full: Prediction
      let diagonal: Prediction
      if result.onTrain == true {
        full = try ensemble.predictTrain(kernel: result.kind, time: time)
        diagonal = try ensemble.predictTrain(kernel: result.kind, time: time, covariance: .diagonal)
      } else {
        let testTrain = example.kernels("TestTrain")
        full = try ensemble.predict(testTrain: testTrain, testTest: testTest, kernel: result.kind, time: time)
        diagonal = try ensemble.predict(
          testTrain: testTrain,
          testTestDiagonal: KernelPair(nngp: testTest.nngp?.diagonal(), ntk: testTest.ntk?.diagonal()),
          kernel: result.kind, time: time)
      }
      try expect(full.mean, result.output?.mean, place)
      try expect(full.covariance, result.output?.covariance, place)
      #expect(diagonal.covariance == nil)
      #expect(allClose(diagonal.mean, full.mean, relativeTolerance: 1e-12, absoluteTolerance: 1e-12))
      let (a, b) = (try #require(diagonal.variance), try #require(full.variance))
      #expect(allClose(a, b, relativeTolerance: 1e-10, absoluteTolerance: 1e-12), "\(place)")
    }
  }

  @Test("the largest learning rate agrees")
  func learningRate() throws {
    try forEach("maxLearningRate") { example, result, place in
      let rate = try maximumLearningRate(
        ntkTrainTrain: example.kernel("ntkTrainTrain"), outputCount: result.outputSize, momentum: result.momentum ?? 0)
      let expected = try #require(result.value)
      #expect(abs(rate - expected) <= 1e-12 * expected, "\(place)")
    }
  }
}
