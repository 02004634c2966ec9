import CovarianceEngine
import Tensors

/// All that inference asks of a regularized train-train kernel M̃: the one seam between predictions and linear algebra.
///
/// What a solver computes it keeps, and calls may come from several threads. Where a solver cannot give something it throws
/// `PredictionError.unavailable`, which says what can.
public protocol Solver: Sendable {
  /// For messages and descriptions.
  var name: String { get }
  /// M̃⁻¹ b for b of shape (rows, columns).
  ///
  /// - Throws: `PredictionError` where M̃ is not positive definite.
  func solve(_ b: Tensor) throws(PredictionError) -> Tensor
  /// The same, with what is known of its error; nil where that is rounding.
  func certifiedSolve(_ b: Tensor) throws(PredictionError) -> (solution: Tensor, certificate: SolverCertificate?)
  /// x M̃⁻¹ xᵀ for x of shape (points, rows), of which variances before `priorVariances`, shape (points), are subtracted.
  func gram(_ x: Tensor, priorVariances: Tensor) throws(PredictionError) -> Tensor
  /// The variances `prior` less the diagonal of x M̃⁻¹ xᵀ, for x of shape (points, rows) and `prior` of shape (points).
  func posteriorVariances(_ x: Tensor, prior: Tensor) throws(PredictionError) -> VarianceBounds
  /// x M̃⁻¹ for x of shape (points, rows).
  ///
  /// - Parameters:
  ///   - errors: for each row what √(rᵀ M̃⁻¹ r) of its residual r may be.
  ///   - start: a solution that is not good enough; nil for none.
  func solveRows(_ x: Tensor, errors: [Double], from start: Tensor?) throws(PredictionError) -> RowSolution
  /// Rows whose Gram matrix is x M̃⁻¹ xᵀ, for x of shape (points, rows).
  func whitened(_ x: Tensor) throws(PredictionError) -> Tensor
  /// The diagonal of M̃⁻¹, shape (rows).
  func inverseDiagonal() throws(PredictionError) -> Tensor
  /// log det M̃.
  func logDeterminant() throws(PredictionError) -> Double
  /// M̃ = V diag(λ) Vᵀ, for functions of M̃ such as e^{−M̃ s}.
  func eigenbasis() throws(PredictionError) -> Eigenbasis
}

extension Solver {
  public func certifiedSolve(
    _ b: Tensor
  ) throws(PredictionError) -> (solution: Tensor, certificate: SolverCertificate?) { (try solve(b), nil) }

  public func solveRows(_ x: Tensor, errors: [Double], from start: Tensor?) throws(PredictionError) -> RowSolution {
    RowSolution(solution: try solve(x.transposed()).transposed(), errors: errors.map { _ in 0 })
  }

  public func gram(_ x: Tensor, priorVariances: Tensor) throws(PredictionError) -> Tensor {
    let w = try whitened(x)
    return dotGeneral(w, w, contracting: ([1], [1]))
  }

  public func posteriorVariances(_ x: Tensor, prior: Tensor) throws(PredictionError) -> VarianceBounds {
    let w = try whitened(x)
    return VarianceBounds(lower: nil, upper: prior - rowDots(w, w))
  }
}

/// Solutions in rows, and bounds of √(rᵀ M̃⁻¹ r) for their residuals r; zero where errors are rounding.
public struct RowSolution: Sendable {
  /// Shape (points, rows).
  public var solution: Tensor
  /// The bound for each point.
  public var errors: [Double]

  public init(solution: Tensor, errors: [Double]) {
    (self.solution, self.errors) = (solution, errors)
  }
}

/// What exact variances lie between, shape (points).
public struct VarianceBounds: Sendable {
  /// Nil where it is `upper` but for rounding.
  public var lower: Tensor?
  /// At least the exact variances.
  public var upper: Tensor

  public init(lower: Tensor?, upper: Tensor) {
    (self.lower, self.upper) = (lower, upper)
  }
}

/// How far a solution of M̃ w = y can be from the exact one, whatever happened on the way to it.
///
/// With the residual r = y − M̃ w, computed from w, and P ≼ M̃ every mean obeys |k*ᵀ w − k*ᵀ M̃⁻¹ y| ≤ √k** · √(rᵀ P⁻¹ r), because
/// M̃⁻¹ ≼ P⁻¹ and k*ᵀ M̃⁻¹ k* ≤ k**, the kernel of the point with itself.
///
/// *Source:* Cauchy's inequality; the same bound is behind Artemev, Burt and van der Wilk, Tighter bounds on the log marginal
/// likelihood of Gaussian process regression using conjugate gradients (arXiv 2102.08314).
public struct SolverCertificate: Sendable, Hashable {
  /// √(rᵀ P⁻¹ r) of every output.
  public var errors: [Double]
  /// √k** of the training point where it is largest.
  public var scale: Double
  /// What was asked for: no more than this for every output and point with k** as training points have it.
  public var tolerances: [Double]
  /// |r| / |y|, the largest of all outputs.
  public var residual: Double
  /// How often the matrix was gone through.
  public var products: Int

  /// The largest error that a mean can have at a point whose kernel with itself is that of a training point.
  public var largestError: Double { scale * (errors.max() ?? 0) }

  /// The largest error that a mean can have at a point whose kernel with itself is `variance`.
  public func largestError(variance: Double) -> Double { max(0, variance).squareRoot() * (errors.max() ?? 0) }

  /// Whether errors are as small as was asked.
  public var isReached: Bool { zip(errors, tolerances).allSatisfy { scale * $0 <= $1 } }
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
