import Foundation
import NeuralTangents
import Tensors
import Testing

@Suite("Gram jobs in tasks", .serialized)
struct GramStreamTests {
  private static let network = FusedExecutorTests.network
  private static let x = FusedExecutorTests.data(1100, 5, seed: 31, dtype: .float32)
  private static let other = FusedExecutorTests.data(600, 5, seed: 32, dtype: .float32)

  private static func job(
    _ x2: Tensor? = nil, accumulation: DType? = nil, log: GramProgressLog? = nil
  ) throws -> GramJob {
    try GramJob(
      network, x, x2, options: KernelOptions(accumulation: accumulation, tileSize: 256, progress: log?.closure))
  }

  @Test("a kernel that is awaited is the kernel", arguments: [true, false])
  func kernel(isSymmetric: Bool) async throws {
    let job = try Self.job(isSymmetric ? nil : Self.other)
    let (awaited, direct) = (try await job.kernel(), try job.run())
    #expect(sameBits(awaited, direct))
  }

  @Test("streamed tiles are the kernel in pieces", arguments: [true, false], [nil, DType.float64])
  func stream(isSymmetric: Bool, _ accumulation: DType?) async throws {
    let job = try Self.job(isSymmetric ? nil : Self.other, accumulation: accumulation)
    let kernel = try job.run()
    let ntk = try #require(kernel.ntk)
    var count = 0
    var (variances1, variances2): (Set<Int>, Set<Int>) = ([], [])
    var area = 0
    for try await tile in job.tiles {
      #expect(sameBits(tile.nngp, kernel.nngp[tile.rows, tile.columns]))
      #expect(sameBits(tile.ntk, ntk[tile.rows, tile.columns]))
      if let cov1 = tile.cov1 {
        #expect(sameBits(cov1, kernel.cov1[tile.rows]))
        variances1.formUnion(tile.rows)
      }
      if let cov2 = tile.cov2 {
        let expected = try #require(kernel.cov2)[tile.columns]
        #expect(sameBits(cov2, expected))
        variances2.formUnion(tile.columns)
      }
      count += 1
      area += tile.rows.count * tile.columns.count * (isSymmetric && tile.rows != tile.columns ? 2 : 1)
    }
    #expect(count == job.tileCount && area == job.rowCount * job.columnCount)
    #expect(variances1.count == 1100 && variances2.count == (isSymmetric ? 0 : 600))
  }

  @Test("a slow consumer has one tile computed ahead, and not more")
  func backPressure() async throws {
    let log = GramProgressLog()
    let job = try Self.job(log: log)
    var consumed = 0
    for try await _ in job.tiles {
      consumed += 1
      if consumed < 6 { try await Task.sleep(for: .milliseconds(40)) }
      let done = log.reports.last?.tilesDone ?? 0
      #expect(done >= consumed && done <= consumed + 1)
    }
    #expect(consumed == job.tileCount)
  }

  @Test("a consumer that leaves early stops the computation")
  func leaving() async throws {
    let log = GramProgressLog()
    let job = try Self.job(log: log)
    for try await _ in job.tiles { break }
    try await Task.sleep(for: .milliseconds(100))
    #expect((log.reports.last?.tilesDone ?? 0) <= 2)
  }

  /// A job that waits after its first tile until it is told to go on.
  private struct Held {
    let job: GramJob
    let log = GramProgressLog()
    let go = DispatchSemaphore(value: 0)
    let reached: AsyncStream<Void>

    init() throws {
      let (reached, reach) = AsyncStream.makeStream(of: Void.self)
      self.reached = reached
      let (log, go) = (log, go)
      job = try GramJob(
        GramStreamTests.network, GramStreamTests.x,
        options: KernelOptions(
          tileSize: 256,
          progress: { progress in
            log.closure(progress)
            guard progress.tilesDone == 1 else { return }
            reach.yield()
            go.wait()
          }))
    }

    func waitUntilReached() async { for await _ in reached { return } }
  }

  @Test("a cancelled kernel stops within a tile and throws CancellationError")
  func cancelledKernel() async throws {
    let held = try Held()
    let job = held.job
    let task = Task { try await job.kernel() }
    await held.waitUntilReached()
    task.cancel()
    held.go.signal()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(held.log.reports.last?.tilesDone == 1)
  }

  @Test("a cancelled stream throws CancellationError at once and computes no further tile")
  func cancelledStream() async throws {
    let held = try Held()
    let job = held.job
    let task = Task { for try await _ in job.tiles {} }
    await held.waitUntilReached()
    task.cancel()
    // The computation is still held up.
    await #expect(throws: CancellationError.self) { try await task.value }
    held.go.signal()
    try await Task.sleep(for: .milliseconds(50))
    #expect(held.log.reports.last?.tilesDone == 1)
  }

  @Test("a task that was cancelled before computes nothing")
  func cancelledBefore() async throws {
    let log = GramProgressLog()
    let job = try Self.job(log: log)
    let task = Task {
      while !Task.isCancelled { await Task.yield() }
      await #expect(throws: CancellationError.self) { try await job.kernel() }
      await #expect(throws: CancellationError.self) { for try await _ in job.tiles {} }
    }
    task.cancel()
    await task.value
    #expect(log.reports.allSatisfy { $0.tilesDone == 0 })
  }

  @Test("tasks go on while a kernel is computed")
  func otherTasks() async throws {
    let held = try Held()
    let job = held.job
    async let kernel = job.kernel()
    await held.waitUntilReached()
    // More tasks than there are threads, none of which the held computation has.
    let total = await withTaskGroup(of: Int.self) { group in
      for index in 0..<64 { group.addTask { index } }
      return await group.reduce(0, +)
    }
    #expect(total == 2016)
    held.go.signal()
    let (found, expected) = (try await kernel, try Self.job().run())
    #expect(sameBits(found, expected))
  }

  @Test("what the computation keeps is gone when a stream is", arguments: [1, 2, 100])
  func noLeak(consumed: Int) async throws {
    weak var leaked: Token?
    do {
      let token = Token()
      leaked = token
      let job = try GramJob(
        Self.network, Self.x, options: KernelOptions(tileSize: 256, progress: { _ in withExtendedLifetime(token) {} }))
      var count = 0
      for try await _ in job.tiles {
        count += 1
        if count == consumed { break }
      }
    }
    for _ in 0..<200 where leaked != nil { try await Task.sleep(for: .milliseconds(10)) }
    #expect(leaked == nil)
  }

  private final class Token: Sendable {}

  @Test("an error inside a tile reaches whoever awaits it")
  func errors() async throws {
    var x = Self.x
    x[700] = Tensor([Float](repeating: 14.2, count: 5))
    let network = Serial {
      Dense(1)
      Exp()
      Dense(1)
    }
    let job = try GramJob(network, x, Self.other, options: KernelOptions(tileSize: 256))
    await #expect(throws: NetworkError.self) { try await job.kernel() }
    var rows = 0
    await #expect(throws: NetworkError.self) {
      for try await tile in job.tiles { rows = max(rows, tile.rows.upperBound) }
    }
    // Tiles before the one with the error came through.
    #expect(rows == 512)
  }

  @Test("several tasks may use one job at once")
  func concurrent() async throws {
    let job = try Self.job(Self.other)
    let expected = try job.run()
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<3 { group.addTask { sameBits(try await job.kernel(), expected) } }
      for try await isSame in group { #expect(isSame) }
    }
  }
}
