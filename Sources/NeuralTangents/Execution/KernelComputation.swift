import Foundation
import Tensors

/// One kernel to compute: builds the covariance program of a network, chooses the executor, and assembles the result.
struct KernelComputation {
  /// One input of the network.
  struct Source {
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
  private struct Prepared {
    var program: CovarianceProgram
    var outputs: Branches<CovarianceValue>
    var inputs: [CovarianceInput]
  }

  func run() throws(NetworkError) -> Branches<Kernel> {
    let dtype = options.precision ?? sources.leaves.map(\.input.dtype).reduce(.float32) { $0.promoted(with: $1) }
    var prepared = try prepared(channelsApart: false)
    if prepared.program.needsChannelsApart && sources.leaves.contains(where: \.masksChannelsApart) {
      prepared = try self.prepared(channelsApart: true)
    }
    let inputs = prepared.inputs.map { $0.converted(to: dtype) }
    let outputs = prepared.outputs
    let shapes2 = try network.outputShape(sources.map(\.shape2)).leaves
    var program = prepared.program
    let ids = outputs.leaves.map { program.merged($0) }
    let results = try execute(program, inputs, outputs: ids)
    var index = 0
    return outputs.map { value in
      defer { index += 1 }
      let result = results[index]
      return Kernel(
        nngp: result.k12, ntk: result.theta, cov1: result.k11, cov2: hasSecond ? result.k22 ?? result.k11 : nil,
        layout: result.layout, mask1: result.mask1, mask2: hasSecond ? result.mask2 : nil, shape1: value.shape,
        shape2: shapes2[index], x1IsX2: x1IsX2, isGaussian: value.isGaussian && value.groups.count == 1,
        axes: DataAxes(batch: value.batchAxis, channel: value.channelAxis))
    }
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
    var k11: Tensor
    /// nil when both data sets are one.
    var k22: Tensor?
    var layout = CovarianceLayout(positions: [], isDiagonal: true, hasFullBatch: false)
    var mask1: Tensor?
    var mask2: Tensor?
  }

  private func execute(_ program: CovarianceProgram, _ inputs: [CovarianceInput], outputs: [Int]) throws(NetworkError)
    -> [Output]
  {
    let withNTK = kernels.contains(.ntk)
    try requireMemory(program, inputs, outputs: outputs, withNTK: withNTK)
    // Tiles need numbers: what is traced goes through tensor operations.
    let isTraced = inputs.contains(where: \.isTraced) || network.hasTracedHyperParameters
    if options.executor != .reference && !isTraced {
      do {
        return try executeFused(program, inputs, outputs: outputs, withNTK: withNTK)
      } catch let error as FusedPlan.Unsupported {
        guard options.executor == .automatic else {
          throw NetworkError(expected: "a network that the fused executor supports", found: error.operation)
        }
      } catch let error as NetworkError {
        throw error
      } catch {
        throw NetworkError(expected: "a kernel", found: "\(error)")
      }
    }
    let results = try ReferenceBlocks(
      program, inputs, outputs: outputs, withNTK: withNTK, patterns: patterns, options: options, isTraced: isTraced
    ).run()
    for result in results {
      for (name, tensor) in [("nngp", result.k12), ("ntk", result.theta ?? result.k12), ("cov1", result.k11)]
      where !tensor.isTraced {
        do {
          try tensor.requireFinite(context: name)
        } catch {
          throw .notFinite(kernel: name, place: error.firstNonFinite)
        }
      }
    }
    return results
  }
}

extension KernelComputation {
  /// - Throws: `FusedPlan.Unsupported` where neither of the fused executors can compute the program.
  private func executeFused(
    _ program: CovarianceProgram, _ inputs: [CovarianceInput], outputs: [Int], withNTK: Bool
  ) throws -> [Output] {
    guard options.batch == .diagonal else {
      throw FusedPlan.Unsupported(operation: "covariances between the inputs of each data set")
    }
    let isSingle = inputs[0].dtype == .float32
    if inputs.allSatisfy(\.isMatrix) && program.positions.allSatisfy(\.isEmpty),
      let plan = try? FusedPlan(program, outputs: outputs, withNTK: withNTK, inputsWithNTK: inputs.map(\.hasNTK))
    {
      guard plan.activations.isEmpty || options.executor == .fused else {
        // Their tensor functions gain from whole matrices what tiles would win.
        throw FusedPlan.Unsupported(operation: "an activation without a vector kernel")
      }
      return isSingle
        ? try FusedExecutor<Float>(plan, inputs, withNTK: withNTK, progress: options.progress).run()
        : try FusedExecutor<Double>(plan, inputs, withNTK: withNTK, progress: options.progress).run()
    }
    let plan = try SlicePlanner.plan(
      program, outputs: outputs, wantsAllPositions: options.positions == .all, withNTK: withNTK,
      inputsWithNTK: inputs.map(\.hasNTK),
      inputsWithMasks: inputs.map { $0.mask(ofSecond: false) != nil || $0.mask(ofSecond: true) != nil })
    return isSingle
      ? try SliceExecutor<Float>(
        plan, program, inputs, outputs: outputs, withNTK: withNTK, progress: options.progress
      ).run()
      : try SliceExecutor<Double>(
        plan, program, inputs, outputs: outputs, withNTK: withNTK, progress: options.progress
      ).run()
  }

  /// - Throws: where the kernel alone is larger than this machine's memory.
  private func requireMemory(
    _ program: CovarianceProgram, _ inputs: [CovarianceInput], outputs: [Int], withNTK: Bool
  ) throws(NetworkError) {
    let (n1, n2) = inputs[0].counts
    let demand = CovarianceDemand(program, outputs: outputs, wantsAllPositions: options.positions == .all)
    func entries(_ value: Int) -> Double {
      let count = program.positions[value].reduce(1.0) { $0 * Double($1) }
      return demand.isFull[value] ? count * count : count
    }
    let kernels = withNTK ? 2.0 : 1
    let size = Double(inputs[0].dtype.byteCount)
    let results = outputs.reduce(0) { $0 + Double(n1) * Double(n2) * entries($1) * kernels * size }
    // One pair of inputs at least is computed at once, in some tensors.
    let working = 4 * kernels * size * ((0..<program.valueCount).map(entries).max() ?? 1)
    let available = Double(ProcessInfo.processInfo.physicalMemory)
    guard results + working > available else { return }
    func gigabytes(_ bytes: Double) -> String { "\((bytes / 1e8).rounded() / 10) GB" }
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
  static func notFinite(kernel: String, place: String) -> NetworkError {
    NetworkError(
      path: [.name(kernel)],
      expected: "finite numbers (scale the inputs down, use float64, or check the activation's constants)",
      found: place)
  }
}
