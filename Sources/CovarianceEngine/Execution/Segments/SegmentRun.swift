import Tensors

/// Runs a program that is cut into segments, block by block.
struct SegmentRun {
  private let program: SegmentedProgram
  private let block: BlockRequest
  private let withNTK: Bool
  private let isSymmetric: Bool

  init(_ program: SegmentedProgram, _ block: BlockRequest, withNTK: Bool) {
    self.program = program
    self.block = block
    self.withNTK = withNTK
    isSymmetric = block.inputs.allSatisfy(\.isSymmetric)
  }

  func run() throws(NetworkError) -> [CovarianceBlock] {
    let (n1, n2) = block.inputs[0].counts
    let tiles = GramBlock.tiles(rows: n1, columns: n2, size: program.blockSize, isSymmetric: isSymmetric)
    var assembly = GramAssembly(
      GramBlock(rows: 0..<n1, columns: 0..<n2), isMirrored: isSymmetric, hasSecond: !isSymmetric)
    for tile in tiles {
      let results = try run(tile)
      if tiles.count == 1 { return results }
      assembly.insert(results, tile)
    }
    return assembly.outputs
  }

  private func run(_ tile: GramBlock) throws(NetworkError) -> [CovarianceBlock] {
    let isSymmetric = isSymmetric && tile.isOnDiagonal
    var part = block
    part.patterns = block.patterns?.part(rows: tile.rows, columns: tile.columns, isSymmetric: self.isSymmetric)
    part.selfCovariances = [.first, .second]
    part.rows = block.rows.lowerBound + tile.rows.lowerBound..<block.rows.lowerBound + tile.rows.upperBound
    part.columns =
      block.columns.lowerBound + tile.columns.lowerBound..<block.columns.lowerBound + tile.columns.upperBound
    var values: [Int: ProgramInput] = [:]
    for (index, input) in block.inputs.enumerated() {
      values[index] = input.part(rows: tile.rows, columns: tile.columns)
    }
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
        ? try SliceRun<Float>(plan, part, withNTK: withNTK).run()
        : try SliceRun<Double>(plan, part, withNTK: withNTK).run()
    case .reference(let program, let demand):
      let executor = ProgramEvaluator(
        program: program, demand: demand,
        context: CovarianceContext(
          isSymmetric: isSymmetric, pattern1: part.patterns?.first,
          pattern2: part.patterns?.second ?? part.patterns?.first))
      var states: [CovarianceState] = []
      for (index, input) in part.inputs.enumerated() {
        let covariances = InputCovariances(
          withNTK: withNTK, isFull: demand.isFull(index), hasFullBatch: false, needsMeans: false)
        states.append(try executor.finished(covariances.state(of: input)))
      }
      return try executor.run(states, outputs: segment.places).map { state in
        let state = isSymmetric ? state.symmetrized() : state
        return CovarianceBlock(
          k12: state.k12,
          theta: withNTK ? state.theta.matrix ?? .zeros(state.k12.shape, dtype: state.k12.dtype) : nil, k11: state.k11,
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

extension Kernel {
  /// The same without a data set's covariances between different inputs.
  func withoutOtherInputs() -> Kernel {
    guard layout.hasFullBatch else { return self }
    var result = self
    func inputs(_ k: Tensor) -> Tensor { k.diagonal(0, 1).movedAxis(from: -1, to: 0) }
    (result.cov1, result.cov2) = (inputs(cov1), cov2.map(inputs))
    result.layout.hasFullBatch = false
    return result
  }
}
