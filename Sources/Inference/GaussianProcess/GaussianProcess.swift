import CovarianceEngine
import Platform
import Tensors

/// Exact Gaussian process regression from kernel matrices: one Cholesky factorisation, reused by every call.
///
/// With the regularized train-train kernel K̃ the posterior has mean K_td K̃⁻¹ y and covariance K_tt − K_td K̃⁻¹ K_dt.
/// The kernel may be the NNGP (a Bayesian network) or the NTK taken as a covariance (NTK-GP).
///
/// *Sources:* Rasmussen and Williams 2006, chapters 2 and 5; Lee et al. 2018 (arXiv 1711.00165); He et al. 2020
/// (arXiv 2007.05864).
public struct GaussianProcess: Sendable {
  private let layout: OutputLayout
  private let system: TrainingSystem

  /// - Parameters:
  ///   - kTrainTrain: shape (N, N); with output axes that are not trace axes, a pair of axes for each behind those.
  ///   - yTrain: targets, shape (N, outputs…) or (N).
  ///   - regularizer: added to the diagonal of the kernel; a number literal is relative to the mean diagonal.
  ///   - traceAxes: output axes of the targets that the kernel has not, as they are independent under it.
  ///   - precision: element type to compute in and return; nil: that of the kernel.
  ///   - solver: how systems with the kernel are solved.
  ///   - solverOptions: for solvers that iterate or keep files.
  /// - Throws: `PredictionError` for shapes, NaN, and kernels that are not positive definite.
  /// - Complexity: N³/3 multiplications and additions.
  public init(
    kTrainTrain: Tensor, yTrain: Tensor, regularizer: DiagonalRegularizer = .none, traceAxes: [Int] = [-1],
    precision: DType? = nil, solver: SolverChoice = .automatic, solverOptions: SolverOptions = SolverOptions()
  ) throws(PredictionError) {
    layout = try OutputLayout(targetShape: yTrain.shape, traceAxes: traceAxes)
    system = try TrainingSystem(
      layout: layout, kTrainTrain, yTrain, regularizer: regularizer, precision: precision, solver: solver,
      options: solverOptions, argument: "kTrainTrain")
    _ = try system.weights()
  }

  /// The same from a kernel that is read tile by tile: packed in memory, in a store, or computed whenever it is read.
  ///
  /// - Parameters:
  ///   - kTrainTrain: N rows and columns.
  ///   - yTrain: targets, shape (N, outputs…) or (N); all output axes are trace axes.
  ///   - regularizer: added to the diagonal of the kernel; a number literal is relative to the mean diagonal.
  ///   - solver: how systems with the kernel are solved; all compute in float64 here.
  ///   - solverOptions: for solvers that iterate or keep files.
  /// - Throws: `PredictionError`, also where tiles cannot be read.
  public init(
    kTrainTrain: any TiledMatrix, yTrain: Tensor, regularizer: DiagonalRegularizer = .none,
    solver: SolverChoice = .automatic, solverOptions: SolverOptions = SolverOptions()
  ) throws(PredictionError) {
    layout = try OutputLayout(targetShape: yTrain.shape, traceAxes: Array(1..<max(1, yTrain.rank)))
    system = try TrainingSystem(
      layout: layout, tiles: kTrainTrain, yTrain, regularizer: regularizer, solver: solver, options: solverOptions,
      argument: "kTrainTrain")
    _ = try system.weights()
  }

  /// How systems with the kernel are solved, and why so.
  public var solverDescription: String { system.solverDescription }

  /// How far means may be off because the solver stopped iterating; nil where that is rounding only.
  public var certificate: SolverCertificate? { (try? system.certificate()) ?? nil }

  /// The posterior at test points, with its covariance if the prior one is given.
  ///
  /// - Parameters:
  ///   - kTestTrain: shape (N_t, N).
  ///   - kTestTest: shape (N_t, N_t), or nil for the mean alone.
  public func predict(kTestTrain: Tensor, kTestTest: Tensor? = nil) throws(PredictionError) -> Prediction {
    try predict(kTestTrain) { (rowSizes) throws(PredictionError) in
      guard let kTestTest else { return .none }
      try requireFinite(kTestTest, "kTestTest")
      return .full(try layout.testTestMatrix(kTestTest, rowSizes: rowSizes, "kTestTest").asType(system.dtype))
    }
  }

  /// The posterior at test points with its variances only, which needs memory for N_t · N numbers, not N_t².
  ///
  /// - Parameters:
  ///   - kTestTrain: shape (N_t, N).
  ///   - kTestTestDiagonal: shape (N_t): the kernel of each test point with itself.
  public func predict(kTestTrain: Tensor, kTestTestDiagonal: Tensor) throws(PredictionError) -> Prediction {
    try predict(kTestTrain) { (rowSizes) throws(PredictionError) in
      try requireFinite(kTestTestDiagonal, "kTestTestDiagonal")
      let diagonal = try layout.testDiagonal(kTestTestDiagonal, rowSizes: rowSizes, "kTestTestDiagonal")
      return .diagonal(diagonal.asType(system.dtype))
    }
  }

