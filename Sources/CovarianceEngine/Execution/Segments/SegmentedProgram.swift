/// A covariance program cut where steps cannot be computed slice by slice: parts for the fused executor and parts for the
/// reference executor in turn, with whole covariances of a block of inputs between them.
struct SegmentedProgram: Sendable {
  struct Segment: Sendable {
    enum Executor: Sendable {
      case fused(SliceGraph)
      case reference(CovarianceProgram, CovarianceDemand)
    }

    let executor: Executor
    /// The values of the whole program that it starts from, and those that it gives.
    let inputs: [Int]
    let outputs: [Int]
    /// The latter in the segment's own program.
    let places: [Int]
  }

  let segments: [Segment]
  let outputs: [Int]
  /// Inputs of each data set in a block. Kernels are the same in all parts of a matrix that start at multiples of it.
  let blockSize: Int

  /// Numbers of the largest covariance between segments: some megabytes, and some tens where fewer would leave lanes empty.
  private static let (entriesPerBlock, mostEntriesPerBlock) = (1 << 19, 1 << 22)

  /// What keeps a program from being cut; nil where nothing does.
  static func obstacle(_ program: CovarianceProgram) -> Obstacle? {
    if program.mixesInputs { return Obstacle("a layer that mixes the inputs of a data set") }
    // The means come from the very beginning.
    return program.steps.contains { $0.operation.needsMeans(forResult: false) }
      ? Obstacle("branches that do not have zero mean") : nil
  }

  init(_ goal: CovarianceGoal) {
    let (program, outputs, tangent) = (goal.program, goal.outputs, goal.tangent)
    self.outputs = outputs
    let demand = CovarianceDemand(
      program, outputs: outputs, areFull: outputs.map { goal.demand.isFull($0) }, knowsLocality: false)
    let stages = Self.stages(program)
    let hasMasks = goal.inputs.contains(where: \.hasMask)
    var segments: [Segment] = []
    var largest = 1
    for stage in 0...(stages.max() ?? 0) {
      let included = program.steps.indices.filter { stages[$0] == stage }
      let made = Set(included.map { program.steps[$0].result })
      // Inputs that are outputs, too, pass through the first segment.
      let passed = stage == 0 ? outputs.filter { $0 < program.inputCount } : []
      let inputs = Set(included.flatMap { program.steps[$0].operands } + passed).subtracting(made).sorted()
      let read = Set(program.steps.indices.filter { stages[$0] > stage }.flatMap { program.steps[$0].operands })
      let results = made.sorted().filter { read.contains($0) || outputs.contains($0) } + passed
      guard !results.isEmpty else { continue }
      let (part, places) = program.part(steps: included, inputs: inputs)
      let ids = results.map { places[$0]! }
      let areFull = results.map { demand.isFull($0) }
      for value in inputs + results {
        let count = program.positions[value].reduce(1, *)
        largest = max(largest, demand.isFull(value) ? count * count : count, 1)
      }
      let executor: Segment.Executor
      if let plan = stage.isMultiple(of: 2)
        ? try? SliceGraphBuilder.build(
          part, outputs: ids, areFull: areFull, tangent: tangent,
          inputTangents: inputs.map { $0 < program.inputCount ? goal.inputs[$0].tangent : tangent },
          inputsWithMasks: inputs.map { $0 < program.inputCount ? goal.inputs[$0].hasMask : hasMasks }) : nil
      {
        executor = .fused(plan)
      } else {
        executor = .reference(part, CovarianceDemand(part, outputs: ids, areFull: areFull))
      }
      segments.append(Segment(executor: executor, inputs: inputs, outputs: results, places: ids))
    }
    self.segments = segments
    func size(_ entries: Int) -> Int { max(1, Int((Double(entries) / Double(largest)).squareRoot())) }
    blockSize = max(size(Self.entriesPerBlock), min(Float.lanes, size(Self.mostEntriesPerBlock)))
  }

  /// Per step the part that it belongs to: even ones are computed slice by slice.
  private static func stages(_ program: CovarianceProgram) -> [Int] {
    var values = [Int](repeating: 0, count: program.valueCount)
    var steps: [Int] = []
    for step in program.steps {
      let before = step.operands.map { values[$0] }.max() ?? 0
      let isFused = program.sliceObstacle(of: step) == nil
      let stage = before.isMultiple(of: 2) == isFused ? before : before + 1
      values[step.result] = stage
      steps.append(stage)
    }
    return steps
  }
}
