import CovarianceEngine
import CVectorKernels
import Tensors

/// Exponential: φ(x) = a·e^(bx).
///
/// κ = a² e^(b²((q11 + q22)/2 + q12)) and κ̇ = b²κ.
///
/// *Source:* the mean of a log-normal variable; Daniely et al., Toward deeper understanding of neural networks, NIPS
/// 2016 (arXiv 1602.05897), for the dual of the exponential.
public struct Exp: Activation {
  public static let nodeName = "exp"

  /// Height: φ(x) = a exp(b x).
  @HyperParameter public var a: Double
  /// Rate.
  @HyperParameter public var b: Double

  public init(a: Double = 1, b: Double = 1) {
    self.a = a
    self.b = b
  }

  public func function(_ x: Tensor) -> Tensor {
    $a * exp($b * x)
  }

  public func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    ($a * $a) * exp(($b * $b / 2) * ((q11 + q12) + (q22 + q12)))
  }

  public func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    ($b * $b) * dual(q12, q11, q22)
  }

  public var vectorDual: VectorDual? { VectorDual(nt_dual_exp, parameters: [a, b]) }

  public mutating func visitHyperParameters(_ visitor: inout HyperParameterVisitor) {
    visitor.visit("a", &$a)
    visitor.visit("b", &$b)
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    a = try arguments.number("a", default: 1)
    b = try arguments.number("b", default: 1)
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("a", a, default: 1)
    arguments.set("b", b, default: 1)
  }
}
