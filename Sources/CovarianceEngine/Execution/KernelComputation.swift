import Foundation
import Tensors

/// One kernel to compute: a covariance program, what it starts from, what is wanted of it and how.
package struct KernelComputation: Sendable {
  let program: CovarianceProgram
  let outputs: [CovarianceValue]
  /// The values of the program that the outputs are.
  let ids: [Int]
  let inputs: [ProgramInput]
  /// Shapes of the outputs for the second data set.
  let shapes2: [[Int]]
  /// Shape of one of the network's inputs, for messages.
  let inputShape: [Int]
  /// Whether both data sets are one.
  let isSymmetric: Bool
  /// Whether a second data set was given, even if it equals the first.
  let hasSecond: Bool
  let kernels: KernelSet
  let patterns: GraphPatterns?
  let options: KernelOptions
  /// Whether some number is an argument of a function that is being traced.
  let isTraced: Bool
  let choice: ExecutorChoice

  /// - Parameters:
  ///   - isTraced: whether a constant of the program is an argument of a function that is being traced.
  ///   - inputShape: shape of one of the network's inputs, for messages.
  package init(
    _ program: CovarianceProgram, outputs: [CovarianceValue], inputs: [ProgramInput], shapes2: [[Int]], inputShape: [Int],
    isSymmetric: Bool, hasSecond: Bool, isTraced: Bool, kernels: KernelSet, patterns: GraphPatterns?,
    options: KernelOptions
  ) throws(NetworkError) {
    var program = program
    ids = outputs.map { program.merged($0) }
    (self.program, self.outputs, self.shapes2, self.inputShape) = (program, outputs, shapes2, inputShape)
    let dtype = options.precision ?? inputs.map(\.dtype).reduce(.float32) { $0.promoted(with: $1) }
    self.inputs = inputs.map { $0.converted(to: dtype) }
    (self.isSymmetric, self.hasSecond) = (isSymmetric, hasSecond)
    (self.kernels, self.patterns, self.options) = (kernels, patterns, options)
    let areGraphsTraced = [patterns?.first, patterns?.second].contains { $0?.isTraced ?? false }
    self.isTraced = isTraced || areGraphsTraced || self.inputs.contains(where: \.isTraced)
    choice = try ExecutorChoice(
      program, self.inputs, outputs: ids, options, withNTK: kernels.contains(.ntk), isTraced: self.isTraced)
  }

  /// The kernels of all outputs.
  package func run() throws(NetworkError) -> [Kernel] {
    let plan = try GramPlan(self)
    return blockKernels(try plan.run(plan.tilesIfAsked))
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

  /// The covariances of a part of the Gram matrix.
  ///
  /// Of parts that start at multiples of `grid` each entry is the same to the last bit, whatever part it is computed in.
  func execute(_ block: BlockRequest) throws(NetworkError) -> [CovarianceBlock] {
    let isSingle = block.inputs[0].dtype == .float32
    switch choice {
    case .matrices(let plan):
      return isSingle
        ? try RowExecutor<Float>(plan, block, withNTK: withNTK).run()
        : try RowExecutor<Double>(plan, block, withNTK: withNTK).run()
    case .slices(let plan):
      let isExchanged = exchangesDataSets
      let block = isExchanged ? block.exchanged : block
      let results =
        isSingle
        ? try SliceExecutor<Float>(plan, block, withNTK: withNTK).run()
        : try SliceExecutor<Double>(plan, block, withNTK: withNTK).run()
      return isExchanged ? results.map(\.mirrored) : results
    case .segments(let program):
      let results = try SegmentExecutor(program, block, withNTK: withNTK).run()
      try requireFinite(results, block)
      return results
    case .reference:
      let results = try ReferenceBlocks(
        program, block, outputs: ids, withNTK: withNTK, options: options, isTraced: isTraced
      ).run()
      try requireFinite(results, block)
      return results
    }
  }

  /// Whether the data sets change places, so that the larger one fills the lanes of slices; one decision for the whole
  /// matrix, because numbers differ in their last bits.
  private var exchangesDataSets: Bool {
    let (n1, n2) = inputs[0].counts
    func groups(_ count: Int) -> Int { (count + Float.lanes - 1) / Float.lanes }
    return n2 * groups(n1) < n1 * groups(n2)
      && inputs.allSatisfy { if case .data(let data) = $0 { data.x2 != nil } else { false } }
  }

  private func requireFinite(_ results: [CovarianceBlock], _ block: BlockRequest) throws(NetworkError) {
    for result in results {
      for (name, tensor) in [("nngp", result.k12), ("ntk", result.theta), ("cov1", result.k11)] {
        guard let tensor, !tensor.isTraced, var index = firstNonFinite(tensor) else { continue }
        index[0] += block.rows.lowerBound
        if name != "cov1" { index[1] += block.columns.lowerBound }
        throw .notFinite(kernel: name, at: index)
      }
    }
  }

  var withNTK: Bool { kernels.contains(.ntk) }

  /// Rows and columns that the executor computes in one piece.
  var grid: Int {
    switch choice {
    case .matrices: return RowExecutor<Float>.tileSize
    case .slices: return Float.lanes
    case .segments(let program): return program.blockSize
    case .reference:
      let demand = CovarianceDemand(
        program, outputs: ids, wantsAllPositions: options.positions == .all)
      return ReferenceBlocks.size(program, demand)
    }
  }
}

/// A part of the Gram matrix to compute.
struct BlockRequest {
  /// Those of the rows and the columns.
  var inputs: [ProgramInput]
  var patterns: GraphPatterns?
  var rows: Range<Int>
  var columns: Range<Int>
  /// Which covariances of the inputs with themselves are wanted.
  var selfCovariances: SelfCovarianceSet
  /// The same for all parts of a matrix.
  var runner: BlockRunner
  /// Whether the data sets have changed places.
  var isExchanged = false
}

extension BlockRequest {
  /// The same with both data sets exchanged; inputs are data.
  fileprivate var exchanged: BlockRequest {
    var result = self
    (result.rows, result.columns) = (columns, rows)
    result.inputs = inputs.map { input in
      guard case .data(let data) = input, let x2 = data.x2 else { return input }
      return .data(ProgramData(x1: x2, x2: data.x1, mask1: data.mask2, mask2: data.mask1))
    }
    result.isExchanged = true
    result.selfCovariances = []
    if selfCovariances.contains(.first) { result.selfCovariances.insert(.second) }
    if selfCovariances.contains(.second) { result.selfCovariances.insert(.first) }
    return result
  }
}

/// Covariances of the inputs of a data set with themselves. One costs as much as a pair of inputs.
struct SelfCovarianceSet: OptionSet {
  let rawValue: Int
  static let first = SelfCovarianceSet(rawValue: 1)
  static let second = SelfCovarianceSet(rawValue: 2)
}

extension KernelComputation {
  /// - Throws: where `count` entries of the results and the pieces of work of all threads are larger than the memory that is
  ///   available.
  func requireMemory(entries count: Double, dtype: DType) throws(NetworkError) {
    let demand = CovarianceDemand(program, outputs: ids, wantsAllPositions: options.positions == .all)
    func entries(_ value: Int) -> Double {
      let count = program.positions[value].reduce(1.0) { $0 * Double($1) }
      return demand.isFull[value] ? count * count : count
    }
    let kernels = withNTK ? 2.0 : 1
    let results = ids.reduce(0) { $0 + count * entries($1) * kernels * Double(dtype.byteCount) }
    // One pair of inputs at least is computed at once, in some tensors, unless it is computed slice by slice.
    let size = Double(inputs[0].dtype.byteCount)
    var working = 4 * kernels * size * ((0..<program.valueCount).map(entries).max() ?? 1)
    switch choice {
    case .matrices: working = 0
    case .slices(let graph): working = sliceMemory(graph, inputs, inputs[0].counts)
    case .segments(let program):
      for case .fused(let graph) in program.segments.map(\.executor) {
        working = max(working, sliceMemory(graph, [], (program.blockSize, program.blockSize)))
      }
    case .reference: break
    }
    let needed = results + working
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
      found:
        "\(gigabytes(needed)) for \(n1) by \(n2) inputs of shape \(inputShape)")
  }
}

