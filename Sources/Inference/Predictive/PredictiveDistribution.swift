import Platform

/// What is predicted for one number: a mixture of Student's t (or normal) distributions of g(y), g a target transform.
///
/// Density, probabilities and quantiles are those of y itself, by the change of variables, without approximation.
public struct PredictiveDistribution: Sendable {
  /// The shape of a component, with what its moments are computed from.
  public struct Shape: Sendable {
    /// Around 0, with scale 1.
    public let distribution: StudentT
    /// Values with their weights, which add up to one, that stand for the distribution in the mean of a function.
    fileprivate let nodes: [(value: Double, weight: Double)]

    /// The standard normal distribution.
    public static let normal = Shape(.normal)

    public init(_ distribution: StudentT) {
      self.distribution = distribution
      if distribution.degreesOfFreedom == .infinity {
        // The trapezoidal rule, which converges faster than any power of the distance between nodes.
        let values = stride(from: -12.0, through: 12, by: 0.25)
        nodes = values.map { ($0, 0.25 * exp(distribution.logDensity($0))) }
      } else {
        let count = 256
        nodes = (0..<count).map { (distribution.quantile((Double($0) + 0.5) / Double(count)), 1 / Double(count)) }
      }
    }
  }

  /// A part of the mixture, in units of g(y).
  public struct Component: Sendable {
    /// The weight in the mixture; those of all components add up to one.
    public var weight: Double
    /// The median.
    public var location: Double
    /// Positive.
    public var scale: Double
    /// Its distribution around 0 with scale 1.
    public var shape: Shape

    public init(weight: Double = 1, location: Double, scale: Double, shape: Shape = .normal) {
      (self.weight, self.location, self.scale, self.shape) = (weight, location, scale, shape)
    }
  }

  /// g.
  public let transform: TargetTransform
  /// At least one.
  public let components: [Component]
  /// Values of g(y) beyond which nothing counts in the moments where g is not the identity.
  public let plausible: ClosedRange<Double>

  /// - Parameters:
  ///   - plausible: values of g(y); those beyond count as the nearest of them in the moments where g is not the identity, so that
  ///     a logarithm's mean is not that of what never happens.
  /// - Precondition: there is a component.
  public init(
    _ components: [Component], transform: TargetTransform = .identity,
    plausible: ClosedRange<Double> = -Double.infinity...Double.infinity
  ) {
    precondition(!components.isEmpty, "expected at least one component")
    (self.components, self.transform, self.plausible) = (components, transform, plausible)
  }

  /// A normal distribution.
  public init(mean: Double, standardDeviation: Double) {
    self.init([Component(location: mean, scale: standardDeviation)])
  }

  /// The logarithm of the density at `y`; −∞ where y is impossible.
  public func logDensity(_ y: Double) -> Double {
    let z = transform(y)
    guard z.isFinite else { return -.infinity }
    let logs = components.map {
      log($0.weight) + $0.shape.distribution.logDensity((z - $0.location) / $0.scale) - log($0.scale)
    }
    let largest = logs.max() ?? -.infinity
    guard largest > -.infinity else { return largest }
    return largest + log(logs.reduce(0) { $0 + exp($1 - largest) }) + transform.logDerivative(y)
  }

  /// P(Y ≤ y).
  public func cumulative(_ y: Double) -> Double {
    let z = transform(y)
    // Below the transform's domain there is nothing.
    return z.isNaN ? 0 : cumulative(transformed: z)
  }

  private func cumulative(transformed z: Double) -> Double {
    components.reduce(0) { $0 + $1.weight * $1.shape.distribution.cumulative((z - $1.location) / $1.scale) }
  }

  /// The y with P(Y ≤ y) = p.
  public func quantile(_ p: Double) -> Double {
    func part(_ component: Component) -> Double {
      component.location + component.scale * component.shape.distribution.quantile(p)
    }
    if components.count == 1 { return transform.inverse(part(components[0])) }
    // The quantile of a mixture is between those of its components.
    let parts = components.map(part)
    guard var low = parts.min(), var high = parts.max(), low.isFinite, high.isFinite else {
      return transform.inverse(parts[0])
    }
    for _ in 0..<100 where high - low > 1e-13 * (abs(low) + abs(high)) {
      let middle = 0.5 * (low + high)
      if cumulative(transformed: middle) < p { low = middle } else { high = middle }
    }
    return transform.inverse(0.5 * (low + high))
  }

  /// Half of the probability is below it.
  public var median: Double { quantile(0.5) }

  /// The mean of Y and its standard deviation.
  ///
  /// Where a transform is inverted that has no mean under heavy tails, as the logarithm, they are those of 256 equally probable
  /// values, none of them beyond `plausible`.
  public var moments: (mean: Double, standardDeviation: Double) {
    var (mean, square) = (0.0, 0.0)
    if transform == .identity {
      for part in components { mean += part.weight * part.location }
      // Relative to the largest, so that no square is too large or too small.
      let size = components.reduce(.leastNormalMagnitude) { max($0, $1.scale, abs($1.location - mean)) }
      for part in components {
        let (distance, scale) = ((part.location - mean) / size, part.scale / size)
        square += part.weight * (scale * scale * part.shape.distribution.variance + distance * distance)
      }
      return (mean, size * square.squareRoot())
    }
    var values: [(value: Double, weight: Double)] = []
    for part in components {
      for node in part.shape.nodes {
        let z = min(max(part.location + part.scale * node.value, plausible.lowerBound), plausible.upperBound)
        values.append((transform.inverse(z), part.weight * node.weight))
      }
    }
    for (value, weight) in values { mean += weight * value }
    let size = values.reduce(.leastNormalMagnitude) { max($0, abs($1.value - mean)) }
    guard size.isFinite else { return (mean, size) }
    for (value, weight) in values { square += weight * ((value - mean) / size) * ((value - mean) / size) }
    return (mean, size * square.squareRoot())
  }
}
