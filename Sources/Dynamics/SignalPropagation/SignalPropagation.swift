import CovarianceEngine
import Networks
import Platform
import Tensors

/// What many equal layers, each dense and then an activation, make of the variance of an input and of the correlation of two:
/// whether signals reach the end of a deep network, and gradients its beginning.
///
/// With (u, v) Gaussian of variances q and correlation c the layers iterate V(q) = σw² E[φ(u)²] + σb² and, at the fixed variance
/// q* = V(q*), R(c) = (σw² E[φ(u) φ(v)] + σb²)/q*. The slope of R is χ(c) = σw² E[φ'(u) φ'(v)], and χ₁ = χ(1) is also what a
/// layer does to the size of gradients. In the ordered phase, χ₁ < 1, all inputs become alike; in the chaotic one they part until
/// their correlation is c* < 1.
///
/// ```swift
/// let signals = try SignalPropagation(Tanh(), weightVariance: 3, biasVariance: 0.05)
/// print(signals.phase, signals.fixedCorrelation, signals.depthScale)
/// ```
///
/// Any activation will do: V and R are its dual, χ its derivative dual.
///
/// *Sources:* Poole et al. 2016 (arXiv 1606.05340); Schoenholz et al. 2017 (arXiv 1611.01232).
public struct SignalPropagation: Sendable {
  /// What becomes of the difference between two inputs that are nearly equal, layer by layer.
  public enum Phase: String, Sendable, CaseIterable {
    /// χ₁ < 1.
    case ordered
    /// χ₁ = 1, to 1e-9.
    case critical
    /// χ₁ > 1.
    case chaotic
  }

  /// φ.
  public let activation: any Activation
  /// σw², the square of a dense layer's `weightStd`.
  public let weightVariance: Double
  /// σb².
  public let biasVariance: Double
  /// q*, the one that iteration from 1 comes to. Where it is zero, the other numbers are their limits for small variances.
  public let fixedVariance: Double
  /// c*, the correlation that two different inputs come to: 1 unless the phase is chaotic.
  public let fixedCorrelation: Double
  /// χ₁.
  public let chi1: Double
  /// χ(c*), by which differences from c* shrink in each layer.
  public let correlationSlope: Double
  /// V'(q*), by which differences from q* shrink in each layer.
  public let varianceSlope: Double

  /// - Parameters:
  ///   - activation: φ.
  ///   - weightVariance: σw², at least 0.
  ///   - biasVariance: σb², at least 0.
  /// - Throws: `DynamicsError.noFixedVariance` where variances grow without bound, as those of ReLU do for σw² > 2, and what the
  ///   activation's duals throw.
  public init(_ activation: any Activation, weightVariance: Double, biasVariance: Double) throws {
    let maps = try LayerMaps(activation, weights: [weightVariance], biases: [biasVariance])
    let fixed = try FixedPoints(maps)
    guard let signals = Self.all(maps, fixed)[0] else {
      throw DynamicsError.noFixedVariance(
        weightVariance: weightVariance, biasVariance: biasVariance, reached: fixed.variances[0])
    }
    self = signals
  }

  /// A row for each bias variance, with an entry for each weight variance: a phase diagram.
  ///
  /// All are found side by side, so that a fine grid costs little more than one. nil where variances grow without bound.
  public static func grid(
    _ activation: any Activation, weightVariances: [Double], biasVariances: [Double]
  ) throws -> [[SignalPropagation?]] {
    guard !weightVariances.isEmpty else { return biasVariances.map { _ in [] } }
    let count = weightVariances.count
    let maps = try LayerMaps(
      activation, weights: biasVariances.flatMap { _ in weightVariances },
      biases: biasVariances.flatMap { [Double](repeating: $0, count: count) })
    let all = try all(maps, FixedPoints(maps))
    return biasVariances.indices.map { Array(all[$0 * count..<($0 + 1) * count]) }
  }

  private static func all(_ maps: LayerMaps, _ fixed: FixedPoints) -> [SignalPropagation?] {
    maps.weights.indices.map { index in
      guard fixed.variances[index].isFinite, fixed.hasVariance[index] else { return nil }
      return SignalPropagation(
        activation: maps.activation, weightVariance: maps.weights[index], biasVariance: maps.biases[index],
        fixedVariance: fixed.variances[index], fixedCorrelation: fixed.correlations[index],
        chi1: fixed.chi1[index], correlationSlope: fixed.correlationSlopes[index],
        varianceSlope: fixed.varianceSlopes[index])
    }
  }

  private init(
    activation: any Activation, weightVariance: Double, biasVariance: Double, fixedVariance: Double,
    fixedCorrelation: Double, chi1: Double, correlationSlope: Double, varianceSlope: Double
  ) {
    (self.activation, self.weightVariance, self.biasVariance) = (activation, weightVariance, biasVariance)
    (self.fixedVariance, self.fixedCorrelation, self.chi1) = (fixedVariance, fixedCorrelation, chi1)
    (self.correlationSlope, self.varianceSlope) = (correlationSlope, varianceSlope)
  }

  /// By χ₁.
  public var phase: Phase {
    if (chi1 - 1).magnitude <= 1e-9 { return .critical }
    return chi1 < 1 ? .ordered : .chaotic
  }

  /// ξ_c = −1/log χ(c*): the number of layers over which differences from c* fall to 1/e. Infinite at criticality, where they fall
  /// like a power of the depth.
  public var depthScale: Double { Self.scale(correlationSlope) }

  /// ξ_q = −1/log |V'(q*)|: the same of differences from q*; infinite where |V'(q*)| ≥ 1.
  public var varianceDepthScale: Double { Self.scale(varianceSlope.magnitude) }

  private static func scale(_ slope: Double) -> Double {
    if slope >= 1 - 1e-12 { return .infinity }
    return slope == 0 ? 0 : -1 / Platform.log(slope)
  }

  /// The variances before each of some layers and after the last, the first of which is `variance`.
  ///
  /// - Parameters:
  ///   - variance: of the first layer's inputs, at least 0.
  ///   - depth: the number of layers.
  public func variances(from variance: Double, depth: Int) throws -> [Double] {
    try requireNonnegative([variance], "variance")
    return try iterate(variance, depth) { maps, values in try maps.variances(values) }
  }

  /// The correlations of two inputs of variance q* before each of some layers and after the last, the first of which is
  /// `correlation`.
  ///
  /// - Parameters:
  ///   - correlation: from −1 to 1.
  ///   - depth: the number of layers.
  public func correlations(from correlation: Double, depth: Int) throws -> [Double] {
    guard correlation.magnitude <= 1 else {
      throw DynamicsError.invalidValue(
        argument: "correlation", expected: "a number from -1 to 1", found: "\(correlation)")
    }
    let variance = max(fixedVariance, FixedPoints.least)
    return try iterate(correlation, depth) { maps, values in
      try maps.correlations(values, variances: [variance]).map { min(1, $0) }
    }
  }

  private func iterate(
    _ start: Double, _ depth: Int, _ step: (LayerMaps, [Double]) throws -> [Double]
  ) throws -> [Double] {
    guard depth >= 0 else {
      throw DynamicsError.invalidValue(argument: "depth", expected: "at least 0", found: "\(depth)")
    }
    let maps = try LayerMaps(activation, weights: [weightVariance], biases: [biasVariance])
    var values = [start]
    for _ in 0..<depth { values.append(try step(maps, [values[values.count - 1]])[0]) }
    return values
  }
}
