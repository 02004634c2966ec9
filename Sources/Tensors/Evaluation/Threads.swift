import CLinearAlgebra
import Dispatch
import Foundation
import Synchronization

/// How many threads the package computes with, and the one way it spreads work over them.
public enum Threads {
  private static let chosenCount = Atomic<Int>(0)
  /// Asked for once: the answer takes the system tens of microseconds.
  private static let processorCount = ProcessInfo.processInfo.activeProcessorCount
  private static let blas = Mutex(BLASUse())
  @TaskLocal private static var limit: Int?

  /// More threads than this can gain nothing on any machine that has fewer processors, and each has memory of its own.
  private static let mostThreads = max(256, processorCount)

  /// Threads that an operation may use: the processors of this machine unless set, and not more than `withLimit` allows.
  ///
  /// It is set to the nearest number that is possible: at least 1, at most 256 or the processors of the machine.
  public static var count: Int {
    get {
      let chosen = chosenCount.load(ordering: .relaxed)
      let all = chosen > 0 ? chosen : processorCount
      return limit.map { min($0, all) } ?? all
    }
    set {
      chosenCount.store(max(1, min(newValue, mostThreads)), ordering: .relaxed)
    }
  }

  /// Calls `body`, in which operations use at most `limit` threads, of which there is always one; nil changes nothing.
  public static func withLimit<Result, Failure: Error>(
    _ limit: Int?, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    guard let limit else { return try body() }
    let least = max(1, min(limit, self.limit ?? limit))
    return try $limit.withValue(least) { () -> Swift.Result<Result, Failure> in
      do throws(Failure) {
        return .success(try body())
      } catch {
        return .failure(error)
      }
    }.get()
  }

  /// Calls `body` once for every index below `count`, on up to `Threads.count` threads, and returns when all are done.
  ///
  /// Threads take the next index as they come free, so `body` should be some microseconds of work. Inside `body` a BLAS
  /// call uses one thread only.
  public static func forEach(_ count: Int, _ body: @Sendable (Int) -> Void) {
    forEachWorker(count) { next in while let index = next() { body(index) } }
  }

  /// Like `forEach`, for work that keeps scratch memory: `body` is called once per thread and takes indices from its
  /// argument until that returns nil.
  public static func forEachWorker(_ count: Int, _ body: @Sendable (_ next: () -> Int?) -> Void) {
    let workers = min(Self.count, count)
    if workers <= 1 {
      var index = 0
      withSingleThreadedBLAS {
        body {
          defer { index += 1 }
          return index < count ? index : nil
        }
      }
      return
    }
    let counter = Atomic<Int>(0)
    let limit = limit
    withSingleThreadedBLAS {
      DispatchQueue.concurrentPerform(iterations: workers) { _ in
        // Threads of the queue do not know what limits this one.
        withLimit(limit) {
          body {
            let index = counter.wrappingAdd(1, ordering: .relaxed).oldValue
            return index < count ? index : nil
          }
        }
      }
    }
  }

  /// Splits `0 ..< count` into contiguous ranges of at least `grain` and calls `body` for each, in parallel.
  public static func forEachRange(_ count: Int, grain: Int, _ body: @Sendable (Range<Int>) -> Void) {
    guard count > 0 else { return }
    // More pieces than threads, because a thread may be held up by other programs.
    let most = Self.count == 1 ? 1 : 4 * Self.count
    let pieces = max(1, min(most, count / max(1, grain)))
    if pieces == 1 {
      body(0..<count)
      return
    }
    forEach(pieces) { piece in
      body(count * piece / pieces..<count * (piece + 1) / pieces)
    }
  }

  /// BLAS has one thread count for the whole process: while any parallel region runs it is one, so that regions do not
  /// oversubscribe the processors. It stays so until a call wants threads, because changing it wakes BLAS's own threads.
  private static func withSingleThreadedBLAS(_ body: () -> Void) {
    blas.withLock { blas in
      blas.regions += 1
      blas.setThreads(1)
    }
    defer { blas.withLock { $0.regions -= 1 } }
    body()
  }

  /// Calls `body`, in which BLAS and LAPACK use all threads unless a parallel region is running.
  static func withThreadedBLAS<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    blas.withLock { blas in
      if blas.regions == 0 { blas.setThreads(count) }
    }
    return try body()
  }

  private struct BLASUse {
    var regions = 0
    private var threads = 0

    mutating func setThreads(_ count: Int) {
      guard threads != count else { return }
      threads = count
      nt_blas_set_threads(Int32(count))
    }
  }
}
