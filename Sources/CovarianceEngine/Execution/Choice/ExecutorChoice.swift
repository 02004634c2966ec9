import Tensors

/// Which executor computes a program, and why no faster one does: the one place that chooses.
package struct ExecutorChoice: Sendable {
  package let executor: any CovarianceExecutor
  /// Why the program, or parts of it, are left to tensor operations; nil where nothing is.
  package let reason: Obstacle?

  /// - Parameters:
  ///   - counts: inputs of both data sets.
  ///   - hasTwoDataSets: whether all inputs are data of two data sets, which then may change places.
  ///   - isTraced: whether some number is an argument of a function that is being traced.
  /// - Throws: where the options demand the fused executors and they cannot compute the program.
  package init(
    _ goal: CovarianceGoal, options: KernelOptions, counts: (n1: Int, n2: Int) = (1, 1), hasTwoDataSets: Bool = false,
    isTraced: Bool = false
  ) throws(NetworkError) {
    func reference(_ reason: String) -> ExecutorChoice {
      ExecutorChoice(
        ReferenceExecutor(goal, batch: options.batch, isTraced: isTraced), because: Obstacle(reason))
    }
    if options.executor == .reference {
      self = reference("asked for")
    } else if isTraced {
      // Blocks need numbers.
      self = reference("a function that is being traced")
    } else if options.batch == .all {
      self = reference("covariances between the inputs of each data set")
    } else {
      self = Self.fastest(goal, options, counts, hasTwoDataSets)
    }
    if let device = options.device, !isTraced {
      try move(to: device, goal, options)
    } else if options.executor == .fused, isReference, let reason {
      throw NetworkError(expected: "a network that the fused executor supports", found: reason.description)
    }
  }

  /// Whether tensor operations compute the whole.
  package var isReference: Bool { executor is ReferenceExecutor }

  /// Why a step is left to tensor operations; nil where it is not.
  package func obstacle(of step: CovarianceProgram.Step) -> Obstacle? {
    switch executor {
    case is ReferenceExecutor: reason
    case let segments as SegmentExecutor: segments.obstacle(of: step)
    default: nil
    }
  }

  /// Blocks are computed on the device; a function that is being traced runs where it is compiled for.
  private mutating func move(to device: any KernelDevice, _ goal: CovarianceGoal, _ options: KernelOptions)
    throws(NetworkError)
  {
    guard let provider = device as? any ExecutorProvider else {
      throw NetworkError(path: [.name("device")], expected: "a device of the Accelerator library", found: device.name)
    }
    let choice = try provider.executor(goal, options, host: executor)
    self = ExecutorChoice(choice.executor, because: choice.reason)
  }

  private init(_ executor: any CovarianceExecutor, because reason: Obstacle? = nil) {
    (self.executor, self.reason) = (executor, reason)
  }

  private static func fastest(
    _ goal: CovarianceGoal, _ options: KernelOptions, _ counts: (n1: Int, n2: Int), _ hasTwoDataSets: Bool
  ) -> ExecutorChoice {
    func reference(_ obstacle: Obstacle) -> ExecutorChoice {
      ExecutorChoice(ReferenceExecutor(goal, batch: options.batch, isTraced: false), because: obstacle)
    }
    if goal.inputs.allSatisfy(\.isMatrix), let plan = try? RowPlan(goal) {
      // Tensor functions gain from whole matrices what rows would win.
      return plan.activations.isEmpty || options.executor == .fused
        ? ExecutorChoice(RowExecutor(goal, plan)) : reference(Obstacle("an activation without a vector kernel"))
    }
    if let obstacle = SegmentedProgram.obstacle(goal.program) { return reference(obstacle) }
    do throws(Obstacle) {
      let graph = try SliceGraphBuilder.build(
        goal.program, outputs: goal.outputs, areFull: goal.outputs.map { _ in goal.wantsAllPositions },
        tangent: goal.tangent, inputTangents: goal.inputs.map(\.tangent), inputsWithMasks: goal.inputs.map(\.hasMask))
      return ExecutorChoice(SliceExecutor(goal, graph, counts: counts, hasTwoDataSets: hasTwoDataSets))
    } catch {
      return ExecutorChoice(SegmentExecutor(goal), because: error)
    }
  }
}
