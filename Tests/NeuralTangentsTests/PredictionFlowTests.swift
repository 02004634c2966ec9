import Foundation
import NeuralTangents
import Tensors
import Testing

@Suite("Gradient flows and their ensembles")
struct PredictionFlowTests {
  typealias Oracle = PredictionOracle

  let train = Oracle.points(8, phase: 0.2)
  let test = Oracle.points(3, phase: 1.1)
  let targets = Oracle.targets(8, outputs: 2)

  private var y: Tensor { Oracle.tensor(targets) }

  private func kernels(_ a: Oracle.Matrix, _ b: Oracle.Matrix) -> KernelPair {
    let pair = Oracle.pair(a, b)
    return KernelPair(nngp: pair.nngp, ntk: pair.ntk)
  }

  private func ensemble(_ regularizer: DiagonalRegularizer = 1e-3, learningRate: Double = 1) throws -> KernelEnsemble {
    try KernelEnsemble(
      trainTrain: kernels(train, train), yTrain: y, learningRate: learningRate, diagonalRegularizer: regularizer)
  }

  private func predict(
    _ ensemble: KernelEnsemble, _ kind: EnsembleKind, _ time: TrainingTime = .infinity
  ) throws -> Prediction {
    try ensemble.predict(testTrain: kernels(test, train), testTest: kernels(test, test), kernel: kind, time: time)
  }

  private func isClose(_ a: Tensor?, _ b: Tensor?, _ tolerance: Double) -> Bool {
    guard let a, let b, a.shape == b.shape else { return false }
    return allClose(a, b, relativeTolerance: tolerance, absoluteTolerance: tolerance)
  }

  @Test("one train point follows the scalar exponential")
  func onePoint() throws {
    let (k, kTest, y, initial, initialTest) = (2.3, 0.7, 1.9, 0.4, -0.2)
    let flow = try GradientFlow(
      kTrainTrain: Tensor([k], shape: [1, 1]), yTrain: Tensor([y], shape: [1, 1]), learningRate: 0.5)
    for time in [0.01, 0.5, 3, 200] {
      let decay = exp(-k * 0.5 * time)
      let found = try flow.trainOutputs(at: TrainingTime(time), initial: Tensor([initial], shape: [1, 1]))
      #expect(abs(found.scalar(as: Double.self) - (y + decay * (initial - y))) < 1e-14)
      let foundTest = try flow.testOutputs(
        at: TrainingTime(time), kTestTrain: Tensor([kTest], shape: [1, 1]),
        initialTrain: Tensor([initial], shape: [1, 1]), initialTest: Tensor([initialTest], shape: [1, 1]))
      let expected = initialTest + kTest / k * (1 - decay) * (y - initial)
      #expect(abs(foundTest.scalar(as: Double.self) - expected) < 1e-14)
    }
  }

  @Test("the flow solves its differential equation", arguments: [0.3, 4, 50])
  func differentialEquation(_ time: Double) throws {
    let flow = try GradientFlow(
      kTrainTrain: Oracle.pair(train, train).ntk, yTrain: y, learningRate: 0.8, regularizer: .absolute(0.05))
    let initial = Oracle.tensor(targets.map { $0.map { cos(3 * $0) } })
    let step = 1e-3 * time
    let around = try flow.trainOutputs(at: [time - step, time, time + step], initial: initial)
    let rate = (around[2] - around[0]) / (2 * step)
    let kernel = Oracle.pair(train, train).ntk + 0.05 * Tensor.eye(8, dtype: .float64)
    let expected = matmul(kernel, y - around[1]) * (0.8 / 16)
    #expect(isClose(rate, expected, 1e-5))
    let kTestTrain = Oracle.pair(test, train).ntk
    let testAround = try flow.testOutputs(
      at: [time - step, time + step], kTestTrain: kTestTrain, initialTrain: initial)
    let testRate = (testAround[1] - testAround[0]) / (2 * step)
    #expect(isClose(testRate, matmul(kTestTrain, y - around[1]) * (0.8 / 16), 1e-5))
  }

