import CVectorKernels

/// Compiles covariance programs for slices.
struct SlicePlanner {
  typealias Unsupported = FusedPlan.Unsupported

  private let program: CovarianceProgram
  private let withNTK: Bool
  private var plan = SlicePlan()
  /// The node that holds each value of the program.
  private var nodeOf: [Int?]
  private var useCount: [Int]
  /// Whether inputs of the value can be masked.
  private var hasMask: [Bool]
  /// Whether a masked covariance of it may differ from zero.
  private var isDirty: [Bool]
  /// Whether a consumer needs zeros where the value is masked.
  private var needsZeros: [Bool]

  /// - Throws: `Unsupported` for a program with an operation that is not made of slices.
  static func plan(
    _ program: CovarianceProgram, outputs: [Int], areFull: [Bool], withNTK: Bool, inputsWithNTK: [Bool],
    inputsWithMasks: [Bool]
  ) throws(Unsupported) -> SlicePlan {
    if let obstacle = program.steps.lazy.compactMap({ program.sliceObstacle(of: $0) }).first {
      throw Unsupported(operation: obstacle)
    }
    var planner = SlicePlanner(program, outputs: outputs, withNTK: withNTK)
    (planner.plan.program, planner.plan.outputValues) = (program, outputs)
    for input in 0..<program.inputCount {
      let sizes = planner.sizes(of: input)
      planner.hasMask[input] = inputsWithMasks[input]
      planner.nodeOf[input] = planner.add(
        .input(input), sizes: sizes, hasTheta: withNTK && inputsWithNTK[input], capacity: sizes.product)
    }
    for step in program.steps where planner.useCount[step.result] > 0 { planner.compile(step) }
    for (output, isFull) in zip(outputs, areFull) {
      planner.plan.outputs.append(
        SlicePlan.Output(
          node: planner.nodeOf[output]!, positions: program.positions[output], wantsAllPositions: isFull))
    }
    planner.finishChains()
    return planner.plan
  }

