import CovarianceEngine
import Networks

/// Means and variances of several numbers at once, sample by sample.
///
/// *Source:* Welford, "Note on a method for calculating corrected sums of squares and products" (1962): sums of squared
/// differences from the running mean do not cancel.
struct RunningMoments: Sendable {
  private(set) var count = 0
  private(set) var means: [Double] = []
  private var squares: [Double] = []

  mutating func add(_ sample: [Double]) {
    count += 1
    if count == 1 {
      means = sample
      squares = sample.map { _ in 0 }
      return
    }
    for index in sample.indices {
      let difference = sample[index] - means[index]
      means[index] += difference / Double(count)
      squares[index] += difference * (sample[index] - means[index])
    }
  }

  /// Of the means; nil for fewer than two samples.
  var standardErrors: [Double]? {
    guard count > 1 else { return nil }
    return squares.map { ($0 / Double(count - 1) / Double(count)).squareRoot() }
  }
}
