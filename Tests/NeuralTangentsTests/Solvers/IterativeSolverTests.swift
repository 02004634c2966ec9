import Foundation
import NeuralTangents
import TestSupport
import Testing

@testable import Inference

/// Conjugate gradients say how far they are from the exact solution, and never too little.
@Suite struct IterativeSolverTests {
  private static let tolerances = [0.3, 0.03, 1e-3]
  private static let regularizers = [1e-1, 1e-3, 1e-5]

  @Test("the certificate is never below the true error on 200 random problems", arguments: 0..<200)
  func certificate(seed: Int) throws {
    let problem = SolverProblem(seed: seed)
    let kernels: KernelSet = seed % 2 == 0 ? .nngp : .ntk
    func matrix(_ kernel: Kernel) throws -> Tensor { kernels == .nngp ? kernel.nngp : try #require(kernel.ntk) }
    let k = try matrix(problem.network.kernel(problem.x))
    let testTrain = try matrix(problem.network.kernel(problem.test, problem.x))
    let own = try matrix(problem.network.kernel(problem.test)).diagonal().scalars(as: Double.self)
    let regularizer = DiagonalRegularizer.relative(Self.regularizers[seed / 2 % 3])
    let options = SolverOptions(
      tolerance: Self.tolerances[seed % 3], returnsAtLimit: true, rank: [5, 40, nil][seed % 3], seed: seed)
    let exact = try GaussianProcess(kTrainTrain: k, yTrain: problem.y, regularizer: regularizer, solver: .factorized)
      .predict(kTestTrain: testTrain).mean.scalars(as: Double.self)
    let process = try GaussianProcess(
      kTrainTrain: PackedMatrix(k, tileSize: 50, dtype: .float64), yTrain: problem.y, regularizer: regularizer,
      solver: .iterative, solverOptions: options)
    let certificate = try #require(process.certificate)
    let means = try process.predict(kTestTrain: testTrain).mean.scalars(as: Double.self)
    let outputs = problem.y.shape[1]
    for (index, (mean, truth)) in zip(means, exact).enumerated() {
      let bound = own[index / outputs].squareRoot() * certificate.errors[index % outputs]
      // The factorisation's own rounding.
      #expect(Swift.abs(mean - truth) <= bound + 1e-9, "seed \(seed), \(certificate)")
    }
    #expect(certificate.isReached, "seed \(seed), \(certificate)")
  }

  @Test(
    "iterations on the digits are those of the method",
    arguments: [(1e-2, 100, 48), (1e-2, 400, 26), (1e-4, 100, 65), (1e-4, 400, 35)])
  func iterations(regularizer: Double, rank: Int, expected: Int) throws {
    let (x, y) = try SolverProblem.digits()
    let network = Serial {
      for _ in 0..<3 {
        Dense(8, weightStd: 2.0.squareRoot())
        Relu()
      }
      Dense(1)
    }
    let kernel = try #require(try network.kernel(x).ntk)
    let shift = regularizer * kernel.diagonal().mean().scalar(as: Double.self)
    let form = GramOperator(try DenseMatrix(kernel))
    let partial = try PartialCholesky(form, rank: rank, enough: 0, block: 100, key: RandomKey(seed: 1))
    #expect(partial.pivots.count == rank)
    let run = ConjugateGradientRun(
      matrix: form, shift: shift, preconditioner: try LowRankPreconditioner(partial.factor, shift: shift), limit: 500)
    // One column at a time these are the steps of the textbook, and all together fewer are enough.
    func iterations(_ b: Tensor) throws -> Int {
      let norms = rowProducts(b, b)
      var found = 0
      let state = try run.solve(
        b,
        isEnough: { state in
          zip(rowProducts(state.residual, state.residual), norms).allSatisfy { $0 <= 1e-12 * $1 }
        }, each: { found = $0.products })
      let exact = try choleskySolve(
        cholesky(kernel + Tensor.eye(kernel.shape[0], dtype: .float64) * shift), b.transposed())
      #expect(largestError(state.x.transposed(), exact, relativeTo: abs(exact).max().scalar(as: Double.self)) < 1e-4)
      return found
    }
    let alone = try (0..<3).map { try iterations(y.transposed()[$0..<$0 + 1]) }.max() ?? 0
    #expect(Swift.abs(alone - expected) <= 5, "found \(alone) for \(expected)")
    #expect(try iterations(y.transposed()) < alone)
  }

  @Test("a partial factorisation is below the matrix, exact at its pivots, and says what remains", arguments: 0..<6)
  func partialCholesky(seed: Int) throws {
    let problem = SolverProblem(seed: 300 + seed)
    let kernel = try problem.network.kernel(problem.x).nngp
    let partial = try PartialCholesky(
      GramOperator(DenseMatrix(kernel)), rank: 12, enough: 0, block: 5, key: RandomKey(seed: seed))
    let rest = kernel - dotGeneral(partial.factor, partial.factor, contracting: ([0], [0]))
    let size = abs(kernel).max().scalar(as: Double.self)
    let least = try eigenvaluesSymmetric(rest).min().scalar(as: Double.self)
    #expect(least > -1e-11 * size)
    #expect(Set(partial.pivots).count == partial.pivots.count)
    let own = rest.taking(partial.pivots, axis: 0)
    #expect(abs(own).max().scalar(as: Double.self) < 1e-10 * size)
    #expect(Swift.abs(partial.remainder - rest.diagonal().sum().scalar(as: Double.self)) < 1e-9 * size)
  }

  @Test("pivots and solutions do not depend on the number of threads")
  func threads() throws {
    let problem = SolverProblem(seed: 4)
    let kernel = try PackedMatrix(problem.network.kernel(problem.x).nngp, tileSize: 32)
    let means = try [1, 4].map { threads in
      try Threads.withLimit(threads) {
        try GaussianProcess(kTrainTrain: kernel, yTrain: problem.y, regularizer: 1e-3, solver: .iterative)
          .predict(kTestTrain: problem.network.kernel(problem.test, problem.x).nngp).mean
      }
    }
    #expect(sameBits(means[0], means[1]))
  }

  @Test("posterior variances lie between their bounds, which are within 2 %", arguments: 0..<20)
  func variances(seed: Int) throws {
    let problem = SolverProblem(seed: 500 + seed)
    let kernel = try problem.network.kernel(problem.x).nngp
    let testTrain = try problem.network.kernel(problem.test, problem.x).nngp
    let testTest = try problem.network.kernel(problem.test).nngp
    let regularizer = DiagonalRegularizer.relative(Self.regularizers[seed % 3])
    let exact = try GaussianProcess(kTrainTrain: kernel, yTrain: problem.y, regularizer: regularizer)
      .predict(kTestTrain: testTrain, kTestTest: testTest)
    let process = try GaussianProcess(
      kTrainTrain: kernel, yTrain: problem.y, regularizer: regularizer, solver: .iterative,
      solverOptions: SolverOptions(rank: 20))
    let found = try process.predict(kTestTrain: testTrain, kTestTestDiagonal: testTest.diagonal())
    let truth = try #require(exact.variance).scalars(as: Double.self)
    let upper = try #require(found.variance).scalars(as: Double.self)
    let lower = try #require(found.leastVariance).scalars(as: Double.self)
    for index in truth.indices {
      let rounding = 1e-10 * testTest.diagonal().scalars(as: Double.self)[index]
      #expect(lower[index] <= truth[index] + rounding && truth[index] <= upper[index] + rounding)
      #expect(upper[index] - lower[index] <= 0.021 * upper[index] + rounding)
    }
    let full = try process.predict(kTestTrain: testTrain, kTestTest: testTest)
    #expect(
      largestError(
        try #require(full.covariance), try #require(exact.covariance),
        relativeTo: testTest.diagonal().max().scalar(as: Double.self)) < 0.03)
  }

