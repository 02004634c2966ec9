import CVectorKernels
import Tensors

/// One thread's work on slices: plays schedules for pairs of inputs.
final class SliceInterpreter<Scalar: SliceScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  /// A pair of inputs, or as many as there are lanes, and the sums over its slices.
  struct Job {
    let pair: LanePair<Scalar>
    let sums: ChunkSums
  }

  let graph: SliceGraph
  let factorSets: UnsafeMutableBufferPointer<SliceGraph.FactorSet>
  private(set) var pair: LanePair<Scalar>
  /// Of the pair, what every step reads.
  private(set) var factors: PairFactors<Scalar>
  /// Whether the variances that come along become factors.
  private(set) var makesFactors = false
  /// Given where that of the pair is computed.
  private(set) var tangent = Tangent.absent
  private var isOfItself = false
  /// For the passes of layers: two rows.
  let rowScratch: Pointer
  private let rowMemory: Scratch<Scalar>
  private let sizeTable: UnsafeMutableBufferPointer<PositionAxes>
  private let inputs: [SliceInput]
  private let runTangent: Tangent
  /// Slices of all jobs, and of inputs with themselves beside them, in positions.
  private var memory: (k: Scratch<Scalar>, theta: Scratch<Scalar>, size: Int)
  /// In lock step, where the factors of series are made.
  private(set) lazy var strips = graph.strips.map { SliceStrips<Scalar>($0) }
  private var selfMemory: (k: Scratch<Scalar>, size: Int)
  private let part = Scratch<Double>(Scalar.lanes)

  init(_ graph: SliceGraph, _ inputs: [SliceInput], tangent: Tangent, _ pair: LanePair<Scalar>) {
    self.graph = graph
    self.inputs = inputs
    runTangent = tangent
    self.pair = pair
    factors = pair.factors
    factorSets = .allocate(capacity: graph.factorSets.count)
    _ = factorSets.initialize(from: graph.factorSets)
    sizeTable = .allocate(capacity: graph.sizeTable.count)
    _ = sizeTable.initialize(from: graph.sizeTable)
    rowMemory = Scratch(Self.rowCount(graph) * Scalar.lanes)
    rowScratch = rowMemory.pointer
    memory = (Scratch(1), Scratch(1), 0)
    selfMemory = (Scratch(1), 0)
    reserve(graph.plan.memorySize, graph.plan.selfMemorySize)
  }

  deinit {
    factorSets.deallocate()
    sizeTable.deallocate()
  }

  /// Positions of the two rows.
  static func rowCount(_ graph: SliceGraph) -> Int { 2 * (graph.nodes.map(\.longestRow).max() ?? 1) }

  private func reserve(_ size: Int, _ selfSize: Int) {
    let lanes = Scalar.lanes
    if size > memory.size { memory = (Scratch(size * lanes), Scratch(runTangent == .absent ? 1 : size * lanes), size) }
    if selfSize > selfMemory.size { selfMemory = (Scratch(selfSize * lanes), selfSize) }
  }

  /// Computes everything that `schedule` is for of some pairs, and hands the outputs' slices to `body`.
  ///
  /// - Parameter itself: the inputs of the pairs' groups with themselves, in lock step.
  func run(
    _ schedule: SliceSchedule, _ jobs: [Job], itself: (first: LanePair<Scalar>?, second: LanePair<Scalar>)? = nil,
    _ body: (_ job: Int, _ output: Int, _ extent: SliceExtent, _ k: Pointer, _ theta: Pointer) throws(NetworkError) ->
      Void
  ) throws(NetworkError) {
    let size = schedule.memorySize
    // Only in lock step are the slices of several jobs there at the same time.
    reserve(itself == nil ? size : size * jobs.count, schedule.selfMemorySize)
    if graph.goesInLockStep { return try runInLockStep(schedule, jobs, itself, body) }
    // Nothing is counted inside of the loops over instructions, which may be short.
    let (memoryK, memoryTheta) = (memory.k.pointer, memory.theta.pointer)
    for (index, job) in jobs.enumerated() {
      select(job.pair, schedule)
      let sums = job.sums.places
      try schedule.instructions.withUnsafeBufferPointer { (instructions) throws(NetworkError) in
        for instruction in instructions {
          try execute(instruction, schedule, sums, memoryK, memoryTheta) {
            (output, extent, k, theta) throws(NetworkError) in try body(index, output, extent, k, theta)
          }
        }
      }
    }
  }

  private func runInLockStep(
    _ schedule: SliceSchedule, _ jobs: [Job], _ itself: (first: LanePair<Scalar>?, second: LanePair<Scalar>)?,
    _ body: (_ job: Int, _ output: Int, _ extent: SliceExtent, _ k: Pointer, _ theta: Pointer) throws(NetworkError) ->
      Void
  ) throws(NetworkError) {
    let stride = schedule.memorySize * Scalar.lanes
    let thetaStride = runTangent == .absent ? 0 : stride
    let (memoryK, memoryTheta, selfK) = (memory.k.pointer, memory.theta.pointer, selfMemory.k.pointer)
    try schedule.instructions.withUnsafeBufferPointer { (instructions) throws(NetworkError) in
      var next = 0
      while next < instructions.count {
        let instruction = instructions[next]
        if let step = instruction.step, graph.isInStrips(step.pointee) {
          var end = next + 1
          while end < instructions.count, instructions[end].step == step { end += 1 }
          var batch = SliceStripBatch<Scalar>(step.pointee)
          // Pools make the variances after them of more than the variances before.
          var (first, second) = (SliceStripBatch<Scalar>(step.pointee), SliceStripBatch<Scalar>(step.pointee))
          for instruction in instructions[next..<end] {
            let from = Int(instruction.from) * Scalar.lanes
            let displacement = PositionAxes(truncatingIfNeeded: instruction.displacement)
            switch instruction.subject {
            case .first:
              guard let pair = itself?.first else { continue }
              if displacement == .zero {
                batch.firstVariances = selfK + from
              } else {
                first.append(displacement, pair, selfK + from, nil)
              }
            case .second:
              guard let pair = itself?.second else { continue }
              if displacement == .zero {
                batch.secondVariances = selfK + from
              } else {
                second.append(displacement, pair, selfK + from, nil)
              }
            case .pair:
              for (index, job) in jobs.enumerated() {
                select(job.pair, schedule)
                let theta = min(tangent, step.pointee.tangent) == .given
                batch.append(
                  displacement, job.pair, memoryK + index * stride + from,
                  theta ? memoryTheta + index * thetaStride + from : nil)
              }
            }
          }
          strips?.run(batch, ofFirst: first, ofSecond: second, factorSets)
          next = end
          continue
        }
        next += 1
        switch instruction.subject {
        case .first, .second:
          guard let itself, let pair = instruction.subject == .first ? itself.first : itself.second else { continue }
          select(pair, schedule)
          try execute(instruction, schedule, nil, selfK, selfK) { (_, _, _, _) throws(NetworkError) in }
        case .pair:
          for (index, job) in jobs.enumerated() {
            select(job.pair, schedule)
            let (k, theta) = (memoryK + index * stride, memoryTheta + index * thetaStride)
            try execute(instruction, schedule, job.sums.places, k, theta) {
              (output, extent, k, theta) throws(NetworkError) in try body(index, output, extent, k, theta)
            }
          }
        }
      }
    }
  }

  private func select(_ pair: LanePair<Scalar>, _ schedule: SliceSchedule) {
    self.pair = pair
    factors = pair.factors
    isOfItself = pair.isOfItself
    makesFactors = pair.isOfItself && schedule.makesFactors
    tangent = schedule.purpose == .factors ? .absent : min(runTangent, pair.isOfItself ? pair.selfTangent : .given)
  }

  @inline(__always)
  private func execute(
    _ instruction: SliceInstruction, _ schedule: SliceSchedule, _ sums: ChunkSums.Places?, _ k: Pointer,
    _ theta: Pointer,
    _ body: (_ output: Int, _ extent: SliceExtent, _ k: Pointer, _ theta: Pointer) throws(NetworkError) -> Void
  ) throws(NetworkError) {
    let lanes = Scalar.lanes
    let (from, to) = (Int(instruction.from) * lanes, Int(instruction.to) * lanes)
    let isGiven = min(tangent, instruction.tangent) == .given
    let displacement = PositionAxes(truncatingIfNeeded: instruction.displacement)
    if case .step(let step) = instruction.operation {
      return try run(step.pointee, displacement, k + from, theta + from, k + to, theta + to)
    }
    let extent = SliceExtent(sizes: sizeTable[Int(instruction.sizes)], displacement: displacement)
    var count: Int { extent.lengths.product * lanes }
    switch instruction.operation {
    case .step: break
    case .load(let input):
      try load(input, extent, k + to, isGiven ? theta + to : nil)
    case .copy:
      (k + to).update(from: k + from, count: count)
      if isGiven { (theta + to).update(from: theta + from, count: count) }
    case .combine(let combination, let into):
      let isResultGiven = min(tangent, max(into, instruction.tangent)) == .given
      Scalar.combine(
        combination, count, into, k + to, isResultGiven ? theta + to : nil, k + from,
        isGiven ? UnsafePointer(theta + from) : nil)
    case .clear:
      (k + to).update(repeating: 0, count: count)
      if isGiven { (theta + to).update(repeating: 0, count: count) }
    case .addRun(let index, let weight):
      var run = schedule.run(index)
      run.inner *= lanes
      Scalar.sliceAddRun(run, weight: Scalar(weight), k + from, k + to)
      if isGiven { Scalar.sliceAddRun(run, weight: Scalar(weight), theta + from, theta + to) }
    case .permute(let order):
      permute(order, extent, k + from, k + to)
      if isGiven { permute(order, extent, theta + from, theta + to) }
    case .sum(let scale, let factorSet):
      store(sum(k + from, extent), scale, k + to)
      if isGiven { store(sum(theta + from, extent), scale, theta + to) }
      multiply(factorSet, k + to, isGiven ? theta + to : nil)
    case .addToSum(let slot, let weight):
      guard let sums else { break }
      add(k + from, extent, weight, to: sums.k(slot))
      if isGiven { add(theta + from, extent, weight, to: sums.theta(slot)) }
    case .endSum(let index, let factorSet, let scale):
      guard let sums else { break }
      store(sums.total(Int(index), isTheta: false), scale, k + to)
      if isGiven { store(sums.total(Int(index), isTheta: true), scale, theta + to) }
      multiply(factorSet, k + to, isGiven ? theta + to : nil)
    case .output(let output): try body(output, extent, k + from, theta + from)
    }
  }

  // MARK: - Sums

  /// Adds the sum over a slice, which counts `weight` times.
  private func add(
    _ values: UnsafePointer<Scalar>, _ extent: SliceExtent, _ weight: Double, to sums: UnsafeMutablePointer<Double>
  ) {
    let lengths = extent.lengths
    let rows = lengths[0] * lengths[1] * lengths[2]
    if weight == 1 { return Scalar.sliceSum(rows, lengths[3], values, sums) }
    part.pointer.update(repeating: 0, count: Scalar.lanes)
    Scalar.sliceSum(rows, lengths[3], values, part.pointer)
    for lane in 0..<Scalar.lanes { sums[lane] += weight * part.pointer[lane] }
  }

  private func sum(_ values: UnsafePointer<Scalar>, _ extent: SliceExtent) -> UnsafeMutablePointer<Double> {
    let lengths = extent.lengths
    part.pointer.update(repeating: 0, count: Scalar.lanes)
    Scalar.sliceSum(lengths[0] * lengths[1] * lengths[2], lengths[3], values, part.pointer)
    return part.pointer
  }

  private func store(_ sums: UnsafeMutablePointer<Double>, _ scale: Double, _ target: Pointer) {
    for lane in 0..<Scalar.lanes { target[lane] = Scalar(sums[lane] * scale) }
  }

  private func multiply(_ factorSet: Int32, _ k: Pointer, _ theta: Pointer?) {
    guard factorSet >= 0 else { return }
    Scalar.sliceScale(1, 1, factors.plane(factorSets[Int(factorSet)], first: 0, second: 0), k, theta)
  }

  // MARK: - Slices

  private func load(_ index: Int, _ extent: SliceExtent, _ k: Pointer, _ theta: Pointer?) throws(NetworkError) {
    switch inputs[index] {
    case .data(_, _, let channels):
      let lanes = Scalar.lanes
      let (first, second) = (pair.firstData(index), pair.secondData(index))
      try extent.forEachPlane { (firstPosition, secondPosition, offset) throws(NetworkError) in
        let factors = nt_slice_factors(
          first: first + firstPosition * channels * (pair.firstHasLanes ? lanes : 1),
          second: second + secondPosition * channels * lanes, first_stride: 0, second_stride: 0,
          first_row: extent.sizes[3], second_row: extent.sizes[3], first_has_lanes: pair.firstHasLanes ? 1 : 0)
        Scalar.sliceProduct(
          extent.lengths[2], extent.lengths[3], channels, scale: 1 / Scalar(channels), factors, k + offset * lanes)
      }
    case .kernel(let kernel):
      guard !kernel.isDiagonal || extent.displacement == .zero || kernel.positionCount == 1 else {
        throw NetworkError(
          path: [.name("nngp")], expected: "covariances between all positions, which the layers after mix",
          found: "those of each position with itself, shape \(kernel.k12.shape)")
      }
      let source = pair.isOfItself ? (pair.dataSet == .first ? kernel.k11 : kernel.k22) : kernel.k12
      kernel.fill(k, from: source, extent, pairs: pair.places)
      if let theta, let source = kernel.theta { kernel.fill(theta, from: source, extent, pairs: pair.crossPlaces) }
    }
  }

  private func permute(_ order: SIMD4<Int8>, _ extent: SliceExtent, _ source: Pointer, _ target: Pointer) {
    let order = (0..<PositionAxes.axisCount).map { Int(order[$0]) }
    let (lengths, lanes) = (extent.lengths, Scalar.lanes)
    let operand = lengths.unpermuted(order)
    var place = 0
    for a in 0..<lengths[0] {
      for b in 0..<lengths[1] {
        for c in 0..<lengths[2] {
          for d in 0..<lengths[3] {
            let from = PositionAxes(a, b, c, d).unpermuted(order)
            let index = ((from[0] * operand[1] + from[1]) * operand[2] + from[2]) * operand[3] + from[3]
            (target + place).update(from: source + index * lanes, count: lanes)
            place += lanes
          }
        }
      }
    }
  }
}

