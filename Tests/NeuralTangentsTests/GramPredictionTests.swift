import NeuralTangents
import Tensors
import Testing

@Suite("Predictions from Gram jobs")
struct GramPredictionTests {
  private static let network = FusedExecutorTests.network
  private static let x = FusedExecutorTests.data(60, 4, seed: 41)
  private static let test = FusedExecutorTests.data(700, 4, seed: 42)
  private static let y = RandomKey(seed: 43).normal([60, 2], dtype: .float64)

  private func isClose(_ a: Tensor?, _ b: Tensor?, _ tolerance: Double = 1e-10) -> Bool {
    guard let a, let b else { return a == nil && b == nil }
    return a.type == b.type && allClose(a, b, relativeTolerance: tolerance, absoluteTolerance: tolerance)
  }

  @Test(
    "an ensemble that takes its kernels strip by strip predicts as from whole kernels",
    arguments: [EnsembleKind.nngp, .ntk, .ntkGaussianProcess])
  func ensemble(_ kind: EnsembleKind) throws {
    let trainTrain = try Self.network.kernel(Self.x)
    let testTrain = try Self.network.kernel(Self.test, Self.x)
    let testTest = try Self.network.kernel(Self.test)
    func pair(_ kernel: Kernel) -> KernelPair { KernelPair(nngp: kernel.nngp, ntk: kernel.ntk) }
    let times = TrainingTime([10, .infinity])
    let expected = try KernelEnsemble(trainTrain: pair(trainTrain), yTrain: Self.y, diagonalRegularizer: 1e-3)
      .predict(testTrain: pair(testTrain), testTest: pair(testTest), kernel: kind, time: times)
    let ensembles = [
      try GradientFlowEnsemble(
        Self.network, Self.x, Self.y, diagonalRegularizer: 1e-3, options: KernelOptions(tileSize: 256)),
      try GradientFlowEnsemble(
        kernel: { x1, x2 in
          let kernel = try Self.network.kernel(x1, x2)
          return (kernel.nngp, kernel.ntk)
        }, Self.x, Self.y, diagonalRegularizer: 1e-3),
    ]
    for ensemble in ensembles {
      for form in [CovarianceForm.none, .diagonal, .full] {
        let found = try ensemble.predict(Self.test, kernel: kind, time: times, covariance: form)
        #expect(isClose(found.mean, expected.mean))
        #expect(isClose(found.variance, form == .none ? nil : expected.variance))
        #expect(isClose(found.covariance, form == .full ? expected.covariance : nil))
      }
    }
  }

  @Test("an ensemble tells its solver how exactly to solve")
  func solverOptions() throws {
    func mean(_ solver: SolverChoice, _ options: SolverOptions) throws -> Tensor {
      try GradientFlowEnsemble(
        Self.network, Self.x, Self.y, diagonalRegularizer: 1e-2, solver: solver, solverOptions: options
      ).predict(Self.test, kernel: .nngp).mean
    }
    let exact = try mean(.factorized, SolverOptions())
    #expect(isClose(try mean(.iterative, SolverOptions(tolerance: 1e-10)), exact, 1e-8))
    #expect(throws: PredictionError.self) { try mean(.iterative, SolverOptions(tolerance: -1)) }
  }

  @Test("float32 kernels for a float64 solver are put together in float64")
  func mixedPrecision() throws {
    let (x, test) = (Self.x.asType(.float32), Self.test.asType(.float32))
    let ensemble = try GradientFlowEnsemble(Self.network, x, Self.y, diagonalRegularizer: 1e-3, precision: .float64)
    let found = try ensemble.predict(test, kernel: .nngp, covariance: .diagonal)
    #expect(found.mean.dtype == .float64 && found.variance?.dtype == .float64)
    let exact = try GradientFlowEnsemble(Self.network, Self.x, Self.y, diagonalRegularizer: 1e-3)
      .predict(Self.test, kernel: .nngp, covariance: .diagonal)
    #expect(isClose(found.mean, exact.mean, 1e-2) && isClose(found.variance, exact.variance, 1e-2))
  }

  @Test("a Gaussian process takes jobs for kernels", arguments: [KernelSet.nngp, .ntk])
  func gaussianProcess(_ kernel: KernelSet) throws {
    let options = KernelOptions(tileSize: 256)
    let process = try GaussianProcess(
      GramJob(Self.network, Self.x, options: options), Self.y, kernel: kernel, regularizer: 1e-3)
    let found = try process.predict(GramJob(Self.network, Self.test, Self.x, options: options), kernel: kernel)
    func matrix(_ k: Kernel) throws -> Tensor { kernel == .nngp ? k.nngp : try #require(k.ntk) }
    let (trainTrain, testTrain) = (
      try Self.network.kernel(Self.x), try Self.network.kernel(Self.test, Self.x)
    )
    let expected = try GaussianProcess(kTrainTrain: matrix(trainTrain), yTrain: Self.y, regularizer: 1e-3)
      .predict(kTestTrain: matrix(testTrain), kTestTestDiagonal: testTrain.cov1)
    #expect(isClose(found.mean, expected.mean))
    #expect(isClose(found.variance, kernel == .nngp ? expected.variance : nil))
  }

  @Test("a Gaussian process without the kernel it needs says which one")
  func missing() throws {
    let error = try #require(throws: PredictionError.self) {
      try GaussianProcess(GramJob(Self.network, Self.x, kernels: .nngp), Self.y, kernel: .ntk)
    }
    #expect(error.description.contains("NTK"))
  }
}
