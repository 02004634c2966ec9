import CVectorKernels

/// Compiles covariance programs for slices: operations lower themselves to nodes and to the steps of chains.
struct SliceGraphBuilder: Lowering {
  private let program: CovarianceProgram
  /// Given where it is wanted.
  private let goalTangent: Tangent
  private var graph = SliceGraph()
  /// The node that holds each value of the program.
  private var nodeOf: [Int?]
  private var useCount: [Int]
  /// Whether inputs of the value can be masked.
  private var hasMask: [Bool]
  /// Whether a masked covariance of it may differ from zero.
  private var isDirty: [Bool]
  /// Whether a consumer needs zeros where the value is masked.
  private var needsZeros: [Bool]
  /// The step of the program that is being lowered.
  private var step: CovarianceProgram.Step!
  /// Whether one of its verbs has been carried out, so that the next one goes on from the result.
  private var isStarted = false

  /// - Throws: `Obstacle` for a program with an operation that is not made of slices.
  static func build(
    _ program: CovarianceProgram, outputs: [Int], areFull: [Bool], tangent: Tangent, inputTangents: [Tangent],
    inputsWithMasks: [Bool]
  ) throws(Obstacle) -> SliceGraph {
    if let obstacle = program.steps.lazy.compactMap({ program.sliceObstacle(of: $0) }).first { throw obstacle }
    var builder = SliceGraphBuilder(program, outputs: outputs, tangent: tangent)
    (builder.graph.program, builder.graph.outputValues) = (program, outputs)
    for input in 0..<program.inputCount {
      let sizes = PositionAxes(sizes: program.positions[input])
      builder.hasMask[input] = inputsWithMasks[input]
      builder.nodeOf[input] = builder.add(
        .input(input), sizes: sizes, tangent: min(tangent, inputTangents[input]))
    }
    for step in program.steps where builder.useCount[step.result] > 0 { try builder.compile(step) }
    for (output, isFull) in zip(outputs, areFull) {
      builder.graph.outputs.append(
        SliceGraph.Output(
          node: builder.nodeOf[output]!, positions: program.positions[output], wantsAllPositions: isFull))
    }
    builder.finishChains()
    return builder.graph
  }

  private init(_ program: CovarianceProgram, outputs: [Int], tangent: Tangent) {
    self.program = program
    goalTangent = tangent
    nodeOf = Array(repeating: nil, count: program.valueCount)
    hasMask = Array(repeating: false, count: program.valueCount)
    (isDirty, needsZeros) = (hasMask, hasMask)
    useCount = Array(repeating: 0, count: program.valueCount)
    for output in outputs {
      useCount[output] += 1
      needsZeros[output] = true
    }
    for step in program.steps.reversed() where useCount[step.result] > 0 {
      for operand in step.operands {
        useCount[operand] += 1
        if !step.operation.keepsEntriesApart { needsZeros[operand] = true }
      }
    }
  }

  private mutating func add(_ kind: SliceGraph.Kind, sizes: PositionAxes, tangent: Tangent) -> Int {
    graph.nodes.append(SliceGraph.Node(kind: kind, sizes: sizes, tangent: tangent))
    return graph.nodes.count - 1
  }

  private mutating func compile(_ step: CovarianceProgram.Step) throws(Obstacle) {
    (self.step, isStarted) = (step, false)
    let (operand, result) = (step.operands[0], step.result)
    nodeOf[result] = nodeOf[operand]
    hasMask[result] = hasMask[operand]
    isDirty[result] = isDirty[operand]
    try step.operation.lower(to: &self)
    if hasMask[result] && isDirty[result] && needsZeros[result] {
      let set = addFactors(.mask(value: result), sizes: sizes, count: 1)
      // Whoever reads the result reads it after this.
      append(.scale(factorSet: set), sizes: sizes)
      isDirty[result] = false
    }
  }

  // MARK: - What has been made of the step so far

  private var result: Int { step.result }
  /// The node that holds it.
  private var node: Int { nodeOf[step.result]! }
  private var sizes: PositionAxes { graph.nodes[node].sizes }
  private var tangent: Tangent { graph.nodes[node].tangent }
  /// Whether others read what the next verb works on.
  private var isShared: Bool { !isStarted && useCount[step.operands[0]] > 1 }

