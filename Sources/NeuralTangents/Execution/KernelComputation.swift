import Foundation
import Tensors

/// One kernel to compute: builds the covariance program of a network, chooses the executor, and assembles the result.
struct KernelComputation: Sendable {
  /// One input of the network.
  struct Source: Sendable {
    var input: CovarianceInput
    var shape1: [Int]
    var shape2: [Int]
    var axes: DataAxes
    var isGaussian: Bool
    /// Masks of all channels, shape (N, P…, C), where some position has channels masked and others not.
    var channelMasks: (mask1: Tensor, mask2: Tensor?)?

    var masksChannelsApart: Bool { channelMasks != nil }

    /// One input per channel, each with its own mask.
    var channelsApart: [CovarianceInput] {
      guard let channelMasks, case .data(let data) = input else { return [input] }
      let axis = data.x1.rank - 1
      return (0..<data.x1.shape[axis]).map { channel in
        func part(_ x: Tensor) -> Tensor { x.sliced(axis: axis, from: channel, to: channel + 1) }
        return .data(
          CovarianceData(
            x1: part(data.x1), x2: data.x2.map(part), mask1: part(channelMasks.mask1).squeezed(axis),
            mask2: channelMasks.mask2.map { part($0).squeezed(axis) }))
      }
    }
  }

  let network: any Layer
  let sources: Branches<Source>
  let x1IsX2: Bool
  /// Whether a second data set was given, even if it equals the first.
  let hasSecond: Bool
  let kernels: KernelSet
  let patterns: GraphPatterns?
  let options: KernelOptions

  /// The program, its outputs, and the inputs it starts from.
  struct Prepared: Sendable {
    var program: CovarianceProgram
    var outputs: Branches<CovarianceValue>
    /// The values of the program that the outputs are.
    var ids: [Int] = []
    var inputs: [CovarianceInput]
    /// Shapes of the outputs for the second data set.
    var shapes2: [[Int]] = []
    /// Whether some number is an argument of a function that is being traced.
    var isTraced = false
    var method = KernelMethod.reference(reason: "")
  }

  func run() throws(NetworkError) -> Branches<Kernel> {
    let plan = try GramPlan(self)
    return kernels(plan.prepared, try plan.run(plan.tilesIfAsked))
  }

  /// What is returned of all outputs, given the covariances of the inputs `rows` of the first data set.
  func kernels(_ prepared: Prepared, _ results: [Output], rows: Range<Int>? = nil) -> Branches<Kernel> {
    var index = 0
    return prepared.outputs.map { value in
      defer { index += 1 }
      let result = results[index]
      guard let k11 = result.k11 else { preconditionFailure("a kernel without the covariances of its inputs") }
      var shape1 = value.shape
      if let rows { shape1[value.batchAxis] = rows.count }
      return Kernel(
        nngp: result.k12, ntk: result.theta, cov1: k11, cov2: hasSecond && rows == nil ? result.k22 ?? k11 : nil,
        layout: result.layout, mask1: result.mask1, mask2: hasSecond ? result.mask2 : nil, shape1: shape1,
        shape2: prepared.shapes2[index], x1IsX2: x1IsX2 && rows == nil,
        isGaussian: value.isGaussian && value.groups.count == 1,
        axes: DataAxes(batch: value.batchAxis, channel: value.channelAxis))
    }
  }

  func prepared() throws(NetworkError) -> Prepared {
    let dtype = options.precision ?? sources.leaves.map(\.input.dtype).reduce(.float32) { $0.promoted(with: $1) }
    var prepared = try prepared(channelsApart: false)
    if prepared.program.needsChannelsApart && sources.leaves.contains(where: \.masksChannelsApart) {
      prepared = try self.prepared(channelsApart: true)
    }
    prepared.inputs = prepared.inputs.map { $0.converted(to: dtype) }
    prepared.shapes2 = try network.outputShape(sources.map(\.shape2)).leaves
    prepared.ids = prepared.outputs.leaves.map { prepared.program.merged($0) }
    let areGraphsTraced = [patterns?.first, patterns?.second].contains { $0?.isTraced ?? false }
    prepared.isTraced =
      areGraphsTraced || prepared.inputs.contains(where: \.isTraced) || network.hasTracedHyperParameters
    prepared.method = try method(prepared)
    return prepared
  }

  private func prepared(channelsApart: Bool) throws(NetworkError) -> Prepared {
    var program = CovarianceProgram()
    var inputs: [CovarianceInput] = []
    let values = sources.map { source in
      let parts = channelsApart ? source.channelsApart : [source.input]
      inputs += parts
      return program.input(
        shape: source.shape1, batchAxis: source.axes.batch, channelAxis: source.axes.channel,
        isGaussian: source.isGaussian,
        groups: parts.count == 1 ? nil : [Int](repeating: 1, count: parts.count))
    }
    let outputs = try network.append(to: &program, values)
    return Prepared(program: program, outputs: outputs, inputs: inputs)
  }

