import CovarianceEngine
import Platform
import Tensors

/// Exponential linear unit: φ(x) = x for x > 0, else α(eˣ − 1).
///
/// φ'' = α eˣ 1(x < 0) + (1 − α) δ(x). With s = √(q11 q22), standard deviations σ₁, σ₂, E(t) = e^(t²/2) P(z < −t), the
/// normal density p(r) = 1/(2π√(s² − r²)) at (0, 0) and gᵢ(r) = e^(tᵢ²/2) P(z < −tᵢ) / √(2π q) for the covariance r,
/// tᵢ = σᵢ √(1 − r²/s²) and the variance q of the other input: D(r) = E[e^(u+v) 1(u < 0, v < 0)] satisfies D' = D + f,
/// f = p − g₁ − g₂, and D(s) = E(σ₁ + σ₂). Taylor's formula at correlation one, with Δ = s − q12 and w = r − q12, is
///
/// κ = κ(s) − κ̇(s)Δ + α²[D(s)(e^(−Δ) − 1 + Δ) − ∫ f (e^(−w) − 1 + w) dr] + ∫ w [α(1 − α)(g₁ + g₂) + (1 − α)² p] dr,
///
/// κ̇ = κ̇(s) + α²[D(s)(e^(−Δ) − 1) − ∫ f (e^(−w) − 1) dr] − ∫ [α(1 − α)(g₁ + g₂) + (1 − α)² p] dr over r from q12 to s,
/// where κ̇(s) = 1/2 + α²D(s) and κ(s) is a one-dimensional integral. With r = s cos θ all integrands are smooth; they
/// are integrated by Gauss–Legendre rules to 1e-12 for variances up to 1e12, and nothing cancels near correlation one.
///
/// *Source:* Price's theorem (1958); Tsuchida et al., Avoiding kernel fixed points: computing with ELU and GELU infinite
/// networks, AAAI 2021 (arXiv 2002.08517), for the dual by bivariate normal probabilities.
public struct Elu: Activation {
  public static let nodeName = "elu"

  /// α: minus the limit for large negative inputs.
  @HyperParameter public var alpha: Double

  public init(alpha: Double = 1) {
    self.alpha = alpha
  }

  public func function(_ x: Tensor) -> Tensor {
    if $alpha.isExactly(1) { return NumericalFunction.elu.function(x) }
    return select(x .> 0, x, $alpha * expm1(minimum(x, 0)))
  }

  private var alphaSquare: HyperParameter { $alpha * $alpha }
  private var kink: HyperParameter { HyperParameter(1) - $alpha }

