import Tensors

/// Slices K[p, p + Δ] that run through all layers between two pools while they are in cache, for networks with positions.
struct SliceExecutor: CovarianceExecutor {
  private let goal: CovarianceGoal
  private let graph: SliceGraph
  /// Whether the data sets change places, so that the larger one fills the lanes of slices; one decision for the whole
  /// matrix, because numbers differ in their last bits.
  private let isExchanged: Bool

  init(_ goal: CovarianceGoal, _ graph: SliceGraph, counts: (n1: Int, n2: Int), hasTwoDataSets: Bool) {
    (self.goal, self.graph) = (goal, graph)
    func groups(_ count: Int) -> Int { (count + Float.lanes - 1) / Float.lanes }
    isExchanged = hasTwoDataSets && counts.n2 * groups(counts.n1) < counts.n1 * groups(counts.n2)
  }

  var name: String { "slices" }
  var grid: Int { Float.lanes }
  var largestBlock: Int? { nil }
  var flopsPerPair: Double { goal.flopsPerPair }

  func memory(rows: Int, columns: Int, threads: Int) -> Double {
    let sizes = zip(goal.program.positions, goal.inputs).map { $1.channels * $0.reduce(1, *) }
    let shape = SliceBlockShape(
      n1: isExchanged ? columns : rows, n2: isExchanged ? rows : columns, dataSizes: sizes)
    return Double(graph.memory(shape, goal.dtype, tangent: goal.tangent, threads: threads).total(threads: threads))
  }

  func run(_ request: BlockRequest) throws(NetworkError) -> [CovarianceBlock] {
    let request = isExchanged ? request.exchanged : request
    let results =
      goal.dtype == .float32
      ? try SliceRun<Float>(graph, request, tangent: goal.tangent).run()
      : try SliceRun<Double>(graph, request, tangent: goal.tangent).run()
    return isExchanged ? results.map(\.mirrored) : results
  }
}
