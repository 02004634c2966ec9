/// How the work for pairs of inputs is cut, and what memory the pieces need: found once per graph.
struct SlicePlan: Sendable {
  private let cross: SliceTraversal
  private let itself: SliceTraversal
  /// Items of one piece of a body at most.
  let pieceSize: Int
  /// Positions that slices of a pair take in any section, and those of inputs with themselves beside them.
  let memorySize: Int
  let selfMemorySize: Int
  /// Bytes of all schedules that are kept, and of one that is not.
  let keptScheduleBytes: Int
  let scheduleBytes: Int
  /// How often a pair of inputs reads a number per input.
  let factorReads: Double
  /// Pairs of inputs that go through a schedule together, each with slices of its own.
  let jobCount: Int

  /// Bytes of a position of a slice, K and Θ in all lanes.
  private static let positionBytes = 128

  init(_ graph: SliceGraph) {
    var consumers = graph.sums.enumerated().map { index, pool in
      SliceTraversal.Consumer.sum(index, source: graph.nodes[pool].sources[0])
    }
    for (index, output) in graph.outputs.enumerated() where graph.hasBodyItems(output) {
      consumers.append(.output(index, node: output.node))
    }
    let positions = graph.nodes.map(\.sizes.product).max() ?? 1
    let limit = graph.limits.sliceBytes(
      positions: positions, groupBytes: LaneGroup<Float>.byteCount(graph, dataSizes: []))
    var bands = PositionAxes(repeating: 1)
    var traversal: SliceTraversal
    var sample: SliceSchedule
    var items: Range<Int>
    repeat {
      traversal = SliceTraversal(graph, consumers: consumers, isOfItself: false, bands: bands)
      items = traversal.middle
      if graph.goesInLockStep { items = items.clamped(to: max(0, traversal.zero - 4)..<traversal.zero + 4) }
      sample = SliceScheduler.schedule(graph, .cross, .body(items), traversal)
      // Lock step keeps all slices of a piece, so pieces are small instead.
    } while !graph.goesInLockStep && sample.memorySize * Self.positionBytes > limit
      && Self.split(&bands, consumers.map { graph.nodes[$0.node].sizes }, except: traversal.outerAxis)
    cross = traversal
    itself =
      graph.halvesPools && !graph.sums.isEmpty
      ? SliceTraversal(graph, consumers: consumers, isOfItself: true, bands: bands) : traversal

    let tail = SliceScheduler.schedule(graph, .cross, .tail, traversal)
    let itselfTail = SliceScheduler.schedule(graph, .itself, .tail, traversal)
    let head = SliceScheduler.schedule(graph, .factors, .head, traversal)
    let itemBytes = max(1, sample.byteCount / max(1, items.count))
    let itemCount = cross.items.count + itself.items.count
    keptScheduleBytes =
      min(graph.limits.scheduleBytes, itemCount * itemBytes) + tail.byteCount + 2 * itselfTail.byteCount
      + head.byteCount
    // Where slices are kept, longer pieces leave gaps in memory that the sample does not have.
    let isMixed = graph.nodes.contains { if case .table = $0.kind { true } else { false } }
    let most = isMixed ? sample.memorySize * 3 / 2 : sample.memorySize
    var memory = max(most, tail.memorySize, itselfTail.memorySize, head.memorySize)
    if graph.goesInLockStep {
      let share = max(1, sample.memorySize * Self.positionBytes / max(1, items.count))
      pieceSize = max(1, min(1 << 10, limit / share))
      memory = max(memory, items.isEmpty ? 0 : sample.memorySize * pieceSize / items.count)
      jobCount = graph.hasBody ? 1 : max(1, min(16, limit / max(1, memory * Self.positionBytes)))
    } else {
      pieceSize =
        itemCount * itemBytes <= graph.limits.scheduleBytes
        ? max(1, itemCount) : max(1, graph.limits.sectionBytes / itemBytes)
      jobCount = 1
    }
    memorySize = memory
    selfMemorySize = max(sample.selfMemorySize, tail.selfMemorySize)
    scheduleBytes = min(pieceSize, max(1, itemCount)) * itemBytes
    let sampled = items.reduce(0) { sum, index in
      let item = traversal.items[index]
      return sum
        + SliceExtent(
          sizes: graph.nodes[consumers[Int(item.consumer)].node].sizes,
          displacement: PositionAxes(truncatingIfNeeded: item.displacement)
        ).lengths.product
    }
    factorReads = tail.factorReads + sample.factorReads * Double(cross.cost) / Double(max(1, sampled))
  }

  /// Doubles the number of bands along the axis with the most displacements per band; false where there is none left.
  private static func split(_ bands: inout PositionAxes, _ sizes: [PositionAxes], except outer: Int) -> Bool {
    var best: (axis: Int, count: Int)?
    for axis in 0..<PositionAxes.axisCount where axis != outer {
      let count = (sizes.map { 2 * $0[axis] - 1 }.max() ?? 1) / bands[axis]
      if count > 3, count > best?.count ?? 0 { best = (axis, count) }
    }
    guard let best else { return false }
    bands[best.axis] *= 2
    return true
  }

  func traversal(_ purpose: SliceSchedule.Purpose) -> SliceTraversal { purpose == .cross ? cross : itself }

  /// Bytes of both traversals.
  var traversalBytes: Int { (cross.items.count + itself.items.count) * MemoryLayout<SliceTraversal.Item>.stride }
}