  private init(_ program: CovarianceProgram, outputs: [Int], withNTK: Bool) {
    self.program = program
    self.withNTK = withNTK
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
        switch step.operation {
        case .affine, .dual, .normalize, .dropout, .localize: break
        default: needsZeros[operand] = true
        }
      }
    }
  }

  private func sizes(of value: Int) -> PositionAxes { PositionAxes(sizes: program.positions[value]) }

  private mutating func add(_ kind: SlicePlan.Kind, sizes: PositionAxes, hasTheta: Bool, capacity: Int) -> Int {
    plan.nodes.append(SlicePlan.Node(kind: kind, sizes: sizes, hasTheta: hasTheta, capacity: capacity))
    return plan.nodes.count - 1
  }

  // MARK: - Steps

  private mutating func compile(_ step: CovarianceProgram.Step) {
    let (operand, result) = (step.operands[0], step.result)
    let sizes = sizes(of: result)
    let node = nodeOf[operand]!
    hasMask[result] = hasMask[operand]
    isDirty[result] = isDirty[operand]
    switch step.operation {
    case .affine(let rule):
      var affine = rule.description
      isDirty[result] = isDirty[operand] || affine.bias_variance != 0 || affine.theta_constant != 0
      foldScale(into: &affine, of: operand)
      extend(operand, to: result, .affine(affine), sizes: sizes, hasTheta: withNTK)
    case .dual(let activation):
      let routine = routine(of: activation)
      let set = addFactors(.dual(routine), sizes: sizes, count: routine.factorCount)
      isDirty[result] = isDirty[operand] || !routine.isABRelu
      extend(operand, to: result, .dual(routine, factorSet: set), sizes: sizes)
    case .normalize(let rule):
      var kept = sizes
      for axis in rule.positionAxes { kept[PositionAxes.axisCount - program.positions[operand].count + axis] = 1 }
      let mask = hasMask[operand] ? addFactors(.mask(value: operand), sizes: sizes, count: 1) : nil
      let set = addFactors(.normalize(epsilon: rule.epsilon, kept: kept, mask: mask), sizes: sizes, count: 1)
      extend(operand, to: result, .scale(factorSet: set), sizes: sizes)
    case .dropout(let keepRate):
      extend(operand, to: result, .dropout(keepRate: keepRate), sizes: sizes)
    case .localize:
      extend(operand, to: result, .localize, sizes: sizes)
    case .sum: combine(step, .sum, sizes)
    case .product: combine(step, .product, sizes)
    case .weightedMean(let weights): combine(step, .weightedMean(weights), sizes)
    case .patches(let rule):
      isDirty[result] = true
      compile(rule, operand, to: result)
    case .positions(let map):
      isDirty[result] = true
      compile(map, operand, to: result, sizes)
    case .permutePositions(let order):
      permute(node, order, to: result, sizes)
    case .flatten:
      isDirty[result] = false
      nodeOf[result] = add(
        .flatten(source: node), sizes: sizes, hasTheta: plan.nodes[node].hasTheta, capacity: sizes.product)
    case .globalPool(let isMean):
      isDirty[result] = false
      let count = Double(plan.nodes[node].sizes.product)
      let isMasked = isMean && hasMask[operand]
      let factor = isMasked ? addFactors(.visible(value: operand), sizes: sizes, count: 1) : nil
      nodeOf[result] = add(
        .globalPool(source: node, scale: isMean && !isMasked ? 1 / (count * count) : 1, factor: factor), sizes: sizes,
        hasTheta: plan.nodes[node].hasTheta, capacity: sizes.product)
    case .concatenate, .rule: preconditionFailure("an obstacle that was not found")
    }
    if hasMask[result] && isDirty[result] && needsZeros[result] {
      let set = addFactors(.mask(value: result), sizes: sizes, count: 1)
      useCount[result] += 1
      append(.scale(factorSet: set), toNodeOf: result, sizes: sizes)
      useCount[result] -= 1
      isDirty[result] = false
    }
  }

  /// Lets the chain that ends in `operand` go on, or starts one after it, which then holds `result`.
  private mutating func extend(
    _ operand: Int, to result: Int, _ operation: SliceStep.Operation, sizes: PositionAxes, hasTheta: Bool? = nil
  ) {
    nodeOf[result] = nodeOf[operand]
    if useCount[operand] > 1 { nodeOf[result] = newChain(after: nodeOf[operand]!) }
    append(operation, toNodeOf: result, sizes: sizes, hasTheta: hasTheta)
  }

  private mutating func newChain(after node: Int) -> Int {
    let source = plan.nodes[node]
    return add(
      .chain(source: node, stride: PositionAxes(repeating: 1), steps: []), sizes: source.sizes,
      hasTheta: source.hasTheta, capacity: source.sizes.product)
  }

  /// Appends a step to the chain that holds `value`; what holds it may be no chain yet.
  private mutating func append(
    _ operation: SliceStep.Operation, toNodeOf value: Int, sizes: PositionAxes, hasTheta: Bool? = nil
  ) {
    var node = nodeOf[value]!
    if case .chain = plan.nodes[node].kind {} else { node = newChain(after: node) }
    nodeOf[value] = node
    guard case .chain(let source, let stride, var steps) = plan.nodes[node].kind else { return }
    steps.append(
      SliceStep(
        operation: operation, sizes: plan.nodes[node].sizes, resultSizes: sizes, hasTheta: plan.nodes[node].hasTheta))
    plan.nodes[node].kind = .chain(source: source, stride: stride, steps: steps)
    plan.nodes[node].sizes = sizes
    plan.nodes[node].hasTheta = hasTheta ?? plan.nodes[node].hasTheta
    plan.nodes[node].capacity = max(plan.nodes[node].capacity, sizes.product)
  }

  /// Takes the mean over a convolution's window, which comes before its weights, into these.
  private mutating func foldScale(into affine: inout nt_affine, of operand: Int) {
    let node = nodeOf[operand]!
    guard useCount[operand] == 1, case .chain(let source, let stride, var steps) = plan.nodes[node].kind,
      case .scaleAll(let scale)? = steps.last?.operation
    else { return }
    steps.removeLast()
    plan.nodes[node].kind = .chain(source: source, stride: stride, steps: steps)
    affine.weight_variance *= scale
    affine.theta_from_input *= scale
  }

  private mutating func routine(of activation: any Activation) -> FusedPlan.DualRoutine {
    guard let dual = activation.vectorDual else {
      plan.activations.append(activation)
      return .tensor(plan.activations.count - 1)
    }
    return .vector(plan.descriptions.description(of: dual).pointer)
  }

  private mutating func addFactors(
    _ source: SlicePlan.FactorSet.Source, sizes: PositionAxes, count: Int
  ) -> Int {
    plan.factorSets.append(
      SlicePlan.FactorSet(
        source: source, offset: plan.factorCount, sizes: sizes, count: count, isInterleaved: source.isSeries))
    plan.factorCount += count * sizes.product
    return plan.factorSets.count - 1
  }

  private mutating func combine(
    _ step: CovarianceProgram.Step, _ combination: SlicePlan.Combination, _ sizes: PositionAxes
  ) {
    hasMask[step.result] = step.operands.allSatisfy { hasMask[$0] }
    isDirty[step.result] = false
    let nodes = step.operands.map { nodeOf[$0]! }
    nodeOf[step.result] = add(
      .combine(nodes, combination), sizes: sizes, hasTheta: nodes.contains { plan.nodes[$0].hasTheta },
      capacity: sizes.product)
  }

  // MARK: - Positions

  private mutating func compile(_ rule: PatchRule, _ operand: Int, to result: Int) {
    var node = nodeOf[operand]!
    let first = PositionAxes.axisCount - rule.axes.count
    func mixesDisplacements(_ axis: PatchAxis) -> Bool {
      axis.wraps || axis.spread > 1 || (axis.outputSize - 1) * axis.stride >= axis.size
    }
    for (index, axis) in rule.axes.enumerated() where !axis.isIdentity && mixesDisplacements(axis) {
      node = addTable(AxisTable(axis), axis: first + index, after: node)
    }
    let windows = rule.axes.indices.filter { !rule.axes[$0].isIdentity && !mixesDisplacements(rule.axes[$0]) }
    if node == nodeOf[operand]!, useCount[operand] > 1 { node = newChain(after: node) }
    nodeOf[result] = node
    // Columns first, as part of the pass of the layer before; rows last, as part of that of the layer itself.
    for index in windows.sorted(by: { ($0 == rule.axes.count - 1 ? -1 : $0) < ($1 == rule.axes.count - 1 ? -1 : $1) }) {
      let axis = rule.axes[index]
      var sizes = plan.nodes[nodeOf[result]!].sizes
      sizes[first + index] = axis.outputSize
      append(
        .window(
          SliceStep.Window(
            axis: first + index, size: axis.window, stride: axis.stride, dilation: axis.dilation, low: axis.paddingLow)
        ), toNodeOf: result, sizes: sizes)
    }
    if rule.offsetCount > 1 {
      append(.scaleAll(1 / Double(rule.offsetCount)), toNodeOf: result, sizes: plan.nodes[nodeOf[result]!].sizes)
    }
  }

  private mutating func addTable(_ table: AxisTable, axis: Int, after node: Int) -> Int {
    var sizes = plan.nodes[node].sizes
    sizes[axis] = table.size
    return add(
      .table(source: node, axis: axis, table), sizes: sizes, hasTheta: plan.nodes[node].hasTheta,
      capacity: sizes.product)
  }

  private mutating func compile(_ map: PositionMap, _ operand: Int, to result: Int, _ sizes: PositionAxes) {
    var node = nodeOf[operand]!
    let first = PositionAxes.axisCount - map.axes.count
    var kept: [Int] = []
    for (index, axis) in map.axes.enumerated() {
      if case .removed = axis {} else { kept.append(index) }
      if let table = AxisTable(axis) {
        node = addTable(table, axis: first + index, after: node)
      }
    }
    guard kept.count < map.axes.count else {
      nodeOf[result] = node == nodeOf[operand]! ? newChain(after: node) : node
      return
    }
    permute(node, kept, to: result, sizes, rank: map.axes.count)
  }

  /// Axis k of the result is axis `order[k]` of the operand; axes that are missing have one position.
  private mutating func permute(
    _ node: Int, _ order: [Int], to result: Int, _ sizes: PositionAxes, rank: Int? = nil
  ) {
    let first = PositionAxes.axisCount - (rank ?? order.count)
    let kept = order.map { first + $0 }
    let others = (0..<PositionAxes.axisCount).filter { !kept.contains($0) }
    nodeOf[result] = add(
      .permute(source: node, order: others + kept), sizes: sizes, hasTheta: plan.nodes[node].hasTheta,
      capacity: sizes.product)
  }

  // MARK: - Chains

  private mutating func finishChains() {
    SliceFusion.fuse(&plan)
    for index in plan.nodes.indices {
      guard case .chain(let source, _, var finished) = plan.nodes[index].kind else { continue }
      var stride = PositionAxes(repeating: 1)
      for step in finished.indices.reversed() {
        finished[step].resultStride = stride
        for window in finished[step].windows { stride[window.axis] *= window.stride }
        finished[step].stride = stride
      }
      plan.nodes[index].kind = .chain(source: source, stride: stride, steps: finished)
    }
    plan.capacities = Set(plan.nodes.map(\.capacity)).sorted()
    for index in plan.nodes.indices {
      plan.nodes[index].size = plan.capacities.firstIndex(of: plan.nodes[index].capacity)!
    }
    plan.factorNodes = plan.nodes.indices.filter { node in
      guard case .chain(_, _, let steps) = plan.nodes[node].kind else { return false }
      return steps.contains { step in
        switch step.operation {
        case .dual, .layer: true
        case .scale(let set): if case .normalize = plan.factorSets[set].source { true } else { false }
        default: false
        }
      }
    }
    let firstPool = plan.nodes.firstIndex { if case .globalPool = $0.kind { true } else { false } }
    plan.halvesPools = !plan.factorNodes.contains { $0 > firstPool ?? plan.nodes.count }
  }
}

extension CovarianceProgram {
  /// What keeps a step from being computed slice by slice; nil where nothing does.
  func sliceObstacle(of step: Step) -> String? {
    for value in [step.result] + step.operands {
      if positions[value].count > PositionAxes.axisCount {
        return "more than \(PositionAxes.axisCount) axes of positions"
      }
      if positions[value].reduce(1.0, { $0 * Double($1) }) > 4e6 { return "more than four million positions" }
    }
    switch step.operation {
    case .rule(let rule): return rule.name
    case .sum(hasMeans: true), .concatenate(_, hasMeans: true): return "branches that do not have zero mean"
    case .concatenate(.batch, _): return "a concatenation along the batch axis"
    case .concatenate: return "a concatenation along an axis of positions"
    case .normalize(let rule):
      if rule.overBatch { return "a normalisation over the inputs of a data set" }
      return step.operands.count > 1 ? "a layer normalisation of several kinds of channels" : nil
    case .positions(let map): return map.batch == nil ? nil : "a map of the inputs of a data set"
    default: return nil
    }
  }
}
