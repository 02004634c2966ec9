import CovarianceEngine
import Tensors

extension GaussianProcess {
  /// Gaussian process regression with the covariance of a network, in float64.
  ///
  /// - Parameters:
  ///   - job: of the training inputs with themselves; `accumulation: .float64` in its options spares a copy of a kernel
  ///     that is computed in float32.
  ///   - yTrain: targets, shape (N, outputs) or (N).
  ///   - kernel: the covariance: the NNGP, or the NTK taken as one.
  ///   - regularizer: added to the diagonal; a number literal is relative to its mean.
  ///   - solver: how systems with the kernel are solved.
  ///   - solverOptions: for solvers that iterate or keep files.
  /// - Throws: `NetworkError` of the kernel, `PredictionError` for the rest.
  /// - Precondition: `kernel` is one kernel.
  public init(
    _ job: GramJob, _ yTrain: Tensor, kernel: KernelSet = .nngp, regularizer: DiagonalRegularizer = .none,
    solver: SolverChoice = .automatic, solverOptions: SolverOptions = SolverOptions()
  ) throws {
    // A solver that goes through the kernel again and again wants half of it, as it is computed.
    let isRegularized = regularizer.value > 0
    let choice =
      solver == .automatic ? SolverChoice.choice(rows: job.rowCount, isRegularized: isRegularized).choice : solver
    guard choice != .factorized && choice != .spectral else {
      try self.init(
        kTrainTrain: job.run().matrix(of: kernel), yTrain: yTrain, regularizer: regularizer, precision: .float64,
        solver: solver, solverOptions: solverOptions)
      return
    }
    precondition(kernel == .nngp || kernel == .ntk, "expected one kernel")
    let packed = try PackedMatrix.kernels(job, kernel)
    guard let matrix = kernel == .nngp ? packed.nngp : packed.ntk else {
      throw PredictionError.missing(argument: "the NTK", neededFor: "a Gaussian process with it")
    }
    try self.init(
      kTrainTrain: matrix, yTrain: yTrain, regularizer: regularizer, solver: solver, solverOptions: solverOptions)
  }

  /// The posterior's means and variances at test points, some points at a time, so that memory does not grow with their
  /// number.
  ///
  /// - Parameters:
  ///   - job: of the test inputs with the training inputs.
  ///   - kernel: as in the initialiser. Variances come with the NNGP only, as the NTK of a test point with itself is not
  ///     in the job.
  ///   - withVariances: false for means alone: with solvers that iterate every hundred variances take as long as all means.
  /// - Throws: `NetworkError` of the kernel, `PredictionError` for the rest.
  public func predict(_ job: GramJob, kernel: KernelSet = .nngp, withVariances: Bool = true) throws -> Prediction {
    var parts: [Prediction] = []
    try job.forEachStrip { _, strip in
      let rows = try strip.matrix(of: kernel)
      parts.append(
        withVariances && kernel == .nngp && strip.cov1.rank == 1
          ? try predict(kTestTrain: rows, kTestTestDiagonal: strip.cov1) : try predict(kTestTrain: rows))
    }
    return Prediction(joining: parts, axis: 0)
  }
}

extension Kernel {
  fileprivate func matrix(of kernel: KernelSet) throws(PredictionError) -> Tensor {
    precondition(kernel == .nngp || kernel == .ntk, "expected one kernel")
    if kernel == .nngp { return nngp }
    guard let ntk else { throw .missing(argument: "the NTK", neededFor: "a Gaussian process with it") }
    return ntk
  }
}
