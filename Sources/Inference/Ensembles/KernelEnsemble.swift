import CovarianceEngine
import Tensors

/// Kernels between two sets of points; either may be missing where a prediction does not need it.
public struct KernelPair: Sendable {
  /// K; nil where a prediction does not need it.
  public var nngp: Tensor?
  /// Θ; nil where a prediction does not need it.
  public var ntk: Tensor?

  public init(nngp: Tensor? = nil, ntk: Tensor? = nil) {
    self.nngp = nngp
    self.ntk = ntk
  }
}

/// Which infinite ensemble of networks predicts.
public enum EnsembleKind: Hashable, Sendable, CaseIterable {
  /// Only the readout layer is trained; after infinite time the Bayesian posterior of the network's prior.
  case nngp
  /// All layers are trained.
  case ntk
  /// As `nngp`, with the NTK in place of the NNGP: a Gaussian process with the NTK as its covariance.
  case ntkGaussianProcess
}

/// The infinite ensemble of networks, each trained by gradient flow on the mean squared error from its own random
/// initialisation: mean and covariance over the ensemble, in closed form at any time, from kernel matrices.
///
/// Notation: K NNGP, Θ NTK, subscripts d train and t test, ~ regularized, s = learningRate · t / |y|,
/// g(M) = M⁻¹ (1 − e^{−M s}), which is M⁻¹ at infinite time.
///
/// - `.ntk`: mean Θ_td g(Θ̃) y; with A = Θ_td g(Θ̃), covariance K_tt + A K_dd Aᵀ − A K_dt − (A K_dt)ᵀ.
/// - `.nngp`: mean K_td g(K̃) y; covariance K_tt − K_td K̃⁻¹ (1 − e^{−2 K̃ s}) K_dt.
/// - `.ntkGaussianProcess`: the formulas of `.nngp` with Θ for K.
///
/// Those are for gradient flow; other dynamics multiply residuals by another p(λ) than e^{−λs}, with g = (1 − p)/λ.
///
/// Infinite time uses one Cholesky factorisation per kernel, finite times one eigendecomposition; all are computed when
/// first needed and kept. Calls may come from several threads.
///
/// *Sources:* Lee et al. 2019 (arXiv 1902.06720), equations 13 to 16; He et al. 2020 (arXiv 2007.05864).
public final class KernelEnsemble: Sendable {
  let layout: OutputLayout
  let progress: TrainingProgress
  let nngp: TrainingSystem?
  let ntk: TrainingSystem?
  private let nngpInNTKBasis = Lazily<Tensor>()

  /// - Parameters:
  ///   - trainTrain: kernels of shape (N, N); with output axes that are not trace axes, a pair of axes for each behind
  ///     those.
  ///   - yTrain: targets, shape (N, outputs…) or (N).
  ///   - learningRate: flow time per unit of `time`, or of a step.
  ///   - dynamics: how the networks follow the gradient.
  ///   - diagonalRegularizer: added to the diagonal of each kernel where it is inverted or flowed with; a number
  ///     literal is relative to that kernel's mean diagonal.
  ///   - traceAxes: output axes of the targets that the kernels have not, as they are independent under them.
  ///   - precision: element type to compute in and return; nil: that of each kernel.
  ///   - solver: how systems with the kernels are solved.
  public init(
    trainTrain: KernelPair, yTrain: Tensor, learningRate: Double = 1, dynamics: TrainingDynamics = .flow,
    diagonalRegularizer: DiagonalRegularizer = .none,
    traceAxes: [Int] = [-1], precision: DType? = nil, solver: SolverChoice = .factorized
  ) throws(PredictionError) {
    try requirePositive(learningRate, "learningRate")
    try dynamics.check()
    progress = TrainingProgress(
      dynamics: dynamics, learningRate: learningRate, targetCount: yTrain.shape.product)
    let layout = try OutputLayout(targetShape: yTrain.shape, traceAxes: traceAxes)
    self.layout = layout
    func system(_ kernel: Tensor?, _ argument: String) throws(PredictionError) -> TrainingSystem? {
      guard let kernel else { return nil }
      return try TrainingSystem(
        layout: layout, kernel, yTrain, regularizer: diagonalRegularizer, precision: precision, solver: solver,
        argument: argument)
    }
    nngp = try system(trainTrain.nngp, "train-train NNGP")
    ntk = try system(trainTrain.ntk, "train-train NTK")
  }