  public func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    byWidth(q12, q11, q22) { q12, q11, q22, panels in
      let arc = Arc(q12, q11, q22, panels)
      let integrals = arc.integrals {
        exponentialRest($0)
      } linear: {
        $0
      }
      let start = 0.5 * arc.scale + alphaSquare * arc.bothNegative - (0.5 + alphaSquare * arc.exponential) * arc.gap
      let bend = alphaSquare * (arc.exponential * exponentialRest(arc.gap) - integrals.smooth)
      return start + bend + ($alpha * kink) * integrals.mixed + (kink * kink) * integrals.sharp
    }
  }

  public func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    byWidth(q12, q11, q22) { q12, q11, q22, panels in
      let arc = Arc(q12, q11, q22, panels)
      let integrals = arc.integrals {
        expm1(-$0)
      } linear: {
        1 + 0 * $0
      }
      let bend = alphaSquare * (arc.exponential * expm1(-arc.gap) - integrals.smooth)
      let corner = ($alpha * kink) * integrals.mixed + (kink * kink) * integrals.sharp
      return 0.5 + alphaSquare * arc.exponential + bend - corner
    }
  }

  /// Its kink is at 0, so that the tail of the series is known, too.
  public var vectorDual: VectorDual? {
    let layer = Elu(alpha: alpha)
    return VectorDual(SeriesSources.shared.source(of: Self.nodeName, [alpha]) { SeriesSource(layer) })
  }

  /// φ', for numbers.
  fileprivate func derivative(_ x: Tensor) -> Tensor { select(x .> 0, 1, alpha * exp(minimum(x, 0))) }

  /// Entries of large variances on panels of their own, which others have no use for.
  private func byWidth(
    _ q12: Tensor, _ q11: Tensor, _ q22: Tensor, _ function: (Tensor, Tensor, Tensor, Panels) -> Tensor
  ) -> Tensor {
    let full = q12 + q11 + q22
    if full.isTraced && LeftOutIntegrals.isTracing {
      let found = inChunks(q12, q11, q22) { function($0, $1, $2, .narrow) }
      return select(maximum(q11, q22) .<= Panels.largestNarrow, found, Double.nan)
    }
    if full.isTraced { return inChunks(q12, q11, q22) { function($0, $1, $2, .wide) } }
    let flat = [q12, q11, q22].map { $0.broadcast(to: full.shape).reshaped([-1]) }
    let largest = maximum(flat[1], flat[2]).asType(.float64).scalars(as: Double.self)
    var (places, values) = ([Int](), [Tensor]())
    for (panels, chosen) in [
      (Panels.narrow, largest.indices.filter { !(largest[$0] > Panels.largestNarrow) }),
      (Panels.wide, largest.indices.filter { largest[$0] > Panels.largestNarrow }),
    ] where !chosen.isEmpty {
      let part = flat.map { $0.taking(chosen, axis: 0) }
      values.append(inChunks(part[0], part[1], part[2]) { function($0, $1, $2, panels) })
      places += chosen
    }
    guard values.count > 1 else { return values.isEmpty ? full : values[0].reshaped(full.shape) }
    var order = [Int](repeating: 0, count: places.count)
    for (place, index) in places.enumerated() { order[index] = place }
    return concatenate(values, axis: 0).taking(order, axis: 0).reshaped(full.shape)
  }

  /// e^(−x) − 1 + x.
  private func exponentialRest(_ x: Tensor) -> Tensor { expm1(-x) + x }

  /// The way from correlation one to the one at hand; tensors are of rank 1 and float64.
  private struct Arc {
    let first: Tensor
    let second: Tensor
    let scale: Tensor
    /// Δ.
    let gap: Tensor
    /// D(s).
    let exponential: Tensor
    /// acos ρ.
    private let length: Tensor
    private let panels: Panels

    init(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor, _ panels: Panels) {
      self.panels = panels
      let correlation = Correlation(q12, q11, q22)
      first = squareRoot(q11)
      second = squareRoot(q22)
      scale = correlation.scale
      gap = nonnegative(scale - q12)
      exponential = scaledTail(first + second)
      let acute = AcuteAngle(correlation).angle
      length = select(correlation.isNonnegative, acute, .pi - acute)
    }

    /// E[(eᵘ − 1)(eᵛ − 1); u, v < 0] at correlation one.
    var bothNegative: Tensor {
      pairwiseSum(panels.lineWeights * (expm1(-panels.line * first) * expm1(-panels.line * second))).reshaped([-1])
    }

    /// ∫ f k(w) dr, ∫ (g₁ + g₂) l(w) dr and ∫ p l(w) dr.
    func integrals(
      _ smooth: (Tensor) -> Tensor, linear: (Tensor) -> Tensor
    ) -> (smooth: Tensor, mixed: Tensor, sharp: Tensor) {
      let (node, rest, weight) = (panels.arc, panels.arcRest, panels.arcWeights)
      let sine = sin(node * length)
      // cos a − cos b = 2 sin((a + b)/2) sin((b − a)/2), without cancellation.
      let w = 2 * scale * sin((0.5 * (1 + node)) * length) * sin((0.5 * rest) * length)
      // p dr = dθ/2π, and the densities of the other input cancel s sin θ dθ to σᵢ sin θ dθ.
      let (t1, t2) = (first * sine, second * sine)
      let tails = (t1 * scaledTail(t1) + t2 * scaledTail(t2)) * (2 * .pi).squareRoot()
      func integral(_ x: Tensor) -> Tensor { length * (0.5 / .pi) * pairwiseSum(weight * x).reshaped([-1]) }
      let kernel = linear(w)
      return (integral((1 - tails) * smooth(w)), integral(tails * kernel), integral(kernel))
    }
  }

  /// Where the integrals are taken, shapes (nodes, 1).
  private final class Panels: Sendable {
    static let narrow = Panels(line: 0, start: 0, end: 0)
    static let wide = Panels(line: 9, start: 8, end: 12)
    /// The largest variance of the narrow panels.
    static let largestNarrow = 25.0

    /// Half the normal density: 9 standard deviations, with panels for functions as narrow as 1/20 or, five times narrower
    /// again and again, 1e-7.
    let line: Tensor
    let lineWeights: Tensor
    /// Fractions of an arc, and their distances from 1; finer towards both ends, where layers of width 1/√q and 1/q are.
    let arc: Tensor
    let arcRest: Tensor
    let arcWeights: Tensor

    /// Each as many times five times narrower towards zero, and towards both ends of the arc.
    private init(line lineLevels: Int, start startLevels: Int, end endLevels: Int) {
      func towardsZero(_ width: Double, _ levels: Int) -> [Double] {
        [0] + (0...levels).reversed().map { width * Platform.pow(5, -Double($0)) }
      }
      func column(_ x: [Double]) -> Tensor { Tensor(x, shape: [x.count, 1]) }
      let rule = GaussLegendre(degree: lineLevels == 0 ? 14 : 20)
      let density = rule.composite(towardsZero(0.2, lineLevels) + [0.8, 2.4, 5, 9])
      line = column(density.nodes)
      lineWeights = column(zip(density.nodes, density.weights).map { $1 * normalDensity($0) })
      let start = rule.composite(towardsZero(0.1, startLevels) + [0.5])
      let end = rule.composite(towardsZero(0.1, endLevels) + [0.5])
      arc = column(start.nodes + end.nodes.map { 1 - $0 })
      arcRest = column(start.nodes.map { 1 - $0 } + end.nodes)
      arcWeights = column(start.weights + end.weights)
    }
  }

  public mutating func visitHyperParameters(_ visitor: inout HyperParameterVisitor) {
    visitor.visit("alpha", &$alpha)
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    alpha = try arguments.number("alpha", default: 1)
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("alpha", alpha, default: 1)
  }
}

extension SeriesSource {
  convenience init(_ elu: Elu, scale: Double = 1) {
    let square = scale * scale
    self.init(
      { scale * elu.function($0) }, derivative: { scale * elu.derivative($0) }, kinks: [0], symmetry: .none
    ) { (q12, q11, q22) throws(NetworkError) in
      square * elu.dual(q12, q11, q22)
    } derivativeDual: { (q12, q11, q22) throws(NetworkError) in
      square * elu.derivativeDual(q12, q11, q22)
    }
  }
}
