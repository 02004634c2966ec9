import Tensors

/// Runs the reference executor block by block, so that its memory is that of a block and not of the whole kernel.
///
/// When both data sets are one, only blocks on and above the diagonal are computed. Blocks do not depend on the number
/// of threads. Programs that mix the inputs of a data set, and traced ones, run in one piece.
struct ReferenceBlocks {
  private let program: CovarianceProgram
  private let inputs: [CovarianceInput]
  private let outputs: [Int]
  private let withNTK: Bool
  private let patterns: GraphPatterns?
  private let options: KernelOptions
  private let demand: CovarianceDemand
  private let isWhole: Bool
  private let isSymmetric: Bool
  private let hasFullBatch: Bool

  /// Entries of the largest tensor of a block: a few megabytes.
  private static let entriesPerBlock = 1 << 19

  init(
    _ program: CovarianceProgram, _ inputs: [CovarianceInput], outputs: [Int], withNTK: Bool, patterns: GraphPatterns?,
    options: KernelOptions, isTraced: Bool
  ) {
    self.program = program
    self.inputs = inputs
    self.outputs = outputs
    self.withNTK = withNTK
    self.patterns = patterns
    self.options = options
    demand = CovarianceDemand(program, outputs: outputs, wantsAllPositions: options.positions == .all)
    hasFullBatch = options.batch == .all || program.steps.contains { $0.operation.needsFullBatch }
    isWhole = isTraced || hasFullBatch || program.steps.contains { $0.operation.mixesInputs }
    isSymmetric = inputs.allSatisfy(\.isSymmetric)
  }

  /// Inputs of each data set in a block.
  private var blockSize: Int {
    let largest =
      (0..<program.valueCount).map { value in
        let count = program.positions[value].reduce(1, *)
        return demand.isFull[value] ? count * count : count
      }.max() ?? 1
    // Without positions a block is a matrix, whose operations gain from its size.
    let entries = largest == 1 ? 16 * Self.entriesPerBlock : Self.entriesPerBlock
    return max(1, Int((Double(entries) / Double(largest)).squareRoot()))
  }

  func run() throws(NetworkError) -> [KernelComputation.Output] {
    let (n1, n2) = inputs[0].counts
    if isWhole {
      defer { options.progress?(KernelProgress(tilesDone: 1, tileCount: 1)) }
      return try finished(compute(inputs, patterns))
    }
    let size = blockSize
    func ranges(_ count: Int) -> [Range<Int>] {
      stride(from: 0, to: count, by: size).map { $0..<min($0 + size, count) }
    }
    let blocks = ranges(n1).flatMap { rows in
      ranges(n2).filter { !isSymmetric || $0.lowerBound >= rows.lowerBound }.map { (rows, $0) }
    }
    var assembly: [Assembly]?
    let runner = BlockRunner(self, blockCount: blocks.count)
    for (index, (rows, columns)) in blocks.enumerated() {
      let parts = inputs.map { $0.part(rows: rows, columns: columns) }
      let states = try runner.run(parts, patterns?.part(rows: rows, columns: columns, isSymmetric: isSymmetric))
      var target = assembly ?? states.map { Assembly($0, n1: n1, n2: n2, isSymmetric: isSymmetric) }
      assembly = nil
      for output in target.indices { target[output].insert(states[output], rows: rows, columns: columns) }
      assembly = target
      options.progress?(KernelProgress(tilesDone: index + 1, tileCount: blocks.count))
    }
    return finished((assembly ?? []).map(\.state))
  }

  private func finished(_ states: [CovarianceState]) -> [KernelComputation.Output] {
    states.map { state in
      let needed = options.batch == .diagonal ? state.withoutOtherInputs() : state
      let state = isSymmetric ? needed.symmetrized() : needed
      var theta = state.theta.matrix
      if case .zero = state.theta { theta = .zeros(state.k12.shape, dtype: state.k12.dtype) }
      return KernelComputation.Output(
        k12: state.k12, theta: theta, k11: state.k11, k22: isSymmetric ? nil : state.k22, layout: state.layout,
        mask1: state.mask1, mask2: state.mask2)
    }
  }

  fileprivate func compute(_ inputs: [CovarianceInput], _ patterns: GraphPatterns?) throws(NetworkError)
    -> [CovarianceState]
  {
    try evaluate(try states(of: inputs), isSymmetric: inputs.allSatisfy(\.isSymmetric), patterns)
  }

  fileprivate func states(of inputs: [CovarianceInput]) throws(NetworkError) -> [CovarianceState] {
    var states: [CovarianceState] = []
    for (index, input) in inputs.enumerated() {
      let covariances = InputCovariances(
        withNTK: withNTK, isFull: demand.isFull[index], hasFullBatch: hasFullBatch,
        needsMeans: demand.needsMeans[index])
      states.append(try covariances.state(of: input))
    }
    return states
  }

