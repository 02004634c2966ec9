import NeuralTangents
import Testing

/// Predictions do not depend on how systems are solved.
@Suite struct SolverTests {
  private let kernel: Tensor
  private let testTrain: Tensor
  private let testTest: Tensor
  private let y: Tensor

  init() throws {
    let keys = RandomKey(seed: 5).split(into: 3)
    let (x, test) = (keys[0].normal([20, 6], dtype: .float64), keys[1].normal([7, 6], dtype: .float64))
    let network = Serial {
      Dense(8, weightStd: 1.4, biasStd: 0.2)
      Relu()
      Dense(1)
    }
    kernel = try network.kernel(x).nngp
    testTrain = try network.kernel(test, x).nngp
    testTest = try network.kernel(test).nngp
    y = keys[2].normal([20, 2], dtype: .float64)
  }

  private func process(_ solver: SolverChoice) throws -> GaussianProcess {
    try GaussianProcess(kTrainTrain: kernel, yTrain: y, regularizer: .absolute(0.01), solver: solver)
  }

  private func agree(_ a: Tensor, _ b: Tensor) -> Bool { largestError(a, b, relativeTo: 1) < 1e-11 }

  @Test("a factorisation and an eigendecomposition give the same posterior, evidence and leave-one-out")
  func gaussianProcess() throws {
    let (a, b) = (try process(.factorized), try process(.spectral))
    let (p, q) = (
      try a.predict(kTestTrain: testTrain, kTestTest: testTest),
      try b.predict(kTestTrain: testTrain, kTestTest: testTest)
    )
    #expect(agree(p.mean, q.mean))
    #expect(agree(try #require(p.covariance), try #require(q.covariance)))
    #expect(agree(try a.leaveOneOut().mean, try b.leaveOneOut().mean))
    #expect(agree(try a.leaveOneOut().variance, try b.leaveOneOut().variance))
    #expect(abs(try a.logMarginalLikelihood().total - b.logMarginalLikelihood().total) < 1e-9)
  }

  @Test("ensembles agree at every time", arguments: [0.5, 30, Double.infinity])
  func ensembles(time: Double) throws {
    func predict(_ solver: SolverChoice) throws -> Prediction {
      try KernelEnsemble(
        trainTrain: KernelPair(nngp: kernel), yTrain: y, diagonalRegularizer: 1e-3, solver: solver
      ).predict(
        testTrain: KernelPair(nngp: testTrain), testTest: KernelPair(nngp: testTest), kernel: .nngp, time: .init(time))
    }
    let (a, b) = (try predict(.factorized), try predict(.spectral))
    #expect(agree(a.mean, b.mean))
    #expect(agree(try #require(a.covariance), try #require(b.covariance)))
  }

  @Test("a matrix that is not positive definite is refused by both", arguments: SolverChoice.allCases)
  func indefinite(solver: SolverChoice) {
    let error = #expect(throws: PredictionError.self) {
      try GaussianProcess(kTrainTrain: -1 * kernel, yTrain: y, solver: solver)
    }
    #expect(error?.description.contains("positive definite") == true)
  }
}
