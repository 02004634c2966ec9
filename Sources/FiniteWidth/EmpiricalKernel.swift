import CovarianceEngine
import Networks
import Tensors

/// The kernels of one finite network between two data sets, or of one with itself.
///
/// Positions are the axes of the outputs other than the batch and the channels, in their order.
public struct EmpiricalKernel: Sendable {
  /// The mean over channels c of f[n, p, c] f[m, p′, c]: shape (N1, N2, positions…, positions′…), or
  /// (N1, N2, positions…) for the diagonal of positions.
  public var nngp: Tensor
  /// The mean over channels c of Σ ∂f[n, p, c]/∂θ · ∂f[m, p′, c]/∂θ, of the same shape; nil when it was not asked for.
  public var ntk: Tensor?
  /// `nngp` of each input of the first data set with itself: shape (N1, positions…, positions′…) or (N1, positions…).
  public var cov1: Tensor
  /// The same of the second data set; nil when there is one only.
  public var cov2: Tensor?
}

/// How the kernels of finite networks are made of their outputs.
public struct EmpiricalKernelOptions: Sendable {
  /// Where the outputs have the batch and the channels.
  public var axes: DataAxes
  /// Between which positions of the outputs.
  public var positions: KernelOptions.Extent
  /// The tangent kernel is a mean over the first so many channels, at least 1; nil is all. Channels of one network at initialisation
  /// are alike, so a few give its expectation too, at a price in proportion to their number.
  public var tangentChannels: Int?
  /// How the tangent kernel is computed.
  public var implementation: EmpiricalImplementation
  /// Bytes that the tangent kernel may take beyond parameters, inputs and result; it is computed in blocks that need no more, if
  /// there are such.
  public var memory: Int
  /// Called from time to time while a tangent kernel is computed.
  public var progress: (@Sendable (GramProgress) -> Void)?

  public init(
    axes: DataAxes = DataAxes(), positions: KernelOptions.Extent = .all, tangentChannels: Int? = nil,
    implementation: EmpiricalImplementation = .automatic, memory: Int = 64_000_000,
    progress: (@Sendable (GramProgress) -> Void)? = nil
  ) {
    (self.axes, self.positions, self.tangentChannels) = (axes, positions, tangentChannels)
    (self.implementation, self.memory, self.progress) = (implementation, memory, progress)
  }
}

/// The kernels of one network with the given parameters.
///
/// - Parameters:
///   - x1: inputs, with their batch where the network has it.
///   - x2: inputs, of the shape of `x1` but for their number; nil stands for `x1`.
///   - key: randomness for layers such as `Dropout`, which throw without it. Equal data sets see the same random
///     numbers; of different ones the second sees those of `key.folding(in: 1)`.
///   - patterns: the graphs of the inputs, for `Aggregate`.
///   - maskConstant: inputs equal to it (or NaN, if it is NaN) are missing; nil when none is. Masked outputs count as 0.
///   - kernels: without `.ntk` the tangent kernel is not computed.
///   - network: the architecture.
///   - parameters: of the structure that `initialize` gives.
///   - options: between which positions, and over how many channels.
/// - Throws: `NetworkError` when network, parameters and data do not fit, and what factorisations in the network throw.
/// - Complexity: per input one reverse derivative for every position and channel of the outputs, and the contraction that
///   `empiricalKernelPlan` prints.
public func empiricalKernel(
  of network: any Layer, at parameters: Parameters, _ x1: Tensor, _ x2: Tensor? = nil, key: RandomKey? = nil,
  patterns: GraphPatterns? = nil, maskConstant: Double? = nil, kernels: KernelSet = .all,
  options: EmpiricalKernelOptions = EmpiricalKernelOptions()
) throws -> EmpiricalKernel {
  let data = try FiniteBatches(x1, x2, patterns: patterns, maskConstant: maskConstant, network: network)
  let forward = FiniteForward(network: network, axes: options.axes, maskConstant: data.maskConstant)
  let program = try EmpiricalProgram(forward, at: parameters, data, key: key, kernels: kernels, options: options)
  return try program(parameters, data)
}

/// How `empiricalKernel` computes the tangent kernel of a network: blocks and, for every parameter, the contraction.
///
/// - Throws: as `empiricalKernel`.
public func empiricalKernelPlan(
  of network: any Layer, at parameters: Parameters, _ x1: Tensor, _ x2: Tensor? = nil, key: RandomKey? = nil,
  patterns: GraphPatterns? = nil, maskConstant: Double? = nil,
  options: EmpiricalKernelOptions = EmpiricalKernelOptions()
) throws -> EmpiricalPlan {
  let data = try FiniteBatches(x1, x2, patterns: patterns, maskConstant: maskConstant, network: network)
  let forward = FiniteForward(network: network, axes: options.axes, maskConstant: data.maskConstant)
  let program = try EmpiricalProgram(forward, at: parameters, data, key: key, kernels: .all, options: options)
  guard let plan = program.plan else { preconditionFailure("a program of all kernels has a tangent kernel") }
  return plan
}
