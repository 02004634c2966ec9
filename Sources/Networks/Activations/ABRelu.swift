import CovarianceEngine
import CVectorKernels
import Tensors

/// Piecewise linear: φ(x) = a·min(x, 0) + b·max(x, 0).
///
/// With θ = acos ρ and F = (a − b)²/2π: κ = F √(q11 q22 − q12²) + κ̇ q12 and κ̇ = (a² + b²)/2 − F θ. At a zero variance
/// θ counts as π/2, which is the mean (a + b)/2 of the slopes at the kink, squared.
///
/// *Source:* Cho and Saul, Kernel methods for deep learning, NIPS 2009, arc-cosine kernel of degree 1; Tsuchida et al.,
/// Invariance of weight distributions in rectified MLPs, ICML 2018, for slopes on both sides.
public struct ABRelu: Activation {
  public static let nodeName = "abRelu"

  /// Slope for negative inputs.
  @HyperParameter public var a: Double
  /// Slope for positive inputs.
  @HyperParameter public var b: Double
  /// Kept in files that ask for it; the dual is as accurate for very large and very small covariances without.
  public var stabilize: Bool

  public init(_ a: Double, _ b: Double, stabilize: Bool = false) {
    self.a = a
    self.b = b
    self.stabilize = stabilize
  }

  public func function(_ x: Tensor) -> Tensor {
    // A zero slope times an infinite input would be NaN.
    if $a.isExactly(0) { return scaled(maximum(x, 0), by: $b) }
    if $b.isExactly(0) { return scaled(minimum(x, 0), by: $a) }
    return $a * minimum(x, 0) + $b * maximum(x, 0)
  }

  private func scaled(_ x: Tensor, by slope: HyperParameter) -> Tensor { slope.isExactly(1) ? x : slope * x }

  private var curvature: HyperParameter { ($a - $b) * ($a - $b) / (2 * .pi) }
  private var meanSquare: HyperParameter { ($a * $a + $b * $b) / 2 }

  // With the acute angle θ' and cos θ' = |ρ|, κ = F (s sin θ' − |q12| θ') + m q12, where m = (a² + b²)/2 for ρ ≥ 0 and
  // m = ab for ρ < 0: the bracket vanishes at |ρ| = 1, so that κ(q, q, q) is exactly (a² + b²) q / 2.

  public func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    let correlation = Correlation(q12, q11, q22)
    let acute = AcuteAngle(correlation)
    let linear = select(correlation.isNonnegative, meanSquare * q12, $a * $b * q12)
    return linear + curvature * (correlation.scale * acute.sine - correlation.magnitude * acute.angle)
  }

  public func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    let correlation = Correlation(q12, q11, q22)
    let bend = curvature * AcuteAngle(correlation).angle
    return select(correlation.isNonnegative, -bend + meanSquare, bend + $a * $b)
  }

  public func varianceDual(_ q: Tensor) -> Tensor { meanSquare * q }

  public var vectorDual: VectorDual? { VectorDual(nt_dual_ab_relu, parameters: [a, b]) }

  public mutating func visitHyperParameters(_ visitor: inout HyperParameterVisitor) {
    visitor.visit("a", &$a)
    visitor.visit("b", &$b)
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    a = try arguments.number("a")
    b = try arguments.number("b")
    stabilize = try arguments.boolean("stabilize", default: false)
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("a", a)
    arguments.set("b", b)
    arguments.set("stabilize", stabilize, default: false)
  }
}
