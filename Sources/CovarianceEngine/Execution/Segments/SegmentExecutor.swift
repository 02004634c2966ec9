import Tensors

/// Slices, but for some operations that are evaluated by tensor operations on dense covariances in between.
struct SegmentExecutor: CovarianceExecutor {
  private let goal: CovarianceGoal
  private let program: SegmentedProgram

  init(_ goal: CovarianceGoal) {
    self.goal = goal
    program = SegmentedProgram(goal)
  }

  var name: String { "slices and reference" }
  var grid: Int { program.blockSize }
  var largestBlock: Int? { grid }
  var flopsPerPair: Double { goal.flopsPerPair }

  /// Some tensors of the largest value for every pair of a block, and what slices need.
  func memory(rows: Int, columns: Int, threads: Int) -> Double {
    let (rows, columns) = (min(rows, grid), min(columns, grid))
    let shape = SliceBlockShape(n1: rows, n2: columns, dataSizes: [])
    let slices = program.segments.map { segment in
      guard case .fused(let graph) = segment.executor else { return 0 }
      return graph.memory(shape, goal.dtype, tangent: goal.tangent, threads: threads).total(threads: threads)
    }
    return 4 * goal.kernelCount * Double(goal.dtype.byteCount) * goal.mostEntries * Double(rows) * Double(columns)
      + Double(slices.max() ?? 0)
  }

  /// Why a step is evaluated by tensor operations; nil where it is not.
  func obstacle(of step: CovarianceProgram.Step) -> Obstacle? { goal.program.sliceObstacle(of: step) }

  func run(_ request: BlockRequest) throws(NetworkError) -> [CovarianceBlock] {
    let results = try SegmentRun(program, request, tangent: goal.tangent).run()
    try request.requireFinite(results)
    return results
  }
}
