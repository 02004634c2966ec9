import Platform

/// Student's t distribution around 0 with scale 1. With infinitely many degrees of freedom it is the standard normal
/// distribution.
public struct StudentT: Sendable, Hashable {
  /// Positive, or infinity. The fewer, the heavier the tails.
  public let degreesOfFreedom: Double
  /// The logarithm of what the density is divided by.
  private let logNormalization: Double

  /// - Precondition: `degreesOfFreedom` is positive.
  public init(degreesOfFreedom: Double) {
    precondition(degreesOfFreedom > 0, "expected a positive number of degrees of freedom, found \(degreesOfFreedom)")
    self.degreesOfFreedom = degreesOfFreedom
    let half = degreesOfFreedom / 2
    logNormalization =
      degreesOfFreedom > 1e8 ? 0.5 * log(2 * .pi) : 0.5 * log(degreesOfFreedom * .pi) - logGammaHalfStep(half)
  }

  /// The standard normal distribution.
  public static let normal = StudentT(degreesOfFreedom: .infinity)

  private var isNormal: Bool { degreesOfFreedom > 1e8 }

  /// Infinite for at most two degrees of freedom.
  public var variance: Double {
    if isNormal { return 1 }
    return degreesOfFreedom > 2 ? degreesOfFreedom / (degreesOfFreedom - 2) : .infinity
  }

  /// The logarithm of the density at `x`.
  public func logDensity(_ x: Double) -> Double {
    if isNormal { return -0.5 * x * x - logNormalization }
    return -0.5 * (degreesOfFreedom + 1) * log1p(x * x / degreesOfFreedom) - logNormalization
  }

  /// P(X ≤ x), accurate relative to itself in the lower tail.
  public func cumulative(_ x: Double) -> Double {
    if isNormal { return NormalDistribution.cumulative(x) }
    if x > 0 { return 1 - cumulative(-x) }
    // P(|X| > |x|) is a beta function of ν / (ν + x²), and the other way round of the rest.
    let square = x * x
    let (a, b) = (degreesOfFreedom / 2, 0.5)
    let place = degreesOfFreedom / (degreesOfFreedom + square)
    if square == .infinity { return 0 }
    if place < (a + 1) / (a + b + 2) { return 0.5 * regularizedBeta(place, a, b) }
    return 0.5 * (1 - regularizedBeta(square / (degreesOfFreedom + square), b, a))
  }

  /// The x with P(X ≤ x) = p; ±∞ at 0 and 1, NaN outside.
  public func quantile(_ p: Double) -> Double {
    if isNormal { return NormalDistribution.quantile(p) }
    if p == 0.5 { return 0 }
    if p > 0.5 { return -quantile(1 - p) }
    guard p > 0 else { return p == 0 ? -.infinity : .nan }
    // Newton's method on the logarithm of the lower tail, kept inside a bracket.
    let target = log(p)
    var (low, high) = (-1.0, 0.0)
    while cumulative(low) > p, low > -1e300 { (low, high) = (low * 4, low) }
    var x = 0.5 * (low + high)
    for _ in 0..<200 {
      let tail = cumulative(x)
      if tail > p { high = x } else { low = x }
      var next = x - (log(tail) - target) * tail / exp(logDensity(x))
      if !(next > low && next < high) { next = 0.5 * (low + high) }
      if abs(next - x) <= 1e-15 * abs(x) { return next }
      x = next
    }
    return x
  }
}

/// log Γ(x + ½) − log Γ(x) for positive x.
///
/// *Source:* the recurrence to where the asymptotic series of Tricomi and Erdélyi (1951) is exact to rounding.
private func logGammaHalfStep(_ x: Double) -> Double {
  // Γ(x + 1½) / Γ(x + 1) = Γ(x + ½) / Γ(x) · (x + ½) / x.
  var (x, rest) = (x, 0.0)
  while x < 20 {
    rest += log1p(0.5 / x)
    x += 1
  }
  let inverse = 1 / x, square = inverse * inverse
  let series =
    -inverse * (1.0 / 8 - square * (1.0 / 192 - square * (1.0 / 640 - square * (17.0 / 14336 - square * 31 / 18432))))
  return 0.5 * log(x) + series - rest
}

/// The regularized incomplete beta function I_x(a, b), for x below (a + 1) / (a + b + 2), by its continued fraction. One of
/// a and b is ½.
///
/// *Source:* Digital Library of Mathematical Functions, 8.17.22, evaluated by Lentz's method.
private func regularizedBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
  guard x > 0 else { return 0 }
  let tiny = 1e-300
  var c = 1.0
  var d = 1 - (a + b) * x / (a + 1)
  d = 1 / (abs(d) < tiny ? tiny : d)
  var fraction = d
  for index in 1...10_000 {
    let m = Double(index)
    func advance(_ numerator: Double) -> Double {
      d = 1 + numerator * d
      d = 1 / (abs(d) < tiny ? tiny : d)
      c = 1 + numerator / c
      if abs(c) < tiny { c = tiny }
      fraction *= c * d
      return abs(c * d - 1)
    }
    _ = advance(m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)))
    if advance(-(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))) < 1e-16 { break }
  }
  let logFactor = a * log(x) + b * log1p(-x) + logGammaHalfStep(b == 0.5 ? a : b) - 0.5 * log(.pi)
  return exp(logFactor) * fraction / a
}
