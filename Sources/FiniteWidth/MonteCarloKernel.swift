import CovarianceEngine
import Networks
import Tensors

/// Kernels of finite networks averaged over random networks: an estimate of their expectation, which the kernels of the
/// infinitely wide network are the limit of.
///
/// The standard errors say how far the estimate is from that expectation, not how far the expectation is from the limit,
/// which is of the order of 1/width.
public struct MonteCarloKernel: Sendable {
  /// The covariance of outputs: shape (N1, N2, positions…, positions′…), or (N1, N2, positions…) for the diagonal.
  public var nngp: Tensor
  /// The tangent kernel, of the same shape; nil when it was not asked for.
  public var ntk: Tensor?
  /// Covariances of each input of the first data set with itself: shape (N1, positions…, positions′…) or
  /// (N1, positions…).
  public var cov1: Tensor
  /// The same of the second data set; nil when there is one only.
  public var cov2: Tensor?

  /// Standard errors of the entries above: the standard deviation between networks over √`sampleCount`. nil when there
  /// is one network only.
  public var nngpStandardError: Tensor?
  /// Standard errors of `ntk`.
  public var ntkStandardError: Tensor?
  /// Standard errors of `cov1`.
  public var cov1StandardError: Tensor?
  /// Standard errors of `cov2`.
  public var cov2StandardError: Tensor?

  /// Networks that were drawn.
  public var sampleCount: Int
}

extension Layer {
  /// The kernels of finite networks, averaged over random networks.
  ///
  /// ```swift
  /// let estimate = try network.monteCarloKernel(x1, x2, samples: 64, key: RandomKey(seed: 1))
  /// ```
  ///
  /// - Parameters:
  ///   - x1: inputs, with their batch where the network has it.
  ///   - x2: inputs, of the shape of `x1` but for their number; nil stands for `x1`.
  ///   - samples: the number of networks, at least 1; standard errors need 2.
  ///   - key: the networks follow from it, whatever the number of threads. A larger number of samples has the same
  ///     networks and more.
  ///   - patterns: the graphs of the inputs, for `Aggregate`.
  ///   - maskConstant: inputs equal to it (or NaN, if it is NaN) are missing; nil when none is.
  ///   - kernels: without `.ntk` the tangent kernel is not computed.
  ///   - options: between which positions, and over how many channels.
  /// - Throws: `NetworkError` when the network does not fit the data, has several outputs, or gives numbers that are not
  ///   finite, and what factorisations in the network throw.
  /// - Complexity: `samples` times that of `empiricalKernel`; networks are spread over the threads.
  public func monteCarloKernel(
    _ x1: Tensor, _ x2: Tensor? = nil, samples: Int, key: RandomKey, patterns: GraphPatterns? = nil,
    maskConstant: Double? = nil, kernels: KernelSet = .all, options: EmpiricalKernelOptions = EmpiricalKernelOptions()
  ) throws -> MonteCarloKernel {
    var estimator = try MonteCarloEstimator(
      self, x1, x2, key: key, patterns: patterns, maskConstant: maskConstant, kernels: kernels, options: options)
    try estimator.draw(samples)
    return try estimator.estimate()
  }

  /// The estimates after different numbers of networks, each of which continues the one before: what they converge to
  /// shows in them.
  ///
  /// - Parameters:
  ///   - sampleCounts: ascending, the first at least 1.
  ///   - x1: inputs as `monteCarloKernel` takes them.
  ///   - x2: inputs of the same shape but for their number; nil stands for `x1`.
  ///   - key: decides which networks are drawn.
  ///   - patterns: the graphs of the inputs, for `Aggregate`.
  ///   - maskConstant: inputs equal to it (or NaN, if it is NaN) are missing; nil when none is.
  ///   - kernels: without `.ntk` the tangent kernel is not computed.
  ///   - options: between which positions, and over how many channels.
  /// - Throws: as `monteCarloKernel`.
  public func monteCarloKernels(
    _ x1: Tensor, _ x2: Tensor? = nil, sampleCounts: [Int], key: RandomKey, patterns: GraphPatterns? = nil,
    maskConstant: Double? = nil, kernels: KernelSet = .all, options: EmpiricalKernelOptions = EmpiricalKernelOptions()
  ) throws -> [MonteCarloKernel] {
    for (index, count) in sampleCounts.enumerated() {
      let least = index == 0 ? 1 : sampleCounts[index - 1] + 1
      guard count >= least else {
        throw NetworkError(
          path: [.name("sampleCounts"), .index(index)], expected: "ascending numbers, here at least \(least)",
          found: "\(count)")
      }
    }
    var estimator = try MonteCarloEstimator(
      self, x1, x2, key: key, patterns: patterns, maskConstant: maskConstant, kernels: kernels, options: options)
    return try sampleCounts.map { count in
      try estimator.draw(count - estimator.sampleCount)
      return try estimator.estimate()
    }
  }
}
