import CovarianceEngine
import CVectorKernels
import Platform
import Tensors

/// Gaussian error linear unit: φ(x) = x (1 + erf(x/√2))/2.
///
/// With Q = (1 + q11)(1 + q22), Δ² = Q − q12² and A = atan2(q12, Δ):
/// κ = q12/4 + [(q12² + q11 q22 Δ²)/(QΔ) + q12 A]/2π and
/// κ̇ = 1/4 + A/2π + (q12/2πΔ)[1/Δ² + (1 − q11 q22)/Q + 1].
///
/// *Source:* Tsuchida et al., Avoiding kernel fixed points: computing with ELU and GELU infinite networks, AAAI 2021
/// (arXiv 2002.08517).
public struct Gelu: Activation {
  public static let nodeName = "gelu"

  /// Whether finite networks use φ(x) = x (1 + tanh(√(2/π) (x + 0.044715 x³)))/2, which is within 5e-4 of the exact
  /// function; κ and κ̇ are those of the exact one in either case.
  public var approximate: Bool

  public init(approximate: Bool = false) {
    self.approximate = approximate
  }

  public func function(_ x: Tensor) -> Tensor {
    approximate
      ? 0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * (x * x * x))))
      : 0.5 * x * erfc(-0.5.squareRoot() * x)
  }

  public func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    let determinant = ShiftedDeterminant(1, q12, q11, q22)
    let (n, g) = (determinant.norm, determinant.ratio)
    let r = q12 / n
    let variances = (q11 / sqrt(1 + q11)) * (q22 / sqrt(1 + q22)) * g
    return 0.25 * q12 + (r * r / determinant.root + variances + q12 * atan2(r, g)) * (0.5 / .pi)
  }

  public func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    let determinant = ShiftedDeterminant(1, q12, q11, q22)
    let (n, g, delta) = (determinant.norm, determinant.ratio, determinant.root)
    let r = q12 / n
    // (1 − q11 q22)/Q + 1, without its cancellation for large variances.
    let rest = (2 + (q11 + q22)) / n / n
    return 0.25 + (atan2(r, g) + (r / g) * (1 / delta / delta + rest)) * (0.5 / .pi)
  }

  public var vectorDual: VectorDual? { VectorDual(nt_dual_gelu) }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    approximate = try arguments.boolean("approximate", default: false)
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("approximate", approximate, default: false)
  }
}