  @Test(
    "deviations of trained ensembles are certified", arguments: 0..<20,
    [EnsembleKind.ntk, .noisyTargets, .randomizedPriors(scale: 2)])
  func ensembles(seed: Int, kind: EnsembleKind) throws {
    let problem = SolverProblem(seed: 700 + seed)
    let (train, testTrain, test) = (
      try problem.network.kernel(problem.x), try problem.network.kernel(problem.test, problem.x),
      try problem.network.kernel(problem.test)
    )
    func predict(_ ensemble: KernelEnsemble) throws -> Prediction {
      try ensemble.predict(
        testTrain: KernelPair(nngp: testTrain.nngp, ntk: testTrain.ntk),
        testTestDiagonal: KernelPair(nngp: test.nngp.diagonal()), kernel: kind)
    }
    let regularizer = DiagonalRegularizer.relative(Self.regularizers[seed % 3])
    let exact = try predict(
      KernelEnsemble(
        trainTrain: KernelPair(nngp: train.nngp, ntk: train.ntk), yTrain: problem.y, diagonalRegularizer: regularizer))
    let ensemble = try KernelEnsemble(
      nngp: PackedMatrix(train.nngp, tileSize: 64, dtype: .float64),
      ntk: PackedMatrix(try #require(train.ntk), tileSize: 64, dtype: .float64), yTrain: problem.y,
      diagonalRegularizer: regularizer, solver: .iterative, solverOptions: SolverOptions(rank: 20))
    let found = try predict(ensemble)
    let truth = try #require(exact.variance).scalars(as: Double.self)
    let upper = try #require(found.variance).scalars(as: Double.self)
    let lower = try #require(found.leastVariance).scalars(as: Double.self)
    let priors = test.nngp.diagonal().scalars(as: Double.self)
    for index in truth.indices {
      let rounding = 1e-9 * priors[index]
      #expect(lower[index] <= truth[index] + rounding && truth[index] <= upper[index] + rounding)
      #expect(
        upper[index].squareRoot() - lower[index].squareRoot()
          <= 0.04 * truth[index].squareRoot() + 1e-4 * priors[index].squareRoot())
    }
    #expect(try ensemble.certificate(kind)?.isReached == true)
  }

