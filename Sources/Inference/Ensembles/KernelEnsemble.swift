import CovarianceEngine
import Synchronization
import Tensors

/// Kernels between two sets of points; any may be missing where a prediction does not need it.
public struct KernelPair: Sendable {
  /// K; nil where a prediction does not need it.
  public var nngp: Tensor?
  /// Θ; nil where a prediction does not need it.
  public var ntk: Tensor?
  /// K_prior, of a random network that is added to every member; nil where there is none, or where it is another draw of the
  /// network itself.
  public var prior: Tensor?

  public init(nngp: Tensor? = nil, ntk: Tensor? = nil, prior: Tensor? = nil) {
    (self.nngp, self.ntk, self.prior) = (nngp, ntk, prior)
  }
}

/// The infinite ensemble of networks, each trained by gradient flow on the mean squared error from its own random
/// initialisation: mean and covariance over the ensemble, in closed form at any time, from kernel matrices.
///
/// Notation: subscripts d train and t test, ~ regularized, C the covariance of outputs before training, M the kernel that is
/// trained with, e² the variance of noise on the targets of each member (see `EnsembleKind`), s = learningRate · t / |y|,
/// g(M) = M⁻¹ (1 − e^{−M s}), which is M⁻¹ at infinite time. With A = M_td g(M̃)
///
/// - the mean is A y;
/// - the covariance is C_tt + A (C_dd + e² I) Aᵀ − A C_dt − (A C_dt)ᵀ, which for a posterior (C = M, and e² what the regularizer
///   adds) is M_tt − M_td M̃⁻¹ (1 − e^{−2 M̃ s}) M_dt.
///
/// Those are for gradient flow; other dynamics multiply residuals by another p(λ) than e^{−λs}, with g = (1 − p)/λ.
///
/// Infinite time uses one Cholesky factorisation per kernel, finite times one eigendecomposition; all are computed when
/// first needed and kept. Several kinds in one call share what they have in common. Calls may come from several threads.
///
/// *Sources:* Lee et al. 2019 (arXiv 1902.06720), equations 13 to 16; He et al. 2020 (arXiv 2007.05864).
public final class KernelEnsemble: Sendable {
  let layout: OutputLayout
  let progress: TrainingProgress
  private let nngp: TrainingSystem?
  private let ntk: TrainingSystem?
  /// K_prior of the train points, shape (rows, rows).
  private let prior: Tensor?
  private let initialInBasis = Mutex<[InitialKey: Tensor]>([:])