  /// The prediction at test points.
  ///
  /// - Parameters:
  ///   - testTrain: kernels of shape (N_t, N): that of `kernel`, and for the covariance of `.ntk` also the NNGP.
  ///   - testTest: kernels of shape (N_t, N_t), for the covariance: the NNGP, for `.ntkGaussianProcess` the NTK. Nil
  ///     for the mean alone.
  ///   - time: one time, infinity, or an array of times whose shape leads the shapes of the result.
  ///   - kernel: which ensemble predicts.
  public func predict(
    testTrain: KernelPair, testTest: KernelPair? = nil, kernel: EnsembleKind = .ntk, time: TrainingTime = .infinity
  ) throws(PredictionError) -> Prediction {
    try predict(testTrain, kernel, time) { (dtype, rowSizes) throws(PredictionError) in
      guard let testTest else { return .none }
      let prior = try Self.prior(kernel, testTest, "test-test")
      try requireFinite(prior, "test-test kernel")
      return .full(try layout.testTestMatrix(prior, rowSizes: rowSizes, "test-test kernel").asType(dtype))
    }
  }

  /// The prediction at test points with variances only: `testTestDiagonal` has kernels of each test point with itself,
  /// shape (N_t).
  public func predict(
    testTrain: KernelPair, testTestDiagonal: KernelPair, kernel: EnsembleKind = .ntk, time: TrainingTime = .infinity
  ) throws(PredictionError) -> Prediction {
    try predict(testTrain, kernel, time) { (dtype, rowSizes) throws(PredictionError) in
      let prior = try Self.prior(kernel, testTestDiagonal, "test-test")
      try requireFinite(prior, "test-test kernel diagonal")
      return .diagonal(try layout.testDiagonal(prior, rowSizes: rowSizes, "test-test kernel diagonal").asType(dtype))
    }
  }

  private static func prior(
    _ kind: EnsembleKind, _ kernels: KernelPair, _ name: String
  ) throws(PredictionError) -> Tensor {
    switch kind {
    case .nngp, .ntk:
      guard let nngp = kernels.nngp else {
        throw .missing(argument: "the \(name) NNGP", neededFor: "the covariance of kernel \(kind)")
      }
      return nngp
    case .ntkGaussianProcess:
      guard let ntk = kernels.ntk else {
        throw .missing(argument: "the \(name) NTK", neededFor: "the covariance of kernel \(kind)")
      }
      return ntk
    }
  }

  private func predict(
    _ testTrain: KernelPair, _ kind: EnsembleKind, _ time: TrainingTime,
    prior: (DType, [Int]) throws(PredictionError) -> PriorCovariance
  ) throws(PredictionError) -> Prediction {
    let system = try system(kind)
    let name = kind == .nngp ? "NNGP" : "NTK"
    guard let kernel = kind == .nngp ? testTrain.nngp : testTrain.ntk else {
      throw .missing(argument: "the test-train \(name)", neededFor: "kernel \(kind)")
    }
    try requireFinite(kernel, "test-train \(name)")
    let (flat, rowSizes) = try layout.testTrainMatrix(kernel, "test-train \(name)")
    let rows = flat.asType(system.dtype)
    let covariance = try prior(system.dtype, rowSizes)
    var nngpRows: Tensor?
    if kind == .ntk, !covariance.isNone {
      guard let nngp = testTrain.nngp else {
        throw .missing(argument: "the test-train NNGP", neededFor: "the covariance of kernel \(kind)")
      }
      guard nngp.shape == kernel.shape else {
        throw .shapeMismatch(argument: "test-train NNGP", expected: "shape \(kernel.shape)", found: "\(nngp.shape)")
      }
      try requireFinite(nngp, "test-train NNGP")
      nngpRows = try layout.testTrainMatrix(nngp, "test-train NNGP").matrix.asType(system.dtype)
    }
    let flow = FlowAtTestPoints(
      system: system, ensemble: self, testTrain: rows, nngpTestTrain: nngpRows, prior: covariance)
    let results = try checked(time, system).map { (t) throws(PredictionError) in
      let (mean, covariance) = try t == .infinity ? flow.atInfinity() : flow.at(t)
      return [mean, covariance.matrix, covariance.diagonal]
    }
    return layout.prediction(
      mean: results[0] ?? system.targets, covariance: results[1], variance: results[2], rowSizes: rowSizes)
  }

