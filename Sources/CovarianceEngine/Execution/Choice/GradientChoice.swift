import Tensors

/// What computes the gradient of a program's kernels in its inputs, and why nothing faster does.
package struct GradientChoice: Sendable {
  /// Rows or slices and back; nil for tensor operations.
  let plan: GradientPlan?
  private let isRows: Bool
  /// Why the gradient is left to tensor operations; nil where it is not.
  package let reason: Obstacle?

  package init(_ goal: CovarianceGoal, options: KernelOptions, patterns: GraphPatterns?) throws(NetworkError) {
    let isRows = goal.inputs.allSatisfy(\.isMatrix)
    do throws(Obstacle) {
      if options.executor == .reference { throw Obstacle("asked for") }
      if options.batch == .all { throw Obstacle("covariances between the inputs of each data set") }
      if patterns != nil { throw Obstacle("graphs") }
      let plan = try GradientPlans.plan(goal)
      (self.plan, self.isRows, reason) = (plan, isRows, nil)
    } catch {
      if options.executor == .fused {
        throw NetworkError(expected: "a network that the fused executors differentiate", found: error.description)
      }
      (plan, self.isRows, reason) = (nil, isRows, error)
    }
  }

  /// For descriptions and messages.
  package var name: String { plan == nil ? "reference" : isRows ? "rows" : "slices" }

  /// The gradients in x1 and x2 of every input of the program; nil where tensor operations have to compute them.
  package func run(
    _ goal: CovarianceGoal, _ inputs: [ProgramData], _ cotangents: KernelCotangents, _ hints: GradientHints
  ) throws(NetworkError) -> [(x1: Tensor, x2: Tensor?)]? {
    guard let plan else { return nil }
    return goal.dtype == .float32
      ? try run(plan, goal, inputs, cotangents, hints, as: Float.self)
      : try run(plan, goal, inputs, cotangents, hints, as: Double.self)
  }

  private func run<Scalar: GradientScalar>(
    _ plan: GradientPlan, _ goal: CovarianceGoal, _ inputs: [ProgramData], _ cotangents: KernelCotangents,
    _ hints: GradientHints, as type: Scalar.Type
  ) throws(NetworkError) -> [(x1: Tensor, x2: Tensor?)] {
    let problem = GradientProblem<Scalar>(plan, goal.tangent, inputs, cotangents, hints)
    return isRows ? try GradientRows(problem).run() : try GradientSlices(problem).run()
  }
}
