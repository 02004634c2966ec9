import CVectorKernels

/// Writes the schedules of a graph, and keeps those slices that are needed again until they have been read for the last time.
///
/// Usually it walks from what is asked for to the inputs and computes every slice where it is first needed, which keeps few of
/// them. Where the factors of all layers would take too much memory it goes in lock step instead: step after step through the
/// graph, all slices of a step one after another, those of the inputs with themselves first, so that the factors of a step are
/// needed only while the slices pass it.
struct SliceScheduler {
  /// A slice in memory.
  struct Place {
    var offset: Int
    /// The memory that is freed with it; nil when somebody else goes on reading it.
    var ownedCount: Int?
  }

  struct Kept {
    var place: Place
    var remaining: Int32
  }

  /// A slice that is asked for.
  struct Request {
    enum Purpose {
      /// Only factors are made.
      case factors
      case output(Int)
      case sum(slot: Int, weight: Double)
    }

    var node: Int
    var displacement: PositionAxes
    var purpose: Purpose

    var isForFactors: Bool { if case .factors = purpose { true } else { false } }
  }

  /// The slices of one subject.
  struct Stream {
    let subject: SliceSchedule.Subject
    let isOfItself: Bool
    var uses: [[Int: Int32]]
    var kept: [[Int: Kept]]
    var requests: [Request]
  }

  let graph: SliceGraph
  var streams: [Stream] = []
  /// The stream whose slices are being scheduled.
  var current = 0
  private var instructions: [SliceInstruction] = []
  private var runs: [nt_slice_run] = []
  /// The memory of pairs, and that of inputs with themselves beside them.
  private var places = SlicePlaces()
  private var selfPlaces = SlicePlaces()
  private var factorReads = 0.0
  /// Whether lock step takes some slices after others.
  var goesInBands = false

  /// - Parameter traversal: what the items of a body are of.
  static func schedule(
    _ graph: SliceGraph, _ purpose: SliceSchedule.Purpose, _ section: SliceSchedule.Section, _ traversal: SliceTraversal
  ) -> SliceSchedule {
    let isOfItself = purpose != .cross
    func scheduled(most: Int) -> SliceScheduler {
      var scheduler = SliceScheduler(graph)
      scheduler.addStream(.pair, isOfItself: isOfItself, requests(graph, purpose, section, traversal))
      if graph.goesInLockStep {
        scheduler.addFactorStreams(isOfItself: isOfItself)
        scheduler.goInLockStep(upTo: graph.nodes.count, most: most)
      } else if section == .tail && graph.nodes.count > 1000 {
        // Calls would nest as deeply as the network is.
        scheduler.goInLockStep(upTo: graph.nodes.count, most: .max)
      } else {
        for request in scheduler.streams[0].requests { scheduler.serve(request) }
      }
      return scheduler
    }
    let limit = graph.sliceBytes
    var scheduler = scheduled(most: limit)
    // Slices of many sizes leave gaps between them.
    for part in [2, 4, 8] where scheduler.goesInBands && scheduler.places.size * SlicePlan.positionBytes > limit {
      let other = scheduled(most: max(1, limit / part))
      if other.places.size < scheduler.places.size { scheduler = other }
    }
    var makesFactors = true
    if case .body = section { makesFactors = graph.goesInLockStep }
    return SliceSchedule(
      purpose, section, scheduler.instructions, memorySize: scheduler.places.size,
      selfMemorySize: scheduler.selfPlaces.size, factorReads: scheduler.factorReads, makesFactors: makesFactors,
      runs: scheduler.runs)
  }

  private init(_ graph: SliceGraph) {
    self.graph = graph
  }