/// The sums over the slices of a pair of inputs, in float64: one per chunk of slices, so that it does not matter who computes
/// which chunk.
final class ChunkSums: Sendable {
  /// Where they are.
  struct Places: @unchecked Sendable {
    fileprivate let memory: UnsafeMutablePointer<Double>
    fileprivate let lanes: Int
    fileprivate let chunkCount: Int
    fileprivate let sumCount: Int

    /// Those of one sum of one chunk; the slot counts the sums of all chunks.
    func k(_ slot: Int) -> UnsafeMutablePointer<Double> { memory + 2 * slot * lanes }
    func theta(_ slot: Int) -> UnsafeMutablePointer<Double> { memory + (2 * slot + 1) * lanes }

    /// The sum of all chunks in their order.
    func total(_ sum: Int, isTheta: Bool) -> UnsafeMutablePointer<Double> {
      let total = memory + 2 * chunkCount * sumCount * lanes
      total.update(repeating: 0, count: lanes)
      for chunk in 0..<chunkCount {
        let slot = chunk * sumCount + sum
        let values = isTheta ? theta(slot) : k(slot)
        for lane in 0..<lanes { total[lane] += values[lane] }
      }
      return total
    }
  }

  let places: Places

  init(chunkCount: Int, sumCount: Int, lanes: Int) {
    let count = Self.count(chunkCount, sumCount, lanes)
    let bytes = UnsafeMutableRawPointer.allocate(byteCount: count * MemoryLayout<Double>.stride, alignment: 64)
    places = Places(
      memory: bytes.bindMemory(to: Double.self, capacity: count), lanes: lanes, chunkCount: chunkCount,
      sumCount: sumCount)
    clear()
  }

  deinit { UnsafeMutableRawPointer(places.memory).deallocate() }

  /// Numbers that the sums take.
  static func count(_ chunkCount: Int, _ sumCount: Int, _ lanes: Int) -> Int { (2 * chunkCount * sumCount + 1) * lanes }

  func clear() {
    places.memory.update(
      repeating: 0, count: Self.count(places.chunkCount, places.sumCount, places.lanes))
  }
}
