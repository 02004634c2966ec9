/// A row and what both sides took for it.
struct RowResult {
  let row: Row
  /// One per process; at least one.
  var ours: [Measurement]
  /// Empty without a peer.
  var peers: [Measurement]

  /// The lower of the processes' median times.
  var secondsHere: Double { ours.map(\.secondsMedian).min() ?? .nan }
  var secondsPeer: Double? { peers.map(\.secondsMedian).min() }

  var entriesPeer: Int? { peers.first.map { $0.entries ?? row.entries ?? 1 } }

  /// nil for work that is not a kernel.
  var millisecondsPerEntryHere: Double? { row.entries.map { 1e3 * secondsHere / Double($0) } }
  var millisecondsPerEntryPeer: Double? {
    guard row.entries != nil, let secondsPeer, let entriesPeer else { return nil }
    return 1e3 * secondsPeer / Double(entriesPeer)
  }

  /// How many times longer the peer takes, per entry where that is the unit.
  var ratio: Double? { ratio { $0.map(\.secondsMedian).min() } }
  /// The same of best times.
  var bestRatio: Double? { ratio { $0.map(\.secondsBest).min() } }

  private func ratio(_ seconds: ([Measurement]) -> Double?) -> Double? {
    guard let here = seconds(ours), let peer = seconds(peers) else { return nil }
    return peer / here * Double(row.entries ?? 1) / Double(entriesPeer ?? 1)
  }

  var peakBytesHere: Double { ours.map(\.peakBytes).max() ?? .nan }
  var peakBytesPeer: Double? { peers.map(\.peakBytes).max() }

  /// Says so when the results differ by more than rounding explains: by their sums where both sides computed the same
  /// entries, by the corner that both computed otherwise.
  var disagreement: String? {
    guard let here = ours.first, let peer = peers.first else { return nil }
    if let a = here.corner, let b = peer.corner {
      guard a.count == b.count else { return "\(a.count) numbers of the corner here, \(b.count) there" }
      let tolerance = row.dtype == "float32" ? 1e-3 : 1e-7
      for (a, b) in zip(a, b) where !(abs(a - b) <= tolerance * max(abs(a), abs(b))) {
        return "the results differ: \(a) here, \(b) there"
      }
      if row.entries != entriesPeer { return nil }
    }
    for (a, b) in zip(here.checksum, peer.checksum) where !(abs(a - b) <= 2e-2 * max(abs(a), abs(b))) {
      return "the results differ: sum \(a) here, \(b) there"
    }
    return here.checksum.count == peer.checksum.count ? nil : "a different number of results"
  }
}
