import CovarianceEngine
import Tensors

extension GramStore {
  /// How a run has ended.
  public enum Outcome: Sendable, Hashable {
    /// All tiles are there.
    case complete
    /// There was no time for another tile.
    case timeLimit
  }

  /// How far a store is, as a worker of it sees it.
  public struct Progress: Sendable, Hashable {
    /// Tiles that are there, whoever computed them.
    public let tilesDone: Int
    /// Tiles of the whole store.
    public let tileCount: Int
    /// Tiles that were there when the run began.
    public let tilesDoneAtStart: Int
    /// Tiles that this worker has computed.
    public let tilesComputed: Int
    /// Workers that are at it, this one among them.
    public let workers: Int
    /// Since the run began.
    public let elapsed: Duration

    /// From 0 to 1.
    public var fraction: Double { Double(tilesDone) / Double(max(1, tileCount)) }

    /// Tiles per minute of all workers since the run began; nil before the first.
    public var tilesPerMinute: Double? {
      let minutes = elapsed / .seconds(60)
      let tiles = tilesDone - tilesDoneAtStart
      return tiles > 0 && minutes > 0 ? Double(tiles) / minutes : nil
    }

    /// What is left at this rate.
    public var timeLeft: Duration? {
      tilesPerMinute.map { .seconds(60 * Double(tileCount - tilesDone) / $0) }
    }
  }

  /// Computes what is missing, beside any number of others who do the same, until all is there.
  ///
  /// - Parameters:
  ///   - timeLimit: no tile is begun that would not be finished by then, as far as those before it tell; nil for none. The last
  ///     ones may be in the hands of others: they are waited for, too.
  ///   - device: what computes the tiles; nil for the processors. Tiles of different devices differ by roundings.
  ///   - progress: called before the first tile, after each, and while others are waited for.
  /// - Throws: `GramStoreError` when a tile cannot be computed or written. What has been written is safe, and another run goes on.
  @discardableResult
  public func run(
    timeLimit: Duration? = nil, device: (any KernelDevice)? = nil, progress: (@Sendable (Progress) -> Void)? = nil
  ) throws(GramStoreError) -> Outcome {
    try run(timeLimit: timeLimit, settings: StoreWorker.Settings(), device: device, progress: progress)
  }

  /// The same with leases of at least so many seconds.
  package func run(
    timeLimit: Duration?, lease: Double, device: (any KernelDevice)? = nil, progress: (@Sendable (Progress) -> Void)?
  ) throws(GramStoreError) -> Outcome {
    var settings = StoreWorker.Settings()
    settings.shortestLease = lease
    settings.longestWait = min(settings.longestWait, lease / 2)
    return try run(timeLimit: timeLimit, settings: settings, device: device, progress: progress)
  }

  func run(
    timeLimit: Duration?, settings: StoreWorker.Settings, wanted: Set<Int>? = nil, device: (any KernelDevice)? = nil,
    progress: (@Sendable (Progress) -> Void)? = nil
  ) throws(GramStoreError) -> Outcome {
    var worker = StoreWorker(self, settings, progress)
    return try worker.run(timeLimit: timeLimit.map { $0 / .seconds(1) }, wanted: wanted) { () throws(GramStoreError) in
      try tiles(on: device)
    }
  }

  /// What computes a tile of every kernel, from the data in the store.
  func tiles(on device: (any KernelDevice)? = nil) throws(GramStoreError) -> (TileIndex) throws(NetworkError) ->
    [Tensor]
  {
    if let tileSource { return { (index: TileIndex) throws(NetworkError) in tileSource(index) } }
    let job: GramJob
    if let device { job = try kernelJob(on: device) } else { job = try computation() }
    let computation: GramJob.TileComputation
    do { computation = try GramJob.TileComputation(job) } catch { throw .computation(error) }
    return { (index: TileIndex) throws(NetworkError) in
      let tile = try computation.tile(rows: grid.rowRange(index.row), columns: grid.columnRange(index.column))
      return kernels.map { kernel in
        guard let ntk = tile.ntk, kernel == .ntk else { return tile.nngp }
        return ntk
      }
    }
  }
}
