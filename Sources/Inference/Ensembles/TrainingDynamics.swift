import CovarianceEngine
import Platform

/// How outputs follow the gradient of the mean squared error, ½ · mean over all |y| entries of (f − y)².
///
/// All are linear in the residual f − y, so that along an eigenvector of the train-train kernel with eigenvalue λ it is
/// multiplied by a number p(λ, t) that is known in closed form.
public enum TrainingDynamics: Hashable, Sendable {
  /// Gradient flow, which steps of gradient descent approach as their learning rate becomes small: p = e^{−ηλt/|y|}.
  case flow
  /// The flow that gradient descent with momentum m approaches, q′ = −(1 − m)/√η q − gradient, θ′ = q in the time √η t, from
  /// rest.
  case momentumFlow(momentum: Double)
  /// So many steps of gradient descent, v ← m v + g, θ ← θ − η v, or of Nesterov's θ ← θ − η (m v + g): step for step what
  /// training does. Times are whole numbers.
  case steps(momentum: Double = 0, isNesterov: Bool = false)

  func check() throws(PredictionError) {
    switch self {
    case .flow: return
    case .momentumFlow(let momentum), .steps(let momentum, _):
      guard (0..<1).contains(momentum) else {
        throw .invalidValue(argument: "momentum", expected: "a number from 0 up to 1", found: "\(momentum)")
      }
    }
  }

  /// What ηλ/|y| has to be below for all eigenvalues; infinity for flows, which are stable always.
  var stabilityLimit: Double {
    switch self {
    case .flow, .momentumFlow: .infinity
    case .steps(let momentum, false): 2 * (1 + momentum)
    case .steps(let momentum, true): 2 * (1 + momentum) / (1 + 2 * momentum)
    }
  }
}

/// What training makes of an eigenvalue λ of the regularized kernel by a time t, finite. Negative λ, which can only be rounding
/// errors, count as zero.
///
/// *Sources:* Lee et al. 2019 (arXiv 1902.06720), equations 8 to 11; for momentum and for steps the solution of the linear
/// recurrences p₀ = 1, p₁ = 1 − a, p_{k+1} = (1 + m − a) p_k − m p_{k−1} with a = ηλ/|y| (Polyak 1964), and Nesterov's
/// p₁ = 1 − (1 + m) a, p_{k+1} = (1 − a)((1 + m) p_k − m p_{k−1}).
struct TrainingProgress: Sendable {
  let dynamics: TrainingDynamics
  let learningRate: Double
  /// |y|.
  let targetCount: Int

  private var rate: Double { learningRate / Double(targetCount) }

  /// (1 − p) / λ, ηt/|y| and the like at λ = 0: test outputs are those before training plus K_td times it times y − f₀.
  func gain(_ eigenvalue: Double, _ time: Double) -> Double {
    let eigenvalue = max(eigenvalue, 0)
    switch dynamics {
    case .flow:
      let s = rate * time
      let exponent = eigenvalue * s
      if exponent > 1 { return -expm1(-exponent) / eigenvalue }
      return exponent == 0 ? s : s * (-expm1(-exponent) / exponent)
    case .momentumFlow(let momentum): return momentumGain(eigenvalue, time, momentum)
    case .steps(let momentum, let isNesterov):
      return Self.stepGain(eigenvalue * rate, rate, steps: time, momentum, isNesterov)
    }
  }

  /// 1 − p.
  func progress(_ eigenvalue: Double, _ time: Double) -> Double {
    if dynamics == .flow { return -expm1(-max(eigenvalue, 0) * rate * time) }
    return max(eigenvalue, 0) * gain(eigenvalue, time)
  }

  /// p.
  func decay(_ eigenvalue: Double, _ time: Double) -> Double {
    if dynamics == .flow { return exp(-max(eigenvalue, 0) * rate * time) }
    return 1 - progress(eigenvalue, time)
  }

  /// (1 − p²) / λ.
  func doubleGain(_ eigenvalue: Double, _ time: Double) -> Double {
    if dynamics == .flow { return gain(eigenvalue, 2 * time) }
    return gain(eigenvalue, time) * (1 + decay(eigenvalue, time))
  }

