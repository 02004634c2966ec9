import Foundation
import NeuralTangents
import Tensors
import Testing

@Suite("Training with momentum and in steps, in closed form")
struct TrainingDynamicsTests {
  typealias Oracle = PredictionOracle

  let train = Oracle.points(6, phase: 0.2)
  let test = Oracle.points(3, phase: 1.1)
  private var kernel: Oracle.Matrix { Oracle.matrix(Oracle.ntk, train, train) }
  private var testKernel: Oracle.Matrix { Oracle.matrix(Oracle.ntk, test, train) }
  private let y = Oracle.targets(6, outputs: 2)
  private let start = Oracle.targets(6, outputs: 2).map { $0.map { 0.3 * $0 - 0.1 } }
  private let startTest = Oracle.targets(3, outputs: 2).map { $0.map { 0.2 - $0 } }

  /// Outputs of the linearized network after every step, in function space: parameters move by −η Jᵀ of a direction, which
  /// is a combination of residuals.
  private func iterated(
    steps: Int, _ rate: Double, _ momentum: Double, _ isNesterov: Bool
  ) -> (train: Oracle.Matrix, test: Oracle.Matrix) {
    let count = Double(y.count * y[0].count)
    var (f, g) = (start, startTest)
    var velocity = y.map { $0.map { _ in 0.0 } }
    for _ in 0..<steps {
      let residual = zip(f, y).map { zip($0, $1).map { ($0 - $1) / count } }
      velocity = zip(velocity, residual).map { zip($0, $1).map { momentum * $0 + $1 } }
      let direction = isNesterov ? zip(velocity, residual).map { zip($0, $1).map { momentum * $0 + $1 } } : velocity
      let (dTrain, dTest) = (Oracle.product(kernel, direction), Oracle.product(testKernel, direction))
      f = zip(f, dTrain).map { zip($0, $1).map { $0 - rate * $1 } }
      g = zip(g, dTest).map { zip($0, $1).map { $0 - rate * $1 } }
    }
    return (f, g)
  }

  private func isClose(_ a: Tensor, _ b: Oracle.Matrix, _ tolerance: Double) -> Bool {
    let numbers = b.flatMap { $0 }
    return zip(a.scalars(as: Double.self), numbers).allSatisfy { abs($0 - $1) <= tolerance * max(1, abs($1)) }
      && a.count == numbers.count
  }

  @Test(
    "k steps are those of iteration, at train and at test points", arguments: [0, 1, 2, 3, 10, 1000],
    [(0.0, false), (0.9, false), (0.9, true), (0.3, true), (0.999, false)])
  func steps(_ count: Int, _ momentum: (Double, Bool)) throws {
    for share in [0.05, 0.5, 0.98] {
      let (m, isNesterov) = momentum
      let largest = try maximumLearningRate(ntkTrainTrain: Oracle.tensor(kernel), outputCount: 12)
      let limit = isNesterov ? largest * (1 + m) / (1 + 2 * m) : largest * (1 + m)
      let rate = share * limit
      let flow = try GradientFlow(
        kTrainTrain: Oracle.tensor(kernel), yTrain: Oracle.tensor(y), learningRate: rate,
        dynamics: .steps(momentum: m, isNesterov: isNesterov))
      let expected = iterated(steps: count, rate, m, isNesterov)
      let time = TrainingTime(Double(count))
      let found = try flow.trainOutputs(at: time, initial: Oracle.tensor(start))
      #expect(isClose(found, expected.train, 1e-10))
      let atTest = try flow.testOutputs(
        at: time, kTestTrain: Oracle.tensor(testKernel), initialTrain: Oracle.tensor(start),
        initialTest: Oracle.tensor(startTest))
      #expect(isClose(atTest, expected.test, 1e-10))
    }
  }

