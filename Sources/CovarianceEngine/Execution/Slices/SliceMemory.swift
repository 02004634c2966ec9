import Tensors

/// What the executor of slices needs beyond inputs and results, in bytes.
package struct SliceMemory: Sendable {
  /// Slices, groups of inputs in lanes with their factors, and a schedule that is not kept.
  package var perThread = 0
  /// Schedules, and groups that are kept for all threads.
  package var shared = 0

  package func total(threads: Int) -> Int { shared + threads * perThread }
}

extension SliceExecutor {
  /// The memory for a block of `n1` by `n2` inputs.
  ///
  /// - Parameter dataSizes: numbers of an input, per input of the network; 0 for a kernel.
  static func memory(
    _ graph: SliceGraph, n1: Int, n2: Int, isSymmetric: Bool, dataSizes: [Int], withNTK: Bool, threads: Int
  ) -> SliceMemory {
    let plan = graph.plan
    let lanes = Scalar.lanes
    let size = MemoryLayout<Scalar>.stride
    let shape = SliceTasks<Scalar>.Shape(
      n1: n1, n2: n2, isSymmetric: isSymmetric, wantsFirst: true, wantsSecond: !isSymmetric, dataSizes: dataSizes)
    let tasks = SliceTasks<Scalar>(graph, shape, threads: threads, makesList: false)
    var memory = SliceMemory()

    // The interpreter: slices, two rows, the variances that factors are made of, sums.
    let positions = graph.nodes.map(\.sizes.product).max() ?? 1
    let jobs = graph.goesInLockStep ? plan.jobCount : 1
    let slices = jobs * plan.memorySize * (withNTK ? 2 : 1) + plan.selfMemorySize
    let variances = graph.factorNodes.isEmpty ? 0 : positions
    memory.perThread += (slices + variances + SliceInterpreter<Scalar>.rowCount(graph)) * lanes * size
    let chunks = [SliceSchedule.Purpose.cross, .itself].map { plan.traversal($0).chunks.count }.max() ?? 0
    let sums = ChunkSums.count(chunks, graph.sums.count, lanes) * MemoryLayout<Double>.stride
    memory.perThread += min(n1, tasks.firstGroupCount * lanes) * sums

    // Groups of inputs.
    let group = LaneGroup<Scalar>.byteCount(graph, dataSizes: dataSizes)
    let own = LaneGroup<Scalar>.byteCount(graph, dataSizes: [])
    if tasks.keepsGroups || tasks.sharesTasks {
      memory.shared += shape.groupCount * (group + own)
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
    memory.shared += masks * (n1 + (isSymmetric ? 0 : n2))

    // Schedules; a list may have grown to twice its size.
    memory.shared += plan.keptScheduleBytes + plan.traversalBytes
    memory.perThread += 3 * plan.scheduleBytes
    return memory
  }
}
