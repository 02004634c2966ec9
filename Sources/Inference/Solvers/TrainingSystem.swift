import CovarianceEngine
import Tensors

/// A regularized train-train kernel M̃ with its targets y, and the solver for it.
final class TrainingSystem: Sendable {
  private let kernel: RegularizedKernel
  /// Shape (rows, outputs).
  let targets: Tensor
  private let chosen: ChosenSolver
  private let solution = Lazily<(weights: Tensor, certificate: SolverCertificate?)>()
  private let largest = Lazily<Double>()
  /// Element type of what is computed with the kernel.
  let dtype: DType

  init(
    _ kernel: RegularizedKernel, targets: Tensor, dtype: DType, solver: SolverChoice, options: SolverOptions
  ) throws(PredictionError) {
    (self.kernel, self.targets, self.dtype) = (kernel, targets, dtype)
    chosen = try solver.solver(kernel, options)
  }

  var solver: any Solver { chosen.solver }
  /// The solver, and why it is that one.
  var solverDescription: String { chosen.description }
  /// What the regularizer adds to the diagonal.
  var shift: Double { kernel.shift }

  /// Whether the matrix is read tile by tile.
  var isTiled: Bool { if case .tiles = kernel.source { true } else { false } }

  /// Not regularized.
  func matrix() throws(PredictionError) -> Tensor { try kernel.matrix() }

  /// x M, not regularized, x of shape (points, rows).
  func multiplied(_ x: Tensor) throws(PredictionError) -> Tensor {
    switch kernel.source {
    case .matrix(let matrix): matmul(x, matrix)
    case .tiles(let tiles): try reading(kernel.argument) { try GramOperator(tiles).multiply(x) }
    }
  }

  /// M̃⁻¹ y, shape (rows, outputs).
  func weights() throws(PredictionError) -> Tensor { try solved().weights }

  /// How far the weights may be off; nil where that is rounding.
  func certificate() throws(PredictionError) -> SolverCertificate? { try solved().certificate }

  private func solved() throws(PredictionError) -> (weights: Tensor, certificate: SolverCertificate?) {
    try solution { () throws(PredictionError) in
      let (weights, certificate) = try solver.certifiedSolve(targets)
      return (weights.asType(dtype), certificate)
    }
  }

  /// The largest eigenvalue of M̃.
  func largestEigenvalue() throws(PredictionError) -> Double {
    try largest { () throws(PredictionError) in
      let matrix = try matrix()
      let own = try onBehalf(of: kernel.argument) { () throws(TensorError) in try Tensors.largestEigenvalue(matrix) }
      return own + shift
    }
  }
}
