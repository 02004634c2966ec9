import CovarianceEngine
import DurableFiles
import Tensors

/// Which solver inference uses.
public enum SolverChoice: String, Sendable, Hashable, CaseIterable {
  /// A factorisation where it fits into memory and takes minutes at most, conjugate gradients for more rows.
  case automatic
  /// One Cholesky factorisation; finite times of a flow need an eigendecomposition besides.
  case factorized
  /// One eigendecomposition for everything: some four times the work of a factorisation, and none again for finite times.
  case spectral
  /// Conjugate gradients, preconditioned by a randomly pivoted partial Cholesky factorisation, until errors are certified to be
  /// small: time grows with the square of the rows, and nothing as large as the kernel is needed beside it.
  case iterative
  /// A Cholesky factorisation in float32 as preconditioner for some steps of conjugate gradients in float64: half the memory
  /// and time of a factorisation.
  case mixedPrecision
  /// A Cholesky factorisation panel by panel in files, for factors that do not fit into memory.
  case outOfCore

  /// Rows from which a factorisation takes longer than conjugate gradients do.
  static let mostFactorized = 40_000

  /// The solver, and why it is that one.
  func solver(_ kernel: RegularizedKernel, _ options: SolverOptions) throws(PredictionError) -> ChosenSolver {
    switch self {
    case .automatic: return try Self.automatic(kernel, options)
    case .factorized:
      if let matrix = kernel.selfFactoring { return ChosenSolver(matrix.factorizedSolver(kernel)) }
      return ChosenSolver(FactorizedSolver(kernel))
    case .spectral: return ChosenSolver(SpectralSolver(kernel))
    case .iterative: return ChosenSolver(try IterativeSolver(kernel, options, .lowRank))
    case .mixedPrecision: return ChosenSolver(try IterativeSolver(kernel, options, .singlePrecision))
    case .outOfCore: return ChosenSolver(try OutOfCoreSolver(kernel, options))
    }
  }

  private static func automatic(
    _ kernel: RegularizedKernel, _ options: SolverOptions
  ) throws(PredictionError) -> ChosenSolver {
    let rows = kernel.count
    let choice = choice(rows: rows, isRegularized: kernel.shift > 0, isShared: kernel.selfFactoring != nil)
    return ChosenSolver(
      try choice.choice.solver(kernel, options).solver, reason: choice.reason)
  }

  /// What `automatic` stands for, and why.
  ///
  /// - Parameters:
  ///   - rows: of the kernel.
  ///   - isRegularized: whether something is added to its diagonal, without which conjugate gradients certify nothing.
  ///   - isShared: whether several processes have the factor among them.
  package static func choice(
    rows: Int, isRegularized: Bool, isShared: Bool = false
  ) -> (choice: SolverChoice, reason: String) {
    let bytes = 8 * Double(rows) * Double(rows)
    let text = MemoryNeed.text(bytes)
    guard isRegularized else { return (.factorized, "without a diagonal regularizer nothing else is exact") }
    if rows > mostFactorized {
      return (.iterative, "a factorisation of \(rows) rows takes longer and \(text) of memory")
    }
    if isShared { return (.factorized, "a factor of \(rows) rows is in the memory of all processes, \(text)") }
    guard MemoryNeed.isAvailable(bytes) else {
      return (.iterative, "a factor of \(text) does not fit into the memory that is available")
    }
    return (.factorized, "a factor of \(rows) rows fits into memory")
  }
}

/// A solver with the reason why it was taken.
struct ChosenSolver: Sendable {
  let solver: any Solver
  let reason: String?

  init(_ solver: any Solver, reason: String? = nil) {
    (self.solver, self.reason) = (solver, reason)
  }

  var description: String { reason.map { "\(solver.name) (\($0))" } ?? solver.name }
}

/// What solvers that iterate, or that keep files, can be told.
public struct SolverOptions: Sendable {
  /// How far off means may be, as a part of the standard deviation of each output's targets: the certificate that conjugate
  /// gradients stop at.
  public var tolerance: Double
  /// How often the kernel is gone through at most.
  public var maximumProducts: Int
  /// Whether a solution is returned at that limit, with the certificate that it has reached; otherwise that is an error.
  public var returnsAtLimit: Bool
  /// Pivots of the preconditioner; nil for √(50 N).
  public var rank: Int?
  /// Of the pivots.
  public var seed: Int
  /// A file that the solution is written to every ten products, and that a computation of the same begins with; nil for none.
  public var checkpoint: String?
  /// A folder for the panels of a factorisation out of core, where a later run finds them again; nil for a temporary one.
  public var folder: String?
  /// Columns of a panel; nil for those of the panels in `folder`, or as many as fit into memory.
  public var panelWidth: Int?
  /// Where checkpoints and panels are, for tests.
  package var files: any FileSystem = SystemFiles()
  /// Told what is being done, and how much of it is done where that is known.
  public var progress: (@Sendable (_ step: String, _ fraction: Double?) -> Void)?

  public init(
    tolerance: Double = 0.01, maximumProducts: Int = 1000, returnsAtLimit: Bool = false, rank: Int? = nil,
    seed: Int = 0, checkpoint: String? = nil, folder: String? = nil, panelWidth: Int? = nil,
    progress: (@Sendable (_ step: String, _ fraction: Double?) -> Void)? = nil
  ) {
    (self.tolerance, self.maximumProducts, self.returnsAtLimit) = (tolerance, maximumProducts, returnsAtLimit)
    (self.rank, self.seed, self.checkpoint, self.folder) = (rank, seed, checkpoint, folder)
    (self.panelWidth, self.progress) = (panelWidth, progress)
  }

  func checked() throws(PredictionError) -> SolverOptions {
    try requirePositive(tolerance, "tolerance")
    for (name, value) in [("maximumProducts", maximumProducts), ("rank", rank ?? 1), ("panelWidth", panelWidth ?? 1)]
    where value < 1 {
      throw .invalidValue(argument: name, expected: "at least 1", found: "\(value)")
    }
    return self
  }
}
