import Clusters
import Foundation

/// Processes of a cluster as threads of this one.
struct ThreadCluster: Cluster {
  let rank: Int
  let count: Int
  var factors: Bool { false }
  private let exchange: Exchange

  /// What all have given, until the last one has come.
  private final class Exchange: @unchecked Sendable {
    private let condition = NSCondition()
    private var given: [[UInt8]?]
    private var arrived = 0
    private var round = 0
    private var result: [UInt8] = []
    private var hasEnded = false

    init(_ count: Int) { given = Array(repeating: nil, count: count) }

    /// All give bytes and get what `combine` makes of them.
    func meet(
      _ rank: Int, _ bytes: [UInt8], _ combine: ([[UInt8]]) -> [UInt8]
    ) throws(ClusterError) -> [UInt8] {
      condition.lock()
      defer { condition.unlock() }
      let own = round
      given[rank] = bytes
      arrived += 1
      if arrived == given.count {
        result = combine(given.compactMap { $0 })
        (arrived, round) = (0, round + 1)
        condition.broadcast()
      }
      while round == own && !hasEnded { condition.wait() }
      if round == own { throw ClusterError("meet the others", reason: "one of them is gone") }
      return result
    }

    /// Nobody waits any more.
    func end() {
      condition.lock()
      hasEnded = true
      condition.broadcast()
      condition.unlock()
    }
  }

  func sum(_ numbers: UnsafeMutableBufferPointer<Double>) throws(ClusterError) {
    let bytes = try exchange.meet(rank, Array(UnsafeRawBufferPointer(numbers))) { all in
      var sums = [Double](repeating: 0, count: all[0].count / 8)
      for part in all {
        part.withUnsafeBytes { part in
          for (place, number) in part.bindMemory(to: Double.self).enumerated() { sums[place] += number }
        }
      }
      return sums.withUnsafeBytes { Array($0) }
    }
    UnsafeMutableRawBufferPointer(numbers).copyBytes(from: bytes)
  }

  func broadcast(_ target: UnsafeMutableRawBufferPointer) throws(ClusterError) {
    let bytes = try exchange.meet(rank, Array(target)) { $0[0] }
    target.copyBytes(from: bytes)
  }

  func dealtMatrix(rows: Int, columns: Int, block: Int) -> DealtMatrix? { nil }

  /// Runs `body` in as many threads, of which the first leads; what that one returns.
  static func run<Result: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (ThreadCluster) throws -> Result?
  ) throws -> Result? {
    let exchange = Exchange(count)
    let (group, failures, lock) = (DispatchGroup(), Failures(), NSLock())
    nonisolated(unsafe) var found: Result?
    for rank in 0..<count {
      group.enter()
      let thread = Thread {
        do {
          let result = try body(ThreadCluster(rank: rank, count: count, exchange: exchange))
          if rank == 0 { lock.withLock { found = result } }
        } catch {
          failures.add(rank, error)
          exchange.end()
        }
        group.leave()
      }
      thread.stackSize = 8 << 20
      thread.start()
    }
    group.wait()
    if let error = failures.first { throw error }
    return lock.withLock { found }
  }

  private init(rank: Int, count: Int, exchange: Exchange) {
    (self.rank, self.count, self.exchange) = (rank, count, exchange)
  }

  private final class Failures: @unchecked Sendable {
    private let lock = NSLock()
    private var errors: [(rank: Int, error: any Error)] = []

    func add(_ rank: Int, _ error: any Error) { lock.withLock { errors.append((rank, error)) } }
    /// That of the lowest rank.
    var first: (any Error)? { lock.withLock { errors.min { $0.rank < $1.rank }?.error } }
  }
}
