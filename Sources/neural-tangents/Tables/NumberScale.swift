import Foundation

/// What becomes of the numbers of a column before they are inputs.
enum NumberScale: Sendable, Equatable {
  case standardized(Standardization)
  case ranked(Ranks)
  case divided(by: Double)

  func callAsFunction(_ number: Double) -> Double {
    switch self {
    case .standardized(let standardization): standardization.standardized(number)
    case .ranked(let ranks): ranks(number)
    case .divided(let divisor): number / divisor
    }
  }

  /// Where a number stands among those of a training column: between 0 and 1, standardised. Between two of them it is
  /// interpolated; outside of all it is the nearest one's.
  struct Ranks: Sendable, Equatable {
    /// Different ones, ascending.
    private let values: [Double]
    private let ranks: [Double]

    /// - Returns: nil when all numbers are the same.
    init?(_ numbers: [Double]) {
      let sorted = numbers.sorted()
      var (values, middles, counts) = ([Double](), [Double](), [Int]())
      var start = 0
      while start < sorted.count {
        var end = start + 1
        while end < sorted.count, sorted[end] == sorted[start] { end += 1 }
        values.append(sorted[start])
        middles.append(Double(start + end - 1) / 2)
        counts.append(end - start)
        start = end
      }
      let all = zip(middles, counts).flatMap { Array(repeating: $0, count: $1) }
      guard let standardization = Standardization(all) else { return nil }
      self.values = values
      ranks = middles.map(standardization.standardized)
    }

    func callAsFunction(_ number: Double) -> Double {
      var (low, high) = (0, values.count)
      // The first value that is not smaller.
      while low < high {
        let middle = (low + high) / 2
        if values[middle] < number { low = middle + 1 } else { high = middle }
      }
      guard low < values.count else { return ranks[values.count - 1] }
      guard low > 0, values[low] != number else { return ranks[low] }
      // Halves, since the difference of two large numbers may not be one.
      let share = (number / 2 - values[low - 1] / 2) / (values[low] / 2 - values[low - 1] / 2)
      return ranks[low - 1] + share * (ranks[low] - ranks[low - 1])
    }
  }
}
