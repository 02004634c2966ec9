import CovarianceEngine
import CVectorKernels
import Tensors

/// Normalised Hermite polynomial: φ(x) = Heₙ(x)/√n! with n = `degree` and Heₙ the probabilists' polynomial.
///
/// κ = q12ⁿ and κ̇ = n q12ⁿ⁻¹, which is exact only for inputs of variance 1: put `LayerNorm` before it. The kernel does
/// not normalise by itself.
///
/// *Source:* Daniely et al., Toward deeper understanding of neural networks, NIPS 2016 (arXiv 1602.05897).
public struct Hermite: Activation {
  public static let nodeName = "hermite"

  /// More would be a point mass at correlation one.
  public static let largestDegree = 1000

  /// The degree of the polynomial.
  public let degree: Int

  /// - Precondition: `degree` is in `0 ... largestDegree`.
  public init(degree: Int) {
    precondition((0...Self.largestDegree).contains(degree), "degree \(degree) is not in 0 ... \(Self.largestDegree)")
    self.degree = degree
  }

  public func function(_ x: Tensor) -> Tensor {
    guard degree > 0 else { return .ones(x.shape, dtype: x.dtype) }
    // hₖ₊₁ √(k+1) = x hₖ − √k hₖ₋₁ for the normalised polynomials: no factorials, no overflow.
    var previous = x
    var current = x
    for k in 1..<degree {
      let next = k == 1 ? x * current - 1 : x * current - Double(k).squareRoot() * previous
      (previous, current) = (current, next / Double(k + 1).squareRoot())
    }
    return current
  }

  public func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    integerPower(q12, degree)
  }

  public func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    degree == 0 ? .zeros(q12.shape, dtype: q12.dtype) : Double(degree) * integerPower(q12, degree - 1)
  }

  public var vectorDual: VectorDual? {
    VectorDual(nt_dual_power_series, coefficients: [Double](repeating: 0, count: degree) + [1])
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    degree = try arguments.degree(atMost: Self.largestDegree)
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("degree", degree)
  }
}
