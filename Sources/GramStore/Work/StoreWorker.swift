import DurableFiles
import CovarianceEngine
import Platform
import Tensors

/// Computes what a store lacks, beside any number of others: takes a tile that nobody has, computes it, writes it, and so on.
struct StoreWorker {
  /// What tests and careful users set.
  struct Settings: Sendable {
    /// Seconds for which a claim holds at least without being touched.
    var shortestLease = 60.0
    /// Whether a thread touches the claim while a tile is computed.
    var hasHeartbeat = true
    /// Seconds between looking for tiles that others have claimed, at most.
    var longestWait = 5.0
    /// Where to begin in the list of tiles; nil for a place by chance, so that workers seldom meet.
    var start: Int?
    /// Waits some seconds.
    var pause: @Sendable (Double) -> Void = { sleep(seconds: $0) }
  }

  /// Leases last at least as many times the slowest tile.
  private static let tilesPerLease = 4.0

  let store: GramStore
  let settings: Settings
  private let claims: TileClaims
  private var writer: TileWriter
  private var done: DoneTiles
  private let began = ContinuousClock.now
  private var doneAtStart = 0
  private var computed = 0
  private var slowest = 0.0
  private var workers = 1
  private var nextCount: ContinuousClock.Instant?
  /// When to look again at tiles that others have claimed.
  private var claimedUntil: [Int: ContinuousClock.Instant] = [:]
  private var position = 0
  private let progress: (@Sendable (GramStore.Progress) -> Void)?

  init(_ store: GramStore, _ settings: Settings, _ progress: (@Sendable (GramStore.Progress) -> Void)?) {
    (self.store, self.settings, self.progress) = (store, settings, progress)
    let identity = WorkerIdentity.next()
    claims = TileClaims(
      directory: store.claims, files: store.files, identity: identity, shortestLease: settings.shortestLease)
    writer = TileWriter(store, identity)
    done = DoneTiles(store)
    position = settings.start ?? Int.random(in: 0..<max(1, store.grid.countOffDiagonal))
  }

  private var lease: Double { max(settings.shortestLease, Self.tilesPerLease * slowest) }
  private var elapsed: Double { (ContinuousClock.now - began) / .seconds(1) }

  /// - Parameters:
  ///   - timeLimit: seconds after which no tile may be running; nil for none.
  ///   - wanted: numbers of the tiles to compute; nil for all.
  ///   - compute: makes what computes a tile of every kernel of the store, when there is one to compute.
  mutating func run(
    timeLimit: Double?, wanted: Set<Int>? = nil,
    _ makeTiles: () throws(GramStoreError) -> (TileIndex) throws(NetworkError) -> [Tensor]
  ) throws(GramStoreError) -> GramStore.Outcome {
    do {
      try done.scan()
      doneAtStart = done.count
      if done.isComplete {
        try synchronizeNames()
        tidy()
        say()
        return .complete
      }
      try store.files.makeDirectories(store.temporaries)
      try claims.enter()
    } catch {
      throw .init(writing: "in \(store.path)", error)
    }
    defer { claims.leave() }
    do { try claims.sweep(temporaries: store.temporaries) } catch { throw .init(writing: "in \(store.path)", error) }
    report()
    let compute = try makeTiles()
    let heartbeat = settings.hasHeartbeat ? Heartbeat(claims, every: settings.shortestLease / 4) : nil
    defer { heartbeat?.stop() }
    while true {
      if let timeLimit, elapsed + slowest > timeLimit { return .timeLimit }
      let next: Int?
      do { next = try takeTile(wanted) } catch { throw .init(writing: "a claim in \(store.path)", error) }
      guard let number = next else {
        if wanted?.allSatisfy({ done[$0] }) ?? done.isComplete {
          do { try synchronizeNames() } catch { throw .init(writing: "in \(store.path)", error) }
          // Of the last ones there is nobody else to do it.
          try? claims.sweep(temporaries: store.temporaries)
          return .complete
        }
        waitForOthers(timeLimit)
        continue
      }
      let index = store.grid[number]
      heartbeat?.begin(index)
      defer {
        heartbeat?.end()
        claims.release(index)
      }
      let start = ContinuousClock.now
      try finish(index, compute)
      done.insert(number)
      computed += 1
      slowest = max(slowest, (ContinuousClock.now - start) / .seconds(1))
      report()
    }
  }

  /// Sees to it that a store that is complete stays so after a loss of power: a worker that was killed may have renamed a tile and
  /// not synchronized its directory.
  private func synchronizeNames() throws(FileFailure) {
    for kernel in store.kernels {
      for row in 0..<store.grid.rows { try store.files.synchronizeDirectory(store.rowPath(kernel, row)) }
    }
  }

  /// Removes what workers that were killed at the very end have left, where that can be done.
  private func tidy() {
    let names = [store.claims, store.temporaries].flatMap { (try? store.files.names(in: $0)) ?? [] }
    guard !names.isEmpty, (try? claims.enter()) != nil else { return }
    try? claims.sweep(temporaries: store.temporaries)
    claims.leave()
  }

