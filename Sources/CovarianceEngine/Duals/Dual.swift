import Tensors

/// The dual κ and the derivative dual κ̇ of an elementwise nonlinearity φ: all that the infinite network knows of it.
///
/// For (u, v) Gaussian with zero mean, variances q11, q22 and covariance q12: κ = E[φ(u) φ(v)], κ̇ = E[φ'(u) φ'(v)] =
/// ∂κ/∂q12. The tensors q12, q11, q22 broadcast against each other and are float32 or float64; results must be finite
/// for every valid covariance, zero variances and |q12| = √(q11 q22) included, wherever the mathematics is.
public protocol Dual: Sendable {
  /// φ, element by element.
  func function(_ x: Tensor) throws(NetworkError) -> Tensor
  /// κ.
  func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) throws(NetworkError) -> Tensor
  /// κ̇.
  func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) throws(NetworkError) -> Tensor
  /// κ(q, q, q): the variance of φ(u). It must equal `dual(q, q, q)` bit for bit, as by default, so that equal inputs
  /// keep correlation one through all layers.
  func varianceDual(_ q: Tensor) throws(NetworkError) -> Tensor
  /// E[φ(u)], which sums of branches of another mean than zero need.
  func mean(_ q: Tensor) throws(NetworkError) -> Tensor
  /// Whether φ(c x) = c φ(x) for all positive c.
  var isHomogeneous: Bool { get }
  /// What tells the dual from all others: the function with its constants, in one line.
  var fingerprint: String { get }
  /// The vector kernel that computes the same duals inside tiles, when there is one.
  var vectorDual: VectorDual? { get }
  /// Estimated floating-point operations of κ and κ̇ of one entry, for descriptions and the size of tiles.
  var flopsPerEntry: Int { get }
}

extension Dual {
  public var vectorDual: VectorDual? { nil }

  /// Of what comes with the library that is what is straight on both sides of 0.
  public var isHomogeneous: Bool { vectorDual?.isStraightAroundZero ?? false }

  /// A closed form is a square root, two polynomials, a few products. A series is the correlation, and for each of two or
  /// three blocks of eight terms its bound, and products and sums for the two duals. Functions of tensors are anything.
  public var flopsPerEntry: Int { vectorDual.map { $0.isSeries ? 150 : 25 } ?? 1000 }

  public func varianceDual(_ q: Tensor) throws(NetworkError) -> Tensor { try dual(q, q, q) }
}
