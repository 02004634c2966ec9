import CovarianceEngine
import Tensors

extension GramJob {
  /// - Parameters:
  ///   - network: a network with one output.
  ///   - x1: inputs as `Layer.kernel` takes them.
  ///   - x2: inputs of the same shape but for N2; nil stands for `x1` and costs half.
  ///   - patterns: the graphs of the inputs, for `Aggregate`.
  ///   - maskConstant: inputs equal to it (or NaN, if it is NaN) are missing; nil when none is.
  ///   - kernels: without `.ntk` the tangent kernel is not computed.
  ///   - options: tile size, threads, precision and progress among them.
  /// - Throws: `NetworkError` when the network does not fit the data, has no infinite limit, or has several outputs.
  public init(
    _ network: any Layer, _ x1: Tensor, _ x2: Tensor? = nil, patterns: GraphPatterns? = nil,
    maskConstant: Double? = nil, kernels: KernelSet = .all, options: KernelOptions = KernelOptions()
  ) throws(NetworkError) {
    try self.init(
      network, .single(x1), x2.map { .single($0) }, patterns: patterns, maskConstant: maskConstant, kernels: kernels,
      options: options)
  }

  /// The job of a network with several inputs, whose structure `x1` and `x2` have, and one output.
  public init(
    _ network: any Layer, _ x1: Branches<Tensor>, _ x2: Branches<Tensor>?, patterns: GraphPatterns? = nil,
    maskConstant: Double? = nil, kernels: KernelSet = .all, options: KernelOptions = KernelOptions()
  ) throws(NetworkError) {
    let request = try network.request(
      x1, x2, patterns: patterns, maskConstant: maskConstant, kernels: kernels, options: options)
    try self.init(request.singleComputation())
  }
}
