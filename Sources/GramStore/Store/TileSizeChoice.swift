import CovarianceEngine

/// How large the tiles of a store are, and why.
///
/// Workers share work in tiles, so with few of them the last ones keep one worker while all others wait; small ones cost a file
/// each. Simulated workers of which some are slow and some fail (`benchmarks --workers`) are busy for at least 95 % of their
/// time where each has 100 tiles.
package struct TileSizeChoice: Hashable, Sendable {
  /// Rows and columns, before they are rounded up to what an executor computes in one piece.
  package let size: Int
  /// For a line that says it.
  package let reason: String

  /// Tiles that each worker has at least.
  package static let tilesPerWorker = 100
  /// Tile sizes are multiples of it.
  package static let step = 64
  package static let standard = 256
  /// A tile of float32 takes 64 MB.
  package static let largest = 4096
  /// Seconds that a killed worker may lose.
  private static let longestTile = 600.0
  /// Seconds below which a tile is mostly the writing of its file.
  private static let shortestTile = 1.0
  /// Floating-point operations per second of a worker, as a guess.
  private static let speed = 2e10

  /// The largest multiple of 64 that leaves every worker 100 tiles: (N/b)²/2 ≥ 100 W, for two data sets N₁N₂/b² ≥ 100 W.
  package static func size(forWorkers workers: Int, rows: Int, columns: Int, isSymmetric: Bool) -> Int {
    let entries = Double(rows) * Double(columns) / (isSymmetric ? 2 : 1)
    let size = (entries / Double(tilesPerWorker * workers)).squareRoot()
    return max(step, Int(min(size, 1e9)) / step * step)
  }

  /// - Parameters:
  ///   - workers: nil where their number is not known.
  ///   - flopsPerPair: what an entry costs.
  package init(rows: Int, columns: Int, isSymmetric: Bool, workers: Int?, flopsPerPair: Double) {
    /// The largest multiple of 64 whose work takes so long.
    func size(ofSeconds seconds: Double) -> Int {
      let size = (seconds * Self.speed / max(1, flopsPerPair)).squareRoot()
      return max(Self.step, Int(min(size, 1e9)) / Self.step * Self.step)
    }
    let most = min(Self.largest, size(ofSeconds: Self.longestTile))
    if let workers {
      let wanted = Self.size(forWorkers: workers, rows: rows, columns: columns, isSymmetric: isSymmetric)
      self.size = min(wanted, most)
      let entries = Double(rows) * Double(columns) / (isSymmetric ? 2 : 1)
      let tiles = Int(entries / Double(self.size * self.size)) / max(1, workers)
      let each = workers == 1 ? "the worker" : "each of \(grouped(workers)) workers"
      reason =
        tiles < Self.tilesPerWorker
        ? "the smallest there is; \(each) has \(tiles == 0 ? "less than one tile" : "\(tiles)")"
        : wanted <= most
          ? "the largest multiple of \(Self.step) that leaves \(each) \(Self.tilesPerWorker) tiles"
          : most == Self.largest
            ? "the largest there is; \(each) has \(grouped(tiles))"
            : "about ten minutes of work, which is what a killed worker may lose"
    } else {
      self.size = min(most, max(Self.standard, min(2048, size(ofSeconds: Self.shortestTile))))
      reason =
        self.size == Self.standard
        ? "the standard" : self.size > Self.standard ? "about a second of work" : "about ten minutes of work"
    }
  }
}
