import CovarianceEngine
import Platform
import Tensors

/// The square root of the mean over all entries of (mean − targets)².
///
/// - Throws: `PredictionError.shapeMismatch` unless the shapes are the same and not empty.
public func rootMeanSquareError(targets: Tensor, mean: Tensor) throws(PredictionError) -> Double {
  try requireSameShape(targets, mean, "mean")
  return square(mean.asType(.float64) - targets.asType(.float64)).mean().scalar(as: Double.self).squareRoot()
}

/// The negative logarithm of the Gaussian predictive density, averaged over all entries of the targets:
/// ½ log 2πv + (y − m)² / 2v. In nats; lower is better.
///
/// - Parameters:
///   - targets: shape (N, outputs…) or (N).
///   - mean: the shape of the targets.
///   - variance: of the *targets*, so with observation noise where there is any: the shape of the targets, or (N) when
///     all outputs share it.
/// - Throws: `PredictionError` for other shapes and for variances that are not positive.
public func negativeLogPredictiveDensity(
  targets: Tensor, mean: Tensor, variance: Tensor
) throws(PredictionError) -> Double {
  let entries = try GaussianEntries(targets: targets, mean: mean, variance: variance)
  let sum = entries.reduce(0) { $0 + 0.5 * log(2 * .pi * $1.variance) + 0.5 * $1.residual * $1.residual / $1.variance }
  return sum / Double(entries.count)
}

/// The negative logarithm of the density of each target under its prediction, averaged. In nats; lower is better.
///
/// - Throws: `PredictionError` for another number of predictions, or none.
public func negativeLogPredictiveDensity(
  targets: [Double], predictions: [PredictiveDistribution]
) throws(PredictionError) -> Double {
  try requirePredictions(targets, predictions)
  return -zip(targets, predictions).reduce(0) { $0 + $1.1.logDensity($1.0) } / Double(targets.count)
}

private func requirePredictions(_ targets: [Double], _ predictions: [PredictiveDistribution]) throws(PredictionError) {
  guard targets.count == predictions.count, !targets.isEmpty else {
    throw .shapeMismatch(
      argument: "predictions", expected: "one for each of \(targets.count) targets, at least one",
      found: "\(predictions.count)")
  }
}

/// How often targets fall inside the central intervals that a prediction gives: the expected share against the one
/// observed.
public struct CalibrationTable: Sendable, Hashable, CustomStringConvertible {
  /// One level of probability.
  public struct Row: Sendable, Hashable {
    /// Probability that the interval should hold the target.
    public let expected: Double
    /// Share of targets that it does hold.
    public let observed: Double
    /// Mean width of the interval, in units of the targets.
    public let meanWidth: Double
  }

  /// One row for each level, in the order given.
  public let rows: [Row]
  /// Number of targets counted.
  public let count: Int

  /// - Parameters:
  ///   - targets: shape (N, outputs…) or (N).
  ///   - mean: the shape of the targets.
  ///   - variance: of the targets: their shape, or (N) when all outputs share it.
  ///   - levels: probabilities between 0 and 1.
  public init(
    targets: Tensor, mean: Tensor, variance: Tensor, levels: [Double] = [0.5, 0.8, 0.9, 0.95, 0.99]
  ) throws(PredictionError) {
    try Self.check(levels)
    let entries = try GaussianEntries(targets: targets, mean: mean, variance: variance)
    count = entries.count
    let meanDeviation = entries.reduce(0) { $0 + $1.variance.squareRoot() } / Double(entries.count)
    rows = levels.map { level in
      let halfWidth = -NormalDistribution.quantile((1 - level) / 2)
      let inside = entries.count { abs($0.residual) <= halfWidth * $0.variance.squareRoot() }
      return Row(
        expected: level, observed: Double(inside) / Double(entries.count), meanWidth: 2 * halfWidth * meanDeviation)
    }
  }

  /// The same for predictions of any distribution, one for each target.
  ///
  /// - Throws: `PredictionError` for another number of predictions, or none.
  public init(
    targets: [Double], predictions: [PredictiveDistribution], levels: [Double] = [0.5, 0.8, 0.9, 0.95, 0.99]
  ) throws(PredictionError) {
    try Self.check(levels)
    try requirePredictions(targets, predictions)
    count = targets.count
    let ranks = zip(targets, predictions).map { $1.cumulative($0) }
    rows = levels.map { level in
      let inside = ranks.count { abs($0 - 0.5) <= level / 2 }
      let width = predictions.reduce(0) { $0 + $1.quantile((1 + level) / 2) - $1.quantile((1 - level) / 2) }
      return Row(
        expected: level, observed: Double(inside) / Double(targets.count), meanWidth: width / Double(targets.count))
    }
  }

  private static func check(_ levels: [Double]) throws(PredictionError) {
    if let level = levels.first(where: { !($0 > 0 && $0 < 1) }) {
      throw .invalidValue(argument: "levels", expected: "probabilities between 0 and 1", found: "\(level)")
    }
  }

  /// The largest difference between an observed and an expected share.
  public var largestGap: Double { rows.map { abs($0.observed - $0.expected) }.max() ?? 0 }

  public var description: String {
    let lines = rows.map {
      formatted("%8.1f %% %8.1f %% %12.4g", 100 * $0.expected, 100 * $0.observed, $0.meanWidth)
    }
    return (["  expected   observed   mean width"] + lines).joined(separator: "\n")
  }
}

/// Each entry of the targets with its predictive variance.
private struct GaussianEntries: Sequence {
  private let residuals: [Double]
  private let variances: [Double]

  init(targets: Tensor, mean: Tensor, variance: Tensor) throws(PredictionError) {
    try requireSameShape(targets, mean, "mean")
    guard variance.shape == targets.shape || variance.shape == Array(targets.shape.prefix(1)) else {
      throw .shapeMismatch(
        argument: "variance", expected: "shape \(targets.shape) or \(targets.shape.prefix(1))",
        found: "\(variance.shape)")
    }
    let values = variance.asType(.float64).scalars(as: Double.self)
    if let bad = values.firstIndex(where: { !($0 > 0) }) {
      throw .invalidValue(argument: "variance", expected: "positive numbers", found: "\(values[bad]) at entry \(bad)")
    }
    residuals = (targets.asType(.float64) - mean.asType(.float64)).scalars(as: Double.self)
    variances = values
  }

  var count: Int { residuals.count }

  func makeIterator() -> AnyIterator<(residual: Double, variance: Double)> {
    let perVariance = residuals.count / variances.count
    var index = 0
    return AnyIterator {
      guard index < residuals.count else { return nil }
      defer { index += 1 }
      return (residuals[index], variances[index / perVariance])
    }
  }
}

private func requireSameShape(_ targets: Tensor, _ other: Tensor, _ argument: String) throws(PredictionError) {
  guard targets.shape == other.shape, targets.rank > 0, targets.count > 0 else {
    throw .shapeMismatch(
      argument: argument, expected: "the shape of the targets, \(targets.shape), not empty", found: "\(other.shape)")
  }
}