  @Test("at time zero nothing has been learnt", arguments: [EnsembleKind.nngp, .ntk, .ntkGaussianProcess])
  func timeZero(_ kind: EnsembleKind) throws {
    let prediction = try predict(ensemble(), kind, 0)
    #expect(prediction.mean == Tensor.zeros([3, 2], dtype: .float64))
    let prior = kind == .ntkGaussianProcess ? Oracle.pair(test, test).ntk : Oracle.pair(test, test).nngp
    #expect(isClose(prediction.covariance, prior, 1e-12))
    let onTrain = try ensemble().predictTrain(kernel: kind, time: 0)
    #expect(isClose(onTrain.mean, Tensor.zeros([8, 2], dtype: .float64), 1e-14))
    let trainPrior = kind == .ntkGaussianProcess ? Oracle.pair(train, train).ntk : Oracle.pair(train, train).nngp
    let shift = kind == .ntk ? 0 : 1e-3 * trainPrior.diagonal().mean().scalar(as: Double.self)
    #expect(isClose(onTrain.covariance, trainPrior + shift * Tensor.eye(8, dtype: .float64), 1e-12))
  }

  @Test(
    "a long time is infinite time, and infinity in an array is infinity",
    arguments: [EnsembleKind.nngp, .ntk, .ntkGaussianProcess])
  func longTime(_ kind: EnsembleKind) throws {
    let ensemble = try ensemble()
    let limit = try predict(ensemble, kind)
    let late = try predict(ensemble, kind, 1e9)
    #expect(isClose(late.mean, limit.mean, 1e-9))
    #expect(isClose(late.covariance, limit.covariance, 1e-9))
    let array = try predict(ensemble, kind, [1, .infinity])
    #expect(array.mean.shape == [2, 3, 2] && array.covariance?.shape == [2, 3, 3] && array.variance?.shape == [2, 3])
    #expect(array.mean[1] == limit.mean)
    #expect(array.covariance?[1] == limit.covariance)
    #expect(isClose(array.mean[0], try predict(ensemble, kind, 1).mean, 1e-14))
    let onTrain = try ensemble.predictTrain(kernel: kind, time: [1e9, .infinity])
    #expect(isClose(onTrain.mean[0], y, 1e-9) && onTrain.mean[1] == y)
    #expect(isClose(onTrain.covariance?[0], Tensor.zeros([8, 8], dtype: .float64), 1e-9))
    #expect(onTrain.variance?[1] == Tensor.zeros([8], dtype: .float64))
  }

  @Test("an astronomically long time is infinite time too")
  func enormousTime() throws {
    let flow = try GradientFlow(kTrainTrain: Oracle.pair(train, train).ntk, yTrain: y, regularizer: 1e-3)
    let kTestTrain = Oracle.pair(test, train).ntk
    let limit = try flow.testOutputs(kTestTrain: kTestTrain)
    #expect(isClose(try flow.testOutputs(at: 1e305, kTestTrain: kTestTrain), limit, 1e-9))
  }

  @Test("a huge regularizer leaves the prior")
  func hugeRegularizer() throws {
    for kind in [EnsembleKind.nngp, .ntk, .ntkGaussianProcess] {
      let prediction = try predict(ensemble(1e12), kind)
      #expect(isClose(prediction.mean, Tensor.zeros([3, 2], dtype: .float64), 1e-10))
      let prior = kind == .ntkGaussianProcess ? Oracle.pair(test, test).ntk : Oracle.pair(test, test).nngp
      #expect(isClose(prediction.covariance, prior, 1e-10))
    }
  }

  @Test("learning rate and time are interchangeable")
  func learningRateScalesTime() throws {
    let slow = try predict(ensemble(learningRate: 0.25), .ntk, 8)
    let fast = try predict(ensemble(learningRate: 2), .ntk, 1)
    #expect(slow.mean == fast.mean && slow.covariance == fast.covariance)
  }

