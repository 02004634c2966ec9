/// Where a graph in lock step is cut because all slices of a node would take too much memory at once, as those do that a
/// large pool reads: the displacements along one axis of what a table reads, some of which are there at a time.
struct LockStepBands {
  /// The table, through which alone later nodes read what comes before it.
  let node: Int
  /// Displacements of its operand along its axis.
  let bands: [ClosedRange<Int>]

  /// Nil where all slices fit at once, or where no table cuts the graph.
  ///
  /// - Parameters:
  ///   - uses: how often the slices of every node are read; of inputs with themselves where they come beside a pair.
  ///   - requested: the nodes that somebody asks for other than for factors.
  ///   - end: the nodes before this one count.
  ///   - most: bytes of the slices of one node.
  init?(
    _ graph: SliceGraph, _ uses: [(subject: SliceSchedule.Subject, slices: [[Int: Int32]])], requested: [Int],
    upTo end: Int, most: Int
  ) {
    func bytes(_ node: Int) -> Int {
      uses.reduce(0) { sum, stream in
        let positions = stream.slices[node].keys.reduce(0) {
          $0 + SliceExtent(sizes: graph.nodes[node].sizes, index: $1).lengths.product
        }
        return sum + positions * (stream.subject == .pair ? SlicePlan.positionBytes : SlicePlan.positionBytes / 2)
      }
    }
    let isUsed = (0..<end).map { node in uses.contains { !$0.slices[node].isEmpty } }
    let loads = (0..<end).map { isUsed[$0] ? bytes($0) : 0 }
    guard most < .max, let largest = loads.max(), largest > most else { return nil }
    var lastReader = Array(0..<end)
    for reader in 0..<end where isUsed[reader] {
      for source in graph.nodes[reader].sources { lastReader[source] = reader }
    }
    /// The largest load, and the last reader of what is before a node; no node before it may be read behind it.
    var before = [(load: 0, reader: 0)]
    for node in 0..<end {
      before.append((max(before[node].load, loads[node]), max(before[node].reader, lastReader[node])))
    }
    for node in (0..<end).reversed() {
      guard case .table(let source, let axis, _) = graph.nodes[node].kind, isUsed[node] else { continue }
      let (load, reader) = before[node]
      guard load > most, loads[node] < load, reader <= node, requested.allSatisfy({ $0 >= node }) else { continue }
      var positions: [Int: Int] = [:]
      for stream in uses {
        for key in stream.slices[source].keys {
          let extent = SliceExtent(sizes: graph.nodes[source].sizes, index: key)
          positions[extent.displacement[axis], default: 0] += extent.lengths.product
        }
      }
      guard positions.count > 1 else { continue }
      self.node = node
      bands = Self.bands(positions, count: min(positions.count, (load + most - 1) / most))
      return
    }
    return nil
  }

  /// Displacements in their order, in bands with about the same number of positions.
  private static func bands(_ positions: [Int: Int], count: Int) -> [ClosedRange<Int>] {
    let sorted = positions.sorted { $0.key < $1.key }
    let total = sorted.reduce(0) { $0 + $1.value }
    var result: [ClosedRange<Int>] = []
    var (first, sum) = (0, 0)
    for (index, entry) in sorted.enumerated() {
      sum += entry.value
      if index + 1 == sorted.count || sum * count >= total * (result.count + 1) {
        result.append(sorted[first].key...entry.key)
        first = index + 1
      }
    }
    return result
  }
}
