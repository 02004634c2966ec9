import CVectorKernels

/// Writes the schedule of a graph: walks from what is asked for to the inputs, computes every slice where it is first needed,
/// and keeps those that are needed again until they have been read for the last time.
struct SliceScheduler {
  /// A slice in memory.
  private struct Place {
    var offset: Int
    /// Which of the graph's sizes its memory has; nil when somebody else goes on reading it.
    var ownedSize: Int?
  }

  private struct Kept {
    var place: Place
    var remaining: Int32
  }

  private let graph: SliceGraph
  private let isOfItself: Bool
  private let uses: [[Int32]]
  private let steps: [UnsafeMutableBufferPointer<SliceStep>]
  private var instructions: [SliceInstruction] = []
  private var runs: [nt_slice_run] = []
  private var kept: [[Int: Kept]]
  /// Memory that is free, by size.
  private var free: [[Int]]
  private var memorySize = 0

  static func schedule(_ graph: SliceGraph, _ purpose: SliceSchedule.Purpose) -> SliceSchedule {
    let requests = requests(graph, purpose)
    var counter = SliceUseCounter(graph, isOfItself: purpose != .cross)
    for request in requests { counter.visit(request.node, request.displacement) }
    var scheduler = SliceScheduler(graph, purpose, counter.uses)
    for request in requests {
      let place = scheduler.pull(request.node, request.displacement)
      if let output = request.output {
        scheduler.emit(
          .output(output), request.node, request.displacement, from: place.offset, to: place.offset,
          hasTheta: graph.nodes[request.node].hasTheta)
      }
      scheduler.release(place)
    }
    return SliceSchedule(
      purpose, scheduler.instructions, memorySize: scheduler.memorySize, factorReads: counter.factorReads,
      steps: scheduler.steps, runs: scheduler.runs)
  }

  private init(_ graph: SliceGraph, _ purpose: SliceSchedule.Purpose, _ uses: [[Int32]]) {
    self.graph = graph
    self.uses = uses
    isOfItself = purpose != .cross
    kept = Array(repeating: [:], count: graph.nodes.count)
    free = Array(repeating: [], count: graph.capacities.count)
    steps = graph.nodes.map { node in
      guard case .chain(_, _, let steps) = node.kind else { return .allocate(capacity: 0) }
      let copy = UnsafeMutableBufferPointer<SliceStep>.allocate(capacity: steps.count)
      _ = copy.initialize(from: steps)
      return copy
    }
  }

  private struct Request {
    var node: Int
    var displacement: PositionAxes
    /// The output that it belongs to; nil for what only makes factors.
    var output: Int?
  }

  private static func requests(_ graph: SliceGraph, _ purpose: SliceSchedule.Purpose) -> [Request] {
    var requests: [Request] = []
    if purpose != .cross { requests += graph.factorNodes.map { Request(node: $0, displacement: .zero) } }
    guard purpose != .factors else { return requests }
    for (index, output) in graph.outputs.enumerated() {
      guard output.wantsAllPositions else {
        requests.append(Request(node: output.node, displacement: .zero, output: index))
        continue
      }
      forEachDisplacement(graph.nodes[output.node].sizes) {
        requests.append(Request(node: output.node, displacement: $0, output: index))
      }
    }
    return requests
  }

  // MARK: - Memory

  private mutating func allocate(_ size: Int) -> Place {
    if let offset = free[size].popLast() { return Place(offset: offset, ownedSize: size) }
    defer { memorySize += graph.capacities[size] }
    return Place(offset: memorySize, ownedSize: size)
  }

  private mutating func release(_ place: Place) {
    if let size = place.ownedSize { free[size].append(place.offset) }
  }

  private mutating func emit(
    _ operation: SliceInstruction.Operation, _ node: Int, _ displacement: PositionAxes, from: Int = 0, to: Int,
    hasTheta: Bool
  ) {
    instructions.append(
      SliceInstruction(
        operation: operation, sizes: SIMD4<Int32>(truncatingIfNeeded: graph.nodes[node].sizes),
        displacement: SIMD4<Int32>(truncatingIfNeeded: displacement), from: Int32(from), to: Int32(to),
        hasTheta: hasTheta))
  }

  // MARK: - Slices

  private mutating func pull(_ node: Int, _ displacement: PositionAxes) -> Place {
    let index = Self.index(displacement, graph.nodes[node].sizes)
    if uses[node][index] <= 1 { return compute(node, displacement) }
    if var entry = kept[node][index] {
      entry.remaining -= 1
      if entry.remaining == 0 {
        kept[node][index] = nil
        return entry.place
      }
      kept[node][index] = entry
      return Place(offset: entry.place.offset)
    }
    var place = compute(node, displacement)
    if place.ownedSize == nil { place = copy(place, node, displacement, size: graph.nodes[node].size) }
    kept[node][index] = Kept(place: place, remaining: uses[node][index] - 1)
    return Place(offset: place.offset)
  }

  private mutating func copy(_ place: Place, _ node: Int, _ displacement: PositionAxes, size: Int) -> Place {
    let result = allocate(size)
    let extent = SliceExtent(sizes: graph.nodes[node].sizes, displacement: displacement)
    emit(
      .copy(count: extent.lengths.product), node, displacement, from: place.offset, to: result.offset,
      hasTheta: graph.nodes[node].hasTheta)
    return result
  }

  private mutating func compute(_ index: Int, _ displacement: PositionAxes) -> Place {
    let node = graph.nodes[index]
    switch node.kind {
    case .input(let input):
      let place = allocate(node.size)
      emit(.load(input: input), index, displacement, to: place.offset, hasTheta: node.hasTheta)
      return place
    case .chain(let source, let stride, _):
      return chain(index, source, stride, displacement)
    case .combine(let sources, let combination):
      return combine(index, sources, combination, displacement)
    case .table(let source, let axis, let table):
      return gather(index, source, axis, table, displacement)
    case .permute(let source, let order):
      let place = pull(source, displacement.unpermuted(order))
      let result = allocate(node.size)
      var axes = SIMD4<Int8>.zero
      for (axis, operand) in order.enumerated() { axes[axis] = Int8(operand) }
      emit(.permute(axes), index, displacement, from: place.offset, to: result.offset, hasTheta: node.hasTheta)
      release(place)
      return result
    case .flatten(let source):
      return sum(index, source, [(.zero, 1)], scale: 1 / Double(graph.nodes[source].sizes.product), factor: nil)
    case .globalPool(let source, let scale, let factor):
      var pooled: [(PositionAxes, Double)] = []
      Self.forEachPooled(graph.nodes[source].sizes, isOfItself: isOfItself && graph.halvesPools) {
        pooled.append(($0, $1))
      }
      return sum(index, source, pooled, scale: scale, factor: factor)
    }
  }

  private mutating func chain(_ index: Int, _ source: Int, _ stride: PositionAxes, _ displacement: PositionAxes)
    -> Place
  {
    var first = 0
    var place: Place
    if graph.isChainWithoutSource(index, at: displacement) {
      first = steps[index].firstIndex(where: \.isLocalize) ?? 0
      place = allocate(graph.nodes[index].size)
    } else {
      place = pull(source, displacement &* stride)
    }
    for step in first..<steps[index].count {
      let description = steps[index][step]
      if !description.changesInput(isOfItself: isOfItself, displacement: displacement) { continue }
      let pointer = UnsafePointer(steps[index].baseAddress! + step)
      var next = place
      if description.needsOtherMemory || place.ownedSize == nil { next = allocate(graph.nodes[index].size) }
      if !description.needsOtherMemory && place.ownedSize == nil {
        let extent = SliceExtent(sizes: description.sizes, displacement: displacement &* description.stride)
        emit(
          .copy(count: extent.lengths.product), index, displacement, from: place.offset, to: next.offset,
          hasTheta: description.hasTheta)
        place = next
      }
      emit(
        .step(pointer), index, displacement, from: place.offset, to: next.offset, hasTheta: description.hasTheta)
      if description.needsOtherMemory { release(place) }
      place = next
    }
    return place
  }

  private mutating func combine(
    _ index: Int, _ sources: [Int], _ combination: BranchCombination, _ displacement: PositionAxes
  ) -> Place {
    let node = graph.nodes[index]
    let count = SliceExtent(sizes: node.sizes, displacement: displacement).lengths.product
    var total = pull(sources[0], displacement)
    var totalHasTheta = graph.nodes[sources[0]].hasTheta
    if total.ownedSize == nil { total = copy(total, sources[0], displacement, size: node.size) }
    for (position, source) in sources.enumerated().dropFirst() {
      let branch = pull(source, displacement)
      emit(
        .combine(combination.pair(at: position), count: count, intoHasTheta: totalHasTheta), index, displacement,
        from: branch.offset,
        to: total.offset, hasTheta: graph.nodes[source].hasTheta)
      totalHasTheta = totalHasTheta || graph.nodes[source].hasTheta
      release(branch)
    }
    return total
  }

  private mutating func gather(
    _ index: Int, _ source: Int, _ axis: Int, _ table: DisplacementMap, _ displacement: PositionAxes
  ) -> Place {
    let node = graph.nodes[index]
    let extent = SliceExtent(sizes: node.sizes, displacement: displacement)
    let (lengths, start) = (extent.lengths, extent.start[axis])
    let result = allocate(node.size)
    emit(.clear(count: lengths.product), index, displacement, to: result.offset, hasTheta: node.hasTheta)
    var (outer, inner) = (1, 1)
    for other in 0..<axis { outer *= lengths[other] }
    for other in axis + 1..<max(axis + 1, PositionAxes.axisCount) { inner *= lengths[other] }
    for term in table.terms(of: displacement[axis]) {
      var needed = displacement
      needed[axis] = term.displacement
      let place = pull(source, needed)
      let operand = SliceExtent(sizes: graph.nodes[source].sizes, displacement: needed)
      for run in term.runs {
        runs.append(
          nt_slice_run(
            outer: outer, length: operand.lengths[axis], out_length: lengths[axis], inner: inner,
            first: run.first - start, last: run.last - start, step: run.step,
            offset: run.offset + start * run.step - operand.start[axis]))
        emit(
          .addRun(runs.count - 1, weight: run.weight), index, displacement, from: place.offset, to: result.offset,
          hasTheta: node.hasTheta)
      }
      release(place)
    }
    return result
  }

  private mutating func sum(
    _ index: Int, _ source: Int, _ slices: [(PositionAxes, Double)], scale: Double, factor: Int?
  ) -> Place {
    // There is one sum at a time: what another one is part of has no positions left, and is computed before.
    let node = graph.nodes[index]
    var isBegun = false
    for (displacement, weight) in slices {
      let place = pull(source, displacement)
      if !isBegun { emit(.beginSum, index, .zero, to: 0, hasTheta: node.hasTheta) }
      isBegun = true
      emit(.addToSum(weight: weight), source, displacement, from: place.offset, to: 0, hasTheta: node.hasTheta)
      release(place)
    }
    let result = allocate(node.size)
    emit(.endSum(scale: scale, factorSet: factor), index, .zero, to: result.offset, hasTheta: node.hasTheta)
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
