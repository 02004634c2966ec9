import CovarianceEngine
import Platform

/// The standard normal distribution.
enum NormalDistribution {
  static func density(_ x: Double) -> Double { exp(-x * x / 2) / (2 * .pi).squareRoot() }

  /// P(X ≤ x), accurate relative to itself in the lower tail.
  static func cumulative(_ x: Double) -> Double { erfc(-x / 2.0.squareRoot()) / 2 }

  /// The x with P(X ≤ x) = p, to rounding error; ±∞ at 0 and 1.
  ///
  /// Newton's method on log P(X > x), which is concave and falling: from a point beyond the root every step comes
  /// nearer without crossing it. P(X > x) ≤ ½ e^{−x²/2} gives such a point.
  static func quantile(_ p: Double) -> Double {
    if p == 0.5 { return 0 }
    if p > 0.5 { return -quantile(1 - p) }
    if p <= 0 { return p == 0 ? -.infinity : .nan }
    let target = log(p)
    var x = (-2 * log(2 * p)).squareRoot()
    for _ in 0..<64 {
      let tail = cumulative(-x)
      let next = x + (log(tail) - target) * tail / density(x)
      if !(next < x * (1 - 1e-16)) { break }
      x = next
    }
    return -x
  }
}