  /// The covariances of one output.
  struct Output {
    var k12: Tensor
    var theta: Tensor?
    /// nil where nobody asked for it.
    var k11: Tensor?
    /// nil when both data sets are one, too.
    var k22: Tensor?
    var layout = CovarianceLayout(positions: [], isDiagonal: true, hasFullBatch: false)
    var mask1: Tensor?
    var mask2: Tensor?
  }

  /// The covariances of a part of the Gram matrix.
  ///
  /// Of parts that start at multiples of `grid` each entry is the same to the last bit, whatever part it is computed in.
  func execute(_ prepared: Prepared, _ block: KernelBlock) throws(NetworkError) -> [Output] {
    let isSingle = block.inputs[0].dtype == .float32
    switch prepared.method {
    case .matrices(let plan):
      return isSingle
        ? try FusedExecutor<Float>(plan, block, withNTK: withNTK).run()
        : try FusedExecutor<Double>(plan, block, withNTK: withNTK).run()
    case .slices(let plan):
      let isExchanged = exchangesDataSets(prepared)
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
        prepared.program, block, outputs: prepared.ids, withNTK: withNTK, options: options, isTraced: prepared.isTraced
      ).run()
      try requireFinite(results, block)
      return results
    }
  }

  /// Whether the data sets change places, so that the larger one fills the lanes of slices; one decision for the whole
  /// matrix, because numbers differ in their last bits.
  private func exchangesDataSets(_ prepared: Prepared) -> Bool {
    let (n1, n2) = prepared.inputs[0].counts
    func groups(_ count: Int) -> Int { (count + Float.lanes - 1) / Float.lanes }
    return n2 * groups(n1) < n1 * groups(n2)
      && prepared.inputs.allSatisfy { if case .data(let data) = $0 { data.x2 != nil } else { false } }
  }

  private func requireFinite(_ results: [Output], _ block: KernelBlock) throws(NetworkError) {
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
  func grid(_ prepared: Prepared) -> Int {
    switch prepared.method {
    case .matrices: return FusedExecutor<Float>.tileSize
    case .slices: return Float.lanes
    case .segments(let program): return program.blockSize
    case .reference:
      let demand = CovarianceDemand(
        prepared.program, outputs: prepared.ids, wantsAllPositions: options.positions == .all)
      return ReferenceBlocks.size(prepared.program, demand)
    }
  }
}

/// A part of the Gram matrix to compute.
struct KernelBlock {
  /// Those of the rows and the columns.
  var inputs: [CovarianceInput]
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

extension KernelBlock {
  /// The same with both data sets exchanged; inputs are data.
  fileprivate var exchanged: KernelBlock {
    var result = self
    (result.rows, result.columns) = (columns, rows)
    result.inputs = inputs.map { input in
      guard case .data(let data) = input, let x2 = data.x2 else { return input }
      return .data(CovarianceData(x1: x2, x2: data.x1, mask1: data.mask2, mask2: data.mask1))
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
  /// - Throws: where `count` entries of the results and one piece of work are larger than this machine's memory.
  func requireMemory(_ prepared: Prepared, entries count: Double, dtype: DType) throws(NetworkError) {
    let program = prepared.program
    let demand = CovarianceDemand(program, outputs: prepared.ids, wantsAllPositions: options.positions == .all)
    func entries(_ value: Int) -> Double {
      let count = program.positions[value].reduce(1.0) { $0 * Double($1) }
      return demand.isFull[value] ? count * count : count
    }
    let kernels = withNTK ? 2.0 : 1
    let results = prepared.ids.reduce(0) { $0 + count * entries($1) * kernels * Double(dtype.byteCount) }
    // One pair of inputs at least is computed at once, in some tensors, unless it is computed slice by slice.
    let size = Double(prepared.inputs[0].dtype.byteCount)
    var working = 4 * kernels * size * ((0..<program.valueCount).map(entries).max() ?? 1)
    switch prepared.method {
    case .matrices, .slices: working = 0
    case .segments, .reference: break
    }
    let available = Double(ProcessInfo.processInfo.physicalMemory)
    guard results + working > available else { return }
    func gigabytes(_ bytes: Double) -> String { "\((bytes / 1e8).rounded() / 10) GB" }
    let (n1, n2) = prepared.inputs[0].counts
    throw NetworkError(
      expected:
        "a kernel that fits into \(gigabytes(available)) of memory (fewer inputs, fewer positions, a layer that "
        + "pools or flattens them, or the diagonal of positions only)",
      found:
        "\(gigabytes(results + working)) for \(n1) by \(n2) inputs of shape \(sources.leaves[0].shape1.dropFirst())")
  }
}

extension CovarianceInput {
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
