import Platform
import Tensors

extension GramStore {
  /// How far a store is, and who is at it.
  public struct Status: Sendable, Hashable {
    /// Tiles that are there.
    public let tilesDone: Int
    /// Tiles of the whole store.
    public let tileCount: Int
    /// Workers that have been heard of within their lease.
    public let workers: Int
    /// Claims of workers that are gone or silent: whoever comes next takes them over.
    public let staleClaims: Int
    /// Tiles per minute of all workers of late; nil where there are none.
    public let tilesPerMinute: Double?
    /// Bytes of the tiles that are there.
    public let byteCount: Double

    /// Whether all tiles are there.
    public var isComplete: Bool { tilesDone == tileCount }
    /// What is left at this rate.
    public var timeLeft: Duration? {
      tilesPerMinute.map { .seconds(60 * Double(tileCount - tilesDone) / $0) }
    }
  }

  /// Seconds in which tiles are counted for the rate.
  private static let window = 600.0

  /// How far it is, by looking at the names, sizes and times of its files; no tile is read.
  ///
  /// - Throws: `GramStoreError` when a directory cannot be read.
  public func status() throws(GramStoreError) -> Status {
    let done = try done()
    let claims = TileClaims(
      directory: self.claims, files: files, identity: .next(), shortestLease: StoreWorker.Settings().shortestLease)
    do {
      try claims.enter()
    } catch {
      // A store that may only be read says less.
      return Status(
        tilesDone: done.count, tileCount: grid.count, workers: 0, staleClaims: 0, tilesPerMinute: nil,
        byteCount: wholeByteCount * Double(done.count) / Double(grid.count))
    }
    defer { claims.leave() }
    do {
      let counts = try claims.counts()
      return Status(
        tilesDone: done.count, tileCount: grid.count, workers: counts.workers, staleClaims: counts.stale,
        tilesPerMinute: counts.workers == 0 ? nil : rate(of: done, now: try claims.now()),
        byteCount: wholeByteCount * Double(done.count) / Double(grid.count))
    } catch {
      throw .init(reading: error)
    }
  }

  /// Tiles per minute by the times of the files that are not old.
  private func rate(of done: DoneTiles, now: Double) -> Double? {
    guard let kernel = kernels.last else { return nil }
    var (count, first) = (0, now)
    for number in 0..<grid.count where done[number] {
      guard let time = try? files.status(of: path(kernel, grid[number])).modified else { continue }
      if now - time < Self.window { (count, first) = (count + 1, min(first, time)) }
    }
    // The first of them has begun before.
    return count > 1 && now > first ? 60 * Double(count - 1) / (now - first) : nil
  }

  /// Bytes that the tiles that are missing take, and that are free where they will be; nil where the system does not say.
  package func space() throws(GramStoreError) -> (needed: Double, free: Double)? {
    guard let free = try? files.freeSpace(at: path) else { return nil }
    return (wholeByteCount * (1 - Double(try done().count) / Double(grid.count)), Double(free))
  }
}