  /// The solution of p″ + 2γ p′ + w² p = 0 in s = √η t, from 1 at rest, with γ = (1 − m)/2√η and w² = λ/|y|.
  private func momentumGain(_ eigenvalue: Double, _ time: Double, _ momentum: Double) -> Double {
    let root = learningRate.squareRoot()
    let (s, friction, count) = (root * time, (1 - momentum) / (2 * root), Double(targetCount))
    let square = eigenvalue / count
    if square * s * s < 1e-12 {
      // To first order in λ.
      let x = 2 * friction * s
      let first = x < 1e-3 ? s * s * (0.5 - x / 6 + x * x / 24) : (s - -expm1(-x) / (2 * friction)) / (2 * friction)
      return first / count
    }
    let difference = friction * friction - square
    let k = abs(difference).squareRoot()
    let progress: Double
    if difference > 0 {
      let slow = -square / (friction + k), fast = -friction - k
      if k * s < 1e-4 {
        progress = criticalProgress(friction, s, difference)
      } else {
        progress = (slow * -expm1(fast * s) - fast * -expm1(slow * s)) / (2 * k)
      }
    } else if k * s < 1e-4 {
      progress = criticalProgress(friction, s, difference)
    } else {
      let (half, decay) = (sin(k * s / 2), exp(-friction * s))
      progress = -expm1(-friction * s) + decay * (2 * half * half - friction * sin(k * s) / k)
    }
    return progress / eigenvalue
  }

  /// 1 − e^{−γs} (cosh ks + γ sinh(ks)/k) for small ks, k² = `difference` of either sign.
  private func criticalProgress(_ friction: Double, _ s: Double, _ difference: Double) -> Double {
    let x = difference * s * s
    return 1 - exp(-friction * s) * (1 + x / 2 + friction * s * (1 + x / 6))
  }

  /// g_k = (1 − p_k) / λ: the recurrence of p with an added constant and no cancellation, by powers of its matrix on
  /// (g_{k+1}, g_k, 1).
  private static func stepGain(
    _ a: Double, _ rate: Double, steps: Double, _ momentum: Double, _ isNesterov: Bool
  ) -> Double {
    let factor = isNesterov ? 1 - a : 1
    let first = isNesterov ? (1 + momentum) * rate : rate
    let (current, before) = isNesterov ? (factor * (1 + momentum), -factor * momentum) : (1 + momentum - a, -momentum)
    // Row by row: g_{k+1} = current g_k + before g_{k−1} + rate.
    var matrix = Matrix(current, before, rate)
    var power = Matrix.identity
    var count = UInt64(steps)
    while count > 0 {
      if count & 1 == 1 { power = matrix * power }
      matrix = matrix * matrix
      count >>= 1
    }
    return power.second(first, 0)
  }

  /// Rows (a, b, c), (d, e, f), (0, 0, 1).
  private struct Matrix {
    var a: Double, b: Double, c: Double, d: Double, e: Double, f: Double

    static let identity = Matrix(a: 1, b: 0, c: 0, d: 0, e: 1, f: 0)

    init(a: Double, b: Double, c: Double, d: Double, e: Double, f: Double) {
      (self.a, self.b, self.c, self.d, self.e, self.f) = (a, b, c, d, e, f)
    }

    init(_ current: Double, _ before: Double, _ added: Double) {
      self.init(a: current, b: before, c: added, d: 1, e: 0, f: 0)
    }

    static func * (x: Matrix, y: Matrix) -> Matrix {
      Matrix(
        a: x.a * y.a + x.b * y.d, b: x.a * y.b + x.b * y.e, c: x.a * y.c + x.b * y.f + x.c, d: x.d * y.a + x.e * y.d,
        e: x.d * y.b + x.e * y.e, f: x.d * y.c + x.e * y.f + x.f)
    }

    /// The second number of the product with (u, v, 1).
    func second(_ u: Double, _ v: Double) -> Double { d * u + e * v + f }
  }

  /// - Throws: where steps are no whole numbers, or the learning rate is too large for the largest eigenvalue.
  func check(_ time: TrainingTime, largestEigenvalue: () throws(PredictionError) -> Double) throws(PredictionError) {
    guard case .steps = dynamics else { return }
    if let value = time.values.first(where: { $0 != .infinity && ($0 != $0.rounded() || $0 > 0x1p53) }) {
      throw .invalidValue(argument: "time", expected: "a whole number of steps", found: "\(value)")
    }
    let limit = dynamics.stabilityLimit * Double(targetCount) / (try largestEigenvalue())
    guard learningRate < limit else {
      throw .invalidValue(
        argument: "learningRate", expected: "less than \(limit), beyond which these steps diverge for this kernel",
        found: "\(learningRate)")
    }
  }
}
