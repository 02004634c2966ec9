import CovarianceEngine
import Tensors

/// A regularized train-train kernel M̃ with its targets y, and the solver for it.
final class TrainingSystem: Sendable {
  /// Not regularized.
  let matrix: Tensor
  /// Shape (rows, outputs).
  let targets: Tensor
  let solver: any Solver
  private let solution = Lazily<Tensor>()
  private let largest = Lazily<Double>()
  /// What the regularizer adds to the diagonal.
  let shift: Double
  /// What the matrix is called in errors.
  private let argument: String

  init(
    _ matrix: Tensor, targets: Tensor, regularizer: DiagonalRegularizer, solver: SolverChoice, argument: String
  ) throws(PredictionError) {
    let kernel = try RegularizedKernel(matrix, regularizer: regularizer, argument: argument)
    (self.matrix, self.targets, self.solver) = (matrix, targets, solver.solver(kernel))
    (shift, self.argument) = (kernel.shift, argument)
  }

  var dtype: DType { matrix.dtype }

  /// M̃⁻¹ y, shape (rows, outputs).
  func weights() throws(PredictionError) -> Tensor {
    try solution { () throws(PredictionError) in try solver.solve(targets) }
  }

  /// The largest eigenvalue of M̃.
  func largestEigenvalue() throws(PredictionError) -> Double {
    try largest { () throws(PredictionError) in
      let own = try onBehalf(of: argument) { () throws(TensorError) in try Tensors.largestEigenvalue(matrix) }
      return own + shift
    }
  }

  /// x M̃⁻¹, x of shape (points, rows).
  func solvedFromRight(_ x: Tensor) throws(PredictionError) -> Tensor {
    try solver.solve(x.transposed()).transposed()
  }
}
