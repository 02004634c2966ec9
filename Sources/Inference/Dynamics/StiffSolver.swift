import Foundation
import Tensors

/// Follows the flow of a loss where it is stiff, with steps that its fastest rates do not bound: z′ = −∇L(z), or with friction μ
/// z′ = q, q′ = −μ q − ∇L(z).
///
/// A diagonally implicit Runge–Kutta method of order 4, stiffly accurate and L-stable, with an estimate of order 3 and an
/// interpolation of order 4. Every stage is an equation z + c ∇L(z) = b, that with friction after q is eliminated, solved by
/// Newton's method with conjugate gradients: its matrix I + c ∇²L is positive definite wherever the loss is convex.
///
/// *Source:* Kennedy and Carpenter 2003, Applied Numerical Mathematics 44, 139–181: the implicit part of ARK4(3)6L[2]SA.
struct StiffSolver {
  /// Errors of a step are at most `absolute` + `relative` · |z| in the root mean square.
  var relativeTolerance: Double
  var absoluteTolerance: Double
  var maximumSteps: Int
  let flow: ParameterFlow
  /// μ; nil for the flow without momentum.
  let friction: Double?

  /// Where the flow is.
  struct Point {
    var z: Tensor
    /// With friction only.
    var q: Tensor?
  }

  private static let diagonal = 0.25
  /// Below the diagonal, from the second stage on; the last row is that of the step.
  private static let stages: [[Double]] = [
    [1.0 / 4],
    [8611.0 / 62500, -1743.0 / 31250],
    [5012029.0 / 34652500, -654441.0 / 2922500, 174375.0 / 388108],
    [15267082809.0 / 155376265600, -71443401.0 / 120774400, 730878875.0 / 902184768, 2285395.0 / 8070912],
    [82889.0 / 524892, 0, 15625.0 / 83664, 69875.0 / 102672, -2260.0 / 8211],
  ]
  /// Weights of the step less those of the estimate.
  private static let errors: [Double] = [
    82889.0 / 524892 - 4586570599.0 / 29645900160, 0, 15625.0 / 83664 - 178811875.0 / 945068544,
    69875.0 / 102672 - 814220225.0 / 1159782912, -2260.0 / 8211 + 3700637.0 / 11593932, 0.25 - 61727.0 / 225920,
  ]
  /// Of θ, θ² and θ³ for each slope.
  private static let interpolation: [[Double]] = [
    [6943876665148.0 / 7220017795957, -54480133.0 / 30881146, 6818779379841.0 / 7100303317025],
    [0, 0, 0],
    [7640104374378.0 / 9702883013639, -11436875.0 / 14766696, 2173542590792.0 / 12501825683035],
    [-20649996744609.0 / 7521556579894, 174696575.0 / 18121608, -31592104683404.0 / 5083833661969],
    [8854892464581.0 / 2390941311638, -12120380.0 / 966161, 61146701046299.0 / 7138195549469],
    [-11397109935349.0 / 6675773540249, 3843.0 / 706, -17219254887155.0 / 4939391667607],
  ]
  private static let newtonSteps = 8

  /// - Parameters:
  ///   - h: a first step.
  ///   - times: ascending, none before `start`.
  ///   - body: told the point at each of them.
  /// - Throws: `DormandPrince.Failure`, and what the loss throws.
  func solve(
    from origin: Point, start: Double, firstStep h: Double, times: [Double], _ body: (_ index: Int, Point) -> Void
  ) throws {
    var (point, t, next, h) = (origin, start, 0, h)
    while next < times.count, times[next] <= t {
      body(next, point)
      next += 1
    }
    guard let end = times.last, next < times.count else { return }
    var slope = try self.slope(point)
    var lastError = 1.0
    for _ in 0..<maximumSteps {
      h = min(h, end - t)
      guard t + h > t, h.isFinite else { throw DormandPrince.Failure.stuck(time: t) }
      guard let (reached, slopes) = try step(point, slope, h) else {
        h *= 0.25
        continue
      }
      let error = norm(combined(Self.errors.map { h * $0 }, slopes), point, reached)
      guard error.isFinite else {
        h *= 0.25
        continue
      }
      // Errors of the estimate grow with the fourth power of the step.
      let factor = min(5, max(0.2, 0.9 * pow(max(error, 1e-10), -0.175) * pow(lastError, 0.1)))
      if error > 1 {
        h *= min(0.9, factor)
        continue
      }
      lastError = max(error, 1e-4)
      let time = h == end - t ? end : t + h
      while next < times.count, times[next] <= time {
        let part = (times[next] - t) / h
        body(next, part >= 1 ? reached : interpolated(point, slopes, h, part))
        next += 1
      }
      (point, t, slope) = (reached, time, slopes[5])
      if next == times.count { return }
      h *= factor
    }
    throw DormandPrince.Failure.tooManySteps(time: t)
  }