  @Test("flows with and without momentum are those of an independent solver at 1e-12")
  func goldens() throws {
    let golden: GradientFlowGolden = try loadFixture("gradient-flows")
    let cases = golden.cases.filter { $0.loss == "mse" }
    #expect(cases.count == 4)
    for example in cases {
      let flow = try GradientFlow(
        kTrainTrain: Oracle.tensor(golden.kTrainTrain), yTrain: Oracle.tensor(golden.yReal),
        learningRate: example.learningRate, dynamics: example.momentum.map { .momentumFlow(momentum: $0) } ?? .flow)
      let initial = Oracle.tensor(golden.fTrain0)
      let atTrain = try flow.trainOutputs(at: TrainingTime(example.t), initial: initial)
      let atTest = try flow.testOutputs(
        at: TrainingTime(example.t), kTestTrain: Oracle.tensor(golden.kTestTrain), initialTrain: initial,
        initialTest: Oracle.tensor(golden.fTest0))
      for (found, expected) in [(atTrain, example.fTrain), (atTest, example.fTest)] {
        let numbers = expected.flatMap { $0.flatMap { $0 } }
        let largest = zip(found.scalars(as: Double.self), numbers).map { abs($0 - $1) }.max() ?? .infinity
        // The goldens have twelve digits.
        #expect(largest < 1e-10, "\(largest)")
      }
    }
  }