  static func requests(
    _ graph: SliceGraph, _ purpose: SliceSchedule.Purpose, _ section: SliceSchedule.Section, _ traversal: SliceTraversal
  ) -> [Request] {
    func factors(_ nodes: [Int]) -> [Request] {
      nodes.map { Request(node: $0, displacement: .zero, purpose: .factors) }
    }
    switch section {
    case .head: return factors(graph.headFactorNodes)
    case .body(let range):
      let sumCount = graph.sums.count
      var chunk = range.isEmpty ? 0 : traversal.chunk(of: range.lowerBound)
      // In lock step every piece makes its factors.
      let own = graph.goesInLockStep && purpose != .cross ? factors(graph.headFactorNodes) : []
      return own
        + range.compactMap { index -> Request? in
          let item = traversal.items[index]
          if index == traversal.chunks[chunk].items.upperBound { chunk += 1 }
          let displacement = PositionAxes(truncatingIfNeeded: item.displacement)
          switch traversal.consumers[Int(item.consumer)] {
          case .sum(let sum, let source):
            return Request(
              node: source, displacement: displacement,
              purpose: .sum(slot: chunk * sumCount + sum, weight: Double(item.weight)))
          case .output(let output, let node):
            if purpose == .factors { return nil }
            return Request(node: node, displacement: displacement, purpose: .output(output))
          }
        }
    case .tail:
      var requests = purpose == .cross ? [] : factors(graph.tailFactorNodes)
      guard purpose != .factors else { return requests }
      for (index, output) in graph.outputs.enumerated() where !graph.hasBodyItems(output) {
        requests.append(Request(node: output.node, displacement: .zero, purpose: .output(index)))
      }
      return requests
    }
  }

  mutating func addStream(_ subject: SliceSchedule.Subject, isOfItself: Bool, _ requests: [Request]) {
    var counter = SliceUseCounter(graph)
    for request in requests { counter.visit(request.node, request.displacement) }
    if subject == .pair { factorReads = counter.factorReads }
    streams.append(
      Stream(
        subject: subject, isOfItself: isOfItself, uses: counter.uses,
        kept: Array(repeating: [:], count: graph.nodes.count), requests: requests))
  }

  // MARK: - Memory

  private mutating func allocate(_ count: Int) -> Place {
    let isPair = streams[current].subject == .pair
    return Place(offset: isPair ? places.allocate(count) : selfPlaces.allocate(count), ownedCount: count)
  }

  private mutating func allocate(_ node: Int, _ displacement: PositionAxes) -> Place {
    allocate(SliceExtent(sizes: graph.nodes[node].sizes, displacement: displacement).lengths.product)
  }

  private mutating func release(_ place: Place) {
    guard let count = place.ownedCount else { return }
    let part = place.offset..<place.offset + count
    if streams[current].subject == .pair { places.release(part) } else { selfPlaces.release(part) }
  }

  private mutating func emit(
    _ operation: SliceInstruction.Operation, sizes: UInt16, _ displacement: PositionAxes, from: Int = 0, to: Int = 0,
    tangent: Tangent
  ) {
    instructions.append(
      SliceInstruction(
        operation: operation, tangent: tangent, subject: streams[current].subject, sizes: sizes,
        from: Int32(from), to: Int32(to), displacement: SIMD4<Int32>(truncatingIfNeeded: displacement)))
  }

  private mutating func emit(
    _ operation: SliceInstruction.Operation, _ node: Int, _ displacement: PositionAxes, from: Int = 0, to: Int = 0
  ) {
    emit(
      operation, sizes: graph.nodes[node].sizeIndex, displacement, from: from, to: to,
      tangent: graph.nodes[node].tangent)
  }

  // MARK: - Slices

  mutating func serve(_ request: Request) {
    let place = pull(request.node, request.displacement)
    switch request.purpose {
    case .factors: break
    case .output(let output): emit(.output(output), request.node, request.displacement, from: place.offset)
    case .sum(let slot, let weight):
      emit(.addToSum(slot: slot, weight: weight), request.node, request.displacement, from: place.offset)
    }
    release(place)
  }

  private mutating func pull(_ node: Int, _ displacement: PositionAxes) -> Place {
    let index = SliceExtent(sizes: graph.nodes[node].sizes, displacement: displacement).index
    if var entry = streams[current].kept[node][index] {
      entry.remaining -= 1
      if entry.remaining == 0 {
        streams[current].kept[node][index] = nil
        return entry.place
      }
      streams[current].kept[node][index] = entry
      return Place(offset: entry.place.offset)
    }
    let place = compute(node, displacement)
    let uses = streams[current].uses[node][index] ?? 1
    guard uses > 1 else { return place }
    return keep(place, node, displacement, remaining: uses - 1)
  }

