import Tensors

/// Tensor operations on dense covariances, block by block: supports every operation, and differentiation.
struct ReferenceExecutor: CovarianceExecutor {
  private let goal: CovarianceGoal
  /// Which covariances between the inputs of one data set are wanted.
  private let batch: KernelOptions.Extent
  private let isTraced: Bool

  init(_ goal: CovarianceGoal, batch: KernelOptions.Extent, isTraced: Bool) {
    (self.goal, self.batch, self.isTraced) = (goal, batch, isTraced)
  }

  var name: String { "reference" }
  var grid: Int { ReferenceRun.size(goal) }
  var flopsPerPair: Double { goal.flopsPerPair }

  /// Some tensors of the largest value for every pair of a block.
  func memory(rows: Int, columns: Int, threads: Int) -> Double {
    let pairs = Double(min(rows, grid)) * Double(min(columns, grid))
    return 4 * goal.kernelCount * Double(goal.dtype.byteCount) * goal.mostEntries * pairs
  }

  func run(_ request: BlockRequest) throws(NetworkError) -> [CovarianceBlock] {
    let results = try ReferenceRun(goal, request, batch: batch, isTraced: isTraced).run()
    try request.requireFinite(results)
    return results
  }
}
