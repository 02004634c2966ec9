import CVectorKernels
import Tensors

/// One thread's work on slices: computes those that are asked for, and those that they need.
final class SliceWorker<Scalar: SliceScalar> {
  let plan: SlicePlan
  let inputs: [SliceInput]
  let withNTK: Bool
  let buffers: SliceBuffers<Scalar>
  /// For the passes of layers: two rows.
  let rowScratch: Scratch<Scalar>
  private(set) var pair: InputPair<Scalar>
  private var schedule: SliceSchedule
  /// Per node, slices that will be read again.
  private var kept: [[Int: Kept]]

  private struct Kept {
    var slice: Slice<Scalar>
    var remaining: Int32
  }

  init(_ plan: SlicePlan, _ inputs: [SliceInput], withNTK: Bool, _ pair: InputPair<Scalar>, _ schedule: SliceSchedule) {
    self.plan = plan
    self.inputs = inputs
    buffers = SliceBuffers(capacities: plan.capacities)
    rowScratch = Scratch(2 * (plan.nodes.map(\.longestRow).max() ?? 1) * Scalar.lanes)
    self.withNTK = withNTK
    self.pair = pair
    self.schedule = schedule
    kept = Array(repeating: [:], count: plan.nodes.count)
  }

  /// Computes everything that `schedule` asks for of a pair, and hands the outputs' slices to `body`.
  func run(
    _ pair: InputPair<Scalar>, _ schedule: SliceSchedule,
    _ body: (_ output: Int, _ box: SliceBox, _ slice: Slice<Scalar>) throws(NetworkError) -> Void
  ) throws(NetworkError) {
    self.pair = pair
    self.schedule = schedule
    for request in schedule.requests {
      let slice = try pull(request.node, request.displacement)
      if let output = request.output {
        try body(output, SliceBox(sizes: plan.nodes[request.node].sizes, displacement: request.displacement), slice)
      }
      buffers.release(slice)
    }
  }

  /// Whether Θ is computed for the pair.
  var hasTheta: Bool { withNTK && schedule.purpose != .factors && (!pair.isOfItself || pair.wantsSelfTheta) }

  // MARK: - Slices

  private func pull(_ node: Int, _ displacement: PositionAxes) throws(NetworkError) -> Slice<Scalar> {
    guard let uses = schedule.uses[node] else { return try compute(node, displacement) }
    let index = SliceSchedule.index(displacement, plan.nodes[node].sizes)
    if uses[index] <= 1 { return try compute(node, displacement) }
    if var entry = kept[node][index] {
      entry.remaining -= 1
      if entry.remaining == 0 {
        kept[node][index] = nil
        return entry.slice
      }
      kept[node][index] = entry
      var borrowed = entry.slice
      borrowed.ownedSize = nil
      return borrowed
    }
    var slice = try compute(node, displacement)
    if !slice.isOwned { slice = copy(slice, plan.nodes[node], displacement) }
    kept[node][index] = Kept(slice: slice, remaining: uses[index] - 1)
    slice.ownedSize = nil
    return slice
  }

  private func compute(_ index: Int, _ displacement: PositionAxes) throws(NetworkError) -> Slice<Scalar> {
    let node = plan.nodes[index]
    let box = SliceBox(sizes: node.sizes, displacement: displacement)
    switch node.kind {
    case .input(let input): return try load(input, box, node)
    case .chain(let source, let stride, let steps):
      var first = 0
      var slice: Slice<Scalar>
      if plan.isChainWithoutSource(index, at: displacement) {
        first = steps.firstIndex(where: \.isLocalize) ?? 0
        slice = buffers.allocate(node.size)
      } else {
        slice = try pull(source, displacement &* stride)
      }
      for step in steps[first...] { try run(step, &slice, displacement, size: node.size) }
      return slice
    case .combine(let sources, let combination):
      return try combine(sources, combination, box, node)
    case .table(let source, let axis, let table):
      return try gather(source, axis, table, box, node)
    case .permute(let source, let order):
      return try permute(source, order, box, node)
    case .flatten(let source):
      let slice = try pull(source, .zero)
      defer { buffers.release(slice) }
      let sums = LaneSums<Scalar>()
      sums.add(slice, SliceBox(sizes: plan.nodes[source].sizes, displacement: .zero), withTheta: hasTheta && node.hasTheta)
      return result(of: sums, scale: 1 / Double(plan.nodes[source].sizes.product), node)
    case .globalPool(let source, let scale, let factor):
      return try pool(source, scale, factor, node)
    }
  }

