import NeuralTangents
import Tensors
import Testing

@Suite("Flows of outputs with several axes, and regularized ones")
struct FlowGoldenTests {
  typealias Oracle = PredictionOracle

  private let golden: GradientFlowGolden

  init() throws { golden = try loadFixture("gradient-flows") }

  private func difference(_ a: Tensor, _ b: Tensor) -> Double {
    guard a.shape == b.shape else { return .infinity }
    return zip(a.scalars(as: Double.self), b.scalars(as: Double.self)).map { abs($0 - $1) / max(1, abs($1)) }.max() ?? 0
  }

  private static let tight = LossFlow.Accuracy(relativeTolerance: 1e-11, absoluteTolerance: 1e-12)

  @Test("a regularized flow in closed form and followed is that of an independent solver, up to infinity")
  func regularized() throws {
    let example = golden.mseRegularized
    let (kernel, testKernel) = (Oracle.tensor(golden.kTrainTrain), Oracle.tensor(golden.kTestTrain))
    let (y, initial, initialTest) = (
      Oracle.tensor(golden.yReal), Oracle.tensor(golden.fTrain0), Oracle.tensor(golden.fTest0)
    )
    let closed = try GradientFlow(
      kTrainTrain: kernel, yTrain: y, learningRate: example.learningRate,
      regularizer: .relative(example.diagonalRegularizer))
    let followed = try LossFlow(
      kTrainTrain: kernel, outputShape: y.shape, initial: initial, learningRate: example.learningRate,
      regularizer: .relative(example.diagonalRegularizer), accuracy: Self.tight
    ) { halfMeanSquaredError($0, y) }
    let times = TrainingTime(example.t)
    #expect(difference(try closed.trainOutputs(at: times, initial: initial), example.fTrain.tensor) < 1e-10)
    #expect(difference(try followed.trainOutputs(at: times), example.fTrain.tensor) < 1e-8)
    func test(_ time: TrainingTime) throws -> (Tensor, Tensor) {
      (
        try closed.testOutputs(at: time, kTestTrain: testKernel, initialTrain: initial, initialTest: initialTest),
        try followed.testOutputs(at: time, kTestTrain: testKernel, initial: initialTest)
      )
    }
    let (a, b) = try test(times)
    #expect(difference(a, example.fTest.tensor) < 1e-10)
    #expect(difference(b, example.fTest.tensor) < 1e-8)
    let (c, d) = try test(.infinity)
    #expect(difference(c, example.fTestInfinity.tensor) < 1e-10)
    #expect(difference(d, example.fTestInfinity.tensor) < 1e-9)
    #expect(difference(try followed.trainOutputs(at: .infinity), y) < 1e-9)
  }

  @Test("any output axes may be trace axes, in closed form, followed, and in a posterior")
  func traceAxes() throws {
    let golden = golden.traceAxes
    let (y, initial, initialTest) = (golden.y.tensor, golden.fTrain0.tensor, golden.fTest0.tensor)
    #expect(golden.cases.count == 5)
    for example in golden.cases {
      let (kernel, testKernel) = (example.kTrainTrain.tensor, example.kTestTrain.tensor)
      let closed = try GradientFlow(
        kTrainTrain: kernel, yTrain: y, learningRate: golden.learningRate, traceAxes: example.traceAxes)
      let followed = try LossFlow(
        kTrainTrain: kernel, outputShape: y.shape, initial: initial, learningRate: golden.learningRate,
        traceAxes: example.traceAxes, accuracy: Self.tight
      ) { halfMeanSquaredError($0, y) }
      let times = TrainingTime(golden.t)
      let comment = "trace axes \(example.traceAxes)"
      #expect(
        difference(try closed.trainOutputs(at: times, initial: initial), example.fTrain.tensor) < 1e-10,
        "\(comment)")
      #expect(difference(try followed.trainOutputs(at: times), example.fTrain.tensor) < 1e-8, "\(comment)")
      for (time, expected) in [(times, example.fTest.tensor), (.infinity, example.fTestInfinity.tensor)] {
        let a = try closed.testOutputs(
          at: time, kTestTrain: testKernel, initialTrain: initial, initialTest: initialTest)
        let b = try followed.testOutputs(at: time, kTestTrain: testKernel, initial: initialTest)
        #expect(difference(a, expected) < 1e-9, "\(comment)")
        #expect(difference(b, expected) < 1e-8, "\(comment)")
      }
      let posterior = try GaussianProcess(kTrainTrain: kernel, yTrain: y, traceAxes: example.traceAxes)
        .predict(kTestTrain: testKernel, kTestTest: example.kTestTest.tensor)
      #expect(difference(posterior.mean, example.gpMean.tensor) < 1e-9, "\(comment)")
      #expect(difference(try #require(posterior.covariance), example.gpCovariance.tensor) < 1e-9, "\(comment)")
    }
  }

  @Test("times of any shape and order, twice and zero, lead the outputs")
  func times() throws {
    let (kernel, y) = (Oracle.tensor(golden.kTrainTrain), Oracle.tensor(golden.yReal))
    let initial = Oracle.tensor(golden.fTrain0)
    for momentum in [nil, 0.5] as [Double?] {
      let flow = try LossFlow(
        kTrainTrain: kernel, outputShape: y.shape, initial: initial, momentum: momentum, accuracy: Self.tight
      ) { halfMeanSquaredError($0, y) }
      let closed = try GradientFlow(
        kTrainTrain: kernel, yTrain: y, dynamics: momentum.map { .momentumFlow(momentum: $0) } ?? .flow)
      let time = TrainingTime([7, 0, .infinity, 7, 0.25, 1], shape: [3, 1, 2])
      let found = try flow.trainOutputs(at: time)
      #expect(found.shape == [3, 1, 2, 5, 3])
      #expect(difference(found, try closed.trainOutputs(at: time, initial: initial)) < 1e-8)
      #expect(difference(found[0, 0, 1], initial) < 1e-15)
      let none = try flow.testOutputs(
        at: TrainingTime([], shape: [0, 2]), kTestTrain: Oracle.tensor(golden.kTestTrain))
      #expect(none.shape == [0, 2, 2, 3])
      // Gone on from, in two parts, with the velocity that momentum has by then.
      let middle = try flow.states(at: 0.25)[0]
      #expect((middle.velocity != nil) == (momentum != nil))
      let later = try flow.states(at: [7, .infinity], from: middle)
      #expect(difference(try flow.trainOutputs(later[0]), found[0, 0, 0]) < 1e-8)
      #expect(difference(try flow.trainOutputs(later[1]), y) < 1e-8)
      #expect(try flow.states(at: .infinity, from: later[1])[0].time == .infinity)
    }
  }
}
