import CovarianceEngine
import Tensors

/// The kernels of a network that somebody asks for: builds the covariance program that the engine runs.
struct KernelRequest: Sendable {
  /// One input of the network.
  struct Source: Sendable {
    var input: ProgramInput
    var shape1: [Int]
    var shape2: [Int]
    var axes: DataAxes
    var isGaussian: Bool
    /// Masks of all channels, shape (N, P…, C), where some position has channels masked and others not.
    var channelMasks: (mask1: Tensor, mask2: Tensor?)?

    var masksChannelsApart: Bool { channelMasks != nil }

    /// One input per channel, each with its own mask.
    var channelsApart: [ProgramInput] {
      guard let channelMasks, case .data(let data) = input else { return [input] }
      let axis = data.x1.rank - 1
      return (0..<data.x1.shape[axis]).map { channel in
        func part(_ x: Tensor) -> Tensor { x.sliced(axis: axis, from: channel, to: channel + 1) }
        return .data(
          ProgramData(
            x1: part(data.x1), x2: data.x2.map(part), mask1: part(channelMasks.mask1).squeezed(axis),
            mask2: channelMasks.mask2.map { part($0).squeezed(axis) }))
      }
    }
  }

  let network: any Layer
  let sources: Branches<Source>
  /// Whether both data sets are one.
  let isSymmetric: Bool
  /// Whether a second data set was given, even if it equals the first.
  let hasSecond: Bool
  let kernels: KernelSet
  let patterns: GraphPatterns?
  let options: KernelOptions

  func run() throws(NetworkError) -> Branches<Kernel> {
    let (outputs, computation) = try computation()
    return outputs.replacingLeaves(try computation.run())
  }

  /// The same work before it is done.
  func prepared() throws(NetworkError) -> PreparedKernels {
    let (outputs, computation) = try computation()
    return PreparedKernels(outputs: outputs, computation: computation)
  }

  /// The computation of a network with one output.
  func singleComputation() throws(NetworkError) -> KernelComputation {
    let (outputs, computation) = try computation()
    guard case .single = outputs else {
      throw NetworkError(
        expected: "a network with one output (use kernels for several)", found: "\(outputs.leaves.count) outputs")
    }
    return computation
  }

  private func computation() throws(NetworkError) -> (outputs: Branches<CovarianceValue>, KernelComputation) {
    var built = try built(channelsApart: false)
    if built.program.needsChannelsApart && sources.leaves.contains(where: \.masksChannelsApart) {
      built = try self.built(channelsApart: true)
    }
    let computation = try KernelComputation(
      built.program, outputs: built.outputs.leaves, inputs: built.inputs,
      shapes2: network.outputShape(sources.map(\.shape2)).leaves,
      inputShape: Array(sources.leaves[0].shape1.dropFirst()), isSymmetric: isSymmetric, hasSecond: hasSecond,
      isTraced: network.hasTracedHyperParameters, kernels: kernels, patterns: patterns, options: options)
    return (built.outputs, computation)
  }

  /// The gradient of a function of the kernel of a network with one output.
  func gradient(_ cotangents: KernelCotangents, _ hints: GradientHints) throws(NetworkError) -> GradientComputation {
    let built = try built(channelsApart: false)
    guard case .single(let output) = built.outputs else {
      throw NetworkError(
        expected: "a network with one output to differentiate", found: "\(built.outputs.leaves.count) outputs")
    }
    return try GradientComputation(
      built.program, output: output, inputs: built.inputs, cotangents: cotangents, patterns: patterns, options: options,
      hints: hints)
  }

  /// How many layers with weights the network has.
  func weightedStepCount() throws(NetworkError) -> Int { try built(channelsApart: false).program.weightedStepCount }

  private func built(channelsApart: Bool) throws(NetworkError)
    -> (program: CovarianceProgram, outputs: Branches<CovarianceValue>, inputs: [ProgramInput])
  {
    var program = CovarianceProgram()
    var inputs: [ProgramInput] = []
    let values = sources.map { source in
      let parts = channelsApart ? source.channelsApart : [source.input]
      inputs += parts
      return program.input(
        shape: source.shape1, batchAxis: source.axes.batch, channelAxis: source.axes.channel,
        isGaussian: source.isGaussian,
        groups: parts.count == 1 ? nil : [Int](repeating: 1, count: parts.count))
    }
    let outputs = try network.append(to: &program, values)
    if let rates = options.layerRates { program = try program.withLearningRates(rates) }
    return (program, outputs, inputs)
  }
}

/// The kernels of a network's outputs, checked and not yet computed.
package struct PreparedKernels: Sendable {
  fileprivate let outputs: Branches<CovarianceValue>
  fileprivate let computation: KernelComputation

  /// Types of the matrices of each output.
  package var matrixTypes: Branches<TensorType> { outputs.replacingLeaves(computation.matrixTypes) }

  /// What is known of each output's kernel without its arrays.
  package struct Outline: Sendable {
    package let shape1: [Int]
    package let shape2: [Int]
    package let axes: DataAxes
    package let isGaussian: Bool
    package let isSymmetric: Bool
    package let isDiagonal: Bool
    package let hasFullBatch: Bool

    package init(_ kernel: Kernel) {
      (shape1, shape2, axes) = (kernel.shape1, kernel.shape2, kernel.axes)
      (isGaussian, isSymmetric) = (kernel.isGaussian, kernel.isSymmetric)
      (isDiagonal, hasFullBatch) = (kernel.layout.isDiagonal, kernel.layout.hasFullBatch)
    }

    fileprivate init(_ value: CovarianceValue, shape2: [Int], _ computation: KernelComputation) {
      (shape1, self.shape2, axes) = (value.shape, shape2, value.axes)
      isGaussian = value.isGaussian && value.groups.count == 1
      isSymmetric = computation.isSymmetric
      isDiagonal = computation.options.positions == .diagonal || value.positions.isEmpty
      hasFullBatch = computation.options.batch == .all
    }
  }

  /// Those of all outputs.
  package var outlines: Branches<Outline> {
    outputs.replacingLeaves(
      zip(outputs.leaves, computation.shapes2).map { Outline($0, shape2: $1, computation) })
  }

  /// The kernels.
  package func run() throws(NetworkError) -> Branches<Kernel> { outputs.replacingLeaves(try computation.run()) }
}

extension Layer {
  /// What `kernels` computes, checked and not yet computed.
  package func preparedKernels(
    _ x1: Branches<Tensor>, _ x2: Branches<Tensor>?, patterns: GraphPatterns?, maskConstant: Double?,
    kernels: KernelSet, options: KernelOptions
  ) throws(NetworkError) -> PreparedKernels {
    try request(x1, x2, patterns: patterns, maskConstant: maskConstant, kernels: kernels, options: options).prepared()
  }

  /// What `kernels(of:)` computes, checked and not yet computed.
  package func preparedKernels(
    of kernels: Branches<Kernel>, patterns: GraphPatterns?, options: KernelOptions
  ) throws(NetworkError) -> PreparedKernels {
    try request(of: kernels, patterns: patterns, options: options).prepared()
  }
}
