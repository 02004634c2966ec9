import CLinearAlgebra
import Dispatch
import Platform
import Synchronization

/// How many threads the package computes with, and the one way it spreads work over them.
///
/// BLAS has a number of threads of its own, one for the whole process: the package sets it while it works with BLAS and sets
/// it back, and callers that want different numbers wait for each other. Whoever else calls the same BLAS meanwhile has the
/// package's number.
public enum Threads {
  private static let chosenCount = Atomic<Int>(0)
  /// Asked for once: the answer takes the system tens of microseconds.
  private static let processorCount = Computer.processorCount
  @TaskLocal private static var limit: Int?
  @TaskLocal private static var isInRegion = false

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
      $isInRegion.withValue(true) {
        body {
          defer { index += 1 }
          return index < count ? index : nil
        }
      }
      return
    }
    precondition(nt_blas_is_entered() == 0, "work is spread over threads by a thread that keeps BLAS from them")
    let counter = Atomic<Int>(0)
    let limit = limit
    DispatchQueue.concurrentPerform(iterations: workers) { _ in
      // Threads of the queue do not know what limits this one.
      $isInRegion.withValue(true) {
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

  /// Calls `body`, in which BLAS and LAPACK use one thread, for work that several threads do side by side.
  ///
  /// BLAS has one thread count for the whole process: it is set while somebody works with it and then set back, and
  /// callers with other counts wait for each other (`nt_blas_enter`). So `body` should be calls of BLAS and little else.
  package static func withSingleThreadedBLAS<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    nt_blas_enter(1)
    defer { nt_blas_leave() }
    return try body()
  }

  /// Calls `body`, in which BLAS and LAPACK use all threads that this caller may have; inside of `forEach` that is one.
  static func withThreadedBLAS<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    nt_blas_enter(isInRegion ? 1 : Int32(clamping: count))
    defer { nt_blas_leave() }
    return try body()
  }
}