  @Test("momentum's flow has no seam where its friction is critical, and little momentum is the flow")
  func critical() throws {
    let single = try { (eigenvalue: Double, time: Double) throws -> Double in
      let flow = try GradientFlow(
        kTrainTrain: Tensor([eigenvalue], shape: [1, 1]), yTrain: Tensor([1.0], shape: [1, 1]), learningRate: 1,
        dynamics: .momentumFlow(momentum: 0.8))
      return try flow.trainOutputs(at: TrainingTime(time)).scalar(as: Double.self)
    }
    // γ = 0.1, critical at λ = 0.01.
    for time in [1.0, 20, 300] {
      let values = try [1 - 1e-6, 1 - 1e-9, 1, 1 + 1e-9, 1 + 1e-6].map { try single(0.01 * $0, time) }
      for value in values { #expect(abs(value - values[2]) < 1e-5) }
      #expect(values[0] < values[4])
      #expect(abs(values[2] - (1 - exp(-0.1 * time) * (1 + 0.1 * time))) < 1e-12)
    }
    // Of a tiny eigenvalue what remains is exact relative to itself.
    #expect(abs(try single(1e-14, 100) / 1e-14 - (100 / 0.2 - (1 - exp(-20)) / 0.04)) < 1e-6 * 500)
  }

  @Test("ensembles after k steps have the covariance of their members")
  func ensembles() throws {
    let pairs = { (a: Oracle.Matrix, b: Oracle.Matrix) -> KernelPair in
      let pair = Oracle.pair(a, b)
      return KernelPair(nngp: pair.nngp, ntk: pair.ntk)
    }
    let ensemble = try KernelEnsemble(
      trainTrain: pairs(train, train), yTrain: Oracle.tensor(y), learningRate: 0.5,
      dynamics: .steps(momentum: 0.5, isNesterov: false))
    for count in [1.0, 7, 200] {
      for kind in [EnsembleKind.ntk, .nngp] {
        let found = try ensemble.predict(
          testTrain: pairs(test, train), testTest: pairs(test, test), kernel: kind, time: TrainingTime(count))
        // A = gain, column by column: the test outputs that unit residuals give.
        let flow = try GradientFlow(
          kTrainTrain: kind == .ntk ? Oracle.pair(train, train).ntk : Oracle.pair(train, train).nngp,
          yTrain: Tensor.eye(6, dtype: .float64), learningRate: 0.5 * 6 / 2, dynamics: .steps(momentum: 0.5))
        let a = try flow.testOutputs(
          at: TrainingTime(count),
          kTestTrain: kind == .ntk ? Oracle.pair(test, train).ntk : Oracle.pair(test, train).nngp)
        #expect(allClose(found.mean, matmul(a, Oracle.tensor(y)), 1e-10))
        let (tt, td, dd) = (Oracle.pair(test, test).nngp, Oracle.pair(test, train).nngp, Oracle.pair(train, train).nngp)
        let cross = matmul(a, td.transposed())
        let expected = tt + matmul(matmul(a, dd), a.transposed()) - cross - cross.transposed()
        #expect(allClose(try #require(found.covariance), expected, 1e-10), "\(kind) \(count)")
      }
    }
  }

  private func allClose(_ a: Tensor, _ b: Tensor, _ tolerance: Double) -> Bool {
    zip(a.scalars(as: Double.self), b.scalars(as: Double.self)).allSatisfy { abs($0 - $1) < tolerance }
  }

  @Test(
    "a trained linearized network is predicted step for step", arguments: [(0.0, false), (0.9, false), (0.9, true)])
  func linearized(_ momentum: Double, _ isNesterov: Bool) throws {
    let network = Serial {
      Dense(16, weightStd: 1.5, biasStd: 0.1)
      Erf()
      Dense(1)
    }
    let (x, xTest) = (gaussianInputs([8, 2], seed: 1), gaussianInputs([3, 2], seed: 2))
    let y = sin(x[.all, 0..<1])
    let parameters = try network.initialize(RandomKey(seed: 3), inputShape: [8, 2], dtype: .float64)
    let theta = try #require(empiricalKernel(of: network, at: parameters, x, kernels: .all).ntk)
    let thetaTest = try #require(empiricalKernel(of: network, at: parameters, xTest, x, kernels: .all).ntk)
    let rate =
      0.5 * (try maximumLearningRate(ntkTrainTrain: theta, outputCount: 8, momentum: isNesterov ? 0 : momentum))
    let flow = try GradientFlow(
      kTrainTrain: theta, yTrain: y, learningRate: rate / (isNesterov ? 2 : 1),
      dynamics: .steps(momentum: momentum, isNesterov: isNesterov))
    let rule = GradientDescent(learningRate: rate / (isNesterov ? 2 : 1), momentum: momentum, isNesterov: isNesterov)
    let linear = try linearize({ (p: Parameters) in try network(p, x) }, at: parameters)
    let linearTest = try linearize({ (p: Parameters) in try network(p, xTest) }, at: parameters)
    let loss = { (p: Parameters) throws -> Tensor in 0.5 * square(try linear(p) - y).mean() }
    let slope = compile { (p: Parameters) in try gradient(of: loss)(p) }
    var state = rule.start(parameters)
    for _ in 0..<1000 { state = rule.step(state, gradient: try slope(state.parameters)) }
    let (start, startTest) = (try network(parameters, x), try network(parameters, xTest))
    let predicted = try flow.trainOutputs(at: 1000, initial: start)
    let predictedTest = try flow.testOutputs(
      at: 1000, kTestTrain: thetaTest, initialTrain: start, initialTest: startTest)
    #expect(allClose(predicted, try linear(state.parameters), 1e-8))
    #expect(allClose(predictedTest, try linearTest(state.parameters), 1e-8))
  }

  @Test("steps that diverge, parts of steps and momenta that are none are errors that say what is possible")
  func mistakes() throws {
    func flow(_ rate: Double, _ dynamics: TrainingDynamics) throws -> GradientFlow {
      try GradientFlow(
        kTrainTrain: Oracle.tensor(kernel), yTrain: Oracle.tensor(y), learningRate: rate, dynamics: dynamics)
    }
    func message(_ body: () throws -> Any) -> String {
      do {
        _ = try body()
        return "no error"
      } catch {
        return "\(error)"
      }
    }
    let largest = try maximumLearningRate(ntkTrainTrain: Oracle.tensor(kernel), outputCount: 12)
    #expect(
      message { try flow(largest * 1.001, .steps()).trainOutputs(at: 3) }.contains("learningRate: expected less than"))
    #expect(message { try flow(largest * 0.999, .steps()).trainOutputs(at: 3) } != "no error" ? false : true)
    #expect(message { try flow(largest * 1.001, .steps()).trainOutputs(at: .infinity) }.contains("diverge"))
    #expect(message { try flow(largest * 1.8, .steps(momentum: 0.9)).trainOutputs(at: 5) } == "no error")
    #expect(
      message { try flow(largest * 1.8, .steps(momentum: 0.9, isNesterov: true)).trainOutputs(at: 5) }.contains(
        "diverge"))
    #expect(message { try flow(0.1, .steps()).trainOutputs(at: 1.5) }.contains("whole number of steps"))
    #expect(
      message { try flow(0.1, .momentumFlow(momentum: 1)) }.contains("momentum: expected a number from 0 up to 1"))
    #expect(message { try flow(0.1, .steps(momentum: -0.1)) }.contains("momentum"))
  }
}
