import CovarianceEngine
import CVectorKernels
import Tensors

/// Gaussian bell: φ(x) = a·e^(bx²).
///
/// With δ² = (1 − 2b q11)(1 − 2b q22) − 4b² q12²: κ = a²/δ and κ̇ = 4a²b² q12/δ³. For b > 0 the expectation exists only
/// while the eigenvalues of the covariance matrix are below 1/2b (for a variance: 4bq < 1); beyond, results are not
/// finite.
///
/// *Source:* the Gaussian integral E[e^(b(u² + v²))] = det(I − 2bΣ)^(−1/2).
public struct Gaussian: Activation {
  public static let nodeName = "gaussian"

  /// Height: φ(x) = a exp(b x²).
  @HyperParameter public var a: Double
  /// Rate, negative for a bell.
  @HyperParameter public var b: Double

  public init(a: Double = 1, b: Double = -1) {
    self.a = a
    self.b = b
  }

  public func function(_ x: Tensor) -> Tensor {
    $a * exp($b * (x * x))
  }

  public func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    ($a * $a) / ShiftedDeterminant(-2 * $b, q12, q11, q22).root
  }

  public func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    let root = ShiftedDeterminant(-2 * $b, q12, q11, q22).root
    return (4 * $a * $a * $b * $b) * (q12 / root / root / root)
  }

  public var vectorDual: VectorDual? { VectorDual(nt_dual_gaussian, parameters: [a, b]) }

  public mutating func visitHyperParameters(_ visitor: inout HyperParameterVisitor) {
    visitor.visit("a", &$a)
    visitor.visit("b", &$b)
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    a = try arguments.number("a", default: 1)
    b = try arguments.number("b", default: -1)
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("a", a, default: 1)
    arguments.set("b", b, default: -1)
  }
}
