import Tensors

/// What the executor of slices needs beyond inputs and results, in bytes.
struct SliceMemory: Sendable {
  /// Slices, groups of inputs in lanes with their factors, and a schedule that is not kept.
  var perThread = 0
  /// Schedules, and groups that are kept for all threads.
  var shared = 0

  func total(threads: Int) -> Int { shared + threads * perThread }
}

extension SliceGraph {
  /// The memory for a block.
  func memory(_ shape: SliceBlockShape, _ dtype: DType, tangent: Tangent, threads: Int) -> SliceMemory {
    dtype == .float32
      ? SliceRun<Float>.memory(self, shape, tangent: tangent, threads: threads)
      : SliceRun<Double>.memory(self, shape, tangent: tangent, threads: threads)
  }
}

extension SliceRun {
  fileprivate static func memory(_ graph: SliceGraph, _ shape: SliceBlockShape, tangent: Tangent, threads: Int)
    -> SliceMemory
  {
    let plan = graph.plan
    let lanes = Scalar.lanes
    let size = MemoryLayout<Scalar>.stride
    let tasks = SliceTasks<Scalar>(graph, shape, threads: threads, makesList: false)
    var memory = SliceMemory()

    // The interpreter: slices, two rows, the variances that factors are made of, sums.
    let positions = graph.nodes.map(\.sizes.product).max() ?? 1
    let jobs = graph.goesInLockStep ? plan.jobCount : 1
    let slices = jobs * plan.memorySize * (tangent == .absent ? 1 : 2) + plan.selfMemorySize
    let variances = graph.factorNodes.isEmpty ? 0 : positions
    if let strips = graph.strips { memory.perThread += SliceStrips<Scalar>.count(strips) * size }
    memory.perThread += (slices + variances + SliceInterpreter<Scalar>.rowCount(graph)) * lanes * size
    let chunks = [SliceSchedule.Purpose.cross, .itself].map { plan.traversal($0).chunks.count }.max() ?? 0
    let sums = ChunkSums.count(chunks, graph.sums.count, lanes) * MemoryLayout<Double>.stride
    memory.perThread += min(shape.n1, tasks.firstGroupCount * lanes) * sums

    // Groups of inputs.
    let group = LaneGroup<Scalar>.byteCount(graph, dataSizes: shape.dataSizes)
    let own = LaneGroup<Scalar>.byteCount(graph, dataSizes: [])
    if tasks.keepsGroups || tasks.sharesTasks {
      memory.shared += shape.groupCount(lanes) * (group + own)
      memory.perThread += tasks.packsPairs ? 2 * group : 0
    } else if graph.goesInLockStep {
      memory.perThread += 2 * group + own
    } else {
      // The second, all of the first, and one that is being made; or pairs that are packed, and what they come from.
      memory.perThread += max(2 + tasks.firstGroupCount, tasks.packsPairs ? 5 : 0) * group
    }
    let masks = graph.factorSets.reduce(0) { sum, set in
      switch set.source {
      case .mask, .visible: sum + set.sizes.product * size
      case .dual, .normalize: sum
      }
    }
    memory.shared += masks * (shape.n1 + (shape.isSymmetric ? 0 : shape.n2))

    // Schedules: a list may have grown to twice its size, and what is known of slices while it is made takes as much.
    memory.shared += plan.keptScheduleBytes + plan.traversalBytes
    memory.perThread += 4 * plan.scheduleBytes
    return memory
  }
}