  fileprivate func evaluate(_ states: [CovarianceState], isSymmetric: Bool, _ patterns: GraphPatterns?)
    throws(NetworkError) -> [CovarianceState]
  {
    let executor = ReferenceExecutor(
      program: program, demand: demand,
      context: CovarianceContext(
        x1IsX2: isSymmetric, pattern1: patterns?.first, pattern2: patterns?.second ?? patterns?.first))
    return try executor.run(
      states.map { (state: CovarianceState) throws(NetworkError) in try executor.finished(state) }, outputs: outputs)
  }
}

/// Runs blocks one after another, through a compiled program when there are enough of them to pay for it.
private final class BlockRunner {
  private let blocks: ReferenceBlocks
  private let isCompiled: Bool
  private var compiled: [Bool: CompiledFunction<[CovarianceState], [Tensor]?, [CovarianceState]>] = [:]

  init(_ blocks: ReferenceBlocks, blockCount: Int) {
    self.blocks = blocks
    isCompiled = blockCount > 8
  }

  func run(_ inputs: [CovarianceInput], _ patterns: GraphPatterns?) throws(NetworkError) -> [CovarianceState] {
    guard isCompiled else { return try blocks.compute(inputs, patterns) }
    let isSymmetric = inputs.allSatisfy(\.isSymmetric)
    let function =
      compiled[isSymmetric]
      ?? compile { [blocks] (states: [CovarianceState], patterns: [Tensor]?) in
        try blocks.evaluate(
          states, isSymmetric: isSymmetric, patterns.map { GraphPatterns($0[0], $0.count > 1 ? $0[1] : nil) })
      }
    compiled[isSymmetric] = function
    let states = try blocks.states(of: inputs)
    do {
      return try function(states, patterns.map { [$0.first] + ($0.second.map { [$0] } ?? []) })
    } catch let error as NetworkError {
      throw error
    } catch {
      throw NetworkError(expected: "a kernel", found: "\(error)")
    }
  }
}

/// The whole kernel, filled block by block.
private struct Assembly {
  private(set) var state: CovarianceState
  private let isSymmetric: Bool

  /// Memory for the whole, given one block.
  init(_ block: CovarianceState, n1: Int, n2: Int, isSymmetric: Bool) {
    func whole(_ part: Tensor, _ counts: [Int]) -> Tensor {
      .zeros(counts + part.shape.dropFirst(counts.count), dtype: part.dtype)
    }
    state = block
    self.isSymmetric = isSymmetric
    state.k12 = whole(block.k12, [n1, n2])
    if let theta = block.theta.matrix { state.theta = .matrix(whole(theta, [n1, n2])) }
    state.k11 = whole(block.k11, [n1])
    state.k22 = whole(block.k22, [n2])
    state.mask1 = block.mask1.map { whole($0, [n1]) }
    state.mask2 = block.mask2.map { whole($0, [n2]) }
  }

  mutating func insert(_ block: CovarianceState, rows: Range<Int>, columns: Range<Int>) {
    state.k12[rows, columns] = block.k12
    if isSymmetric && rows != columns { state.k12[columns, rows] = exchanged(block.k12) }
    if let theta = block.theta.matrix, case .matrix(var whole) = state.theta {
      state.theta = .zero
      whole[rows, columns] = theta
      if isSymmetric && rows != columns { whole[columns, rows] = exchanged(theta) }
      state.theta = .matrix(whole)
    }
    state.k11[rows] = block.k11
    state.k22[columns] = block.k22
    if let mask = block.mask1 { state.mask1?[rows] = mask }
    if let mask = block.mask2 { state.mask2?[columns] = mask }
  }

  /// The covariances with both data sets exchanged.
  private func exchanged(_ k: Tensor) -> Tensor {
    let rank = state.layout.positions.count
    let positions = Array(2..<k.rank)
    let order = state.layout.isDiagonal ? positions : Array(positions.dropFirst(rank) + positions.prefix(rank))
    return k.transposed([1, 0] + order)
  }
}

extension CovarianceState: TensorTree {
  public func mapTensors<Failure: Error>(_ transform: (Tensor) throws(Failure) -> Tensor) throws(Failure)
    -> CovarianceState
  {
    var result = self
    result.k12 = try transform(k12)
    if case .matrix(let matrix) = theta { result.theta = .matrix(try transform(matrix)) }
    result.k11 = try transform(k11)
    result.k22 = try transform(k22)
    result.mean1 = try mean1.map(transform)
    result.mean2 = try mean2.map(transform)
    result.mask1 = try mask1.map(transform)
    result.mask2 = try mask2.map(transform)
    return result
  }

  public var structure: [String] {
    let theta =
      switch theta {
      case .notRequested: "none"
      case .zero: "zero"
      case .matrix: "matrix"
      }
    return [
      "\(theta) \(mean1 != nil) \(mean2 != nil) \(mask1 != nil) \(mask2 != nil) \(layout.positions) \(layout.isDiagonal) \(layout.hasFullBatch)"
    ]
  }
}
