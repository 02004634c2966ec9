import Foundation

/// The shift and scale that give a column mean 0 and standard deviation 1.
struct Standardization: Sendable, Equatable {
  let mean: Double
  let deviation: Double

  /// Nil when all numbers are the same, or so large that their deviation is not a number.
  init?(_ numbers: [Double]) {
    guard let first = numbers.first, numbers.contains(where: { $0 != first }) else { return nil }
    let count = Double(numbers.count)
    // Dividing by the largest first keeps squares from overflowing or vanishing.
    let scale = numbers.reduce(0) { max($0, abs($1)) }
    let mean = numbers.reduce(0) { $0 + $1 / scale } / count
    let variance = numbers.reduce(0) { $0 + ($1 / scale - mean) * ($1 / scale - mean) } / count
    self.mean = mean * scale
    deviation = sqrt(variance) * scale
    guard deviation > 0, deviation.isFinite else { return nil }
  }

  /// Of numbers that are all the same.
  init(constant: Double) { (mean, deviation) = (constant, 1) }

  /// Of the numbers that it was made from.
  var rootMeanSquare: Double {
    let largest = max(abs(mean), deviation)
    let (a, b) = (mean / largest, deviation / largest)
    return largest * (a * a + b * b).squareRoot()
  }

  func standardized(_ number: Double) -> Double { (number - mean) / deviation }
  func original(_ standardized: Double) -> Double { standardized * deviation + mean }
}
