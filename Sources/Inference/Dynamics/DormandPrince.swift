import Platform

/// Solves y′ = f(y) from a state to later times with errors below a tolerance: the method of Dormand and Prince, of order 5 with
/// an estimate of order 4, proportional–integral control of the step and an interpolation of order 4 between steps.
///
/// *Source:* Dormand and Prince 1980; Hairer, Nørsett and Wanner, Solving Ordinary Differential Equations I, sections II.4 to
/// II.6 and the code DOPRI5.
struct DormandPrince {
  /// Errors of a step are at most `absolute` + `relative` · |y| in the root mean square.
  var relativeTolerance: Double
  var absoluteTolerance: Double
  var maximumSteps: Int

  /// What ends a solution before its time.
  enum Failure: Error {
    /// The steps ran out.
    case tooManySteps(time: Double)
    /// The function is not finite, or steps would have to be as small as rounding.
    case stuck(time: Double)
  }

  private static let stages: [[Double]] = [
    [1.0 / 5], [3.0 / 40, 9.0 / 40], [44.0 / 45, -56.0 / 15, 32.0 / 9],
    [19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729],
    [9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656],
    [35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84],
  ]
  private static let errors: [Double] = [
    71.0 / 57600, 0, -71.0 / 16695, 71.0 / 1920, -17253.0 / 339200, 22.0 / 525, -1.0 / 40,
  ]
  private static let interpolation: [Double] = [
    -12715105075.0 / 11282082432, 0, 87487479700.0 / 32700410799, -10690763975.0 / 1880347072,
    701980252875.0 / 199316789632, -1453857185.0 / 822651844, 69997945.0 / 29380423,
  ]
  /// Steps in a row that look stiff before the problem counts as stiff.
  private static let stiffSteps = 15
  /// Where the solution oscillates: steps between two looks at its largest rate, and what a step times it may be at two of them.
  private static let (rateInterval, oscillationLimit) = (20, 0.8)

  /// Where the steps became limited by the method's stability, not by its errors: another method should go on.
  struct Stiffness {
    var time: Double
    var y: [Double]
    /// The first of the times that are not told yet.
    var next: Int
    var step: Double
    /// Steps that were made.
    var steps: Int
  }

  /// - Parameters:
  ///   - times: ascending, none before `start`.
  ///   - largestRate: of the linearized problem, by magnitude; given where rates are complex, of which two slopes say too little.
  ///   - body: told the state at each of them.
  /// - Returns: nil at the last of the times; where it stopped if the problem is stiff.
  /// - Throws: `Failure`, and what `function` throws.
  func solve(
    from y: [Double], start: Double, times: [Double], largestRate: (([Double]) throws -> Double)? = nil,
    _ function: ([Double]) throws -> [Double], _ body: (_ index: Int, _ y: [Double]) -> Void
  ) throws -> Stiffness? {
    var (y, t, next) = (y, start, 0)
    while next < times.count, times[next] <= t {
      body(next, y)
      next += 1
    }
    guard let end = times.last, next < times.count else { return nil }
    var slopes = [try function(y)]
    var h = try firstStep(y, slopes[0], function)
    var (lastError, stiffCount) = (1e-4, 0)
    for count in 0..<maximumSteps {
      h = min(h, end - t)
      guard t + h > t, h.isFinite else { throw Failure.stuck(time: t) }
      slopes = [slopes[0]]
      var point = y
      var beforeLast = y
      for row in Self.stages {
        beforeLast = point
        point = y
        for (weight, slope) in zip(row, slopes) where weight != 0 {
          for index in point.indices { point[index] += h * weight * slope[index] }
        }
        slopes.append(try function(point))
      }
      let error = stepError(y, point, slopes, h)
      guard error.isFinite else {
        h *= 0.2
        continue
      }
      // Steps of the fifth order: what the error asks for, damped by the one before.
      let factor = min(5, max(0.2, 0.9 * pow(max(error, 1e-10), -0.17) * pow(lastError, 0.04)))
      if error > 1 {
        h *= min(1, factor)
        continue
      }
      lastError = max(error, 1e-4)
      let reached = h == end - t ? end : t + h
      while next < times.count, times[next] <= reached {
        body(next, interpolated(y, point, slopes, h, (times[next] - t) / h))
        next += 1
      }
      if let largestRate {
        if count % Self.rateInterval == Self.rateInterval - 1 {
          stiffCount = h * (try largestRate(point)) > Self.oscillationLimit ? stiffCount + Self.stiffSteps / 2 + 1 : 0
        }
      } else {
        stiffCount = looksStiff(point, beforeLast, slopes, h) ? stiffCount + 1 : 0
      }
      (y, t) = (point, reached)
      slopes = [slopes[6]]
      if next == times.count { return nil }
      h *= factor
      if stiffCount >= Self.stiffSteps {
        return Stiffness(time: t, y: y, next: next, step: h, steps: count + 1)
      }
    }
    throw Failure.tooManySteps(time: t)
  }

  private func scale(_ a: Double, _ b: Double) -> Double { absoluteTolerance + relativeTolerance * max(abs(a), abs(b)) }

  private func stepError(_ y: [Double], _ point: [Double], _ slopes: [[Double]], _ h: Double) -> Double {
    var sum = 0.0
    for index in y.indices {
      var error = 0.0
      for stage in 0..<7 { error += Self.errors[stage] * slopes[stage][index] }
      let ratio = h * error / scale(y[index], point[index])
      sum += ratio * ratio
    }
    return (sum / Double(max(1, y.count))).squareRoot()
  }

  private func interpolated(
    _ y: [Double], _ point: [Double], _ slopes: [[Double]], _ h: Double, _ part: Double
  ) -> [Double] {
    if part >= 1 { return point }
    let rest = 1 - part
    return y.indices.map { index in
      let difference = point[index] - y[index]
      let bend = h * slopes[0][index] - difference
      var last = 0.0
      for stage in 0..<7 { last += Self.interpolation[stage] * slopes[stage][index] }
      return y[index] + part
        * (difference + rest * (bend + part * (difference - h * slopes[6][index] - bend + rest * h * last)))
    }
  }

  /// Whether the step is near the border of the method's stability, from two slopes at the same time.
  private func looksStiff(_ point: [Double], _ other: [Double], _ slopes: [[Double]], _ h: Double) -> Bool {
    var (above, below) = (0.0, 0.0)
    for index in point.indices {
      let (a, b) = (slopes[6][index] - slopes[5][index], point[index] - other[index])
      above += a * a
      below += b * b
    }
    return below > 0 && h * (above / below).squareRoot() > 3.25
  }

  /// A first step whose error is small by the function's first two derivatives.
  private func firstStep(
    _ y: [Double], _ slope: [Double], _ function: ([Double]) throws -> [Double]
  ) throws -> Double {
    func norm(_ values: [Double]) -> Double {
      let sum = zip(values, y).reduce(0) { sum, pair in
        let ratio = pair.0 / scale(pair.1, pair.1)
        return sum + ratio * ratio
      }
      return (sum / Double(max(1, y.count))).squareRoot()
    }
    let (size, speed) = (norm(y), norm(slope))
    let small = size < 1e-5 || speed < 1e-5 ? 1e-6 : 0.01 * size / speed
    let moved = zip(y, slope).map { $0 + small * $1 }
    let bend = norm(zip(try function(moved), slope).map { ($0 - $1) / small })
    let largest = max(speed, bend)
    let guess = largest <= 1e-15 ? max(1e-6, small * 1e-3) : pow(0.01 / largest, 0.2)
    return min(100 * small, guess)
  }
}