  private mutating func finish(_ kind: SliceGraph.Kind, sizes: PositionAxes, tangent: Tangent? = nil) {
    nodeOf[result] = add(kind, sizes: sizes, tangent: tangent ?? self.tangent)
    isStarted = true
  }

  /// Lets the chain that ends here go on, or starts one.
  private mutating func extend(_ operation: SliceStep.Operation, tangent: Tangent? = nil) {
    if isShared { startChain() }
    append(operation, sizes: sizes, tangent: tangent)
  }

  private mutating func startChain() {
    let source = node
    finish(.chain(source: source, stride: PositionAxes(repeating: 1), steps: []), sizes: sizes)
  }

  /// Appends a step to the chain; what holds the value may be no chain yet.
  private mutating func append(_ operation: SliceStep.Operation, sizes: PositionAxes, tangent: Tangent? = nil) {
    if case .chain = graph.nodes[node].kind {} else { startChain() }
    let node = node
    guard case .chain(let source, let stride, var steps) = graph.nodes[node].kind else { return }
    steps.append(
      SliceStep(
        operation: operation, sizes: graph.nodes[node].sizes, resultSizes: sizes, tangent: graph.nodes[node].tangent))
    graph.nodes[node].kind = .chain(source: source, stride: stride, steps: steps)
    graph.nodes[node].sizes = sizes
    graph.nodes[node].tangent = tangent ?? graph.nodes[node].tangent
    isStarted = true
  }

  // MARK: - Verbs

  mutating func affine(_ rule: AffineOperation) {
    var affine = rule.loopDescription
    isDirty[result] = isDirty[result] || affine.bias_variance != 0 || affine.theta_constant != 0
    foldScale(into: &affine)
    extend(.affine(affine), tangent: goalTangent)
  }

  /// Takes the mean over a convolution's window, which comes before its weights, into these.
  private mutating func foldScale(into affine: inout nt_affine) {
    let node = node
    guard !isShared, case .chain(let source, let stride, var steps) = graph.nodes[node].kind,
      case .scaleAll(let scale)? = steps.last?.operation
    else { return }
    steps.removeLast()
    graph.nodes[node].kind = .chain(source: source, stride: stride, steps: steps)
    affine.weight_variance *= scale
    affine.theta_from_input *= scale
  }

  mutating func dual(_ dual: any Dual) {
    let routine = routine(of: dual)
    let set = addFactors(.dual(routine), sizes: sizes, count: routine.factorCount)
    isDirty[result] = isDirty[result] || !routine.isABRelu
    extend(.dual(routine, factorSet: set))
  }

  mutating func normalize(epsilon: Double, positionAxes: [Int], overBatch: Bool) {
    var kept = sizes
    for axis in positionAxes { kept[PositionAxes.axisCount - program.positions[step.operands[0]].count + axis] = 1 }
    let mask = hasMask[result] ? addFactors(.mask(value: step.operands[0]), sizes: sizes, count: 1) : nil
    let set = addFactors(.normalize(epsilon: epsilon, kept: kept, mask: mask), sizes: sizes, count: 1)
    extend(.scale(factorSet: set))
  }

  mutating func dropout(keepRate: Double) { extend(.dropout(keepRate: keepRate)) }

  mutating func scale(_ factor: Double) { extend(.scaleAll(factor)) }

  mutating func localize() { extend(.localize) }

  mutating func combine(_ combination: BranchCombination) {
    hasMask[result] = step.operands.allSatisfy { hasMask[$0] }
    isDirty[result] = false
    let nodes = step.operands.map { nodeOf[$0]! }
    finish(.combine(nodes, combination), sizes: sizes, tangent: nodes.map { graph.nodes[$0].tangent }.max())
  }

  mutating func flatten() {
    isDirty[result] = false
    finish(.flatten(source: node), sizes: PositionAxes(repeating: 1))
  }

  mutating func globalPool(isMean: Bool) {
    isDirty[result] = false
    let (source, count, one) = (node, Double(sizes.product), PositionAxes(repeating: 1))
    let isMasked = isMean && hasMask[result]
    let factor = isMasked ? addFactors(.visible(value: step.operands[0]), sizes: one, count: 1) : nil
    finish(
      .globalPool(source: source, scale: isMean && !isMasked ? 1 / (count * count) : 1, factor: factor), sizes: one)
  }

