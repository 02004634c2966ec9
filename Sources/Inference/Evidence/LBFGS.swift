import CovarianceEngine
import Platform

/// Minimises a smooth function of a few numbers from its values and gradients: the limited-memory method of Broyden,
/// Fletcher, Goldfarb and Shanno with a line search for the strong Wolfe conditions.
///
/// Where the function has no value (a matrix that is not positive definite, say) a step is shortened.
///
/// *Source:* Nocedal and Wright, Numerical Optimization, 2nd edition 2006, algorithms 7.4, 7.5, 3.5 and 3.6.
public struct LBFGS: Sendable {
  /// Pairs of steps and gradient changes that stand for the Hessian.
  /// At least one counts.
  public var memory: Int
  /// Iterations at most; none when it is negative.
  public var maximumIterations: Int
  /// Converged when no derivative is larger.
  public var gradientTolerance: Double
  /// Converged when an iteration lowers the value by less, relative to it.
  public var valueTolerance: Double

  public init(
    memory: Int = 10, maximumIterations: Int = 100, gradientTolerance: Double = 1e-6, valueTolerance: Double = 1e-12
  ) {
    self.memory = memory
    self.maximumIterations = maximumIterations
    self.gradientTolerance = gradientTolerance
    self.valueTolerance = valueTolerance
  }

  /// Where a minimisation ended.
  public struct Minimum: Sendable {
    /// The numbers.
    public var point: [Double]
    /// The function's value there.
    public var value: Double
    /// Its derivatives there.
    public var gradient: [Double]
    /// Iterations that were made.
    public var iterations: Int
    /// Calls of the function.
    public var evaluations: Int
    /// False when iterations ran out.
    public var isConverged: Bool
  }

  /// A value and its gradient.
  public typealias Sample = (value: Double, gradient: [Double])

  /// - Parameters:
  ///   - function: nil where it has no value.
  ///   - progress: told every iteration's number and value.
  ///   - start: where the search begins.
  /// - Returns: nil when the function has no value at `start`.
  public func minimize<Failure: Error>(
    from start: [Double], progress: (Int, Double) -> Void = { _, _ in },
    _ function: ([Double]) throws(Failure) -> Sample?
  ) throws(Failure) -> Minimum? {
    var evaluations = 0
    func sample(_ point: [Double]) throws(Failure) -> Sample? {
      evaluations += 1
      guard let sample = try function(point), sample.value.isFinite, sample.gradient.allSatisfy(\.isFinite) else {
        return nil
      }
      return sample
    }
    guard var current = try sample(start) else { return nil }
    var point = start
    var history: [Change] = []
    for iteration in 0..<max(0, maximumIterations) {
      progress(iteration, current.value)
      func ended(_ isConverged: Bool) -> Minimum {
        Minimum(
          point: point, value: current.value, gradient: current.gradient, iterations: iteration,
          evaluations: evaluations, isConverged: isConverged)
      }
      if current.gradient.allSatisfy({ abs($0) <= gradientTolerance }) { return ended(true) }
      var direction = Self.direction(current.gradient, history)
      if dot(direction, current.gradient) >= 0 {
        history = []
        direction = Self.direction(current.gradient, [])
      }
      // A first step of length 1 at most: the gradient says nothing about scale.
      let length = dot(direction, direction).squareRoot()
      let search = LineSearch(origin: point, direction: direction, start: current)
      guard let step = try search.run(first: history.isEmpty ? min(1, 1 / length) : 1, sample) else {
        // Rounding hides any descent, unless the history misleads.
        if history.isEmpty { return ended(true) }
        history = []
        continue
      }
      let next = search.point(at: step.t)
      let change = Change(
        step: zip(next, point).map { $0 - $1 }, slope: zip(step.sample.gradient, current.gradient).map { $0 - $1 })
      if change.curvature > 1e-12 * dot(change.slope, change.slope) { history.append(change) }
      if history.count > max(1, memory) { history.removeFirst() }
      let decrease = current.value - step.sample.value
      (point, current) = (next, step.sample)
      if decrease <= valueTolerance * max(1, abs(current.value)) { return ended(true) }
    }
    return Minimum(
      point: point, value: current.value, gradient: current.gradient, iterations: maximumIterations,
      evaluations: evaluations, isConverged: current.gradient.allSatisfy { abs($0) <= gradientTolerance })
  }

  /// What a step did to the gradient.
  private struct Change {
    let step: [Double]
    let slope: [Double]
    let curvature: Double

    init(step: [Double], slope: [Double]) {
      (self.step, self.slope, curvature) = (step, slope, dot(step, slope))
    }
  }