  private mutating func finish(
    _ index: TileIndex, _ compute: (TileIndex) throws(NetworkError) -> [Tensor]
  ) throws(GramStoreError) {
    let tensors: [Tensor]
    do { tensors = try compute(index) } catch { throw .computation(error) }
    do {
      try writer.write(tensors, index)
    } catch {
      let (chunk, tiles) = (Double(store.matrixArray.chunkByteCount), Double(store.grid.count))
      let missing = store.wholeByteCount * (1 - Double(done.count) / tiles)
      let advice =
        [ENOSPC, EDQUOT, EFBIG].contains(error.failure.code)
        ? " (needs \(byteText(chunk)), \(byteText(missing)) for what is left of the job)" : ""
      throw .cannotWrite(
        what: "\(error.kernel.rawValue) tile \(index.description)", reason: error.failure.reason,
        advice: advice + ". \(grouped(done.count)) tiles are safe; "
          + (advice.isEmpty ? "see to \(error.failure.path) and run again" : "free space and run again"))
    }
  }

  // MARK: - Choosing

  /// The number of a tile that is now this worker's; nil where all others are done or claimed.
  private mutating func takeTile(_ wanted: Set<Int>?) throws(FileFailure) -> Int? {
    let (off, count) = (store.grid.countOffDiagonal, store.grid.count)
    // Those off the diagonal in a circle, then those on it.
    for range in [0..<off, off..<count] where !range.isEmpty {
      let start = range.contains(position) ? position : range.lowerBound + position % range.count
      for step in 0..<range.count {
        let number = range.lowerBound + (start - range.lowerBound + step) % range.count
        if done[number] || !(wanted?.contains(number) ?? true) { continue }
        if let until = claimedUntil[number], until > .now { continue }
        claimedUntil[number] = nil
        let index = store.grid[number]
        guard try claims.take(index, lease: lease) else {
          claimedUntil[number] = .now + .seconds(settings.longestWait)
          continue
        }
        // Somebody may have computed it since its row was looked at, and more tiles of the row.
        if store.isDone(index) {
          claims.release(index)
          try done.scan(row: index.row)
          done.insert(number)
          continue
        }
        position = number + 1 < range.upperBound ? number + 1 : range.lowerBound
        return number
      }
    }
    return nil
  }

  private mutating func waitForOthers(_ timeLimit: Double?) {
    var seconds = min(settings.longestWait, max(0.05, slowest / 4))
    if let timeLimit { seconds = max(0.01, min(seconds, timeLimit - elapsed)) }
    settings.pause(seconds)
    for row in done.incompleteRows { try? done.scan(row: row) }
    claimedUntil = [:]
    report()
  }

  // MARK: - Saying

  private mutating func report() {
    if progress == nil { return }
    if nextCount.map({ $0 < .now }) ?? true {
      // What others do is looked at so seldom that it costs next to nothing, also where a thousand workers do.
      let start = ContinuousClock.now
      workers = max(1, (try? claims.workerCount()) ?? 1)
      for row in done.incompleteRows { try? done.scan(row: row) }
      nextCount = .now + max(.seconds(10), (.now - start) * 300)
    }
    say()
  }

  private func say() {
    progress?(
      GramStore.Progress(
        tilesDone: done.count, tileCount: store.grid.count, tilesDoneAtStart: doneAtStart, tilesComputed: computed,
        workers: workers, elapsed: .seconds(elapsed)))
  }
}

/// Touches the claim of the tile that is being computed, on a thread of its own.
final class Heartbeat: Sendable {
  private struct State {
    var index: TileIndex?
    var isStopped = false
  }

  private let state = Guarded(State())

  init(_ claims: TileClaims, every seconds: Double) {
    _ = DetachedThread.run { [state] in
      while true {
        // In short steps, so that the thread ends soon after it is not wanted any more.
        var waited = 0.0
        while waited < seconds {
          sleep(seconds: min(0.1, seconds))
          waited += min(0.1, seconds)
          if state.withLock({ $0.isStopped }) { return }
        }
        state.withLock { state in
          if let index = state.index, !state.isStopped { claims.touch(index) }
        }
      }
    }
  }

  func begin(_ index: TileIndex) { state.withLock { $0.index = index } }
  func end() { state.withLock { $0.index = nil } }
  func stop() { state.withLock { ($0.index, $0.isStopped) = (nil, true) } }
}

/// Waits by a clock that nobody sets.
func sleep(seconds: Double) {
  var left = timespec()
  left.tv_sec = .init(seconds)
  left.tv_nsec = .init((seconds - Double(left.tv_sec)) * 1e9)
  var rest = timespec()
  while nanosleep(&left, &rest) != 0, errno == EINTR { left = rest }
}
