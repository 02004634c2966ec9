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
    let error = zip(truth, predictions).reduce(0) { sum, pair in
      let difference = pair.0 - pair.1.moments.mean
      return sum + difference * difference / count
    }
    rootMeanSquareError = error.squareRoot()
    let mean = truth.reduce(0) { $0 + $1 / count }
    let spread = truth.reduce(0) { $0 + ($1 - mean) * ($1 - mean) / count }
    determination = spread > 0 ? 1 - error / spread : nil
  }
}