  @Test("at the limit of products there is an error, or what was reached if that is wanted")
  func limit() throws {
    let problem = SolverProblem(seed: 2)
    let kernel = try problem.network.kernel(problem.x).nngp
    func process(_ options: SolverOptions) throws -> GaussianProcess {
      try GaussianProcess(
        kTrainTrain: kernel, yTrain: problem.y, regularizer: 1e-5, solver: .iterative, solverOptions: options)
    }
    let error = #expect(throws: PredictionError.self) {
      try process(SolverOptions(tolerance: 1e-9, maximumProducts: 3, rank: 2))
    }
    #expect(error?.description.contains("after 3 products errors of means are certified to be at most") == true)
    #expect(error?.description.contains("raise the diagonal regularizer") == true)
    let reached = try process(
      SolverOptions(tolerance: 1e-9, maximumProducts: 3, returnsAtLimit: true, rank: 2)
    ).certificate
    #expect(reached?.isReached == false && reached?.products == 3)
  }

  @Test("a computation that was stopped goes on from its checkpoint, and one of something else does not")
  func checkpoints() throws {
    let problem = SolverProblem(seed: 8)
    let kernel = try problem.network.kernel(problem.x).nngp
    let path = FileManager.default.temporaryDirectory.appending(path: "checkpoint-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    func products(_ limit: Int, _ y: Tensor, _ checkpoint: String?) throws -> Int {
      let options = SolverOptions(
        tolerance: 1e-8, maximumProducts: limit, returnsAtLimit: true, rank: 4, checkpoint: checkpoint)
      return try #require(
        try GaussianProcess(
          kTrainTrain: kernel, yTrain: y, regularizer: 1e-4, solver: .iterative, solverOptions: options
        ).certificate?.products)
    }
    let whole = try products(1000, problem.y, nil)
    try #require(whole > 16)
    _ = try products(whole - 3, problem.y, path)
    let rest = try products(1000, problem.y, path)
    #expect(rest < whole)
    #expect(try products(1000, problem.y * 2, path) >= whole)
    // Damaged, it counts as none.
    var bytes = try Data(contentsOf: URL(filePath: path))
    bytes[bytes.count / 2] ^= 1
    try bytes.write(to: URL(filePath: path))
    #expect(try products(1000, problem.y, path) >= whole)
  }

  @Test("a float32 factorisation leaves a handful of steps, and float64 takes its place where it breaks down")
  func mixedPrecision() throws {
    let (x, y) = try SolverProblem.digits()
    let network = Serial {
      Dense(8, weightStd: 1.4)
      Relu()
      Dense(1)
    }
    func process(_ kernel: Tensor, _ y: Tensor, _ regularizer: Double, _ solver: SolverChoice) throws -> GaussianProcess
    {
      try GaussianProcess(kTrainTrain: kernel, yTrain: y, regularizer: .relative(regularizer), solver: solver)
    }
    let kernel = try network.kernel(x).nngp
    for regularizer in [1e-2, 1e-4] {
      let mixed = try process(kernel, y, regularizer, .mixedPrecision)
      #expect(try #require(mixed.certificate).products <= 8, "\(regularizer): \(String(describing: mixed.certificate))")
      #expect(!mixed.solverDescription.contains("broke down"))
      let exact = try process(kernel, y, regularizer, .factorized)
      let (a, b) = (try exact.predict(kTestTrain: kernel).mean, try mixed.predict(kTestTrain: kernel).mean)
      #expect(largestError(a, b, relativeTo: 1) < 1e-7)
    }
    // Every row twice, and less noise than float32 has digits.
    let rows = Array(0..<300) + Array(0..<300)
    let mixed = try process(
      network.kernel(x.taking(rows, axis: 0)).nngp, y.taking(rows, axis: 0), 1e-9, .mixedPrecision)
    #expect(mixed.solverDescription.contains("broke down and was done again in float64"))
    #expect(mixed.certificate?.isReached == true)
  }

  @Test("a solver says what it cannot give and what can; automatic says what it took")
  func descriptions() throws {
    let problem = SolverProblem(seed: 11)
    let kernel = try problem.network.kernel(problem.x).nngp
    let process = try GaussianProcess(kTrainTrain: kernel, yTrain: problem.y, regularizer: 1e-3, solver: .iterative)
    #expect(process.solverDescription.hasPrefix("conjugate gradients, preconditioned by"))
    let error = #expect(throws: PredictionError.self) { try process.leaveOneOut() }
    #expect(error?.description.hasSuffix("use SolverChoice.factorized") == true)
    let automatic = try GaussianProcess(kTrainTrain: kernel, yTrain: problem.y, regularizer: 1e-3)
    #expect(
      automatic.solverDescription == "Cholesky factorisation (a factor of \(problem.x.shape[0]) rows fits into memory)")
    #expect(SolverChoice.choice(rows: 60_000, isRegularized: true).choice == .iterative)
    #expect(SolverChoice.choice(rows: 60_000, isRegularized: false).choice == .factorized)
    let flow = try GradientFlow(kTrainTrain: kernel, yTrain: problem.y, regularizer: 1e-3, solver: .iterative)
    #expect(throws: PredictionError.self) {
      try flow.testOutputs(at: 3, kTestTrain: problem.network.kernel(problem.test, problem.x).nngp)
    }
  }
}