  mutating func windows(_ axes: [PatchAxis]) {
    isDirty[result] = true
    let first = PositionAxes.axisCount - axes.count
    func mixesDisplacements(_ axis: PatchAxis) -> Bool {
      axis.wraps || axis.spread > 1 || (axis.outputSize - 1) * axis.stride >= axis.size
    }
    for (index, axis) in axes.enumerated() where !axis.isIdentity && mixesDisplacements(axis) {
      addTable(DisplacementMap(axis), axis: first + index)
    }
    if isShared { startChain() }
    let windows = axes.indices.filter { !axes[$0].isIdentity && !mixesDisplacements(axes[$0]) }
    // Columns first, as part of the pass before; rows last, as part of that of the layer itself.
    for index in windows.sorted(by: { ($0 == axes.count - 1 ? -1 : $0) < ($1 == axes.count - 1 ? -1 : $1) }) {
      let axis = axes[index]
      var sizes = sizes
      sizes[first + index] = axis.outputSize
      append(
        .window(
          SliceStep.Window(
            axis: first + index, size: axis.window, stride: axis.stride, dilation: axis.dilation, low: axis.paddingLow)
        ), sizes: sizes)
    }
  }

  private mutating func addTable(_ table: DisplacementMap, axis: Int) {
    var sizes = sizes
    sizes[axis] = table.size
    finish(.table(source: node, axis: axis, table), sizes: sizes)
  }

  mutating func map(_ axes: [PositionMapOperation.Axis]) {
    isDirty[result] = true
    let first = PositionAxes.axisCount - axes.count
    var kept: [Int] = []
    for (index, axis) in axes.enumerated() {
      if case .removed = axis {} else { kept.append(index) }
      if let table = DisplacementMap(axis) { addTable(table, axis: first + index) }
    }
    if isShared { startChain() }
    if kept.count < axes.count { permute(kept, rank: axes.count) }
  }

  mutating func permute(_ order: [Int]) { permute(order, rank: order.count) }

  /// Axis k of the result is axis `order[k]` of `rank` axes; those that are missing have one position.
  private mutating func permute(_ order: [Int], rank: Int) {
    let kept = order.map { PositionAxes.axisCount - rank + $0 }
    let axes = (0..<PositionAxes.axisCount).filter { !kept.contains($0) } + kept
    var sizes = self.sizes
    for (axis, source) in axes.enumerated() { sizes[axis] = self.sizes[source] }
    finish(.permute(source: node, order: axes), sizes: sizes)
  }

  // MARK: - Factors

  private mutating func routine(of activation: any Dual) -> RowPlan.DualRoutine {
    guard let dual = activation.vectorDual else {
      graph.activations.append(activation)
      return .tensor(graph.activations.count - 1)
    }
    return .vector(graph.descriptions.description(of: dual).pointer)
  }

  private mutating func addFactors(
    _ source: SliceGraph.FactorSet.Source, sizes: PositionAxes, count: Int
  ) -> Int {
    graph.factorSets.append(
      SliceGraph.FactorSet(
        source: source, offset: graph.factorCount, sizes: sizes, count: count, isInterleaved: source.isSeries))
    graph.factorCount += count * sizes.product
    return graph.factorSets.count - 1
  }

  // MARK: - Chains

  private mutating func finishChains() {
    SliceFusion.fuse(&graph)
    for index in graph.nodes.indices {
      guard case .chain(let source, _, var finished) = graph.nodes[index].kind else { continue }
      var stride = PositionAxes(repeating: 1)
      for step in finished.indices.reversed() {
        finished[step].resultStride = stride
        for window in finished[step].windows { stride[window.axis] *= window.stride }
        finished[step].stride = stride
      }
      graph.nodes[index].kind = .chain(source: source, stride: stride, steps: finished)
    }
    findSizes()
    graph.stepTable = SliceStepTable(graph.nodes)
    graph.factorNodes = graph.nodes.indices.filter { node in
      guard case .chain(_, _, let steps) = graph.nodes[node].kind else { return false }
      return steps.contains { step in
        switch step.operation {
        case .dual, .fusedPass: true
        case .scale(let set): if case .normalize = graph.factorSets[set].source { true } else { false }
        default: false
        }
      }
    }
    let firstPool = graph.nodes.firstIndex { if case .globalPool = $0.kind { true } else { false } }
    graph.halvesPools = !graph.factorNodes.contains { $0 > firstPool ?? graph.nodes.count }
    findSums()
    let positions = graph.nodes.map(\.sizes.product).max() ?? 1
    if LaneGroup<Float>.factorBytes(graph) > graph.limits.factorBytes(positions: positions) { goInLockStep() }
  }

