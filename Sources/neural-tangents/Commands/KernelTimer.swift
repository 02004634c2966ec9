import Foundation
import NeuralTangents
import Tensors

/// Times kernels of random inputs.
struct KernelTimer {
  /// About how long a measurement takes.
  let seconds: Double

  struct Timing {
    var rows: Int
    var columns: Int
    var seconds: Double
    /// Memory of the inputs, the kernel and the work between, at its largest.
    var bytes = 0

    var entries: Double { Double(rows) * Double(columns) }
    var secondsPerEntry: Double { seconds / entries }
  }

  /// What to compute the kernel of.
  struct Work {
    var network: any Layer
    /// Positions and channels of an input.
    var shape: [Int]
    var dtype = DType.float32
  }

  // A kernel of so many entries is large enough for any network.
  private static let mostEntries = 1 << 22

  /// The kernel between two data sets that are large enough to take the time.
  func rectangle(_ work: Work) throws -> Timing {
    // One for every thread that can run, whatever the number that is asked for.
    var (rows, columns) = (min(Threads.count, ProcessInfo.processInfo.activeProcessorCount), 16)
    ResidentMemory.resetPeak()
    let before = ResidentMemory.current
    while true {
      var timing = try time(work, rows: rows, columns: columns)
      guard timing.seconds < seconds / 2, timing.entries < Double(Self.mostEntries) else {
        timing.bytes = max(0, ResidentMemory.peak - before)
        return timing
      }
      // No further than what the last measurement foretells, which is little where it was short.
      let growth = min(16, max(2, seconds / max(timing.seconds, 1e-9)))
      let entries = min(Double(Self.mostEntries), timing.entries * growth)
      // Whole vectors of second inputs, and twice as many as first ones.
      columns = max(columns, Int((2 * entries).squareRoot() / 16) * 16)
      rows = max(rows + 1, Int(entries / Double(columns)))
    }
  }

  /// Kernels of 16, 32, 64… inputs with themselves, the last of which takes no longer than the time unless it is the second.
  func squares(_ work: Work, most: Int = 4096) throws -> [Timing] {
    var timings: [Timing] = []
    var count = 16
    // Once in vain, to start threads and find code.
    _ = try time(work, rows: 1, columns: nil)
    while count <= most {
      let timing = try time(work, rows: count, columns: nil)
      timings.append(timing)
      if timings.count > 1, 4 * timing.seconds > seconds { break }
      count *= 2
    }
    return timings
  }

  /// - Parameter columns: nil for the kernel of one data set.
  func time(_ work: Work, rows: Int, columns: Int?) throws -> Timing {
    let keys = RandomKey(seed: 0).split()
    let x1 = keys[0].normal([rows] + work.shape, dtype: work.dtype)
    let x2 = columns.map { keys[1].normal([$0] + work.shape, dtype: work.dtype) }
    let start = ContinuousClock.now
    _ = try work.network.kernel(x1, x2)
    let elapsed = (ContinuousClock.now - start) / .seconds(1)
    return Timing(rows: rows, columns: columns ?? rows, seconds: elapsed)
  }
}

/// The exponent a of y ≈ c · xᵃ, by least squares of the logarithms.
func growthExponent(_ x: [Double], _ y: [Double]) -> Double {
  let (u, v) = (x.map { log($0) }, y.map { log($0) })
  let (meanU, meanV) = (u.reduce(0, +) / Double(u.count), v.reduce(0, +) / Double(v.count))
  let covariance = zip(u, v).reduce(0) { $0 + ($1.0 - meanU) * ($1.1 - meanV) }
  return covariance / u.reduce(0) { $0 + ($1 - meanU) * ($1 - meanU) }
}
