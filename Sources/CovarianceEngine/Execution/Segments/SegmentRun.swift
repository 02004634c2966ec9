import Tensors

/// Runs a program that is cut into segments over one block, one segment after another.
struct SegmentRun {
  private let program: SegmentedProgram
  private let block: BlockRequest
  private let tangent: Tangent
  private let isSymmetric: Bool

  init(_ program: SegmentedProgram, _ block: BlockRequest, tangent: Tangent) {
    self.program = program
    self.block = block
    self.tangent = tangent
    isSymmetric = block.inputs.allSatisfy(\.isSymmetric)
  }

  func run() throws(NetworkError) -> [CovarianceBlock] {
    var part = block
    // Segments hand the covariances of inputs with themselves on.
    part.selfCovariances = [.first, .second]
    var values: [Int: ProgramInput] = [:]
    for (index, input) in block.inputs.enumerated() { values[index] = input }
    var results: [Int: CovarianceBlock] = [:]
    for segment in program.segments {
      part.inputs = segment.inputs.map { values[$0]! }
      for (value, output) in zip(segment.outputs, try run(segment, part, isSymmetric: isSymmetric)) {
        results[value] = output
        values[value] = .kernel(output.kernel(isSymmetric: isSymmetric))
      }
    }
    return program.outputs.map { results[$0]! }
  }

  private func run(_ segment: SegmentedProgram.Segment, _ part: BlockRequest, isSymmetric: Bool) throws(NetworkError)
    -> [CovarianceBlock]
  {
    switch segment.executor {
    case .fused(let plan):
      return part.inputs[0].dtype == .float32
        ? try SliceRun<Float>(plan, part, tangent: tangent).run()
        : try SliceRun<Double>(plan, part, tangent: tangent).run()
    case .reference(let program, let demand):
      let executor = ProgramEvaluator(
        program: program, demand: demand,
        context: CovarianceContext(
          isSymmetric: isSymmetric, pattern1: part.patterns?.first,
          pattern2: part.patterns?.second ?? part.patterns?.first))
      var states: [CovarianceState] = []
      for (index, input) in part.inputs.enumerated() {
        let covariances = InputCovariances(
          tangent: tangent, isFull: demand.isFull(index), hasFullBatch: false, needsMeans: false)
        states.append(try executor.finished(covariances.state(of: input)))
      }
      return try executor.run(states, outputs: segment.places).map { state in
        let state = isSymmetric ? state.symmetrized() : state
        return CovarianceBlock(
          k12: state.k12,
          theta: tangent == .absent ? nil : state.theta.matrix ?? .zeros(state.k12.shape, dtype: state.k12.dtype),
          k11: state.k11,
          k22: isSymmetric ? nil : state.k22, layout: state.layout, mask1: state.mask1, mask2: state.mask2)
      }
    }
  }
}

extension CovarianceBlock {
  /// What a segment hands on to the next.
  fileprivate func kernel(isSymmetric: Bool) -> Kernel {
    guard let k11 else { preconditionFailure("a segment without the covariances of its inputs") }
    return Kernel(
      nngp: k12, ntk: theta, cov1: k11, cov2: isSymmetric ? nil : k22, layout: layout, mask1: mask1,
      mask2: isSymmetric ? mask1 : mask2, shape1: [], shape2: [], isSymmetric: isSymmetric, isGaussian: true,
      axes: DataAxes())
  }
}
