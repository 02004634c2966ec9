import CovarianceEngine
import CVectorKernels
import Tensors

/// Scaled error function: φ(x) = a·erf(bx) + c.
///
/// With Δ = √((1 + 2b²q11)(1 + 2b²q22) − 4b⁴q12²): κ = a² (2/π) atan2(2b²q12, Δ) + c² and κ̇ = a²b² (4/π)/Δ.
///
/// *Source:* Williams, Computing with infinite networks, NIPS 1996.
public struct Erf: Activation {
  public static let nodeName = "erf"

  /// Height: φ(x) = a erf(b x) + c.
  @HyperParameter public var a: Double
  /// Steepness.
  @HyperParameter public var b: Double
  /// What is added.
  @HyperParameter public var c: Double

  public init(a: Double = 1, b: Double = 1, c: Double = 0) {
    self.a = a
    self.b = b
    self.c = c
  }

  public func function(_ x: Tensor) -> Tensor {
    let value = $a * erf($b * x)
    return $c.isExactly(0) ? value : value + $c
  }

  public func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    let k = 2 * $b * $b
    let determinant = ShiftedDeterminant(k, q12, q11, q22)
    let value = (2 * $a * $a / .pi) * atan2(k * q12 / determinant.norm, determinant.ratio)
    return $c.isExactly(0) ? value : value + $c * $c
  }

  public func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    (4 * $a * $a * $b * $b / .pi) / ShiftedDeterminant(2 * $b * $b, q12, q11, q22).root
  }

  public var vectorDual: VectorDual? { VectorDual(nt_dual_erf, parameters: [a, b, c]) }

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
