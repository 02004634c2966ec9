import CovarianceEngine
import CVectorKernels
import Tensors

/// Sine: φ(x) = a·sin(bx + c).
///
/// With S = q11 + q22: κ = (a²/2)[e^(b²(q12 − S/2)) − cos 2c · e^(−b²(q12 + S/2))] and
/// κ̇ = (a²b²/2)[e^(b²(q12 − S/2)) + cos 2c · e^(−b²(q12 + S/2))].
///
/// *Source:* Pearce et al., Expressive priors in Bayesian neural networks: kernel combinations and periodic functions,
/// UAI 2019 (arXiv 1905.06076).
public struct Sin: Activation {
  public static let nodeName = "sin"

  /// Height: φ(x) = a sin(b x + c).
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
    $a * sin($c.isExactly(0) ? $b * x : $b * x + $c)
  }

  public func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    let sine = $c.sine
    return ($a * $a) * Waves($b * $b, q12, q11, q22).sum(phase: sine * sine)
  }

  public func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    let cosine = $c.cosine
    return ($a * $a * $b * $b) * Waves($b * $b, q12, q11, q22).sum(phase: cosine * cosine)
  }

  public var vectorDual: VectorDual? { VectorDual(nt_dual_sin, parameters: [a, b, c]) }

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

/// The expectations that the duals of sine and cosine are made of: for β = b² and u, v Gaussian,
/// E[sin(bu) sin(bv)] = e^(−βS/2) sinh(βq12) and E[cos(bu − bv)], E[cos(bu + bv)] = e^(−β(S/2 ∓ q12)).
struct Waves {
  /// e^(−βS/2) sinh(βq12), to full relative accuracy however small the covariance.
  private let product: Tensor
  /// e^(−β(S/2 + q12)).
  private let opposed: Tensor

  init(_ beta: HyperParameter, _ q12: Tensor, _ q11: Tensor, _ q22: Tensor) {
    let isNonnegative = q12 .>= 0
    let magnitude = select(isNonnegative, q12, -q12)
    // S/2 − |q12| from differences that are exact where the three are near each other.
    let decay = exp(-beta / 2 * ((q11 - magnitude) + (q22 - magnitude)))
    let half = -0.5 * (decay * expm1((-2 * beta) * magnitude))
    product = select(isNonnegative, half, -half)
    opposed = exp(-beta / 2 * ((q11 + q12) + (q22 + q12)))
  }

  /// [e^(β(q12 − S/2)) − (1 − 2p) e^(−β(q12 + S/2))] / 2 for p = `phase`.
  func sum(phase: HyperParameter) -> Tensor {
    phase.isExactly(0) ? product : product + phase * opposed
  }
}
