import CovarianceEngine
import Networks
import Tensors

/// A point of the line between the ordered and the chaotic phase, where χ₁ = 1.
public struct CriticalPoint: Sendable, Hashable {
  /// σw².
  public var weightVariance: Double
  /// σb².
  public var biasVariance: Double
  /// q*, the fixed variance there.
  public var fixedVariance: Double
}

/// The points of the critical line at some fixed variances: σw² = 1/E[φ'(√q z)²] and σb² = q − σw² E[φ(√q z)²], without any search.
///
/// - Parameters:
///   - activation: φ.
///   - variances: q*, positive.
/// - Returns: the points whose bias variance is not negative, in the order of `variances`.
/// - Throws: `DynamicsError` for variances that are not positive, and what the activation's duals throw.
public func criticalLine(_ activation: any Activation, variances: [Double]) throws -> [CriticalPoint] {
  if let value = variances.first(where: { !($0 > 0 && $0.isFinite) }) {
    throw DynamicsError.invalidValue(argument: "variances", expected: "positive numbers", found: "\(value)")
  }
  guard !variances.isEmpty else { return [] }
  let q = Tensor(variances)
  let slopes: [Double] = try activation.derivativeDual(q, q, q).scalars()
  let squares: [Double] = try activation.varianceDual(q).scalars()
  return variances.indices.compactMap { index in
    let weight = 1 / slopes[index]
    let bias = variances[index] - weight * squares[index]
    // Homogeneous activations have their whole line at zero, up to rounding.
    guard weight.isFinite, bias >= -1e-14 * variances[index] else { return nil }
    return CriticalPoint(weightVariance: weight, biasVariance: max(0, bias), fixedVariance: variances[index])
  }
}

/// The point of the critical line with a given bias variance, by bisection over the fixed variance.
///
/// - Parameters:
///   - activation: φ.
///   - biasVariance: σb², at least 0; for 0 the limit of small variances.
/// - Throws: `DynamicsError.invalidValue` where the line does not reach such a bias variance: that of ReLU is at 0 only.
public func criticalPoint(_ activation: any Activation, biasVariance: Double) throws -> CriticalPoint {
  try requireNonnegative([biasVariance], "biasVariance")
  func point(_ variance: Double) throws -> CriticalPoint? {
    try criticalLine(activation, variances: [variance]).first
  }
  var lower = FixedPoints.least
  if biasVariance == 0, let limit = try point(lower) {
    return CriticalPoint(weightVariance: limit.weightVariance, biasVariance: 0, fixedVariance: 0)
  }
  var upper = 2 * biasVariance
  while true {
    if let found = try point(upper), found.biasVariance >= biasVariance { break }
    guard upper < 1e4 * max(1, biasVariance) else {
      throw DynamicsError.invalidValue(
        argument: "biasVariance", expected: "one at which the activation has a critical point", found: "\(biasVariance)"
      )
    }
    (lower, upper) = (upper, 2 * upper)
  }
  while upper - lower > 1e-15 * upper {
    let middle = (lower + upper) / 2
    guard middle > lower, middle < upper else { break }
    if let found = try point(middle), found.biasVariance >= biasVariance { upper = middle } else { lower = middle }
  }
  guard let found = try point(upper) else {
    throw DynamicsError.notConverged(quantity: "the critical point", steps: 60)
  }
  return CriticalPoint(
    weightVariance: found.weightVariance, biasVariance: biasVariance, fixedVariance: found.fixedVariance)
}