  private func predict(
    _ kTestTrain: Tensor, prior: (_ rowSizes: [Int]) throws(PredictionError) -> PriorCovariance
  ) throws(PredictionError) -> Prediction {
    try requireFinite(kTestTrain, "kTestTrain")
    let (flat, rowSizes) = try layout.testTrainMatrix(kTestTrain, "kTestTrain")
    let rows = flat.asType(system.dtype)
    let (mean, covariance) = try system.posterior(rows, prior: prior(rowSizes))
    return layout.prediction(
      mean: mean, covariance: covariance.matrix, variance: covariance.diagonal, lowerVariance: covariance.lowerDiagonal,
      rowSizes: rowSizes)
  }

  /// The logarithm of the density of the targets under the prior with covariance K̃.
  ///
  /// Per output: −½ yᵀ K̃⁻¹ y − ½ log det K̃ − (N/2) log 2π. To differentiate it see `logMarginalLikelihood(_:_:noiseVariance:)`.
  ///
  /// - Returns: one value per output, with the shape of the trace axes, and their sum.
  public func logMarginalLikelihood() throws(PredictionError) -> (perOutput: Tensor, total: Double) {
    let weights = try system.weights()
    let fit = (system.targets.asType(.float64) * weights.asType(.float64)).sum(axis: 0)
    let perOutput = gaussianLogDensities(
      logDeterminant: Tensor(try system.solver.logDeterminant()), size: system.targets.shape[0], fit: fit)
    return (perOutput.reshaped(layout.traceSizes), perOutput.sum().scalar(as: Double.self))
  }

  /// Each training target predicted from all others.
  public struct LeaveOneOut: Sendable {
    /// With the shape of the targets.
    public let mean: Tensor
    /// Variance of the left-out target, regularizer included, shared by outputs along trace axes: shape (N, …).
    public let variance: Tensor
  }

  /// Predictions of each training target from all others, without fitting again: with B = K̃⁻¹ the mean is
  /// yᵢ − (B y)ᵢ / Bᵢᵢ and the variance 1 / Bᵢᵢ.
  ///
  /// The diagonal that the regularizer added stays what it was with all points, and counts as noise of the target.
  ///
  /// *Source:* Rasmussen and Williams 2006, equation 5.12.
  /// - Complexity: twice that of the initialiser.
  public func leaveOneOut() throws(PredictionError) -> LeaveOneOut {
    let diagonal = try system.solver.inverseDiagonal()
    let mean = system.targets - (try system.weights()) / diagonal.reshaped([-1, 1])
    return LeaveOneOut(
      mean: layout.outputs(mean, rowSizes: layout.trainSizes),
      variance: layout.variance(1 / diagonal, rowSizes: layout.trainSizes))
  }
}

extension TrainingSystem {
  /// Checks and flattens a train-train kernel and its targets.
  convenience init(
    layout: OutputLayout, _ kernel: Tensor, _ targets: Tensor, regularizer: DiagonalRegularizer, precision: DType?,
    solver: SolverChoice, options: SolverOptions, argument: String
  ) throws(PredictionError) {
    let dtype = precision ?? kernel.dtype
    guard dtype.isFloatingPoint else {
      throw .invalidValue(argument: argument, expected: "float32 or float64 elements", found: "\(dtype)")
    }
    try requireFinite(targets, "yTrain")
    try self.init(
      RegularizedKernel(
        layout.trainMatrix(kernel, argument).asType(dtype), regularizer: regularizer, argument: argument),
      targets: layout.matrix(fromOutputs: targets, rowSizes: layout.trainSizes, "yTrain").asType(dtype), dtype: dtype,
      solver: solver, options: options)
  }

  /// The same with a kernel in tiles.
  convenience init(
    layout: OutputLayout, tiles: any TiledMatrix, _ targets: Tensor, regularizer: DiagonalRegularizer,
    solver: SolverChoice, options: SolverOptions, argument: String
  ) throws(PredictionError) {
    try requireFinite(targets, "yTrain")
    guard layout.trainSizes == [tiles.count] else {
      throw .shapeMismatch(
        argument: argument, expected: "\(layout.trainSizes.product) rows for targets of shape \(layout.targetShape)",
        found: "\(tiles.count)")
    }
    try self.init(
      RegularizedKernel(tiles, regularizer: regularizer, argument: argument),
      targets: layout.matrix(fromOutputs: targets, rowSizes: layout.trainSizes, "yTrain").asType(.float64),
      dtype: .float64, solver: solver, options: options)
  }

  /// The Gaussian process posterior at test points, given the rows of the test-train kernel.
  func posterior(
    _ testTrain: Tensor, prior: PriorCovariance
  ) throws(PredictionError) -> (mean: Tensor, covariance: PriorCovariance) {
    let covariance: PriorCovariance
    switch prior {
    case .none: covariance = .none
    case .full(let matrix):
      covariance = .full(matrix - (try solver.gram(testTrain, priorVariances: matrix.diagonal())).asType(matrix.dtype))
    case .diagonal(let variances), .bounded(_, let variances):
      let bounds = try solver.posteriorVariances(testTrain, prior: variances)
      let upper = bounds.upper.asType(variances.dtype)
      covariance = bounds.lower.map { .bounded(lower: $0.asType(variances.dtype), upper: upper) } ?? .diagonal(upper)
    }
    return (matmul(testTrain, try weights()), covariance)
  }
}
