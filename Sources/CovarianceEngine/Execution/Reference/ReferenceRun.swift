import Tensors

/// The covariances of one block by tensor operations.
package struct ReferenceRun {
  private let goal: CovarianceGoal
  private let block: BlockRequest
  private let batch: KernelOptions.Extent
  private var program: CovarianceProgram { goal.program }
  private var outputs: [Int] { goal.outputs }
  private var tangent: Tangent { goal.tangent }
  private var demand: CovarianceDemand { goal.demand }
  private var inputs: [ProgramInput] { block.inputs }
  private var patterns: GraphPatterns? { block.patterns }
  private let isWhole: Bool
  private let isSymmetric: Bool
  private let hasFullBatch: Bool

  /// Entries of the largest tensor of a block: a few megabytes.
  private static let entriesPerBlock = 1 << 19

  package init(_ goal: CovarianceGoal, _ block: BlockRequest, batch: KernelOptions.Extent, isTraced: Bool) {
    (self.goal, self.block, self.batch) = (goal, block, batch)
    hasFullBatch = batch == .all || goal.program.needsFullBatch
    isWhole = Self.isWhole(goal, batch: batch, isTraced: isTraced)
    isSymmetric = block.inputs.allSatisfy(\.isSymmetric)
  }

  /// Whether the Gram matrix cannot be cut.
  package static func isWhole(_ goal: CovarianceGoal, batch: KernelOptions.Extent, isTraced: Bool) -> Bool {
    isTraced || batch == .all || goal.program.mixesInputs
  }

  /// Inputs of each data set in a block. Kernels are the same in all parts of a matrix that start at multiples of it.
  package static func size(_ goal: CovarianceGoal) -> Int {
    let largest = goal.mostEntries
    // Without positions a block is a matrix, whose operations gain from its size.
    let entries = largest == 1 ? 16 * entriesPerBlock : entriesPerBlock
    return max(1, Int((Double(entries) / largest).squareRoot()))
  }

  package func run() throws(NetworkError) -> [CovarianceBlock] {
    guard let state = block.state, !isWhole else {
      return finished(try compute(inputs, patterns), isSymmetric: isSymmetric)
    }
    let runner = state.kept as? BlockRunner ?? BlockRunner(blockCount: state.blockCount)
    state.kept = runner
    return finished(try runner.run(self, inputs, patterns), isSymmetric: isSymmetric)
  }

  package func finished(_ states: [CovarianceState], isSymmetric: Bool) -> [CovarianceBlock] {
    states.map { state in
      let needed = batch == .diagonal ? state.withoutOtherInputs() : state
      let state = isSymmetric ? needed.symmetrized() : needed
      var theta = state.theta.matrix
      if case .zero = state.theta { theta = .zeros(state.k12.shape, dtype: state.k12.dtype) }
      return CovarianceBlock(
        k12: state.k12, theta: theta, k11: state.k11, k22: isSymmetric ? nil : state.k22, layout: state.layout,
        mask1: state.mask1, mask2: state.mask2)
    }
  }

  package func compute(_ inputs: [ProgramInput], _ patterns: GraphPatterns?) throws(NetworkError)
    -> [CovarianceState]
  {
    try evaluate(try states(of: inputs), isSymmetric: inputs.allSatisfy(\.isSymmetric), patterns)
  }

  package func states(of inputs: [ProgramInput]) throws(NetworkError) -> [CovarianceState] {
    var states: [CovarianceState] = []
    for (index, input) in inputs.enumerated() {
      let covariances = InputCovariances(
        tangent: tangent, isFull: demand.isFull(index), hasFullBatch: hasFullBatch,
        needsMeans: demand.needsMeans[index])
      states.append(try covariances.state(of: input))
    }
    return states
  }

  package func evaluate(_ states: [CovarianceState], isSymmetric: Bool, _ patterns: GraphPatterns?)
    throws(NetworkError) -> [CovarianceState]
  {
    let executor = ProgramEvaluator(
      program: program, demand: demand,
      context: CovarianceContext(
        isSymmetric: isSymmetric, pattern1: patterns?.first, pattern2: patterns?.second ?? patterns?.first))
    return try executor.run(
      states.map { (state: CovarianceState) throws(NetworkError) in try executor.finished(state) }, outputs: outputs)
  }
}

/// Runs blocks one after another, through a compiled program when there are enough of them to pay for it.
final class BlockRunner {
  private let isCompiled: Bool
  private var compiled: [Bool: CompiledFunction<[CovarianceState], [Tensor]?, [CovarianceState]>] = [:]

  /// - Parameter blockCount: of the whole Gram matrix, so that all parts of it are computed in one way.
  init(blockCount: Int) {
    isCompiled = blockCount > 8
  }

  func run(
    _ blocks: ReferenceRun, _ inputs: [ProgramInput], _ patterns: GraphPatterns?
  ) throws(NetworkError) -> [CovarianceState] {
    guard isCompiled else { return try blocks.compute(inputs, patterns) }
    let isSymmetric = inputs.allSatisfy(\.isSymmetric)
    let function =
      compiled[isSymmetric]
      ?? compile { (states: [CovarianceState], patterns: [Tensor]?) in
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
      case .absent: "none"
      case .zero: "zero"
      case .matrix: "matrix"
      }
    return [
      "\(theta) \(mean1 != nil) \(mean2 != nil) \(mask1 != nil) \(mask2 != nil) \(layout.positions) \(layout.isDiagonal) \(layout.hasFullBatch)"
    ]
  }
}
