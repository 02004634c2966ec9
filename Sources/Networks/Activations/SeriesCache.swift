import CovarianceEngine
import Synchronization
import Tensors

/// The latest Hermite series of one function.
///
/// A kernel computed in tiles asks row by row for the series of the same columns, which cost more than what is done with
/// them.
final class SeriesCache: Sendable {
  private struct Entry {
    let variances: [Double]
    let shape: [Int]
    let terms: Int
    let series: HermiteSeries
  }

  private static let capacity = 16
  /// Longer ones are used once, and would hold much memory.
  private static let longest = 1024

  private let entries = Mutex<[Entry]>([])

  /// The series of these variances, made by `make` unless it is known.
  func series(
    _ q: Tensor, terms: Int, _ make: () throws(NetworkError) -> HermiteSeries
  ) throws(NetworkError) -> HermiteSeries {
    guard !q.isTraced, (2...Self.longest).contains(q.count) else { return try make() }
    let variances = q.scalars(as: Double.self)
    let known = entries.withLock { entries in
      entries.first { $0.terms == terms && $0.shape == q.shape && $0.variances == variances }
    }
    if let known { return known.series }
    let series = try make()
    // A closure may hold tensors that are being traced, which must not outlive it.
    guard !series.isTraced else { return series }
    entries.withLock { entries in
      if entries.count == Self.capacity { entries.removeFirst() }
      entries.append(Entry(variances: variances, shape: q.shape, terms: terms, series: series))
    }
    return series
  }
}
