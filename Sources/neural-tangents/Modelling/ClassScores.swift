import Foundation
import NeuralTangents

/// Class probabilities from outputs of a regression on one-hot targets: softmax(a · mean + b), with the a and b that predict
/// left-out rows best.
///
/// A prior keeps a within an order of magnitude of what outputs of one-hot targets ask for, since few rows may be left out
/// without a mistake.
struct ClassScores: Sendable {
  let slope: Double
  let offsets: [Double]
  /// For each left-out row the logarithm of the probability of its class.
  let logDensities: [Double]

  private static let priorSlope = 4.0
  private static let priorWidth = 1.0

  /// - Parameters:
  ///   - means: per class, a mean of each row.
  ///   - start: a result for similar means, to be faster.
  init(means: [[Double]], labels: [Int], start: ClassScores? = nil) {
    let (classes, count) = (means.count, labels.count)
    guard classes > 1 else {
      (slope, offsets) = (1, [0])
      logDensities = [Double](repeating: 0, count: count)
      return
    }
    var probabilities = [Double](repeating: 0, count: classes)
    // Per row, in nats: the mean of the log losses and a share of the prior.
    func sample(_ point: [Double]) -> LBFGS.Sample {
      let a = exp(point[0])
      var value = 0.0
      var gradient = [Double](repeating: 0, count: classes + 1)
      for row in 0..<count {
        var largest = -Double.infinity
        for c in 0..<classes {
          probabilities[c] = a * means[c][row] + point[c + 1]
          largest = max(largest, probabilities[c])
        }
        let label = labels[row]
        value -= probabilities[label] - largest
        var sum = 0.0
        for c in 0..<classes {
          probabilities[c] = exp(probabilities[c] - largest)
          sum += probabilities[c]
        }
        value += log(sum)
        for c in 0..<classes {
          let excess = probabilities[c] / sum - (c == label ? 1 : 0)
          gradient[0] += excess * a * means[c][row]
          gradient[c + 1] += excess
        }
      }
      let distance = (point[0] - log(Self.priorSlope)) / Self.priorWidth
      value += 0.5 * distance * distance
      gradient[0] += distance / Self.priorWidth
      for c in 1...classes {
        value += 0.5 * point[c] * point[c]
        gradient[c] += point[c]
      }
      let share = 1 / Double(count)
      return (value * share, gradient.map { $0 * share })
    }
    let first =
      start.map { [log($0.slope)] + $0.offsets } ?? [log(Self.priorSlope)] + Array(repeating: 0, count: classes)
    let minimum = LBFGS(maximumIterations: 60, gradientTolerance: 1e-4, valueTolerance: 1e-7)
      .minimize(from: first) { sample($0) }
    let point = minimum?.point ?? first
    let (slope, offsets) = (exp(point[0]), Array(point[1...]))
    (self.slope, self.offsets) = (slope, offsets)
    logDensities = (0..<count).map { row in
      log(max(.leastNormalMagnitude, Self.softmax(means.map { $0[row] }, slope, offsets)[labels[row]]))
    }
  }

  /// The probability of each class.
  func probabilities(_ means: [Double]) -> [Double] { Self.softmax(means, slope, offsets) }

  private static func softmax(_ means: [Double], _ slope: Double, _ offsets: [Double]) -> [Double] {
    let logits = zip(means, offsets).map { slope * $0 + $1 }
    let largest = logits.max() ?? 0
    let values = logits.map { exp($0 - largest) }
    let sum = values.reduce(0, +)
    return values.map { $0 / sum }
  }
}
