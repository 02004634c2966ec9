/// How far the computation of a Gram matrix has come.
public struct GramProgress: Sendable, Hashable {
  /// Tiles that are computed.
  public let tilesDone: Int
  /// Tiles of the whole computation.
  public let tileCount: Int
  /// Pairs of inputs whose kernels are known, those that symmetry gives included.
  public let entriesDone: Int
  /// Entries of the whole computation.
  public let entryCount: Int
  /// Since the computation began.
  public let elapsed: Duration
  /// Why the matrix is computed in one piece where it could be expected to be cut; nil where there are tiles.
  public let obstacle: String?

  package init(
    tilesDone: Int, tileCount: Int, entriesDone: Int, entryCount: Int, elapsed: Duration, obstacle: String?
  ) {
    (self.tilesDone, self.tileCount, self.entriesDone) = (tilesDone, tileCount, entriesDone)
    (self.entryCount, self.elapsed, self.obstacle) = (entryCount, elapsed, obstacle)
  }

  /// From 0 to 1.
  public var fraction: Double { Double(entriesDone) / Double(max(1, entryCount)) }

  /// Entries per second; 0 before the first tile is done.
  public var rate: Double {
    let seconds = elapsed / .seconds(1)
    return seconds > 0 ? Double(entriesDone) / seconds : 0
  }

  /// What is left at the rate so far; nil before the first tile is done.
  public var timeLeft: Duration? {
    guard entriesDone > 0 else { return nil }
    return elapsed * (Double(entryCount - entriesDone) / Double(entriesDone))
  }
}
