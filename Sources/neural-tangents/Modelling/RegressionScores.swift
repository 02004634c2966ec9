import NeuralTangents
import Tensors

/// How good Gaussian predictions of one quantity were, in its own units.
struct RegressionScores: Sendable {
  let rootMeanSquareError: Double
  /// Mean negative logarithm of the predictive density at the true values: nats, and lower is better.
  let negativeLogDensity: Double
  /// 1 − (mean squared error) / (variance of the true values); nil when those do not vary.
  let determination: Double?
  let calibration: CalibrationTable

  /// Half the width of the central 95 % interval, in standard deviations.
  static let intervalFactor = 1.959963984540054
  /// The intervals of a coverage table.
  static let levels = [0.5, 0.8, 0.9, 0.95, 0.99]

  /// - Parameter truth: of any shape, which those of `mean` and `standardDeviation` equal.
  init(truth: Tensor, mean: Tensor, standardDeviation: Tensor, levels: [Double] = levels) throws(PredictionError) {
    let variance = square(standardDeviation)
    let error = try NeuralTangents.rootMeanSquareError(targets: truth, mean: mean)
    rootMeanSquareError = error
    negativeLogDensity = try negativeLogPredictiveDensity(targets: truth, mean: mean, variance: variance)
    calibration = try CalibrationTable(targets: truth, mean: mean, variance: variance, levels: levels)
    let spread = truth.variance().scalar(as: Double.self)
    determination = spread > 0 ? 1 - error * error / spread : nil
  }
}
