import Synchronization

/// A request that a computation end, which may come from another thread: long computations ask for it between their pieces and
/// throw when it has come.
///
/// It belongs to everything that is called within `carriedOut`, on the thread that calls; work that is spread over threads takes
/// `current` along.
package final class Interruption: Sendable {
  /// That of the computation that runs here; nil where nobody can ask it to end.
  @TaskLocal package static var current: Interruption?

  private let flag = Atomic<Bool>(false)

  package init() {}

  package var isRequested: Bool { flag.load(ordering: .relaxed) }
  package func request() { flag.store(true, ordering: .relaxed) }

  /// Whether the computation that runs here has been asked to end.
  package static var isRequested: Bool { current?.isRequested ?? false }

  /// - Throws: `TensorError.interrupted` when the computation that runs here has been asked to end.
  package static func check() throws(TensorError) {
    if isRequested { throw .interrupted }
  }

  /// Calls `body`, which ends early when `interruption` is requested; nil for what has to be finished whoever wants it to end,
  /// such as what others will find made.
  package static func carriedOut<Result, Failure: Error>(
    under interruption: Interruption?, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try $current.withValue(interruption) { () -> Swift.Result<Result, Failure> in
      do throws(Failure) {
        return .success(try body())
      } catch {
        return .failure(error)
      }
    }.get()
  }
}
