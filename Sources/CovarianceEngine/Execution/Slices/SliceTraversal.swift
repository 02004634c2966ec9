/// All slices that the global pools of a graph, and outputs with all positions, read: in the order in which they are computed,
/// and cut into chunks.
///
/// Chunks are what makes sums independent of who computes them: the slices of a chunk are summed up one after another, and the
/// sums of chunks are added in their order, whichever threads had them. They depend on the graph only.
///
/// Neighbouring slices share much of what they are made of, which is kept until the last of them has read it. Where a row of
/// displacements is too long to be kept, the other axes of displacements are cut into bands, and a few slices at the borders of
/// bands are computed twice. Along axes that wrap around, the displacements Δ and Δ − n are made of the same slices and follow
/// one another.
struct SliceTraversal: Sendable {
  /// What reads slices of all displacements.
  enum Consumer: Sendable {
    /// A global pool: the place among the sums, and the node whose slices are summed up.
    case sum(Int, source: Int)
    case output(Int, node: Int)

    var node: Int {
      switch self {
      case .sum(_, let node), .output(_, let node): node
      }
    }
  }

  /// One slice for one consumer.
  struct Item: Sendable {
    var displacement: SIMD4<Int32>
    var consumer: Int32
    /// How often it counts in a sum.
    var weight: Int32
  }

  struct Chunk: Sendable {
    var items: Range<Int>
    /// The positions of its slices.
    var cost: Int
    /// Chunks of different bands share nothing.
    var band: Int
  }

  let consumers: [Consumer]
  private(set) var items: [Item] = []
  private(set) var chunks: [Chunk] = []
  /// The items around the displacement zero, whose slices are the largest: some rows of them.
  private(set) var middle = 0..<0
  /// The item of the displacement zero.
  private(set) var zero = 0
  /// The axis whose displacements change most slowly; along the others there can be bands.
  let outerAxis: Int

  private static let chunkCount = 64

  var isEmpty: Bool { items.isEmpty }
  var cost: Int { chunks.reduce(0) { $0 + $1.cost } }

  /// - Parameters:
  ///   - isOfItself: whether the slice of −Δ is that of Δ, so that a sum takes one of them twice.
  ///   - bands: how many there are along every axis; one along the outer axis.
  init(_ graph: SliceGraph, consumers: [Consumer], isOfItself: Bool, bands: PositionAxes) {
    self.consumers = consumers
    let sizes = consumers.map { graph.nodes[$0.node].sizes }
    let most = sizes.reduce(PositionAxes(repeating: 1)) { $0.replacing(with: $1, where: $1 .> $0) }
    outerAxis = (0..<PositionAxes.axisCount).first { most[$0] > 1 } ?? PositionAxes.axisCount - 1
    let wraps = (0..<PositionAxes.axisCount).map { axis in
      graph.nodes.contains { node in
        if case .table(_, axis, let table) = node.kind { table.wraps } else { false }
      }
    }
    var keyed: [(key: Key, item: Item)] = []
    // Consumers of the same sizes take turns at every displacement.
    var seen: [PositionAxes] = []
    for size in sizes where !seen.contains(size) {
      seen.append(size)
      let readers = consumers.indices.filter { sizes[$0] == size }
      Self.forEachDisplacement(size, bands, wraps) { key, displacement in
        for reader in readers {
          var weight: Int32 = 1
          if isOfItself, case .sum = consumers[reader] {
            guard let count = Self.weight(displacement) else { continue }
            weight = count
          }
          let item = Item(
            displacement: SIMD4<Int32>(truncatingIfNeeded: displacement), consumer: Int32(reader), weight: weight)
          keyed.append((key, item))
        }
      }
    }
    if seen.count > 1 { keyed.sort { $0.key < $1.key } }
    items = keyed.map(\.item)
    cut(keyed.map { (row: $0.key.axes[outerAxis], band: $0.key.band) }, sizes)
  }

  /// How often the slice of an input with itself counts: that of −Δ is that of Δ, so half of them are enough.
  private static func weight(_ displacement: PositionAxes) -> Int32? {
    for axis in 0..<PositionAxes.axisCount where displacement[axis] != 0 { return displacement[axis] > 0 ? 2 : nil }
    return 1
  }

  /// Where an item stands: consumers of different sizes are put together by fractions of these.
  private struct Key: Comparable {
    var band: Int
    var axes: SIMD4<Double>

    static func < (a: Key, b: Key) -> Bool {
      if a.band != b.band { return a.band < b.band }
      for axis in 0..<PositionAxes.axisCount where a.axes[axis] != b.axes[axis] { return a.axes[axis] < b.axes[axis] }
      return false
    }
  }