  func copy(_ slice: Slice<Scalar>, _ node: SlicePlan.Node, _ displacement: PositionAxes) -> Slice<Scalar> {
    let box = SliceBox(sizes: node.sizes, displacement: displacement)
    return copy(slice, count: box.lengths.product * Scalar.lanes, size: node.size, withTheta: node.hasTheta)
  }

  func copy(_ slice: Slice<Scalar>, count: Int, size: Int, withTheta: Bool) -> Slice<Scalar> {
    let result = buffers.allocate(size)
    result.k.update(from: slice.k, count: count)
    if hasTheta && withTheta { result.theta.update(from: slice.theta, count: count) }
    return result
  }

  // MARK: - Inputs

  private func load(_ index: Int, _ box: SliceBox, _ node: SlicePlan.Node) throws(NetworkError) -> Slice<Scalar> {
    let slice = buffers.allocate(node.size)
    switch inputs[index] {
    case .data(_, _, let channels):
      let lanes = Scalar.lanes
      try box.forEachPlane { (first, second, offset) throws(NetworkError) in
        let factors = nt_slice_factors(
          first: pair.firstData(index) + first * channels * (pair.firstHasLanes ? lanes : 1),
          second: pair.secondData(index) + second * channels * lanes, first_stride: 0, second_stride: 0,
          first_row: box.sizes[3], second_row: box.sizes[3], first_has_lanes: pair.firstHasLanes ? 1 : 0)
        Scalar.sliceProduct(
          box.lengths[2], box.lengths[3], channels, scale: 1 / Scalar(channels), factors, slice.k + offset * lanes)
      }
    case .kernel(let kernel):
      guard !kernel.isDiagonal || box.displacement == .zero || kernel.positionCount == 1 else {
        throw NetworkError(
          path: [.name("nngp")], expected: "covariances between all positions, which the layers after mix",
          found: "those of each position with itself, shape \(kernel.k12.shape)")
      }
      kernel.fill(slice.k, from: pair.isOfItself ? (pair.isOfFirst ? kernel.k11 : kernel.k22) : kernel.k12, box, pairs: pair.places)
      if hasTheta, node.hasTheta, let theta = kernel.theta {
        kernel.fill(slice.theta, from: theta, box, pairs: pair.crossPlaces)
      }
    }
    return slice
  }

  // MARK: - Branches, pools, other orders

  private func combine(
    _ sources: [Int], _ combination: SlicePlan.Combination, _ box: SliceBox, _ node: SlicePlan.Node
  ) throws(NetworkError) -> Slice<Scalar> {
    let count = box.lengths.product * Scalar.lanes
    var total = try pull(sources[0], box.displacement)
    var totalHasTheta = plan.nodes[sources[0]].hasTheta
    if !total.isOwned { total = copy(total, count: count, size: node.size, withTheta: totalHasTheta) }
    for (position, source) in sources.enumerated().dropFirst() {
      let branch = try pull(source, box.displacement)
      let hasBranchTheta = plan.nodes[source].hasTheta
      let operation: FusedPlan.Combination
      switch combination {
      case .sum: operation = .sum
      case .product: operation = .product
      case .weightedMean(let weights):
        operation = .weightedSum(into: position == 1 ? weights[0] : 1, from: weights[position])
      }
      Scalar.combine(
        operation, count, thetaIsZero: !totalHasTheta, total.k,
        hasTheta && (totalHasTheta || hasBranchTheta) ? total.theta : nil, branch.k,
        hasTheta && hasBranchTheta ? UnsafePointer(branch.theta) : nil)
      totalHasTheta = totalHasTheta || hasBranchTheta
      buffers.release(branch)
    }
    return total
  }

  private func gather(_ source: Int, _ axis: Int, _ table: AxisTable, _ box: SliceBox, _ node: SlicePlan.Node)
    throws(NetworkError) -> Slice<Scalar>
  {
    let result = buffers.allocate(node.size)
    let (lengths, withTheta) = (box.lengths, hasTheta && node.hasTheta)
    var (outer, inner) = (1, Scalar.lanes)
    for other in 0..<axis { outer *= lengths[other] }
    for other in axis + 1..<max(axis + 1, PositionAxes.axisCount) { inner *= lengths[other] }
    result.k.update(repeating: 0, count: outer * lengths[axis] * inner)
    if withTheta { result.theta.update(repeating: 0, count: outer * lengths[axis] * inner) }
    for term in table.terms(of: box.displacement[axis]) {
      var displacement = box.displacement
      displacement[axis] = term.displacement
      let slice = try pull(source, displacement)
      let operand = SliceBox(sizes: plan.nodes[source].sizes, displacement: displacement)
      for run in term.runs {
        let start = box.start[axis]
        let description = nt_slice_run(
          outer: outer, length: operand.lengths[axis], out_length: lengths[axis], inner: inner,
          first: run.first - start, last: run.last - start, step: run.step,
          offset: run.offset + start * run.step - operand.start[axis])
        Scalar.sliceAddRun(description, weight: Scalar(run.weight), slice.k, result.k)
        if withTheta { Scalar.sliceAddRun(description, weight: Scalar(run.weight), slice.theta, result.theta) }
      }
      buffers.release(slice)
    }
    return result
  }