  private struct InitialKey: Hashable {
    var trained: EnsembleKind.TrainedLayers
    var initial: EnsembleKind.InitialCovariance
  }

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
  ///   - solverOptions: for solvers that iterate or keep files.
  public init(
    trainTrain: KernelPair, yTrain: Tensor, learningRate: Double = 1, dynamics: TrainingDynamics = .flow,
    diagonalRegularizer: DiagonalRegularizer = .none,
    traceAxes: [Int] = [-1], precision: DType? = nil, solver: SolverChoice = .automatic,
    solverOptions: SolverOptions = SolverOptions()
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
        options: solverOptions, argument: argument)
    }
    nngp = try system(trainTrain.nngp, "train-train NNGP")
    ntk = try system(trainTrain.ntk, "train-train NTK")
    prior = try trainTrain.prior.map { kernel throws(PredictionError) in
      try requireFinite(kernel, "train-train prior")
      return try layout.trainMatrix(kernel, "train-train prior").asType(precision ?? kernel.dtype)
    }
  }

  /// The same from kernels that are read tile by tile: packed in memory, in a store, or computed whenever they are read.
  ///
  /// Predictions after infinite time read them through products only, with solvers that do.
  ///
  /// - Parameters:
  ///   - nngp: of the train points with themselves; nil where no prediction needs it.
  ///   - ntk: the same.
  ///   - yTrain: targets, shape (N, outputs…) or (N); all output axes are trace axes.
  ///   - learningRate: flow time per unit of `time`, or of a step.
  ///   - dynamics: how the networks follow the gradient.
  ///   - diagonalRegularizer: added to the diagonal of each kernel where it is inverted or flowed with.
  ///   - solver: how systems with the kernels are solved; all compute in float64 here.
  ///   - solverOptions: for solvers that iterate or keep files.
  public init(
    nngp: (any TiledMatrix)? = nil, ntk: (any TiledMatrix)? = nil, yTrain: Tensor, learningRate: Double = 1,
    dynamics: TrainingDynamics = .flow, diagonalRegularizer: DiagonalRegularizer = .none,
    solver: SolverChoice = .automatic, solverOptions: SolverOptions = SolverOptions()
  ) throws(PredictionError) {
    try requirePositive(learningRate, "learningRate")
    try dynamics.check()
    progress = TrainingProgress(dynamics: dynamics, learningRate: learningRate, targetCount: yTrain.shape.product)
    let layout = try OutputLayout(targetShape: yTrain.shape, traceAxes: Array(1..<max(1, yTrain.rank)))
    self.layout = layout
    func system(_ kernel: (any TiledMatrix)?, _ argument: String) throws(PredictionError) -> TrainingSystem? {
      guard let kernel else { return nil }
      return try TrainingSystem(
        layout: layout, tiles: kernel, yTrain, regularizer: diagonalRegularizer, solver: solver, options: solverOptions,
        argument: argument)
    }
    self.nngp = try system(nngp, "train-train NNGP")
    self.ntk = try system(ntk, "train-train NTK")
    prior = nil
  }

  /// How systems with the kernel that a kind is trained with are solved, and why so; nil where that kernel was not given.
  public func solverDescription(_ kind: EnsembleKind = .ntk) -> String? { (try? system(kind))?.solverDescription }

  /// How far means of a kind may be off after infinite time because the solver stopped iterating; nil where that is rounding only.
  public func certificate(_ kind: EnsembleKind = .ntk) throws(PredictionError) -> SolverCertificate? {
    try system(kind).certificate()
  }

  /// The prediction at test points.
  ///
  /// - Parameters:
  ///   - testTrain: kernels of shape (N_t, N): that of `kernel`, and for covariances those of what members are before training.
  ///   - testTest: kernels of shape (N_t, N_t) of what members are before training, for the covariance. Nil for the mean alone.
  ///   - kernel: which ensemble predicts.
  ///   - time: one time, infinity, or an array of times whose shape leads the shapes of the result.
  public func predict(
    testTrain: KernelPair, testTest: KernelPair? = nil, kernel: EnsembleKind = .ntk, time: TrainingTime = .infinity
  ) throws(PredictionError) -> Prediction {
    try predict(testTrain: testTrain, testTest: testTest, kinds: [kernel], time: time)[0]
  }

  /// The predictions of several ensembles at test points, in their order, which share what they have in common.
  ///
  /// - Parameters:
  ///   - testTrain: kernels of shape (N_t, N).
  ///   - testTest: kernels of shape (N_t, N_t), for the covariance. Nil for the mean alone.
  ///   - kinds: which ensembles predict.
  ///   - time: one time, infinity, or an array of times whose shape leads the shapes of the result.
  public func predict(
    testTrain: KernelPair, testTest: KernelPair? = nil, kinds: [EnsembleKind], time: TrainingTime = .infinity
  ) throws(PredictionError) -> [Prediction] {
    try predict(testTrain, kinds, time) { (kind, rowSizes) throws(PredictionError) in
      guard let testTest else { return .none }
      return .full(
        try self.initial(kind, "test-test", testTest) { (kernel, argument) throws(PredictionError) in
          try layout.testTestMatrix(kernel, rowSizes: rowSizes, argument)
        })
    }
  }

  /// The prediction at test points with variances only: `testTestDiagonal` has kernels of each test point with itself,
  /// shape (N_t).
  public func predict(
    testTrain: KernelPair, testTestDiagonal: KernelPair, kernel: EnsembleKind = .ntk, time: TrainingTime = .infinity
  ) throws(PredictionError) -> Prediction {
    try predict(testTrain: testTrain, testTestDiagonal: testTestDiagonal, kinds: [kernel], time: time)[0]
  }

  /// The predictions of several ensembles with variances only.
  public func predict(
    testTrain: KernelPair, testTestDiagonal: KernelPair, kinds: [EnsembleKind], time: TrainingTime = .infinity
  ) throws(PredictionError) -> [Prediction] {
    try predict(testTrain, kinds, time) { (kind, rowSizes) throws(PredictionError) in
      .diagonal(
        try self.initial(kind, "test-test", testTestDiagonal) { (kernel, argument) throws(PredictionError) in
          try layout.testDiagonal(kernel, rowSizes: rowSizes, "\(argument) diagonal")
        })
    }
  }

  private func predict(
    _ testTrain: KernelPair, _ kinds: [EnsembleKind], _ time: TrainingTime,
    prior: (EnsembleKind, [Int]) throws(PredictionError) -> PriorCovariance
  ) throws(PredictionError) -> [Prediction] {
    var flows: [EnsembleKind.TrainedLayers: FlowAtTestPoints] = [:]
    var predictions: [Prediction] = []
    for kind in kinds {
      try kind.check()
      let system = try system(kind)
      let flow: FlowAtTestPoints
      if let known = flows[kind.trained] {
        flow = known
      } else {
        let name = kind.trained == .readout ? "NNGP" : "NTK"
        guard let kernel = kind.trained == .readout ? testTrain.nngp : testTrain.ntk else {
          throw .missing(argument: "the test-train \(name)", neededFor: "kernel \(kind)")
        }
        try requireFinite(kernel, "test-train \(name)")
        let (rows, rowSizes) = try layout.testTrainMatrix(kernel, "test-train \(name)")
        flow = FlowAtTestPoints(
          system: system, progress: progress, testTrain: rows.asType(system.dtype), rowSizes: rowSizes)
        flows[kind.trained] = flow
      }
      let rowSizes = flow.rowSizes
      let covariance = try prior(kind, rowSizes).asType(system.dtype)
      if !kind.isPosterior && !covariance.isNone && flow.initial[kind.initial] == nil {
        let expected = zip(rowSizes, layout.trainSizes).flatMap { [$0, $1] }
        flow.initial[kind.initial] = try initial(kind, "test-train", testTrain) {
          (kernel, argument) throws(PredictionError) in
          guard kernel.shape == expected else {
            throw .shapeMismatch(argument: argument, expected: "shape \(expected)", found: "\(kernel.shape)")
          }
          return try layout.testTrainMatrix(kernel, argument).matrix
        }.asType(system.dtype)
      }
      let results = try checked(time, system).map { (t) throws(PredictionError) in
        let (mean, covariance) = try flow.at(t, kind, ensemble: self, prior: covariance)
        return [mean, covariance.matrix, covariance.diagonal, covariance.lowerDiagonal]
      }
      predictions.append(
        layout.prediction(
          mean: results[0] ?? system.targets, covariance: results[1], variance: results[2], lowerVariance: results[3],
          rowSizes: rowSizes))
    }
    return predictions
  }

  func system(_ kind: EnsembleKind) throws(PredictionError) -> TrainingSystem {
    guard let system = kind.trained == .readout ? nngp : ntk else {
      throw .missing(
        argument: "the train-train \(kind.trained == .readout ? "NNGP" : "NTK")", neededFor: "kernel \(kind)")
    }
    return system
  }

  func checked(_ time: TrainingTime, _ system: TrainingSystem) throws(PredictionError) -> TrainingTime {
    try progress.check(time) { () throws(PredictionError) in try system.largestEigenvalue() }
    return try time.checked()
  }

  // MARK: - Covariances before training

  /// C between some points, of their kernels.
  private func initial(
    _ kind: EnsembleKind, _ points: String, _ kernels: KernelPair,
    _ flattened: (Tensor, String) throws(PredictionError) -> Tensor
  ) throws(PredictionError) -> Tensor {
    func matrix(_ kernel: Tensor?, _ name: String) throws(PredictionError) -> Tensor {
      guard let kernel else {
        throw .missing(argument: "the \(points) \(name)", neededFor: "the covariance of kernel \(kind)")
      }
      try requireFinite(kernel, "\(points) \(name)")
      return try flattened(kernel, "\(points) \(name)")
    }
    switch kind.initial {
    case .nngp: return try matrix(kernels.nngp, "NNGP")
    case .ntk: return try matrix(kernels.ntk, "NTK")
    case .withPrior(let scale):
      let nngp = try matrix(kernels.nngp, "NNGP")
      // Of another network everywhere or nowhere.
      if (prior == nil) != (kernels.prior == nil) {
        throw .missing(
          argument: "the \(prior == nil ? "train-train" : points) prior", neededFor: "the covariance of kernel \(kind)")
      }
      return nngp + (kernels.prior == nil ? nngp : try matrix(kernels.prior, "prior")) * (scale * scale)
    }
  }

  /// C_dd, not regularized, in the element type of the kernel that is trained with.
  private func trainInitial(_ kind: EnsembleKind) throws(PredictionError) -> Tensor {
    func matrix(_ system: TrainingSystem?, _ name: String) throws(PredictionError) -> Tensor {
      guard let system else {
        throw .missing(argument: "the train-train \(name)", neededFor: "the covariance of kernel \(kind)")
      }
      return try system.matrix()
    }
    var result = try kind.initial == .ntk ? matrix(ntk, "NTK") : matrix(nngp, "NNGP")
    if case .withPrior(let scale) = kind.initial { result = result + (prior ?? result) * (scale * scale) }
    return result.asType(try system(kind).dtype)
  }

  /// C_dd + e² I.
  func trainCovariance(_ kind: EnsembleKind) throws(PredictionError) -> Tensor {
    addingToDiagonal(try trainInitial(kind), try targetNoise(kind))
  }

  /// a (C_dd + e² I), a of shape (points, rows).
  func multipliedByTrainCovariance(_ a: Tensor, _ kind: EnsembleKind) throws(PredictionError) -> Tensor {
    let noise = try targetNoise(kind)
    let own = kind.initial == .ntk ? ntk : nngp
    guard let own, own.isTiled, prior == nil else { return matmul(a, try trainCovariance(kind)) }
    var factor = 1.0
    if case .withPrior(let scale) = kind.initial { factor += scale * scale }
    return try own.multiplied(a) * factor + a * noise
  }

  /// √f for the least f that is known with C_dd + e² I ≼ f M̃; nil where none is.
  ///
  /// Θ − K is a Schur product of positive semidefinite matrices for networks in NTK parameterization that end in a dense layer.
  func certifiedFactor(_ kind: EnsembleKind) throws(PredictionError) -> Double? {
    let ofCovariance: Double
    switch (kind.trained, kind.initial) {
    case (.readout, .ntk): return nil
    case (_, .nngp), (.all, .ntk): ofCovariance = 1
    case (_, .withPrior(let scale)):
      guard prior == nil else { return nil }
      ofCovariance = 1 + scale * scale
    }
    let (noise, shift) = (try targetNoise(kind), try system(kind).shift)
    return max(ofCovariance, shift > 0 ? noise / shift : 0).squareRoot()
  }

  /// Vᵀ (C_dd + e² I) V, V the eigenvectors of the kernel that is trained with.
  func trainCovarianceInBasis(_ kind: EnsembleKind) throws(PredictionError) -> Tensor {
    let key = InitialKey(trained: kind.trained, initial: kind.initial)
    let rotated: Tensor
    if let known = initialInBasis.withLock({ $0[key] }) {
      rotated = known
    } else {
      let basis = try system(kind).solver.eigenbasis()
      rotated = dotGeneral(matmul(basis.rows, try trainInitial(kind)), basis.rows, contracting: ([1], [1]))
      initialInBasis.withLock { $0[key] = rotated }
    }
    return addingToDiagonal(rotated, try targetNoise(kind))
  }

  /// e².
  private func targetNoise(_ kind: EnsembleKind) throws(PredictionError) -> Double {
    switch kind.targetNoise {
    case .none: 0
    case .regularizer: try system(kind).shift
    case .variance(let variance): variance
    }
  }
}
