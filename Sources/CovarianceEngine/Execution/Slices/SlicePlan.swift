import CVectorKernels
import Tensors

/// How the work for pairs of inputs is cut, and what memory the pieces need: found once per graph.
///
/// Small bodies are scheduled whole, and their schedules are those that pairs go through; of large ones the plan writes a
/// sample.
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
  static let positionBytes = 128

  /// - Parameter schedules: gets those that were written on the way and are what pairs of inputs go through.
  init(_ graph: SliceGraph, _ schedules: inout [SliceSchedule]) {
    var consumers = graph.sums.enumerated().map { index, pool in
      SliceTraversal.Consumer.sum(index, source: graph.nodes[pool].sources[0])
    }
    for (index, output) in graph.outputs.enumerated() where graph.hasBodyItems(output) {
      consumers.append(.output(index, node: output.node))
    }
    let halves = graph.halvesPools && !graph.sums.isEmpty
    func halved(_ traversal: SliceTraversal, _ bands: PositionAxes) -> SliceTraversal {
      halves ? SliceTraversal(graph, consumers: consumers, isOfItself: true, bands: bands) : traversal
    }
    let limit = graph.sliceBytes
    var bands = PositionAxes(repeating: 1)
    var traversal = SliceTraversal(graph, consumers: consumers, isOfItself: false, bands: bands)
    var itself = halved(traversal, bands)
    let whole = Self.wholeBodies(graph, cross: traversal, itself: itself, limit: limit)
    var sample: SliceSchedule
    var items: Range<Int>
    if let whole {
      (sample, items) = (whole.cross, traversal.items.indices)
    } else {
      repeat {
        traversal = SliceTraversal(graph, consumers: consumers, isOfItself: false, bands: bands)
        items = traversal.middle
        if graph.goesInLockStep { items = items.clamped(to: max(0, traversal.zero - 4)..<traversal.zero + 4) }
        sample = SliceScheduler.schedule(graph, .cross, .body(items), traversal)
        // Lock step keeps all slices of a piece, so pieces are small instead.
      } while !graph.goesInLockStep && sample.memorySize * Self.positionBytes > limit
        && Self.split(&bands, consumers.map { graph.nodes[$0.node].sizes }, except: traversal.outerAxis)
      itself = halved(traversal, bands)
    }
    (cross, self.itself) = (traversal, itself)

    let tail = SliceScheduler.schedule(graph, .cross, .tail, traversal)
    let itselfTail = SliceScheduler.schedule(graph, .itself, .tail, traversal)
    let head = SliceScheduler.schedule(graph, .factors, .head, traversal)
    schedules = [tail, itselfTail, head] + (whole.map { [$0.cross, $0.itself] } ?? [])
    let itemCount = cross.items.count + itself.items.count
    let bodyBytes: Int
    if let whole {
      bodyBytes = whole.cross.byteCount + whole.itself.byteCount
    } else {
      bodyBytes = itemCount * max(1, sample.byteCount / max(1, items.count))
    }
    keptScheduleBytes =
      min(graph.limits.scheduleBytes, bodyBytes) + tail.byteCount + 2 * itselfTail.byteCount + head.byteCount
    // Where slices are kept, longer pieces leave gaps in memory that the sample does not have.
    let isMixed = graph.nodes.contains { if case .table = $0.kind { true } else { false } }
    var memory = isMixed && whole == nil && !graph.goesInLockStep ? sample.memorySize * 3 / 2 : sample.memorySize
    memory = max(memory, whole?.itself.memorySize ?? 0, tail.memorySize, itselfTail.memorySize, head.memorySize)
    let itemBytes = max(1, bodyBytes / max(1, itemCount))
    let mostItems = max(1, graph.limits.sectionBytes / itemBytes)
    if graph.goesInLockStep {
      let share = max(1, sample.memorySize * Self.positionBytes / max(1, items.count))
      pieceSize = max(1, min(1 << 10, limit / share, mostItems))
      // A table is where slices of a longer piece are cut into bands.
      let most = isMixed ? max(limit / Self.positionBytes, sample.memorySize) : .max
      memory = max(memory, items.isEmpty ? 0 : min(most, sample.memorySize * pieceSize / items.count))
      jobCount = graph.hasBody ? 1 : max(1, min(16, limit / max(1, memory * Self.positionBytes)))
    } else {
      pieceSize = bodyBytes <= graph.limits.scheduleBytes ? max(1, itemCount) : mostItems
      jobCount = 1
    }
    memorySize = memory
    selfMemorySize = max(sample.selfMemorySize, tail.selfMemorySize)
    scheduleBytes = min(pieceSize, max(1, itemCount)) * max(1, bodyBytes / max(1, itemCount))
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

  /// The schedules of whole bodies, written side by side, where both are sure to be kept; nil where they are too large, or
  /// take more memory than slices may.
  private static func wholeBodies(
    _ graph: SliceGraph, cross: SliceTraversal, itself: SliceTraversal, limit: Int
  ) -> (cross: SliceSchedule, itself: SliceSchedule)? {
    guard !graph.goesInLockStep, !cross.isEmpty else { return nil }
    let instructions = graph.nodes.reduce(0) { $0 + $1.mostInstructions }
    let bytes = instructions * (MemoryLayout<SliceInstruction>.stride + MemoryLayout<nt_slice_run>.stride / 2)
    guard bytes * (cross.items.count + itself.items.count) / cross.items.count <= graph.limits.scheduleBytes else {
      return nil
    }
    let results = Guarded<[SliceSchedule.Purpose: SliceSchedule]>([:])
    let work: [(SliceSchedule.Purpose, SliceTraversal)] = [(.cross, cross), (.itself, itself)]
    Threads.forEach(work.count) { index in
      let (purpose, traversal) = work[index]
      let schedule = SliceScheduler.schedule(graph, purpose, .body(traversal.items.indices), traversal)
      results.withLock { $0[purpose] = schedule }
    }
    let made = results.withLock { $0 }
    guard let cross = made[.cross], let itself = made[.itself],
      cross.byteCount + itself.byteCount <= graph.limits.scheduleBytes,
      max(cross.memorySize, itself.memorySize) * positionBytes <= limit
    else { return nil }
    return (cross, itself)
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

extension SliceGraph.Node {
  /// Instructions for the slices of all displacements, about as many as a schedule has at most.
  fileprivate var mostInstructions: Int {
    let displacements = (sizes &* 2 &- 1).product
    switch kind {
    case .chain(_, _, let steps): return displacements * (steps.count + 1)
    case .combine(let sources, _): return displacements * (sources.count + 1)
    case .table(_, _, let table):
      return displacements * (table.terms(of: 0).reduce(2) { $0 + $1.runs.count })
    case .input, .permute: return displacements
    case .flatten, .globalPool: return displacements + 1
    }
  }
}