extension KernelComputation {
  /// What the executor of slices needs on all threads, in bytes.
  private func sliceMemory(_ graph: SliceGraph, _ inputs: [ProgramInput], _ counts: (n1: Int, n2: Int)) -> Double {
    let counts = exchangesDataSets ? (n1: counts.n2, n2: counts.n1) : counts
    let threads = Threads.withLimit(options.threads) { Threads.count }
    let sizes = inputs.map { input in
      if case .data(let data) = input { data.x1.count / max(1, data.x1.shape[0]) } else { 0 }
    }
    let memory =
      self.inputs[0].dtype == .float32
      ? SliceExecutor<Float>.memory(
        graph, n1: counts.n1, n2: counts.n2, isSymmetric: isSymmetric, dataSizes: sizes, withNTK: withNTK,
        threads: threads)
      : SliceExecutor<Double>.memory(
        graph, n1: counts.n1, n2: counts.n2, isSymmetric: isSymmetric, dataSizes: sizes, withNTK: withNTK,
        threads: threads)
    return Double(memory.total(threads: threads))
  }

  /// What the executor of slices states; nil for another executor.
  package var sliceMemory: Int? {
    guard case .slices(let graph) = choice else { return nil }
    return Int(sliceMemory(graph, inputs, inputs[0].counts))
  }
}

extension ProgramInput {
  var hasNTK: Bool {
    if case .kernel(let kernel) = self { return kernel.ntk != nil }
    return false
  }
}

extension NetworkError {
  /// The kernel of valid data came out as NaN or infinity.
  static func notFinite(kernel: String, at index: [Int], _ value: (some BinaryFloatingPoint)? = nil as Double?)
    -> NetworkError
  {
    let kind = value.map { $0.isNaN ? "NaN" : "infinity" } ?? "NaN or infinity"
    return NetworkError(
      path: [.name(kernel)],
      expected: "finite numbers (scale the inputs down, use float64, or check the activation's constants)",
      found: "\(kind) at \(index)")
  }
}
