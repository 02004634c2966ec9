import CVectorKernels
import Tensors

/// One thread's work on slices: plays schedules for pairs of inputs.
final class SliceInterpreter<Scalar: SliceScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  let graph: SliceGraph
  let factorSets: UnsafeMutableBufferPointer<SliceGraph.FactorSet>
  private(set) var pair: LanePair<Scalar>
  /// Of the pair, what every step reads.
  private(set) var factors: PairFactors<Scalar>
  private(set) var isOfItself = false
  /// Whether Θ of the pair is computed.
  private(set) var computesTheta = false
  /// For the passes of layers: two rows.
  let rowScratch: Pointer
  private let rowMemory: Scratch<Scalar>
  private let inputs: [SliceInput]
  private let withNTK: Bool
  private var k: Scratch<Scalar>
  private var theta: Scratch<Scalar>
  private var memorySize = 0
  private let sums = LaneSums<Scalar>()

  init(_ graph: SliceGraph, _ inputs: [SliceInput], withNTK: Bool, _ pair: LanePair<Scalar>) {
    self.graph = graph
    self.inputs = inputs
    self.withNTK = withNTK
    self.pair = pair
    factors = pair.factors
    factorSets = .allocate(capacity: graph.factorSets.count)
    _ = factorSets.initialize(from: graph.factorSets)
    rowMemory = Scratch(2 * (graph.nodes.map(\.longestRow).max() ?? 1) * Scalar.lanes)
    rowScratch = rowMemory.pointer
    (k, theta) = (Scratch(1), Scratch(1))
  }

  deinit {
    factorSets.deallocate()
  }

  /// Computes everything that `schedule` is for of a pair, and hands the outputs' slices to `body`.
  func run(
    _ pair: LanePair<Scalar>, _ schedule: SliceSchedule,
    _ body: (_ output: Int, _ extent: SliceExtent, _ k: Pointer, _ theta: Pointer) throws(NetworkError) -> Void
  ) throws(NetworkError) {
    self.pair = pair
    factors = pair.factors
    isOfItself = pair.isOfItself
    computesTheta = withNTK && schedule.purpose != .factors && (!pair.isOfItself || pair.wantsSelfTheta)
    if schedule.memorySize > memorySize {
      memorySize = schedule.memorySize
      (k, theta) = (Scratch(memorySize * Scalar.lanes), Scratch(memorySize * Scalar.lanes))
    }
    let (k, theta, lanes) = (k.pointer, theta.pointer, Scalar.lanes)
    for index in schedule.instructions.indices {
      let instruction = schedule.instructions[index]
      let (from, to) = (Int(instruction.from) * lanes, Int(instruction.to) * lanes)
      let withTheta = computesTheta && instruction.hasTheta
      switch instruction.operation {
      case .load(let input):
        try load(input, instruction.extent, k + to, withTheta ? theta + to : nil)
      case .step(let step):
        try run(
          step.pointee, PositionAxes(truncatingIfNeeded: instruction.displacement), k + from, theta + from, k + to,
          theta + to)
      case .copy(let count):
        (k + to).update(from: k + from, count: count * lanes)
        if withTheta { (theta + to).update(from: theta + from, count: count * lanes) }
      case .combine(let combination, let count, let intoHasTheta):
        let hasTheta = computesTheta && (intoHasTheta || instruction.hasTheta)
        Scalar.combine(
          combination, count * lanes, thetaIsZero: !intoHasTheta, k + to, hasTheta ? theta + to : nil, k + from,
          withTheta ? UnsafePointer(theta + from) : nil)
      case .clear(let count):
        (k + to).update(repeating: 0, count: count * lanes)
        if withTheta { (theta + to).update(repeating: 0, count: count * lanes) }
      case .addRun(let index, let weight):
        var run = schedule.run(index)
        run.inner *= lanes
        Scalar.sliceAddRun(run, weight: Scalar(weight), k + from, k + to)
        if withTheta { Scalar.sliceAddRun(run, weight: Scalar(weight), theta + from, theta + to) }
      case .permute(let order):
        permute(order, instruction.extent, k + from, k + to)
        if withTheta { permute(order, instruction.extent, theta + from, theta + to) }
      case .beginSum: sums.clear()
      case .addToSum(let weight):
        let lengths = instruction.extent.lengths
        let rows = lengths[0] * lengths[1] * lengths[2]
        sums.add(k + from, rows: rows, columns: lengths[3], weight: weight, isTheta: false)
        if withTheta { sums.add(theta + from, rows: rows, columns: lengths[3], weight: weight, isTheta: true) }
      case .endSum(let scale, let factorSet):
        for lane in 0..<lanes {
          k[to + lane] = Scalar(sums.k[lane] * scale)
          if withTheta { theta[to + lane] = Scalar(sums.theta[lane] * scale) }
        }
        if let factorSet {
          Scalar.sliceScale(
            1, 1, factors.plane(factorSets[factorSet], first: 0, second: 0), k + to, withTheta ? theta + to : nil)
        }
      case .output(let output): try body(output, instruction.extent, k + from, theta + from)
      }
    }
  }

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

/// Sums over positions in float64, one per lane.
private final class LaneSums<Scalar: SliceScalar> {
  private let memory = Scratch<Double>(3 * Scalar.lanes)
  var k: UnsafeMutablePointer<Double> { memory.pointer }
  var theta: UnsafeMutablePointer<Double> { memory.pointer + Scalar.lanes }

  func clear() { memory.pointer.update(repeating: 0, count: 3 * Scalar.lanes) }

  func add(_ values: UnsafePointer<Scalar>, rows: Int, columns: Int, weight: Double, isTheta: Bool) {
    let sums = isTheta ? theta : k
    if weight == 1 { return Scalar.sliceSum(rows, columns, values, sums) }
    let part = memory.pointer + 2 * Scalar.lanes
    part.update(repeating: 0, count: Scalar.lanes)
    Scalar.sliceSum(rows, columns, values, part)
    for lane in 0..<Scalar.lanes { sums[lane] += weight * part[lane] }
  }
}
