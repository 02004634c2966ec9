import CovarianceEngine
import Platform
import Tensors

/// Hard tanh: φ(x) = x limited to [m, M] = [`min`, `max`].
///
/// φ'' is δ(x − m) − δ(x − M), so that ∂²κ/∂q12² is a sum of four normal densities p, and Taylor's formula at q12 = 0
/// gives with s = √(q11 q22) and the means μ = E[φ] and P = P(m < u < M) of each input:
/// κ = μ₁μ₂ + q12 P₁P₂ + Σ ± ∫ (q12 − r) p(a, b; r) dr and κ̇ = P₁P₂ + Σ ± ∫ p(a, b; r) dr over r from 0 to q12, for
/// a, b in {m, M}. With r = s sin α the integrands are bounded: p dr = e^(−E) dα/2π,
/// E = (a²/q11 − 2ab sin α/s + b²/q22)/(2 cos² α). The integrals are taken by Gauss–Legendre rules on panels that get
/// narrower towards q12, to 1e-11.
///
/// *Source:* Price's theorem, A useful theorem for nonlinear devices having Gaussian inputs, IRE Trans. Inf. Theory
/// (1958).
public struct HardTanh: Activation {
  public static let nodeName = "hardTanh"

  /// The least value.
  @HyperParameter public var min: Double
  /// The largest value.
  @HyperParameter public var max: Double

  /// - Precondition: `min` is at most `max`.
  public init(min: Double = -1, max: Double = 1) {
    precondition(min <= max, "min \(min) is above max \(max)")
    self.min = min
    self.max = max
  }

  public func function(_ x: Tensor) -> Tensor {
    if $min.isTensor || $max.isTensor {
      return maximum(minimum(x, $max.asTensor.asType(x.dtype)), $min.asTensor.asType(x.dtype))
    }
    return maximum(minimum(x, max), min)
  }

  public func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    inChunks(q12, q11, q22) { q12, q11, q22 in
      let (first, second) = (Limits(self, q11), Limits(self, q22))
      let arc = Arc(q12, q11, q22)
      let integral = arc.integral(first, second) { (q12 - arc.scale * $0) * $1 }
      return first.mean * second.mean + q12 * (first.inside * second.inside) + integral
    }
  }

  public func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    inChunks(q12, q11, q22) { q12, q11, q22 in
      let (first, second) = (Limits(self, q11), Limits(self, q22))
      return first.inside * second.inside + Arc(q12, q11, q22).integral(first, second) { $1 }
    }
  }

  public var vectorDual: VectorDual? {
    let (min, max) = (min, max)
    let layer = HardTanh(min: min, max: max)
    let source = SeriesSources.shared.source(of: Self.nodeName, [min, max]) {
      SeriesSource(
        { layer.function($0) }, derivative: { 0.5 * (sign($0 - min) - sign($0 - max)) },
        kinks: min == max ? [min] : [min, max], symmetry: min == -max ? .odd : .none,
        slopeJumps: min == max ? [0] : [1, -1]
      ) { (q12, q11, q22) throws(NetworkError) in
        layer.dual(q12, q11, q22)
      } derivativeDual: { (q12, q11, q22) throws(NetworkError) in
        layer.derivativeDual(q12, q11, q22)
      }
    }
    return VectorDual(source)
  }

  /// What one input contributes.
  private struct Limits {
    /// m and M over the standard deviation.
    let low, high: Tensor
    /// E[φ].
    let mean: Tensor
    /// P(m < u < M); half of it at a limit where the variance is zero.
    let inside: Tensor

    init(_ layer: HardTanh, _ q: Tensor) {
      let root = squareRoot(q)
      let isZero = root .<= 0
      let divisor = maximum(select(isZero, 1, root), 1e-100)
      // A limit far away counts as one of 1e6 standard deviations: its density underflows.
      func standardized(_ limit: HyperParameter) -> Tensor {
        let limit = limit.asTensor
        return select(isZero, 1e6 * sign(limit), clip(limit / divisor, -1e6, 1e6))
      }
      low = standardized(layer.$min)
      high = standardized(layer.$max)
      let half = 0.5.squareRoot()
      func below(_ t: Tensor) -> Tensor { 0.5 * erfc(-half * t) }
      // Near zero, probabilities are small differences of halves, and densities small differences of their maximum.
      let between = 0.5 * (erf(half * high) - erf(half * low))
      inside = select(
        low .> 1, below(-low) - below(-high), select(high .< -1, below(high) - below(low), between))
      let gap = (high - low) * (high + low)
      let nearest = exp(-0.5 * minimum(low * low, high * high)) * (0.5 / Double.pi).squareRoot()
      let difference = -expm1(-0.5 * abs(gap)) * nearest
      mean =
        layer.$min.asTensor * below(low) + layer.$max.asTensor * below(-high)
        + root * select(gap .>= 0, difference, -difference)
    }
  }

  /// The way from no correlation to the one at hand.
  private struct Arc {
    let scale: Tensor
    /// ±1, the sign of the covariance.
    private let direction: Tensor
    /// |asin ρ|.
    private let length: Tensor
    /// π/2 − |asin ρ|.
    private let rest: Tensor

    init(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) {
      let correlation = Correlation(q12, q11, q22)
      let acute = AcuteAngle(correlation)
      scale = correlation.scale
      rest = acute.angle
      length = atan2(acute.cosine, acute.sine)
      direction = select(correlation.isNonnegative, 1, -1 + 0 * q12)
    }

    /// Distances from the end of the arc, in units of its length: e^(−1/x²) needs panels whose width is that of their
    /// distance from 0.
    private static let rule: (nodes: Tensor, weights: Tensor) = {
      let edges = [0] + (0...4).reversed().map { Platform.pow(0.2, Double($0)) }
      let rule = GaussLegendre(degree: 16).composite(edges)
      return (Tensor(rule.nodes).expandedDims(1), Tensor(rule.weights).expandedDims(1))
    }()

    /// (1/2π) Σ ± ∫ weight(sin α, e^(−E)) dα.
    func integral(_ first: Limits, _ second: Limits, _ weight: (_ sine: Tensor, _ decay: Tensor) -> Tensor) -> Tensor {
      let toEnd = Self.rule.nodes * length
      // α and π/2 − α, each without cancellation.
      let (sine, cosine) = (sin(length - toEnd), sin(rest + toEnd))
      // E = (a₁ ∓ b₂)²/(2 cos² α) ± a₁b₂/(1 + sin |α|): no difference of large numbers near the end.
      let (square, sum) = (2 * (cosine * cosine), 1 + sine)
      // e^(−E) − 1, of which little cancels where the limits are much nearer than a standard deviation.
      func decay(_ a: Tensor, _ b: Tensor) -> Tensor {
        let difference = a - direction * b
        return expm1(-(difference * difference / square + direction * (a * b) / sum))
      }
      let same = decay(first.low, second.low) + decay(first.high, second.high)
      let mixed = decay(first.low, second.high) + decay(first.high, second.low)
      let total = pairwiseSum(Self.rule.weights * weight(direction * sine, same - mixed)).reshaped([-1])
      return direction * length * total * (0.5 / .pi)
    }
  }

  public mutating func visitHyperParameters(_ visitor: inout HyperParameterVisitor) {
    visitor.visit("min", &$min)
    visitor.visit("max", &$max)
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    let low = try arguments.number("min", default: -1)
    min = low
    max = try arguments.number(
      "max", default: Swift.max(1, low), in: { $0.isFinite && $0 >= low }, expected: "a number of at least min, \(low)")
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("min", min, default: -1)
    arguments.set("max", max, default: Swift.max(1, min))
  }
}
