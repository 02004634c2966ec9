import Platform

/// The test error that kernel regression is expected to have after so many training rows, from the kernel's eigenvalues over the
/// distribution of inputs and the power of the target in each eigenspace.
///
/// For n rows and the ridge δ that is added to the kernel matrix let κ solve n = Σ λᵢ/(λᵢ + κ) + δ/κ. Of the mode i the part
/// Lᵢ = λᵢ/(λᵢ + κ) is learned, and with E₀ = n/(n − Σ Lᵢ²) the mean square error is E₀ (Σ (1 − Lᵢ)² vᵢ² + σ²) on new rows, noise of
/// their targets included, and (δ/(nκ))² times that on the training rows.
///
/// It is an approximation that becomes exact where many modes take part; in few dimensions without a ridge, errors are larger.
///
/// *Sources:* Canatar, Bordelon and Pehlevan 2021 (arXiv 2006.13198); Simon et al. 2021 (arXiv 2110.03922).
public struct LearningCurve: Sendable {
  /// What is expected after some training rows.
  public struct Point: Sendable, Hashable {
    /// n.
    public var trainCount: Double
    /// κ: modes with larger eigenvalues are learned.
    public var effectiveRidge: Double
    /// E₀, how much the noise of the targets and of what is not learned is amplified.
    public var overfitting: Double
    /// Lᵢ, from 0 to 1. Times the multiplicities they add up to at most n.
    public var learnability: [Double]
    /// Mean square error on new rows.
    public var testError: Double
    /// Mean square error on the training rows.
    public var trainError: Double
    /// Σ (1 − Lᵢ)² vᵢ², the part of it that the mean of predictions over training sets has.
    public var bias: Double
  }

  /// λᵢ.
  public let eigenvalues: [Double]
  /// How many eigenfunctions have each of them.
  public let multiplicities: [Double]
  /// vᵢ², the mean square of the target's part in the whole eigenspace.
  public let powers: [Double]
  /// δ, added to the diagonal of the kernel matrix.
  public let ridge: Double
  /// σ², the variance of the targets' noise.
  public let noiseVariance: Double

  /// - Parameters:
  ///   - eigenvalues: of the kernel as an operator on functions of the inputs, at least 0.
  ///   - powers: of the target, as many.
  ///   - multiplicities: as many; nil for ones.
  ///   - ridge: at least 0.
  ///   - noiseVariance: at least 0.
  /// - Throws: `DynamicsError.invalidValue`.
  public init(
    eigenvalues: [Double], powers: [Double], multiplicities: [Double]? = nil, ridge: Double = 0,
    noiseVariance: Double = 0
  ) throws(DynamicsError) {
    let counts = multiplicities ?? eigenvalues.map { _ in 1 }
    for (name, list) in [("powers", powers), ("multiplicities", counts)] where list.count != eigenvalues.count {
      throw .invalidValue(
        argument: name, expected: "as many as the \(eigenvalues.count) eigenvalues", found: "\(list.count)")
    }
    for (name, list) in [
      ("eigenvalues", eigenvalues), ("powers", powers), ("multiplicities", counts), ("ridge", [ridge]),
      ("noiseVariance", [noiseVariance]),
    ] {
      try requireNonnegative(list, name)
    }
    (self.eigenvalues, self.powers, self.multiplicities) = (eigenvalues, powers, counts)
    (self.ridge, self.noiseVariance) = (ridge, noiseVariance)
  }

  /// - Parameter trainCount: n, positive.
  /// - Throws: `DynamicsError.invalidValue` for other numbers, and where without a ridge as many rows as modes leave the error
  ///   infinite.
  public func point(trainCount n: Double) throws(DynamicsError) -> Point {
    guard n > 0, n.isFinite else {
      throw .invalidValue(argument: "trainCount", expected: "a positive number", found: "\(n)")
    }
    let ridgeless = ridge == 0 ? modeCount : .infinity
    guard n != ridgeless else {
      throw .invalidValue(
        argument: "trainCount", expected: "another number than that of the modes, at which the error is infinite",
        found: "\(n)")
    }
    let kappa = n > ridgeless ? 0 : effectiveRidge(n)
    let learnability = eigenvalues.map { $0 == 0 ? 0 : $0 / ($0 + kappa) }
    let squares = zip(multiplicities, learnability).reduce(0) { $0 + $1.0 * $1.1 * $1.1 }
    let bias = zip(powers, learnability).reduce(0) { $0 + $1.0 * (1 - $1.1) * (1 - $1.1) }
    let overfitting = n / (n - squares)
    let test = overfitting * (bias + noiseVariance)
    // Without κ, more rows than modes: what remains on them is what the modes cannot follow.
    let share = kappa > 0 ? ridge / (n * kappa) : (n - ridgeless) / n
    return Point(
      trainCount: n, effectiveRidge: kappa, overfitting: overfitting, learnability: learnability, testError: test,
      trainError: share * share * test, bias: bias)
  }

  /// Modes with eigenvalues that are not zero.
  private var modeCount: Double { zip(eigenvalues, multiplicities).reduce(0) { $0 + ($1.0 > 0 ? $1.1 : 0) } }

  /// κ by Newton's method in log κ, on which Σ λ/(λ + κ) + δ/κ falls steadily, inside of a bracket.
  private func effectiveRidge(_ n: Double) -> Double {
    func excess(_ kappa: Double) -> (value: Double, slope: Double) {
      var (value, slope) = (ridge / kappa - n, -ridge / kappa)
      for (eigenvalue, count) in zip(eigenvalues, multiplicities) where eigenvalue > 0 {
        let learned = eigenvalue / (eigenvalue + kappa)
        value += count * learned
        slope -= count * learned * (1 - learned)
      }
      return (value, slope)
    }
    // λ/(λ + κ) is at most λ/κ.
    let trace = zip(eigenvalues, multiplicities).reduce(0) { $0 + $1.0 * $1.1 }
    var upper = log((trace + ridge) / n)
    var lower = upper - 1
    while excess(exp(lower)).value < 0 { lower -= 2 * (upper - lower) }
    var s = upper
    for _ in 0..<200 {
      let (value, slope) = excess(exp(s))
      if value >= 0 { lower = max(lower, s) }
      if value <= 0 { upper = min(upper, s) }
      var next = s - value / slope
      if !(next > lower && next < upper) { next = (lower + upper) / 2 }
      if (next - s).magnitude <= 1e-15 * max(1, s.magnitude) { break }
      s = next
    }
    return exp(s)
  }
}
