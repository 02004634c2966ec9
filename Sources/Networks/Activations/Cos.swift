import CovarianceEngine
import CVectorKernels
import Tensors

/// Cosine: φ(x) = a·cos(bx + c).
///
/// κ and κ̇ are those of `Sin` with c + π/2 for c.
///
/// *Source:* Pearce et al., Expressive priors in Bayesian neural networks: kernel combinations and periodic functions,
/// UAI 2019 (arXiv 1905.06076).
public struct Cos: Activation {
  public static let nodeName = "cos"

  /// Height: φ(x) = a cos(b x + c).
  @HyperParameter public var a: Double
  /// Frequency.
  @HyperParameter public var b: Double
  /// Phase, in radians.
  @HyperParameter public var c: Double

  public init(a: Double = 1, b: Double = 1, c: Double = 0) {
    self.a = a
    self.b = b
    self.c = c
  }

  public func function(_ x: Tensor) -> Tensor {
    $a * cos($c.isExactly(0) ? $b * x : $b * x + $c)
  }

  // Not by way of c + π/2: its rounding would dominate κ̇ for small variances when c is 0.

  public func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    let cosine = $c.cosine
    return ($a * $a) * Waves($b * $b, q12, q11, q22).sum(phase: cosine * cosine)
  }

  public func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    let sine = $c.sine
    return ($a * $a * $b * $b) * Waves($b * $b, q12, q11, q22).sum(phase: sine * sine)
  }

  public var vectorDual: VectorDual? { VectorDual(nt_dual_sin, parameters: [a, b, c + .pi / 2]) }

  public mutating func visitHyperParameters(_ visitor: inout HyperParameterVisitor) {
    visitor.visit("a", &$a)
    visitor.visit("b", &$b)
    visitor.visit("c", &$c)
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    a = try arguments.number("a", default: 1)
    b = try arguments.number("b", default: 1)
    c = try arguments.number("c", default: 0)
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("a", a, default: 1)
    arguments.set("b", b, default: 1)
    arguments.set("c", c, default: 0)
  }
}
