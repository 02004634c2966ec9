import CovarianceEngine
import Tensors

/// All that inference asks of a regularized train-train kernel M̃: the one seam between predictions and linear algebra.
///
/// What a solver computes it keeps, and calls may come from several threads. Solvers that iterate, or whose matrix is on
/// disk or on several machines, are further types of this protocol.
public protocol Solver: Sendable {
  /// For messages and descriptions.
  var name: String { get }
  /// M̃⁻¹ b for b of shape (rows, columns).
  ///
  /// - Throws: `PredictionError` where M̃ is not positive definite.
  func solve(_ b: Tensor) throws(PredictionError) -> Tensor
  /// Rows whose Gram matrix is x M̃⁻¹ xᵀ, for x of shape (points, rows).
  func whitened(_ x: Tensor) throws(PredictionError) -> Tensor
  /// The diagonal of M̃⁻¹, shape (rows).
  func inverseDiagonal() throws(PredictionError) -> Tensor
  /// log det M̃.
  func logDeterminant() throws(PredictionError) -> Double
  /// M̃ = V diag(λ) Vᵀ, for functions of M̃ such as e^{−M̃ s}.
  func eigenbasis() throws(PredictionError) -> Eigenbasis
}

/// Eigenvalues and eigenvectors of a regularized kernel.
public struct Eigenbasis: Sendable {
  /// Ascending.
  public let values: [Double]
  /// Eigenvectors in rows: Vᵀ.
  public let rows: Tensor
}

extension Eigenbasis {
  /// f(λ, s) for each eigenvalue, in the element type of the vectors.
  func map(_ s: Double, _ function: (Double, Double) -> Double) -> Tensor {
    Tensor(values.map { function($0, s) }).asType(rows.dtype)
  }

  /// x V, x of shape (points, rows).
  func coordinates(ofRows x: Tensor) -> Tensor { dotGeneral(x, rows, contracting: ([1], [1])) }

  /// Vᵀ x, x of shape (rows, outputs).
  func coordinates(ofColumns x: Tensor) -> Tensor { matmul(rows, x) }
}

/// Which solver inference uses.
public enum SolverChoice: Sendable, Hashable, CaseIterable {
  /// One Cholesky factorisation; finite times of a flow need an eigendecomposition besides.
  case factorized
  /// One eigendecomposition for everything: some four times the work of a factorisation, and none again for finite times.
  case spectral

  func solver(_ kernel: RegularizedKernel) -> any Solver {
    switch self {
    case .factorized: FactorizedSolver(kernel)
    case .spectral: SpectralSolver(kernel)
    }
  }
}

/// A train-train kernel and the multiple of the identity that is added to it.
struct RegularizedKernel: Sendable {
  /// Not regularized.
  let matrix: Tensor
  let regularizer: DiagonalRegularizer
  let shift: Double
  /// What the matrix is called in errors.
  let argument: String

  init(_ matrix: Tensor, regularizer: DiagonalRegularizer, argument: String) throws(PredictionError) {
    try requireFinite(matrix, argument)
    (self.matrix, self.argument) = (matrix, argument)
    self.regularizer = try regularizer.checked()
    shift = regularizer.shift(of: matrix)
  }

  func notPositiveDefinite(pivot: Int) -> PredictionError {
    .notPositiveDefinite(argument: argument, pivot: pivot, size: matrix.shape[0], regularizer: regularizer)
  }

  /// M̃ = V diag(values) Vᵀ. The shift moves eigenvalues only, and adding it afterwards loses nothing.
  func eigenbasis() throws(PredictionError) -> Eigenbasis {
    let (values, rows) = try onBehalf(of: argument) { () throws(TensorError) in try eigenvectorRows(matrix) }
    return Eigenbasis(values: values.asType(.float64).scalars(as: Double.self).map { $0 + shift }, rows: rows)
  }
}
