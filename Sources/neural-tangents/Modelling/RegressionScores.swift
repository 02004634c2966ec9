import NeuralTangents

/// How good predictions of one quantity were, in its own units.
struct RegressionScores: Sendable {
  let rootMeanSquareError: Double
  /// Mean negative logarithm of the predictive density at the true values: nats, and lower is better.
  let negativeLogDensity: Double
  /// 1 − (mean squared error) / (variance of the true values); nil when those do not vary.
  let determination: Double?
  let calibration: CalibrationTable

  /// The intervals of a coverage table.
  static let levels = [0.5, 0.8, 0.9, 0.95, 0.99]

  init(
    truth: [Double], predictions: [PredictiveDistribution], levels: [Double] = levels
  ) throws(PredictionError) {
    let count = Double(truth.count)
    negativeLogDensity = try negativeLogPredictiveDensity(targets: truth, predictions: predictions)
    calibration = try CalibrationTable(targets: truth, predictions: predictions, levels: levels)
    let error = Self.rootMeanSquare(zip(truth, predictions).map { $0 - $1.moments.mean })
    rootMeanSquareError = error
    let mean = truth.reduce(0) { $0 + $1 / count }
    let spread = Self.rootMeanSquare(truth.map { $0 - mean })
    determination = spread > 0 ? 1 - (error / spread) * (error / spread) : nil
  }

  /// Relative to the largest, so that no square is too large or too small.
  private static func rootMeanSquare(_ numbers: [Double]) -> Double {
    let size = numbers.reduce(.leastNormalMagnitude) { max($0, abs($1)) }
    let sum = numbers.reduce(0) { $0 + ($1 / size) * ($1 / size) }
    return size * (sum / Double(numbers.count)).squareRoot()
  }
}