  private func permute(_ source: Int, _ order: [Int], _ box: SliceBox, _ node: SlicePlan.Node) throws(NetworkError)
    -> Slice<Scalar>
  {
    let slice = try pull(source, box.displacement.unpermuted(order))
    let result = buffers.allocate(node.size)
    let (lengths, lanes) = (box.lengths, Scalar.lanes)
    let operand = lengths.unpermuted(order)
    let withTheta = hasTheta && node.hasTheta
    var place = 0
    for a in 0..<lengths[0] {
      for b in 0..<lengths[1] {
        for c in 0..<lengths[2] {
          for d in 0..<lengths[3] {
            let from = PositionAxes(a, b, c, d).unpermuted(order)
            let index = ((from[0] * operand[1] + from[1]) * operand[2] + from[2]) * operand[3] + from[3]
            (result.k + place).update(from: slice.k + index * lanes, count: lanes)
            if withTheta { (result.theta + place).update(from: slice.theta + index * lanes, count: lanes) }
            place += lanes
          }
        }
      }
    }
    buffers.release(slice)
    return result
  }

  private func pool(_ source: Int, _ scale: Double, _ factor: Int?, _ node: SlicePlan.Node) throws(NetworkError)
    -> Slice<Scalar>
  {
    let sums = LaneSums<Scalar>()
    let sizes = plan.nodes[source].sizes
    let withTheta = hasTheta && node.hasTheta
    try SliceSchedule.forEachPooled(sizes, isOfItself: schedule.isOfItself) {
      (displacement, weight) throws(NetworkError) in
      let slice = try pull(source, displacement)
      sums.add(slice, SliceBox(sizes: sizes, displacement: displacement), withTheta: withTheta, weight: weight)
      buffers.release(slice)
    }
    let result = result(of: sums, scale: scale, node)
    if let factor {
      Scalar.sliceScale(
        1, 1, pair.factors(plan.factorSets[factor], first: 0, second: 0, plan), result.k,
        withTheta ? result.theta : nil)
    }
    return result
  }

  private func result(of sums: LaneSums<Scalar>, scale: Double, _ node: SlicePlan.Node) -> Slice<Scalar> {
    let slice = buffers.allocate(node.size)
    for lane in 0..<Scalar.lanes {
      slice.k[lane] = Scalar(sums.k[lane] * scale)
      if hasTheta && node.hasTheta { slice.theta[lane] = Scalar(sums.theta[lane] * scale) }
    }
    return slice
  }
}

/// Sums over positions in float64, one per lane.
private final class LaneSums<Scalar: SliceScalar> {
  private let memory = Scratch<Double>(4 * Scalar.lanes)
  var k: UnsafeMutablePointer<Double> { memory.pointer }
  var theta: UnsafeMutablePointer<Double> { memory.pointer + Scalar.lanes }
  private var part: UnsafeMutablePointer<Double> { memory.pointer + 2 * Scalar.lanes }

  init() { memory.pointer.update(repeating: 0, count: 4 * Scalar.lanes) }

  func add(_ slice: Slice<Scalar>, _ box: SliceBox, withTheta: Bool, weight: Double = 1) {
    add(slice.k, box, to: k, weight)
    if withTheta { add(slice.theta, box, to: theta, weight) }
  }

  private func add(
    _ values: UnsafePointer<Scalar>, _ box: SliceBox, to sums: UnsafeMutablePointer<Double>, _ weight: Double
  ) {
    let lengths = box.lengths
    part.update(repeating: 0, count: Scalar.lanes)
    Scalar.sliceSum(lengths[0] * lengths[1] * lengths[2], lengths[3], values, part)
    for lane in 0..<Scalar.lanes { sums[lane] += weight * part[lane] }
  }
}