  /// Keeps a slice, in memory of its own, for all who read it; gives where it is.
  @discardableResult
  mutating func keep(_ place: Place, _ node: Int, _ displacement: PositionAxes, remaining: Int32) -> Place {
    var place = place
    if place.ownedCount == nil { place = copy(place, node, displacement) }
    let index = SliceExtent(sizes: graph.nodes[node].sizes, displacement: displacement).index
    streams[current].kept[node][index] = Kept(place: place, remaining: remaining)
    return Place(offset: place.offset)
  }

  mutating func copy(_ place: Place, _ node: Int, _ displacement: PositionAxes) -> Place {
    let result = allocate(node, displacement)
    emit(.copy, node, displacement, from: place.offset, to: result.offset)
    return result
  }

  mutating func compute(_ index: Int, _ displacement: PositionAxes) -> Place {
    let node = graph.nodes[index]
    switch node.kind {
    case .input(let input):
      let place = allocate(index, displacement)
      emit(.load(input: input), index, displacement, to: place.offset)
      return place
    case .chain:
      var (place, first) = beginChain(index, displacement)
      for step in first..<graph.steps[index].count { place = advance(place, index, step, displacement) }
      return place
    case .combine(let sources, let combination):
      return combine(index, sources, combination, displacement)
    case .table(let source, let axis, let table):
      return gather(index, source, axis, table, displacement)
    case .permute(let source, let order):
      let place = pull(source, displacement.unpermuted(order))
      let result = allocate(index, displacement)
      var axes = SIMD4<Int8>.zero
      for (axis, operand) in order.enumerated() { axes[axis] = Int8(operand) }
      emit(.permute(axes), index, displacement, from: place.offset, to: result.offset)
      release(place)
      return result
    case .flatten(let source):
      return sum(index, source, scale: 1 / Double(graph.nodes[source].sizes.product), factor: nil)
    case .globalPool(let source, let scale, let factor):
      guard let sum = graph.sumIndex[index] else { return self.sum(index, source, scale: scale, factor: factor) }
      let result = allocate(index, .zero)
      emit(
        .endSum(index: Int32(sum), factorSet: Int32(factor ?? -1), scale: scale), index, .zero, to: result.offset)
      return result
    }
  }

  // MARK: - Chains

  /// Where a chain's slice starts from, and with which of its steps.
  mutating func beginChain(_ index: Int, _ displacement: PositionAxes) -> (place: Place, first: Int) {
    guard case .chain(let source, let stride, _) = graph.nodes[index].kind else {
      preconditionFailure("a node that is no chain")
    }
    guard graph.isChainWithoutSource(index, at: displacement) else { return (pull(source, displacement &* stride), 0) }
    let first = graph.steps[index].firstIndex(where: \.isLocalize) ?? 0
    let step = graph.steps[index][first]
    return (allocate(SliceExtent(sizes: step.sizes, displacement: displacement &* step.stride).lengths.product), first)
  }

  /// Takes a slice through one step of a chain.
  mutating func advance(_ place: Place, _ index: Int, _ step: Int, _ displacement: PositionAxes) -> Place {
    let description = graph.steps[index].baseAddress! + step
    if !description.pointee.changesInput(isOfItself: streams[current].isOfItself, displacement: displacement) {
      return place
    }
    let needsOtherMemory = description.pointee.needsOtherMemory
    let place = needsOtherMemory ? place : owned(place, index, step, displacement)
    var next = place
    if needsOtherMemory {
      let (sizes, stride) = (description.pointee.resultSizes, description.pointee.resultStride)
      next = allocate(SliceExtent(sizes: sizes, displacement: displacement &* stride).lengths.product)
    }
    emit(
      .step(UnsafePointer(description)), sizes: description.pointee.sizeIndex, displacement, from: place.offset,
      to: next.offset, tangent: description.pointee.tangent)
    if needsOtherMemory { release(place) }
    return next
  }