  private mutating func findSizes() {
    var places: [PositionAxes: Int] = [:]
    func place(_ sizes: PositionAxes) -> UInt16 {
      if let place = places[sizes] { return UInt16(place) }
      let place = graph.sizeTable.count
      precondition(place <= UInt16.max, "a network of more than \(UInt16.max) sizes")
      graph.sizeTable.append(sizes)
      places[sizes] = place
      return UInt16(place)
    }
    for index in graph.nodes.indices {
      graph.nodes[index].sizeIndex = place(graph.nodes[index].sizes)
      guard case .chain(let source, let stride, var steps) = graph.nodes[index].kind else { continue }
      for step in steps.indices { steps[step].sizeIndex = place(steps[step].resultSizes) }
      graph.nodes[index].kind = .chain(source: source, stride: stride, steps: steps)
    }
  }

  /// Finds the global pools over more than one position, and what comes after them.
  private mutating func findSums() {
    graph.sumIndex = Array(repeating: nil, count: graph.nodes.count)
    graph.isAfterSum = Array(repeating: false, count: graph.nodes.count)
    for index in graph.nodes.indices {
      let node = graph.nodes[index]
      if case .globalPool(let source, _, _) = node.kind, graph.nodes[source].sizes.product > 1 {
        precondition(!graph.isAfterSum[source], "a global pool that has positions left")
        graph.sumIndex[index] = graph.sums.count
        graph.sums.append(index)
      }
      graph.isAfterSum[index] = graph.sumIndex[index] != nil || node.sources.contains { graph.isAfterSum[$0] }
    }
  }

  /// Gives all factors that are made of slices with positions the same memory.
  private mutating func goInLockStep() {
    let late = Set(
      graph.factorNodes.filter { graph.isAfterSum[$0] }.flatMap { node in graph.steps[node].compactMap(\.factorSet) })
    var (kept, largest) = (0, 0)
    var transient: [Int] = []
    for index in graph.factorSets.indices {
      var isKept = late.contains(index)
      switch graph.factorSets[index].source {
      case .mask, .visible: isKept = true
      case .dual, .normalize: break
      }
      let (count, positions) = (graph.factorSets[index].count, graph.factorSets[index].sizes.product)
      let numbers = count * positions
      if isKept {
        graph.keptFactorSets.append(index)
        graph.factorSets[index].offset = kept
        kept += numbers
      } else if graph.factorSets[index].isInterleaved {
        graph.factorSets[index].isInStrips = true
        let other = graph.strips
        graph.strips = SliceGraph.Strips(
          positions: max(positions, other?.positions ?? 0), count: max(count, other?.count ?? 0), length: 0)
      } else {
        transient.append(index)
        largest = max(largest, numbers)
      }
    }
    for index in transient { graph.factorSets[index].offset = kept }
    graph.factorCount = kept + largest
    graph.goesInLockStep = true
    if let strips = graph.strips {
      let bytes = strips.count * Float.lanes * MemoryLayout<Float>.stride
      graph.strips?.length = max(
        16, min(strips.positions, graph.limits.stripBytes(positions: strips.positions) / bytes))
    }
  }
}

extension SliceGraph.Node {
  /// The nodes whose slices it reads.
  var sources: [Int] {
    switch kind {
    case .input: []
    case .chain(let source, _, _), .table(let source, _, _), .permute(let source, _), .flatten(let source),
      .globalPool(let source, _, _):
      [source]
    case .combine(let sources, _): sources
    }
  }
}

extension CovarianceProgram {
  /// What keeps a step from being computed slice by slice; nil where nothing does.
  func sliceObstacle(of step: Step) -> Obstacle? {
    for value in [step.result] + step.operands {
      if positions[value].count > PositionAxes.axisCount {
        return Obstacle("more than \(PositionAxes.axisCount) axes of positions")
      }
      if positions[value].reduce(1.0, { $0 * Double($1) }) > 4e6 {
        return Obstacle("more than four million positions")
      }
    }
    return LoweringProbe.obstacle(of: step.operation)
  }
}
