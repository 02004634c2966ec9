import Platform

/// A growing function g that is applied to targets before a network learns them, so that skewed ones become more normal.
///
/// *Source:* Yeo and Johnson, A new family of power transformations to improve normality or symmetry (2000).
public enum TargetTransform: Sendable, Hashable {
  /// g(y) = y.
  case identity
  /// g(y) = log y, for positive targets.
  case logarithm
  /// g(y) = √(y + offset), for targets of at least −offset.
  case squareRoot(offset: Double)
  /// Powers of 1 + |u| with u = (y − location) / scale, λ where u is positive and 2 − λ where it is negative: for all
  /// targets. λ is from 0 to 2, and 1 changes nothing but place and scale.
  case yeoJohnson(lambda: Double, location: Double, scale: Double)

  /// g(y). What is outside of the transform's domain is NaN or −∞.
  public func callAsFunction(_ y: Double) -> Double {
    switch self {
    case .identity: return y
    case .logarithm: return log(y)
    case .squareRoot(let offset): return (y + offset).squareRoot()
    case .yeoJohnson(let lambda, let location, let scale):
      let u = (y - location) / scale
      return u >= 0 ? Self.power(u, lambda) : -Self.power(-u, 2 - lambda)
    }
  }

  /// The y with g(y) = z; the nearest one where there is none.
  public func inverse(_ z: Double) -> Double {
    switch self {
    case .identity: return z
    case .logarithm: return exp(z)
    case .squareRoot(let offset): return max(z, 0) * max(z, 0) - offset
    case .yeoJohnson(let lambda, let location, let scale):
      let u = z >= 0 ? Self.root(z, lambda) : -Self.root(-z, 2 - lambda)
      return location + scale * u
    }
  }

  /// log g′(y).
  public func logDerivative(_ y: Double) -> Double {
    switch self {
    case .identity: return 0
    case .logarithm: return -log(y)
    case .squareRoot(let offset): return -log(2) - 0.5 * log(y + offset)
    case .yeoJohnson(let lambda, let location, let scale):
      let u = (y - location) / scale
      return (u >= 0 ? 1 : -1) * (lambda - 1) * log1p(abs(u)) - log(scale)
    }
  }

  /// ((1 + u)^λ − 1) / λ for u of at least 0.
  private static func power(_ u: Double, _ lambda: Double) -> Double {
    lambda == 0 ? log1p(u) : expm1(lambda * log1p(u)) / lambda
  }

  private static func root(_ z: Double, _ lambda: Double) -> Double {
    lambda == 0 ? expm1(z) : expm1(log1p(lambda * z) / lambda)
  }

  /// The square root, with an offset of half the least positive target, which keeps its slope finite where targets are zero.
  ///
  /// - Returns: nil when a target is negative, or all are zero.
  public static func squareRoot(of targets: [Double]) -> TargetTransform? {
    guard targets.allSatisfy({ $0 >= 0 }), let positive = targets.filter({ $0 > 0 }).min() else { return nil }
    return .squareRoot(offset: positive / 2)
  }

  /// The logarithm.
  ///
  /// - Returns: nil unless all targets are positive.
  public static func logarithm(of targets: [Double]) -> TargetTransform? {
    targets.allSatisfy { $0 > 0 } ? .logarithm : nil
  }

  /// Yeo's and Johnson's transform with the λ that makes the targets most probable as independent normal numbers.
  ///
  /// - Returns: nil when the targets are all the same.
  public static func yeoJohnson(of targets: [Double]) -> TargetTransform? {
    guard targets.count > 2 else { return nil }
    let sorted = targets.sorted()
    let location = sorted[sorted.count / 2]
    let deviations = sorted.map { abs($0 - location) }
    let scale = deviations.reduce(0) { $0 + $1 / Double(deviations.count) }
    guard scale > 0, scale.isFinite else { return nil }
    func cost(_ lambda: Double) -> Double {
      let transform = TargetTransform.yeoJohnson(lambda: lambda, location: location, scale: scale)
      let values = targets.map(transform.callAsFunction)
      let count = Double(values.count)
      let mean = values.reduce(0) { $0 + $1 / count }
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) / count }
      return 0.5 * log(variance) - targets.reduce(0) { $0 + transform.logDerivative($1) } / count
    }
    // Golden sections.
    let ratio = (5.0.squareRoot() - 1) / 2
    var (low, high) = (0.0, 2.0)
    var (left, right) = (high - ratio * (high - low), low + ratio * (high - low))
    var (leftCost, rightCost) = (cost(left), cost(right))
    while high - low > 1e-3 {
      if leftCost < rightCost {
        (high, right, rightCost) = (right, left, leftCost)
        left = high - ratio * (high - low)
        leftCost = cost(left)
      } else {
        (low, left, leftCost) = (left, right, rightCost)
        right = low + ratio * (high - low)
        rightCost = cost(right)
      }
    }
    return .yeoJohnson(lambda: (low + high) / 2, location: location, scale: scale)
  }
}
