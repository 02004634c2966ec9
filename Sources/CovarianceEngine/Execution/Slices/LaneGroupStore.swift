import Platform

/// Groups of inputs with their factors, kept for all threads if they fit.
final class LaneGroupStore<Scalar: SliceScalar>: @unchecked Sendable {
  let keepsAll: Bool
  // Not a Mutex, whose locking the thread sanitizer does not see: what groups hold is published through it.
  private let lock = Lock()
  private var groups: [Key: LaneGroup<Scalar>] = [:]

  struct Key: Hashable {
    var index: Int
    var dataSet: DataSet
    /// Whether its inputs come one at a time, as the first of two, and not in lanes.
    var comesFirst = false

    /// What is kept serves in both places.
    fileprivate var inAnyPlace: Key { Key(index: index, dataSet: dataSet) }
  }

  init(keepsAll: Bool) {
    self.keepsAll = keepsAll
  }

  func kept(_ key: Key) -> LaneGroup<Scalar>? { lock.withLock { groups[key.inAnyPlace] } }

  /// Says whether it is kept.
  func keep(_ group: LaneGroup<Scalar>, _ key: Key, _ graph: SliceGraph) -> Bool {
    guard keepsAll else { return false }
    group.prepareAsFirst(graph)
    lock.withLock { groups[key.inAnyPlace] = groups[key.inAnyPlace] ?? group }
    return true
  }
}
