/// How a kernel is computed: which executor, with what it needs.
enum ExecutorChoice: Sendable {
  /// Rows of tiles of matrices: no positions anywhere.
  case matrices(RowPlan)
  /// Slices of covariances by displacement.
  case slices(SliceGraph)
  /// Slices, but for some steps that are computed by tensor operations.
  case segments(SegmentedProgram)
  case reference(reason: String)
}

extension ExecutorChoice {
  /// - Throws: where the options demand the fused executors and they cannot compute the program.
  init(
    _ program: CovarianceProgram, _ inputs: [ProgramInput], outputs: [Int], _ options: KernelOptions, withNTK: Bool,
    isTraced: Bool
  ) throws(NetworkError) {
    // Blocks need numbers: what is traced goes through tensor operations.
    if options.executor == .reference || isTraced {
      self = .reference(reason: "asked for")
      return
    }
    self.init(program, inputs, outputs: outputs, options, withNTK: withNTK)
    if case .reference(let reason) = self, options.executor == .fused {
      throw NetworkError(expected: "a network that the fused executor supports", found: reason)
    }
  }

  private init(
    _ program: CovarianceProgram, _ inputs: [ProgramInput], outputs: [Int], _ options: KernelOptions, withNTK: Bool
  ) {
    if options.batch == .all {
      self = .reference(reason: "covariances between the inputs of each data set")
      return
    }
    let inputsWithNTK = inputs.map(\.hasNTK)
    if inputs.allSatisfy(\.isMatrix),
      let plan = try? RowPlan(program, outputs: outputs, withNTK: withNTK, inputsWithNTK: inputsWithNTK)
    {
      // Tensor functions gain from whole matrices what tiles would win.
      self =
        plan.activations.isEmpty || options.executor == .fused
        ? .matrices(plan) : .reference(reason: "an activation without a vector kernel")
      return
    }
    if let obstacle = SegmentedProgram.obstacle(program) {
      self = .reference(reason: obstacle)
      return
    }
    let masks = inputs.map { $0.mask(of: .first) != nil || $0.mask(of: .second) != nil }
    if let plan = try? SliceGraphBuilder.build(
      program, outputs: outputs, areFull: outputs.map { _ in options.positions == .all }, withNTK: withNTK,
      inputsWithNTK: inputsWithNTK, inputsWithMasks: masks)
    {
      self = .slices(plan)
    } else {
      self = .segments(
        SegmentedProgram(
          program, outputs: outputs, wantsAllPositions: options.positions == .all, withNTK: withNTK,
          inputsWithNTK: inputsWithNTK, inputsWithMasks: masks))
    }
  }
}