  /// Minus the approximate inverse Hessian times the gradient, by two loops over the history.
  private static func direction(_ gradient: [Double], _ history: [Change]) -> [Double] {
    var result = gradient.map { -$0 }
    var factors: [Double] = []
    for change in history.reversed() {
      let factor = dot(change.step, result) / change.curvature
      factors.append(factor)
      result = zip(result, change.slope).map { $0 - factor * $1 }
    }
    if let last = history.last {
      let scale = last.curvature / dot(last.slope, last.slope)
      result = result.map { $0 * scale }
    }
    for (change, factor) in zip(history, factors.reversed()) {
      let correction = factor - dot(change.slope, result) / change.curvature
      result = zip(result, change.step).map { $0 + correction * $1 }
    }
    return result
  }
}

/// A step along a descent direction with enough decrease and a slope near zero.
private struct LineSearch {
  let origin: [Double]
  let direction: [Double]
  let start: LBFGS.Sample

  struct Step {
    var t: Double
    var sample: LBFGS.Sample
    /// Of the function along the direction.
    var slope: Double
  }

  private static let decrease = 1e-4
  private static let curvature = 0.9

  func point(at t: Double) -> [Double] { zip(origin, direction).map { $0 + t * $1 } }

  func run<Failure: Error>(
    first: Double, _ sample: ([Double]) throws(Failure) -> LBFGS.Sample?
  ) throws(Failure) -> Step? {
    let slope = dot(start.gradient, direction)
    var previous = Step(t: 0, sample: start, slope: slope)
    var t = first
    for trial in 0..<25 {
      guard let step = try step(at: t, sample) else {
        return try zoom(previous, previous, limit: t, slope, sample)
      }
      if !hasDecreased(step, slope) || (trial > 0 && step.sample.value >= previous.sample.value) {
        return try zoom(previous, step, limit: nil, slope, sample)
      }
      if abs(step.slope) <= -Self.curvature * slope { return step }
      if step.slope >= 0 { return try zoom(step, previous, limit: nil, slope, sample) }
      previous = step
      t *= 2
    }
    return previous.t > 0 ? previous : nil
  }

  private func step<Failure: Error>(
    at t: Double, _ sample: ([Double]) throws(Failure) -> LBFGS.Sample?
  ) throws(Failure) -> Step? {
    guard let found = try sample(point(at: t)) else { return nil }
    return Step(t: t, sample: found, slope: dot(found.gradient, direction))
  }

  private func hasDecreased(_ step: Step, _ slope: Double) -> Bool {
    step.sample.value <= start.value + Self.decrease * step.t * slope
  }

  /// Between `low`, the best step so far, and `high`; or `limit`, where the function has no value.
  private func zoom<Failure: Error>(
    _ low: Step, _ high: Step, limit: Double?, _ slope: Double, _ sample: ([Double]) throws(Failure) -> LBFGS.Sample?
  ) throws(Failure) -> Step? {
    var (low, high, limit) = (low, high, limit)
    for _ in 0..<40 {
      let end = limit ?? high.t
      guard abs(end - low.t) > 1e-16 * max(1, abs(low.t)) else { break }
      let t = limit == nil ? Self.cubicMinimum(low, high) : (low.t + end) / 2
      guard let step = try step(at: t, sample) else {
        limit = t
        continue
      }
      if !hasDecreased(step, slope) || step.sample.value >= low.sample.value {
        (high, limit) = (step, nil)
        continue
      }
      if abs(step.slope) <= -Self.curvature * slope { return step }
      if step.slope * (end - low.t) >= 0 { (high, limit) = (low, nil) }
      low = step
    }
    return low.t > 0 ? low : nil
  }

  /// The minimum of the cubic through two steps with their slopes, kept away from both.
  private static func cubicMinimum(_ a: Step, _ b: Step) -> Double {
    let width = b.t - a.t
    let mean = a.slope + b.slope - 3 * (a.sample.value - b.sample.value) / (a.t - b.t)
    let discriminant = mean * mean - a.slope * b.slope
    let root = (discriminant > 0 ? discriminant.squareRoot() : 0) * (width < 0 ? -1 : 1)
    let t = b.t - width * (b.slope + root - mean) / (b.slope - a.slope + 2 * root)
    let (least, most) = (min(a.t, b.t) + 0.1 * abs(width), max(a.t, b.t) - 0.1 * abs(width))
    return t.isFinite && t >= least && t <= most ? t : (a.t + b.t) / 2
  }
}

private func dot(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }
