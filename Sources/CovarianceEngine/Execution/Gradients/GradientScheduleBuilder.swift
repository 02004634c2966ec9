import CVectorKernels

extension GradientSchedule {
  init(_ graph: GradientGraph, _ purpose: Purpose) {
    var builder = GradientScheduleBuilder(graph, purpose)
    self = builder.build()
  }
}

private struct GradientScheduleBuilder {
  private let graph: GradientGraph
  private let purpose: GradientSchedule.Purpose
  /// Per node, the displacements of the slices that are made.
  private var demands: [Set<PositionAxes>]
  private var consumers: [[Int]]
  /// Sets of numbers by the node whose variances they are made of.
  private var numbers: [[Int]]
  private var isKept: [Bool]
  /// Where kept slices are, by node.
  private var places: [[PositionAxes: Int]]
  private var schedule = GradientSchedule()

  init(_ graph: GradientGraph, _ purpose: GradientSchedule.Purpose) {
    (self.graph, self.purpose) = (graph, purpose)
    let count = graph.nodes.count
    demands = Array(repeating: [], count: count)
    consumers = Array(repeating: [], count: count)
    numbers = Array(repeating: [], count: count)
    isKept = Array(repeating: false, count: count)
    places = Array(repeating: [:], count: count)
  }

  mutating func build() -> GradientSchedule {
    findDemands()
    keepSlices()
    for node in graph.nodes.indices where !demands[node].isEmpty { addSteps(node) }
    findNeeds()
    schedule.output = places[graph.output][.zero] ?? 0
    schedule.outputTangent = graph.nodes[graph.output].tangent
    return schedule
  }

  // MARK: - Demand

  private mutating func findDemands() {
    for node in graph.nodes {
      if let set = node.kind.numberSet { numbers[node.sources[0]].append(set) }
    }
    if purpose != .numbers { demands[graph.output].insert(.zero) }
    if purpose != .cross {
      for node in graph.nodes.indices where !numbers[node].isEmpty { demands[node].insert(.zero) }
    }
    for index in graph.nodes.indices.reversed() where !demands[index].isEmpty {
      for source in graph.nodes[index].sources {
        demands[source].formUnion(needed(of: source, by: index))
        consumers[source].append(index)
      }
    }
  }

  private func needed(of source: Int, by index: Int) -> Set<PositionAxes> {
    let (node, wanted) = (graph.nodes[index], demands[index])
    switch node.kind {
    case .input: return []
    case .affine, .dual, .normalize, .scale, .dropout, .combine: return wanted
    case .window(let window):
      return Set(
        wanted.map { displacement in
          var displacement = displacement
          displacement[window.axis] *= window.stride
          return displacement
        })
    case .table(let axis, let map):
      var result: Set<PositionAxes> = []
      for displacement in wanted {
        for term in map.terms(of: displacement[axis]) {
          var source = displacement
          source[axis] = term.displacement
          result.insert(source)
        }
      }
      return result
    case .flatten: return [.zero]
    case .globalPool:
      let sizes = graph.nodes[source].sizes
      var result: [PositionAxes] = [.zero]
      for axis in 0..<PositionAxes.axisCount {
        result = result.flatMap { displacement in
          (1 - sizes[axis]..<sizes[axis]).map { length in
            var displacement = displacement
            displacement[axis] = length
            return displacement
          }
        }
      }
      return Set(result)
    }
  }

  /// Displacement zero first: numbers of inputs are made of it, which the others read.
  private func sorted(_ displacements: Set<PositionAxes>) -> [PositionAxes] {
    displacements.sorted { a, b in
      if (a == .zero) != (b == .zero) { return a == .zero }
      for axis in 0..<PositionAxes.axisCount where a[axis] != b[axis] { return a[axis] < b[axis] }
      return false
    }
  }

  private func count(_ sizes: PositionAxes, _ displacement: PositionAxes) -> Int {
    SliceExtent(sizes: sizes, displacement: displacement).lengths.product
  }

  private mutating func keepSlices() {
    for index in graph.nodes.indices where !demands[index].isEmpty {
      let node = graph.nodes[index]
      schedule.largest = max(schedule.largest, node.sizes.product)
      if index != graph.output, consumers[index].count == 1 {
        let consumer = graph.nodes[consumers[index][0]].kind
        var canPass = node.kind.isInChains
        if case .input = node.kind { canPass = true }
        // A sink does not see of which slice numbers are made.
        let hidesNumbers = consumer.isSink && purpose != .cross && !numbers[index].isEmpty
        if canPass && (consumer.isInChains || consumer.isSink) && !hidesNumbers { continue }
      }
      isKept[index] = true
      for displacement in sorted(demands[index]) {
        places[index][displacement] = schedule.keptCount
        schedule.keptCount += count(node.sizes, displacement)
      }
    }
  }

  // MARK: - Steps

  private mutating func addSteps(_ index: Int) {
    let node = graph.nodes[index]
    switch node.kind {
    case .combine(let combination): addCombination(index, combination)
    case .table, .flatten, .globalPool: addPass(end: node.sources[0], sink: index)
    case .input, .affine, .dual, .normalize, .scale, .window, .dropout:
      guard isKept[index] else { return }
      addPass(end: index, sink: nil)
    }
    if purpose != .cross, !numbers[index].isEmpty, let place = places[index][.zero] {
      schedule.steps.append(.numbers(sets: numbers[index], at: place, node.sizes))
    }
  }

  private mutating func addCombination(_ index: Int, _ combination: BranchCombination) {
    let node = graph.nodes[index]
    schedule.steps.append(
      .combine(
        GradientSchedule.Combination(
          combination: combination, nodes: node.sources, result: index,
          tangents: node.sources.map { graph.nodes[$0].tangent }, tangent: node.tangent,
          slices: sorted(demands[index]).map { displacement in
            GradientSchedule.Combination.Slice(
              result: places[index][displacement]!, sources: node.sources.map { places[$0][displacement]! },
              count: count(node.sizes, displacement))
          })))
  }

  private mutating func addPass(end: Int, sink: Int?) {
    var (chain, source) = ([Int](), end)
    while !(isKept[source] && (source != end || sink != nil)), graph.nodes[source].kind.isInChains {
      chain.append(source)
      source = graph.nodes[source].sources[0]
    }
    chain.reverse()
    var input: Int?
    if case .input(let index) = graph.nodes[source].kind, !isKept[source] || (source == end && sink == nil) {
      input = index
    }
    var pass = GradientSchedule.Pass(
      input: input, source: source, sourceSizes: graph.nodes[source].sizes,
      sourceTangent: graph.nodes[source].tangent, sourceBuffer: nil, links: links(chain), result: sink ?? end,
      endSizes: graph.nodes[end].sizes, tangent: graph.nodes[end].tangent, sink: .kept,
      sinkTangent: graph.nodes[sink ?? end].tangent, slices: [],
      isNonlinear: chain.contains { graph.nodes[$0].kind.isNonlinear })
    assignBuffers(&pass)
    var stride = PositionAxes(repeating: 1)
    if let first = pass.links.first { stride = first.sourceStride }
    let wanted = sink.map { needed(of: end, by: $0) } ?? demands[end]
    for displacement in sorted(wanted) {
      pass.slices.append(
        GradientSchedule.Slice(
          displacement: displacement, source: input == nil ? places[source][displacement &* stride]! : -1,
          end: sink == nil ? places[end][displacement]! : 0))
    }
    if let sink { addMoves(&pass, end, sink) }
    schedule.steps.append(.pass(pass))
  }

  private func links(_ chain: [Int]) -> [GradientSchedule.Link] {
    var stride = PositionAxes(repeating: 1)
    var result: [GradientSchedule.Link] = []
    for index in chain.reversed() {
      let node = graph.nodes[index]
      let source = node.sources[0]
      var sourceStride = stride
      if case .window(let window) = node.kind { sourceStride[window.axis] *= window.stride }
      result.append(
        GradientSchedule.Link(
          kind: node.kind, sourceSizes: graph.nodes[source].sizes, sizes: node.sizes, sourceStride: sourceStride,
          stride: stride, sourceTangent: graph.nodes[source].tangent, tangent: node.tangent, buffer: nil,
          sourceNumbers: isKept[source] ? [] : numbers[source]))
      stride = sourceStride
    }
    return result.reversed()
  }

  /// What an activation starts from has a buffer of its own until the way back; the rest has two in turn.
  private mutating func assignBuffers(_ pass: inout GradientSchedule.Pass) {
    var (kept, turn) = (0, 0)
    func isInPlace(_ link: GradientSchedule.Link) -> Bool {
      switch link.kind {
      case .affine, .scale, .dropout: true
      default: false
      }
    }
    func buffer(before next: Int) -> Int {
      let reader = pass.links[next...].first { !isInPlace($0) }
      if let reader, reader.kind.isNonlinear {
        kept += 1
        return kept - 1
      }
      turn = 1 - turn
      return turn - 2
    }
    if pass.input != nil || pass.links.first.map(isInPlace) ?? false { pass.sourceBuffer = buffer(before: 0) }
    for index in pass.links.indices where !isInPlace(pass.links[index]) {
      pass.links[index].buffer = buffer(before: index + 1)
    }
    schedule.bufferCount = max(schedule.bufferCount, kept)
  }

  private mutating func addMoves(_ pass: inout GradientSchedule.Pass, _ end: Int, _ sink: Int) {
    switch graph.nodes[sink].kind {
    case .flatten:
      pass.sink = .sum(scale: 1 / Double(graph.nodes[end].sizes.product))
      for slice in pass.slices.indices { pass.slices[slice].end = places[sink][.zero]! }
    case .globalPool(let scale):
      pass.sink = .sum(scale: scale)
      for slice in pass.slices.indices { pass.slices[slice].end = places[sink][.zero]! }
    case .table(let axis, let map):
      pass.sink = .table
      var uses: [Int: [(displacement: Int, runs: [DisplacementMap.Run])]] = [:]
      for displacement in Set(demands[sink].map { $0[axis] }).sorted() {
        for term in map.terms(of: displacement) {
          uses[term.displacement, default: []].append((displacement, term.runs))
        }
      }
      for index in pass.slices.indices {
        let (from, start) = (pass.slices[index].displacement, pass.moves.count)
        for use in uses[from[axis]] ?? [] {
          var to = from
          to[axis] = use.displacement
          guard let place = places[sink][to] else { continue }
          pass.moves += use.runs.map { run in move(run, axis, end, from, sink, to, place) }
        }
        pass.slices[index].moves = start..<pass.moves.count
      }
    default: preconditionFailure("a node that takes no slices one by one")
    }
  }

  private func move(
    _ run: DisplacementMap.Run, _ axis: Int, _ end: Int, _ from: PositionAxes, _ sink: Int, _ to: PositionAxes,
    _ place: Int
  ) -> GradientSchedule.Move {
    let source = SliceExtent(sizes: graph.nodes[end].sizes, displacement: from)
    let target = SliceExtent(sizes: graph.nodes[sink].sizes, displacement: to)
    var (outer, inner) = (1, 1)
    for other in 0..<axis { outer *= source.lengths[other] }
    for other in axis + 1..<max(axis + 1, PositionAxes.axisCount) { inner *= source.lengths[other] }
    return GradientSchedule.Move(
      runs: nt_gradient_runs(
        outer: outer, count: run.last - run.first, inner: inner, from_outer: source.lengths[axis] * inner,
        from_step: run.step * inner, to_outer: target.lengths[axis] * inner, to_step: inner),
      weight: run.weight, from: (run.place(of: run.first) - source.start[axis]) * inner,
      to: place + (run.first - target.start[axis]) * inner)
  }

  /// Values are needed where an activation comes after them.
  private mutating func findNeeds() {
    var needed: Set<Int> = []
    for index in schedule.steps.indices.reversed() {
      switch schedule.steps[index] {
      case .pass(var pass):
        pass.isNeeded = purpose == .numbers || needed.contains(pass.result)
        if (pass.isNonlinear || pass.isNeeded) && pass.input == nil { needed.insert(pass.source) }
        schedule.steps[index] = .pass(pass)
      case .combine(var combination):
        combination.isNeeded = purpose == .numbers || needed.contains(combination.result)
        if combination.combination == .product || combination.isNeeded { needed.formUnion(combination.nodes) }
        schedule.steps[index] = .combine(combination)
      case .numbers: break
      }
    }
  }
}
