import CovarianceEngine
import Platform
import Tensors

/// How good class probabilities are: accuracy, likelihood, Brier score, and their reliability.
public struct ClassificationMetrics: Sendable, Hashable, CustomStringConvertible {
  /// Predictions whose largest probability falls into one interval.
  public struct ReliabilityBin: Sendable, Hashable {
    /// The least probability in the bin.
    public let lower: Double
    /// The largest probability in the bin.
    public let upper: Double
    /// How many rows count.
    public let count: Int
    /// Mean of the largest probability; nil in an empty bin.
    public let meanConfidence: Double?
    /// Share of correct predictions; nil in an empty bin.
    public let accuracy: Double?
  }

  /// How many rows count.
  public let count: Int
  /// Share of points whose most probable class is theirs.
  public let accuracy: Double
  /// Mean of −log p(true class), in nats.
  public let negativeLogLikelihood: Double
  /// Mean over points of the sum over classes of (p − [true class])², between 0 and 2.
  public let brierScore: Double
  /// Probabilities of the predicted class against how often it was right, bin by bin.
  public let reliability: [ReliabilityBin]

  /// Mean over points of the difference between confidence and accuracy of the point's bin.
  public var expectedCalibrationError: Double {
    reliability.reduce(0) { sum, bin in
      guard let confidence = bin.meanConfidence, let accuracy = bin.accuracy else { return sum }
      return sum + abs(confidence - accuracy) * Double(bin.count) / Double(count)
    }
  }

  /// More intervals than anybody looks at.
  public static let largestBinCount = 1 << 20

  /// - Parameters:
  ///   - probabilities: shape (N, classes), rows summing to one.
  ///   - labels: the true class of each point.
  ///   - binCount: intervals of equal width that confidences are sorted into, at most `largestBinCount`.
  public init(probabilities: Tensor, labels: [Int], binCount: Int = 10) throws(PredictionError) {
    try checkLabels(labels, probabilities, "probabilities")
    let limits = 1...Self.largestBinCount
    guard limits.contains(binCount) else {
      throw .invalidValue(
        argument: "binCount", expected: "at least 1 and at most \(Self.largestBinCount)", found: "\(binCount)")
    }
    let classes = probabilities.shape[1]
    let values = probabilities.asType(.float64).scalars(as: Double.self)
    for row in labels.indices {
      let sum = values[row * classes..<(row + 1) * classes].reduce(0, +)
      guard abs(sum - 1) < 1e-3, values[row * classes..<(row + 1) * classes].allSatisfy({ $0 >= 0 }) else {
        throw .invalidValue(
          argument: "probabilities", expected: "rows of numbers from 0 that sum to 1",
          found: "row \(row) with sum \(sum)")
      }
    }
    var bins = [(count: Int, confidence: Double, correct: Int)](repeating: (0, 0, 0), count: binCount)
    var (logLoss, brier) = (0.0, 0.0)
    for (row, label) in labels.enumerated() {
      let p = Array(values[row * classes..<(row + 1) * classes])
      // The smallest positive number instead of zero: infinity would hide all other points.
      logLoss -= log(max(p[label], .leastNormalMagnitude))
      brier += p.indices.reduce(0) { $0 + (p[$1] - ($1 == label ? 1 : 0)) * (p[$1] - ($1 == label ? 1 : 0)) }
      let best = p.indices.max { p[$0] < p[$1] } ?? 0
      let bin = min(binCount - 1, max(0, Int(p[best] * Double(binCount))))
      bins[bin].count += 1
      bins[bin].confidence += p[best]
      bins[bin].correct += best == label ? 1 : 0
    }
    count = labels.count
    accuracy = Double(bins.reduce(0) { $0 + $1.correct }) / Double(count)
    negativeLogLikelihood = logLoss / Double(count)
    brierScore = brier / Double(count)
    reliability = bins.enumerated().map { index, bin in
      ReliabilityBin(
        lower: Double(index) / Double(binCount), upper: Double(index + 1) / Double(binCount), count: bin.count,
        meanConfidence: bin.count == 0 ? nil : bin.confidence / Double(bin.count),
        accuracy: bin.count == 0 ? nil : Double(bin.correct) / Double(bin.count))
    }
  }

  public var description: String {
    formatted(
      "accuracy %.4f, negative log likelihood %.4f, Brier score %.4f, calibration error %.4f (%ld points)",
      accuracy, negativeLogLikelihood, brierScore, expectedCalibrationError, count)
  }
}

/// The share of rows whose largest entry is at the label; among equal entries the first counts.
///
/// - Parameters:
///   - scores: shape (N, classes): probabilities, or regression outputs.
///   - labels: the true class of each point.
public func classificationAccuracy(scores: Tensor, labels: [Int]) throws(PredictionError) -> Double {
  try checkLabels(labels, scores, "scores")
  let predicted = scores.argMax(axis: 1).scalars(as: Int32.self)
  return Double(zip(predicted, labels).count { Int($0) == $1 }) / Double(labels.count)
}

private func checkLabels(_ labels: [Int], _ scores: Tensor, _ argument: String) throws(PredictionError) {
  guard scores.rank == 2, scores.shape[0] == labels.count, scores.count > 0 else {
    throw .shapeMismatch(
      argument: argument, expected: "shape (\(labels.count), classes), not empty", found: "\(scores.shape)")
  }
  if let index = labels.firstIndex(where: { !(0..<scores.shape[1]).contains($0) }) {
    throw .invalidValue(
      argument: "labels", expected: "classes from 0 to \(scores.shape[1] - 1)",
      found: "\(labels[index]) at point \(index)")
  }
}