  @Test("a singular kernel flows along its null space not at all")
  func singularKernel() throws {
    // Rank one: the error in direction (1, -1) stays, and no division by zero shows.
    let flow = try GradientFlow(
      kTrainTrain: Tensor.ones([2, 2], dtype: .float64), yTrain: Tensor([1.0, 0.0]), learningRate: 1)
    let outputs = try flow.trainOutputs(at: 1e6).scalars(as: Double.self)
    #expect(outputs.allSatisfy { abs($0 - 0.5) < 1e-12 })
    let zero = try GradientFlow(kTrainTrain: Tensor.zeros([2, 2], dtype: .float64), yTrain: Tensor([1.0, 3.0]))
    let test = try zero.testOutputs(at: 6, kTestTrain: Tensor([0.5, 0.25], shape: [1, 2]))
    // With M = 0 the gain (1 - exp(-λ s)) / λ is s = 6 / 2.
    #expect(abs(test.scalar(as: Double.self) - 3 * (0.5 + 0.75)) < 1e-14)
  }

  @Test(
    "the ensemble is the mean and covariance of sampled linear models trained one by one",
    arguments: [EnsembleKind.nngp, .ntk], [TrainingTime(2), TrainingTime(60), .infinity])
  func monteCarlo(_ kind: EnsembleKind, _ time: TrainingTime) throws {
    let samples = 20_000
    let all = train + test
    let factor = Oracle.rows(try cholesky(Oracle.pair(all, all).nngp))
    var normals = Oracle.Normals(seed: 17)
    // Column s is the initial function of network s; every column is trained on the first output.
    let noise = (0..<11).map { _ in (0..<samples).map { _ in normals.next() } }
    let initial = matmul(Oracle.tensor(factor), Oracle.tensor(noise))
    let y = Oracle.tensor(targets.map { Array(repeating: $0[0], count: samples) })
    let pair = Oracle.pair(train, train)
    let testPair = Oracle.pair(test, train)
    // The loss averages over all networks here, and each must feel its own.
    let flow = try GradientFlow(
      kTrainTrain: kind == .ntk ? pair.ntk : pair.nngp, yTrain: y, learningRate: Double(samples))
    let outputs = try flow.testOutputs(
      at: time, kTestTrain: kind == .ntk ? testPair.ntk : testPair.nngp, initialTrain: initial[..<8],
      initialTest: initial[8...])
    let ensemble = try KernelEnsemble(trainTrain: kernels(train, train), yTrain: Tensor(targets.map { $0[0] }))
    let predicted = try predict(ensemble, kind, time)
    let rows = Oracle.rows(outputs)
    let mean = rows.map { $0.reduce(0, +) / Double(samples) }
    let expectedMean = predicted.mean.scalars(as: Double.self)
    let expected = Oracle.rows(try #require(predicted.covariance))
    for i in 0..<3 {
      let standardError = (expected[i][i] / Double(samples)).squareRoot()
      #expect(abs(mean[i] - expectedMean[i]) < 4.5 * standardError)
      for j in 0...i {
        let covariance =
          zip(rows[i], rows[j]).reduce(0) { $0 + ($1.0 - mean[i]) * ($1.1 - mean[j]) } / Double(samples - 1)
        let error = ((expected[i][i] * expected[j][j] + expected[i][j] * expected[i][j]) / Double(samples)).squareRoot()
        #expect(abs(covariance - expected[i][j]) < 4.5 * error)
      }
    }
  }

  @Test("the ensemble with a kernel function makes the same predictions, in all forms")
  func kernelFunction() throws {
    let calls = Counter()
    let ensemble = try GradientFlowEnsemble(
      kernel: { x1, x2 in
        calls.add()
        let pair = PredictionOracle.pair(PredictionOracle.rows(x1), PredictionOracle.rows(x2 ?? x1))
        return (pair.nngp, pair.ntk)
      }, Oracle.tensor(train), y, diagonalRegularizer: 1e-3)
    #expect(calls.value == 1)
    let many = Oracle.points(37, phase: 2.4)
    for kind in [EnsembleKind.nngp, .ntk, .ntkGaussianProcess] {
      let expected = try self.ensemble().predict(
        testTrain: kernels(many, train), testTest: kernels(many, many), kernel: kind, time: [3, .infinity])
      let full = try ensemble.predict(Oracle.tensor(many), kernel: kind, time: [3, .infinity])
      #expect(full.mean == expected.mean && full.covariance == expected.covariance)
      let diagonal = try ensemble.predict(
        Oracle.tensor(many), kernel: kind, time: [3, .infinity], covariance: .diagonal)
      #expect(diagonal.covariance == nil && isClose(diagonal.variance, expected.variance, 1e-11))
      let none = try ensemble.predict(Oracle.tensor(many), kernel: kind, time: [3, .infinity], covariance: .none)
      #expect(none.variance == nil && none.mean == expected.mean)
      let onTrain = try ensemble.predict(kernel: kind, time: 3)
      #expect(onTrain.mean == (try self.ensemble().predictTrain(kernel: kind, time: 3).mean))
    }
    #expect(throws: PredictionError.self) { try ensemble.predict(Tensor.zeros([4, 3], dtype: .float64)) }
  }

  @Test("calls from many threads share one factorisation and agree")
  func concurrentCalls() async throws {
    let ensemble = try ensemble()
    let expected = try predict(try self.ensemble(), .ntk, [1, .infinity])
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<16 {
        group.addTask {
          let found = try predict(ensemble, .ntk, [1, .infinity])
          return isClose(found.mean, expected.mean, 1e-12) && isClose(found.covariance, expected.covariance, 1e-12)
        }
      }
      for try await agrees in group { #expect(agrees) }
    }
  }

  @Test("without trace axes the flow is that of all outputs as one vector")
  func noTraceAxes() throws {
    // Θ ⊗ I written out: the same predictions, with a covariance for every pair of outputs.
    func expanded(_ a: Oracle.Matrix, _ b: Oracle.Matrix) -> KernelPair {
      let eye = Tensor.eye(2, dtype: .float64)
      let pair = Oracle.pair(a, b)
      return KernelPair(nngp: einsum("nm,ij->nmij", pair.nngp, eye), ntk: einsum("nm,ij->nmij", pair.ntk, eye))
    }
    let whole = try KernelEnsemble(
      trainTrain: expanded(train, train), yTrain: y, diagonalRegularizer: 1e-3, traceAxes: [])
    for kind in [EnsembleKind.nngp, .ntk, .ntkGaussianProcess] {
      let found = try whole.predict(
        testTrain: expanded(test, train), testTest: expanded(test, test), kernel: kind, time: [5, .infinity])
      let expected = try predict(ensemble(), kind, [5, .infinity])
      #expect(isClose(found.mean, expected.mean, 1e-10))
      #expect(found.covariance?.shape == [2, 3, 3, 2, 2] && found.variance?.shape == [2, 3, 2])
      #expect(isClose(found.covariance?[.ellipsis, 0, 0], expected.covariance, 1e-10))
      #expect(isClose(found.covariance?[.ellipsis, 1, 1], expected.covariance, 1e-10))
      #expect(isClose(found.covariance?[.ellipsis, 0, 1], Tensor.zeros([2, 3, 3], dtype: .float64), 1e-12))
    }
    let rate = try maximumLearningRate(ntkTrainTrain: try #require(expanded(train, train).ntk))
    #expect(
      abs(rate - (try maximumLearningRate(ntkTrainTrain: Oracle.pair(train, train).ntk, outputCount: 16))) < 1e-12
        * rate)
  }

  @Test("gradient descent converges just below the largest learning rate and diverges just above")
  func learningRateBound() throws {
    let kernel = Oracle.pair(train, train).ntk
    let bound = try maximumLearningRate(ntkTrainTrain: kernel, outputCount: 16)
    func finalError(_ rate: Double) -> Double {
      var error = y
      for _ in 0..<4000 { error = error - matmul(kernel, error) * (rate / 16) }
      return square(error).sum().scalar(as: Double.self)
    }
    let start = square(y).sum().scalar(as: Double.self)
    #expect(finalError(bound * 0.99) < start)
    #expect(finalError(bound * 1.01) > 1e6 * start)
    let momentum = try maximumLearningRate(ntkTrainTrain: kernel, outputCount: 16, momentum: 0.5)
    #expect(abs(momentum - 1.5 * bound) < 1e-12 * bound)
  }

  @Test("what is missing or out of range is refused by name")
  func badArguments() throws {
    let (trainTrain, testTrain) = (kernels(train, train), kernels(test, train))
    let withoutNTK = try KernelEnsemble(trainTrain: KernelPair(nngp: trainTrain.nngp), yTrain: y)
    #expect(throws: PredictionError.missing(argument: "the train-train NTK", neededFor: "kernel ntk")) {
      try withoutNTK.predict(testTrain: testTrain)
    }
    let withoutNNGP = try KernelEnsemble(
      trainTrain: KernelPair(ntk: trainTrain.ntk), yTrain: y, diagonalRegularizer: 1e-3)
    #expect(throws: Never.self) { try withoutNNGP.predict(testTrain: testTrain) }
    #expect(
      throws: PredictionError.missing(argument: "the train-train NNGP", neededFor: "the covariance of kernel ntk")
    ) {
      try withoutNNGP.predict(testTrain: testTrain, testTest: kernels(test, test))
    }
    let ensemble = try ensemble()
    #expect(throws: PredictionError.missing(argument: "the test-train NNGP", neededFor: "the covariance of kernel ntk"))
    {
      try ensemble.predict(testTrain: KernelPair(ntk: testTrain.ntk), testTest: kernels(test, test))
    }
    #expect(
      throws: PredictionError.missing(
        argument: "the test-test NTK", neededFor: "the covariance of kernel ntkGaussianProcess")
    ) {
      try ensemble.predict(
        testTrain: testTrain, testTest: KernelPair(nngp: kernels(test, test).nngp), kernel: .ntkGaussianProcess)
    }
    for time in [TrainingTime(-1), TrainingTime([1, .nan])] {
      #expect(throws: PredictionError.self) { try ensemble.predict(testTrain: testTrain, time: time) }
      #expect(throws: PredictionError.self) { try ensemble.predictTrain(time: time) }
    }
    for rate in [0, -1, .infinity, .nan] as [Double] {
      #expect(throws: PredictionError.self) { try self.ensemble(learningRate: rate) }
      #expect(throws: PredictionError.self) {
        try GradientFlow(kTrainTrain: Oracle.pair(train, train).ntk, yTrain: y, learningRate: rate)
      }
    }
    let flow = try GradientFlow(kTrainTrain: Oracle.pair(train, train).ntk, yTrain: y)
    #expect(throws: PredictionError.self) { try flow.trainOutputs(at: 1, initial: y[..<3]) }
    #expect(throws: PredictionError.self) {
      try maximumLearningRate(ntkTrainTrain: Tensor.zeros([3, 2], dtype: .float64))
    }
    #expect(throws: PredictionError.self) {
      try maximumLearningRate(ntkTrainTrain: Oracle.pair(train, train).ntk, momentum: 1)
    }
  }
}

private final class Counter: @unchecked Sendable {
  private let lock = NSLock()
  private var count = 0

  var value: Int { lock.withLock { count } }
  func add() { lock.withLock { count += 1 } }
}