  func system(_ kind: EnsembleKind) throws(PredictionError) -> TrainingSystem {
    guard let system = kind == .nngp ? nngp : ntk else {
      throw .missing(argument: "the train-train \(kind == .nngp ? "NNGP" : "NTK")", neededFor: "kernel \(kind)")
    }
    return system
  }

  /// The train-train NNGP, not regularized, in the element type of the NTK.
  func trainNNGP(neededBy kind: EnsembleKind) throws(PredictionError) -> Tensor {
    guard let nngp, let ntk else {
      throw .missing(argument: "the train-train NNGP", neededFor: "the covariance of kernel \(kind)")
    }
    return nngp.matrix.asType(ntk.dtype)
  }

  /// Vᵀ K_dd V, V the eigenvectors of the train-train NTK.
  func trainNNGPInNTKBasis() throws(PredictionError) -> Tensor {
    try nngpInNTKBasis { () throws(PredictionError) in
      let basis = try system(.ntk).solver.eigenbasis()
      return dotGeneral(
        matmul(basis.rows, try trainNNGP(neededBy: .ntk)), basis.rows, contracting: ([1], [1]))
    }
  }

  func checked(_ time: TrainingTime, _ system: TrainingSystem) throws(PredictionError) -> TrainingTime {
    try progress.check(time) { () throws(PredictionError) in try system.largestEigenvalue() }
    return try time.checked()
  }
}

/// The formulas for test points, on matrices.
private struct FlowAtTestPoints {
  let system: TrainingSystem
  let ensemble: KernelEnsemble
  /// Rows of the kernel that is flowed with.
  let testTrain: Tensor
  /// Rows of the NNGP, only for the covariance of `.ntk`.
  let nngpTestTrain: Tensor?
  let prior: PriorCovariance
  private let coordinates = Lazily<(test: Tensor, targets: Tensor, nngp: Tensor?)>()

  init(
    system: TrainingSystem, ensemble: KernelEnsemble, testTrain: Tensor, nngpTestTrain: Tensor?, prior: PriorCovariance
  ) {
    self.system = system
    self.ensemble = ensemble
    self.testTrain = testTrain
    self.nngpTestTrain = nngpTestTrain
    self.prior = prior
  }

  func atInfinity() throws(PredictionError) -> (mean: Tensor, covariance: PriorCovariance) {
    guard let nngpTestTrain else { return try system.posterior(testTrain, prior: prior) }
    // A K_dd Aᵀ − A K_dt − (A K_dt)ᵀ = B Aᵀ + A Bᵀ with B = ½ A K_dd − K_td.
    let a = try system.solvedFromRight(testTrain)
    let b = matmul(a, try ensemble.trainNNGP(neededBy: .ntk)) * 0.5 - nngpTestTrain
    return (matmul(testTrain, try system.weights()), prior.addingSymmetric(b, a))
  }

  /// After a finite time, in the eigenbasis V of the regularized train-train kernel, where g is diagonal.
  func at(_ time: Double) throws(PredictionError) -> (mean: Tensor, covariance: PriorCovariance) {
    let basis = try system.solver.eigenbasis()
    let (test, targets, nngp) = coordinates {
      (
        basis.coordinates(ofRows: testTrain), basis.coordinates(ofColumns: system.targets),
        nngpTestTrain.map(basis.coordinates(ofRows:))
      )
    }
    let gain = basis.map(time, ensemble.progress.gain)
    let mean = matmul(test, gain.reshaped([-1, 1]) * targets)
    guard let nngp else {
      // K_td K̃⁻¹ (1 − p²) K_dt, p² = e^{−2 K̃ s} for the flow, as a Gram matrix.
      return (
        mean, try prior.subtractingGram { test * sqrt(maximum(basis.map(time, ensemble.progress.doubleGain), 0)) }
      )
    }
    let a = test * gain
    let b = matmul(a, try ensemble.trainNNGPInNTKBasis()) * 0.5 - nngp
    return (mean, prior.addingSymmetric(b, a))
  }
}
