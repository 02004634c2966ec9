import Tensors

/// Rows of tiles of matrices, for networks without positions: a tile of x1·x2ᵀ comes from BLAS, and every row of it runs
/// through the whole program while it is in cache.
struct RowExecutor: CovarianceExecutor {
  private let goal: CovarianceGoal
  private let plan: RowPlan

  init(_ goal: CovarianceGoal, _ plan: RowPlan) {
    (self.goal, self.plan) = (goal, plan)
  }

  var name: String { "rows" }
  var grid: Int { RowRun<Float>.tileSize }
  var largestBlock: Int? { nil }
  var flopsPerPair: Double { goal.flopsPerPair }

  func memory(rows: Int, columns: Int, threads: Int) -> Double {
    let size = Double(goal.dtype.byteCount)
    let tiles = Double(2 * (plan.inputCount + plan.outputs.count) * grid * grid) * size
    // Factors and variances of every input; those of the outputs in float64 too.
    let perInput = Double(plan.factorCount + 2 * plan.registerCount + 2 * plan.outputs.count) * size
    let exact = Double(plan.factorCount + 2 * plan.registerCount) * 8
    return Double(threads) * tiles + Double(rows + columns) * (perInput + exact)
  }

  func run(_ request: BlockRequest) throws(NetworkError) -> [CovarianceBlock] {
    goal.dtype == .float32
      ? try RowRun<Float>(plan, request, tangent: goal.tangent).run()
      : try RowRun<Double>(plan, request, tangent: goal.tangent).run()
  }
}
