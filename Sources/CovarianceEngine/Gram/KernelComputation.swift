import Platform
import Tensors

/// One kernel to compute: a covariance program, what it starts from, what is wanted of it and how.
package struct KernelComputation: Sendable {
  let program: CovarianceProgram
  let outputs: [CovarianceValue]
  /// The values of the program that the outputs are.
  let ids: [Int]
  let inputs: [ProgramInput]
  /// What the inputs have been multiplied by; nil where they are as they were given.
  let scales: InputScales?
  /// Shapes of the outputs for the second data set.
  package let shapes2: [[Int]]
  /// Shape of one of the network's inputs, for messages.
  let inputShape: [Int]
  /// Whether both data sets are one.
  package let isSymmetric: Bool
  /// Whether a second data set was given, even if it equals the first.
  let hasSecond: Bool
  let kernels: KernelSet
  let patterns: GraphPatterns?
  package let options: KernelOptions
  /// Whether some number is an argument of a function that is being traced.
  let isTraced: Bool
  let goal: CovarianceGoal
  let choice: ExecutorChoice

  var tangent: Tangent { goal.tangent }
  var executor: any CovarianceExecutor { choice.executor }

  /// - Parameters:
  ///   - isTraced: whether a constant of the program is an argument of a function that is being traced.
  ///   - inputShape: shape of one of the network's inputs, for messages.
  package init(
    _ program: CovarianceProgram, outputs: [CovarianceValue], inputs: [ProgramInput], shapes2: [[Int]],
    inputShape: [Int],
    isSymmetric: Bool, hasSecond: Bool, isTraced: Bool, kernels: KernelSet, patterns: GraphPatterns?,
    options: KernelOptions
  ) throws(NetworkError) {
    var program = program
    ids = outputs.map { program.merged($0) }
    (self.program, self.outputs, self.shapes2, self.inputShape) = (program, outputs, shapes2, inputShape)
    let dtype = options.precision ?? inputs.map(\.dtype).reduce(.float32) { $0.promoted(with: $1) }
    let converted = inputs.map { $0.converted(to: dtype) }
    scales = isTraced ? nil : InputScales(self.program, converted)
    self.inputs = scales?.inputs ?? converted
    (self.isSymmetric, self.hasSecond) = (isSymmetric, hasSecond)
    (self.kernels, self.patterns, self.options) = (kernels, patterns, options)
    let areGraphsTraced = [patterns?.first, patterns?.second].contains { $0?.isTraced ?? false }
    self.isTraced = isTraced || areGraphsTraced || self.inputs.contains(where: \.isTraced)
    let goal = CovarianceGoal(
      program, outputs: ids, inputs: self.inputs.map(\.goalInput), tangent: Tangent(isWanted: kernels.contains(.ntk)),
      wantsAllPositions: options.positions == .all, dtype: dtype)
    choice = try ExecutorChoice(
      goal, options: options, counts: self.inputs[0].counts, hasTwoDataSets: self.inputs.allSatisfy(\.hasTwoDataSets),
      isTraced: self.isTraced)
    self.goal = goal
  }

  /// The kernels of all outputs.
  package func run() throws(NetworkError) -> [Kernel] {
    let plan = try GramPlan(self)
    return blockKernels(try plan.run(plan.tilesIfAsked))
  }

  /// Types of the matrices of each output, before they are computed.
  package var matrixTypes: [TensorType] {
    outputs.indices.map { index in
      let (value, second) = (outputs[index], shapes2[index])
      let positions = value.positions
      return TensorType(
        shape: [value.shape[value.batchAxis], second[value.batchAxis]] + positions
          + (options.positions == .diagonal ? [] : positions),
        dtype: options.accumulation ?? inputs[0].dtype)
    }
  }

  /// What is returned of all outputs, given the covariances of the inputs `rows` of the first data set.
  func blockKernels(_ results: [CovarianceBlock], rows: Range<Int>? = nil) -> [Kernel] {
    outputs.indices.map { index in
      let (value, result) = (outputs[index], results[index])
      guard let k11 = result.k11 else { preconditionFailure("a kernel without the covariances of its inputs") }
      var shape1 = value.shape
      if let rows { shape1[value.batchAxis] = rows.count }
      return Kernel(
        nngp: result.k12, ntk: result.theta, cov1: k11, cov2: hasSecond && rows == nil ? result.k22 ?? k11 : nil,
        layout: result.layout, mask1: result.mask1, mask2: hasSecond ? result.mask2 : nil, shape1: shape1,
        shape2: shapes2[index], isSymmetric: isSymmetric && rows == nil,
        isGaussian: value.isGaussian && value.groups.count == 1,
        axes: DataAxes(batch: value.batchAxis, channel: value.channelAxis))
    }
  }
}

extension KernelComputation {
  /// - Throws: where `count` entries of the results and a block of so many rows and columns are larger than the
  ///   memory that is available.
  func requireMemory(entries count: Double, dtype: DType, rows: Int, columns: Int) throws(NetworkError) {
    let perEntry = ids.reduce(0) { $0 + goal.entries($1) * goal.kernelCount * Double(dtype.byteCount) }
    let needed =
      count * perEntry
      + executor.memory(
        rows: rows, columns: columns, threads: Threads.withLimit(options.threads) { Threads.count })
    if AvailableMemory.covers(needed) { return }
    // What was freed and is kept for later counts as used.
    ResidentMemory.releaseFreed()
    let available = Double(AvailableMemory.bytes)
    guard needed > available else { return }
    func gigabytes(_ bytes: Double) -> String { "\((bytes / 1e8).rounded() / 10) GB" }
    let (n1, n2) = inputs[0].counts
    throw NetworkError(
      expected:
        "a kernel that fits into the \(gigabytes(available)) of memory that are available (fewer inputs, fewer positions, a layer that "
        + "pools or flattens them, or the diagonal of positions only)",
      found: "\(gigabytes(needed)) for \(n1) by \(n2) inputs of shape \(inputShape)", kind: .memory)
  }
}
