/// How a kernel is computed: which executor, with what it needs.
enum KernelMethod: Sendable {
  /// Rows of tiles of matrices: no positions anywhere.
  case matrices(FusedPlan)
  /// Slices of covariances by displacement.
  case slices(SlicePlan)
  /// Slices, but for some steps that are computed by tensor operations.
  case segments(SegmentedProgram)
  case reference(reason: String)
}

extension KernelComputation {
  /// - Throws: where the options demand the fused executors and they cannot compute the program.
  func method(_ prepared: Prepared) throws(NetworkError) -> KernelMethod {
    // Tiles need numbers: what is traced goes through tensor operations.
    if options.executor == .reference || prepared.isTraced { return .reference(reason: "asked for") }
    let method = KernelMethod(
      prepared.program, prepared.inputs, outputs: prepared.ids, options, withNTK: withNTK)
    if case .reference(let reason) = method, options.executor == .fused {
      throw NetworkError(expected: "a network that the fused executor supports", found: reason)
    }
    return method
  }
}

extension KernelMethod {
  init(
    _ program: CovarianceProgram, _ inputs: [CovarianceInput], outputs: [Int], _ options: KernelOptions, withNTK: Bool
  ) {
    if options.batch == .all {
      self = .reference(reason: "covariances between the inputs of each data set")
      return
    }
    let inputsWithNTK = inputs.map(\.hasNTK)
    if inputs.allSatisfy(\.isMatrix),
      let plan = try? FusedPlan(program, outputs: outputs, withNTK: withNTK, inputsWithNTK: inputsWithNTK)
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
    let masks = inputs.map { $0.mask(ofSecond: false) != nil || $0.mask(ofSecond: true) != nil }
    if let plan = try? SlicePlanner.plan(
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
