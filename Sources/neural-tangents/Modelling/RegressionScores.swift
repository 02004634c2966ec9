import Foundation
import Tensors

/// How good Gaussian predictions of numbers were.
struct RegressionScores: Sendable {
  /// In the target's units.
  let rootMeanSquaredError: Double
  /// Mean negative logarithm of the predictive density at the true values: nats, and lower is better.
  let negativeLogDensity: Double
  /// 1 − (mean squared error) / (variance of the true values).
  let determination: Double
  /// For each row, the least central interval that contains the true value, as its probability.
  private let leastLevels: [Double]

  /// Half the width of the central 95 % interval, in standard deviations.
  static let intervalFactor = 1.959963984540054
  /// The intervals of a coverage table.
  static let levels = [0.5, 0.8, 0.9, 0.95, 0.99]

  init(truth: [Double], mean: [Double], standardDeviation: [Double]) {
    let count = Double(truth.count)
    let errors = zip(truth, mean).map { $0 - $1 }
    let squares = errors.reduce(0) { $0 + $1 * $1 } / count
    let center = truth.reduce(0, +) / count
    let spread = truth.reduce(0) { $0 + ($1 - center) * ($1 - center) } / count
    rootMeanSquaredError = squares.squareRoot()
    determination = spread > 0 ? 1 - squares / spread : .nan
    let standardized = zip(errors, standardDeviation).map { abs($0) / $1 }
    negativeLogDensity =
      zip(standardized, standardDeviation).reduce(0) { $0 + 0.5 * ($1.0 * $1.0 + log(2 * .pi)) + log($1.1) } / count
    leastLevels = standardized.map { erf($0 / 2.0.squareRoot()) }
  }

  /// The part of true values inside their central interval of probability `level`.
  func coverage(of level: Double) -> Double {
    Double(leastLevels.count { $0 <= level }) / Double(leastLevels.count)
  }
}