  private func slope(_ point: Point) throws -> Point {
    let gradient = try flow.gradient(point.z)
    guard let friction, let q = point.q else { return Point(z: -gradient) }
    return Point(z: q, q: -(q * friction) - gradient)
  }

  /// The point after a step and its six slopes; nil where an equation was not solved.
  private func step(_ origin: Point, _ slope: Point, _ h: Double) throws -> (Point, [Point])? {
    var slopes = [slope]
    var point = origin
    for row in Self.stages {
      let base = sum(origin, combined(row.map { h * $0 }, slopes))
      guard let solved = try stage(base, h * Self.diagonal, guess: point.z, origin: origin) else { return nil }
      // More exact than the gradient where the problem is stiff.
      func rate(_ a: Tensor, _ b: Tensor) -> Tensor { (a - b) * (1 / (h * Self.diagonal)) }
      slopes.append(
        Point(z: rate(solved.z, base.z), q: solved.q.flatMap { q in base.q.map { rate(q, $0) } }))
      point = solved
    }
    return (point, slopes)
  }

  /// The x with x = base + s x′.
  private func stage(_ base: Point, _ s: Double, guess: Tensor, origin: Point) throws -> Point? {
    guard let friction, let q = base.q else {
      return try solved(base.z, factor: s, guess: guess, origin: origin).map { Point(z: $0) }
    }
    let damping = 1 / (1 + s * friction)
    let z = try solved(base.z + q * (s * damping), factor: s * s * damping, guess: guess, origin: origin)
    return z.map { Point(z: $0, q: ($0 - base.z) * (1 / s)) }
  }

  /// The z with z + c ∇L(z) = b.
  private func solved(_ b: Tensor, factor c: Double, guess: Tensor, origin: Point) throws -> Tensor? {
    var z = guess
    var before = Double.infinity
    for _ in 0..<Self.newtonSteps {
      let outputs = flow.outputs(z)
      let residual = b - z - flow.root.pulledBack(try flow.loss.gradient(outputs)) * c
      guard
        let change = try flow.solve(
          outputs, shift: 1 / c, meanCurvature: flow.meanCurvature(outputs), residual * (1 / c), tolerance: 1e-3)
      else { return nil }
      z = z + change
      let size = norm(Point(z: change), Point(z: origin.z), Point(z: z))
      // The next change would be smaller by the tolerance of this one.
      if size <= 0.1 { return z }
      guard size.isFinite, size < 2 * before else { return nil }
      before = size
    }
    return nil
  }

  // MARK: - Points as vectors

  private func combined(_ weights: [Double], _ slopes: [Point]) -> Point {
    func sum(_ tensors: [Tensor]) -> Tensor {
      var result: Tensor?
      for (weight, tensor) in zip(weights, tensors) where weight != 0 {
        result = result.map { $0 + tensor * weight } ?? tensor * weight
      }
      return result ?? tensors[0] * 0
    }
    return Point(z: sum(slopes.map(\.z)), q: friction == nil ? nil : sum(slopes.compactMap(\.q)))
  }

  private func sum(_ a: Point, _ b: Point) -> Point {
    Point(z: a.z + b.z, q: a.q.flatMap { q in b.q.map { q + $0 } })
  }

  private func interpolated(_ origin: Point, _ slopes: [Point], _ h: Double, _ part: Double) -> Point {
    let weights = Self.interpolation.map { h * part * ($0[0] + part * ($0[1] + part * $0[2])) }
    return sum(origin, combined(weights, slopes))
  }

  /// The root mean square of a change, in units of the tolerance between two points.
  private func norm(_ change: Point, _ a: Point, _ b: Point) -> Double {
    func squares(_ change: Tensor?, _ a: Tensor?, _ b: Tensor?) -> Double {
      guard let change, let a, let b else { return 0 }
      let ratio = change / (maximum(abs(a), abs(b)) * relativeTolerance + absoluteTolerance)
      return innerProduct(ratio, ratio)
    }
    let count = change.z.count + (change.q?.count ?? 0)
    let total = squares(change.z, a.z, b.z) + squares(change.q, a.q, b.q)
    return (total / Double(max(1, count))).squareRoot()
  }
}