  /// The slice that a step which works in place takes, in memory that nobody else reads.
  mutating func owned(_ place: Place, _ index: Int, _ step: Int, _ displacement: PositionAxes) -> Place {
    guard place.ownedCount == nil else { return place }
    let description = graph.steps[index][step]
    let displacement = displacement &* description.resultStride
    let copy = allocate(SliceExtent(sizes: description.resultSizes, displacement: displacement).lengths.product)
    emit(
      .copy, sizes: description.sizeIndex, displacement, from: place.offset, to: copy.offset,
      tangent: description.tangent)
    return copy
  }

  // MARK: - Nodes that mix displacements or branches

  private mutating func combine(
    _ index: Int, _ sources: [Int], _ combination: BranchCombination, _ displacement: PositionAxes
  ) -> Place {
    var total = pull(sources[0], displacement)
    var tangent = graph.nodes[sources[0]].tangent
    if total.ownedCount == nil { total = copy(total, sources[0], displacement) }
    for (position, source) in sources.enumerated().dropFirst() {
      let branch = pull(source, displacement)
      emit(
        .combine(combination.pair(at: position), into: tangent), sizes: graph.nodes[index].sizeIndex,
        displacement,
        from: branch.offset, to: total.offset, tangent: graph.nodes[source].tangent)
      tangent = max(tangent, graph.nodes[source].tangent)
      release(branch)
    }
    return total
  }

  private mutating func gather(
    _ index: Int, _ source: Int, _ axis: Int, _ table: DisplacementMap, _ displacement: PositionAxes
  ) -> Place {
    let result = beginGather(index, displacement)
    for term in table.terms(of: displacement[axis]) { add(term, index, source, axis, displacement, to: result) }
    return result
  }

  mutating func beginGather(_ index: Int, _ displacement: PositionAxes) -> Place {
    let result = allocate(index, displacement)
    emit(.clear, index, displacement, to: result.offset)
    return result
  }

  mutating func add(
    _ term: DisplacementMap.Term, _ index: Int, _ source: Int, _ axis: Int, _ displacement: PositionAxes,
    to result: Place
  ) {
    let extent = SliceExtent(sizes: graph.nodes[index].sizes, displacement: displacement)
    let (lengths, start) = (extent.lengths, extent.start[axis])
    let (outer, inner) = (lengths.product(before: axis), lengths.product(behind: axis))
    let needed = displacement.replacing(axis, with: term.displacement)
    let place = pull(source, needed)
    let operand = SliceExtent(sizes: graph.nodes[source].sizes, displacement: needed)
    for run in term.runs {
      runs.append(
        nt_slice_run(
          outer: outer, length: operand.lengths[axis], out_length: lengths[axis], inner: inner,
          first: run.first - start, last: run.last - start, step: run.step,
          offset: run.offset + start * run.step - operand.start[axis]))
      emit(.addRun(runs.count - 1, weight: run.weight), index, displacement, from: place.offset, to: result.offset)
    }
    release(place)
  }

  /// The sum over the positions of the slice of displacement zero.
  private mutating func sum(_ index: Int, _ source: Int, scale: Double, factor: Int?) -> Place {
    let place = pull(source, .zero)
    let result = allocate(index, .zero)
    emit(
      .sum(scale: scale, factorSet: Int32(factor ?? -1)), sizes: graph.nodes[source].sizeIndex, .zero,
      from: place.offset, to: result.offset, tangent: graph.nodes[index].tangent)
    release(place)
    return result
  }
}

extension SliceStep {
  /// Whether it cannot work in place.
  var needsOtherMemory: Bool {
    switch operation {
    case .window, .window2D, .fusedPass: true
    default: false
    }
  }

  /// Whether it does anything to a slice of a chain whose result has this displacement.
  func changesInput(isOfItself: Bool, displacement: PositionAxes) -> Bool {
    switch operation {
    case .dropout: isOfItself && displacement == .zero
    case .localize: displacement != .zero
    default: true
    }
  }
}