  private static func forEachDisplacement(
    _ sizes: PositionAxes, _ bands: PositionAxes, _ wraps: [Bool], _ body: (Key, PositionAxes) -> Void
  ) {
    /// Per axis and band: displacements with their place along the axis.
    let axes = (0..<PositionAxes.axisCount).map { axis -> [[(place: Double, displacement: Int)]] in
      var result = [[(place: Double, displacement: Int)]](repeating: [], count: bands[axis])
      let order = order(sizes[axis], wraps: wraps[axis])
      for (index, displacement) in order.enumerated() {
        let place = (Double(index) + 0.5) / Double(order.count)
        result[Int(place * Double(bands[axis]))].append((place, displacement))
      }
      return result
    }
    for band in 0..<bands.product {
      var rest = band
      var part: [[(place: Double, displacement: Int)]] = []
      for axis in (0..<PositionAxes.axisCount).reversed() {
        part.insert(axes[axis][rest % bands[axis]], at: 0)
        rest /= bands[axis]
      }
      for a in part[0] {
        for b in part[1] {
          for c in part[2] {
            for d in part[3] {
              body(
                Key(band: band, axes: SIMD4(a.place, b.place, c.place, d.place)),
                PositionAxes(a.displacement, b.displacement, c.displacement, d.displacement))
            }
          }
        }
      }
    }
  }

  private static func order(_ size: Int, wraps: Bool) -> [Int] {
    guard wraps else { return Array(1 - size..<size) }
    return [0] + (1..<max(1, size)).flatMap { [$0, $0 - size] }
  }

  /// Cuts the items into chunks of about the same cost, where rows end.
  private mutating func cut(_ places: [(row: Double, band: Int)], _ sizes: [PositionAxes]) {
    guard !items.isEmpty else { return }
    let costs = items.map { item in
      SliceExtent(
        sizes: sizes[Int(item.consumer)], displacement: PositionAxes(truncatingIfNeeded: item.displacement)
      ).lengths.product
    }
    let share = (costs.reduce(0, +) + Self.chunkCount - 1) / Self.chunkCount
    var rows: [Int] = [0]
    var (start, cost) = (0, 0)
    for index in items.indices {
      cost += costs[index]
      let isLast = index + 1 == items.count
      let endsBand = isLast || places[index + 1].band != places[index].band
      let endsRow = endsBand || places[index + 1].row != places[index].row
      if endsRow { rows.append(index + 1) }
      if endsBand || (endsRow && cost >= share) {
        chunks.append(Chunk(items: start..<index + 1, cost: cost, band: places[index].band))
        (start, cost) = (index + 1, 0)
      }
    }
    zero = items.firstIndex { $0.displacement == .zero } ?? 0
    let row = (rows.firstIndex { $0 > self.zero } ?? 1) - 1
    let band = places[zero].band
    let (first, last) = (rows[max(0, row - 1)], rows[min(rows.count - 1, row + 2)])
    middle = (first..<last).first { places[$0].band == band }!..<(first..<last).last { places[$0].band == band }! + 1
  }

  /// The chunk that an item is in.
  func chunk(of item: Int) -> Int {
    var (low, high) = (0, chunks.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if item < chunks[middle].items.upperBound { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// Ranges of whole chunks of about the same cost, none of them across the border of two bands.
  func parts(_ count: Int) -> [Range<Int>] {
    let share = Double(cost) / Double(max(1, count))
    var result: [Range<Int>] = []
    var (start, sum) = (0, 0.0)
    for (index, chunk) in chunks.enumerated() {
      sum += Double(chunk.cost)
      let isLast = index + 1 == chunks.count || chunks[index + 1].band != chunk.band
      if isLast || sum >= share {
        result.append(start..<index + 1)
        (start, sum) = (index + 1, 0)
      }
    }
    return result
  }

  func cost(_ part: Range<Int>) -> Int { part.reduce(0) { $0 + chunks[$1].cost } }

  /// The items of some chunks in pieces of at most `most` items, none of them across the border of two bands.
  func pieces(of part: Range<Int>, most: Int) -> [Range<Int>] {
    var result: [Range<Int>] = []
    var start = part.lowerBound
    for chunk in part where chunk + 1 == part.upperBound || chunks[chunk + 1].band != chunks[chunk].band {
      let range = chunks[start].items.lowerBound..<chunks[chunk].items.upperBound
      let count = (range.count + most - 1) / most
      for piece in 0..<count {
        result.append(
          range.lowerBound + range.count * piece / count..<range.lowerBound + range.count * (piece + 1) / count)
      }
      start = chunk + 1
    }
    return result
  }
}
