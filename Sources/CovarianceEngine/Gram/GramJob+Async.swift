import Platform
import Tensors

extension GramJob {
  /// The whole kernel, computed on threads of its own, so that tasks go on.
  ///
  /// - Throws: `NetworkError` as `run`; `CancellationError` at the end of a tile after the task was cancelled.
  public func kernel() async throws -> Kernel {
    let interruption = Interruption()
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let begins = DetachedThread.run {
          continuation.resume(
            with: Result {
              do {
                return try Interruption.carriedOut(under: interruption) { () throws(NetworkError) in try run() }
              } catch  where interruption.isRequested {
                throw CancellationError()
              }
            })
        }
        if !begins { continuation.resume(throwing: NetworkError.noThread) }
      }
    } onCancel: {
      interruption.request()
    }
  }

  /// The tiles as they are computed, row after row; of a symmetric matrix those on and above the diagonal.
  ///
  /// One tile is computed ahead of the one that is being consumed, and not more: a slow consumer holds the computation
  /// up. It ends when its iterator goes out of use, and throws `CancellationError` when the task is cancelled. Every
  /// iterator computes anew.
  public var tiles: GramTiles { GramTiles(plan: plan) }
}

/// The tiles of a Gram matrix, as they are computed: see `GramJob.tiles`.
public struct GramTiles: AsyncSequence, Sendable {
  let plan: GramPlan

  /// A computation of its own, which begins when its first tile is asked for.
  public func makeAsyncIterator() -> Iterator { Iterator(plan: plan) }

  /// Computes while it is waited for, and one tile ahead.
  public struct Iterator: AsyncIteratorProtocol {
    private let plan: GramPlan
    private var producer: Producer?

    init(plan: GramPlan) {
      self.plan = plan
    }

    /// The next tile; nil after the last.
    ///
    /// - Throws: `NetworkError` when numbers are not finite, `CancellationError` when the task is cancelled.
    public mutating func next() async throws -> GramTile? {
      try Task.checkCancellation()
      let producer = producer ?? Producer(plan)
      self.producer = producer
      return try await producer.channel.next()
    }
  }

  /// Stops the computation when nobody can ask for more.
  private final class Producer: Sendable {
    let channel = GramChannel()

    init(_ plan: GramPlan) {
      let begins = DetachedThread.run { [channel] in
        channel.finish(with: Result { try Self.fill(channel, plan) })
      }
      if !begins { channel.finish(with: Result<Void, NetworkError>.failure(.noThread)) }
    }

    deinit {
      channel.cancel()
    }

    private static func fill(_ channel: GramChannel, _ plan: GramPlan) throws(NetworkError) {
      try plan.computation.requireMemory(
        entries: 2 * Double(plan.tileSize) * Double(plan.tileSize), dtype: plan.dtype, rows: plan.tileSize,
        columns: plan.tileSize)
      var run = GramPlan.Run(plan, plan.tiles, isMirrored: plan.isSymmetric)
      while channel.waitForRoom(), let (range, outputs) = try run.next() {
        channel.send(GramTile(range, outputs[0].asType(plan.dtype), isSymmetric: plan.isSymmetric))
      }
    }
  }
}

extension NetworkError {
  /// The system gives no thread more.
  package static let noThread = NetworkError(
    expected: "a thread to compute on", found: "none that the system would give", kind: .memory)
}
