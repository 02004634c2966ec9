import CovarianceEngine
import Networks
import Tensors

/// Averages the kernels of finite networks over random networks, as many at a time as wanted.
///
/// ```swift
/// var estimator = try MonteCarloEstimator(network, x, key: RandomKey(seed: 1))
/// repeat { try estimator.draw(16) } while try estimator.estimate().nngpStandardError!.max().scalar() > 0.01
/// ```
public struct MonteCarloEstimator: Sendable {
  /// Networks drawn so far.
  public var sampleCount: Int { moments.count }

  private let forward: FiniteForward
  private let data: FiniteBatches
  private let key: RandomKey
  private let kernels: KernelSet
  private let options: EmpiricalKernelOptions
  private var program: EmpiricalProgram?
  /// Shapes of the kernels, in the order of `tensors`.
  private var layout: [TensorType?] = []
  private var moments = RunningMoments()

  /// - Parameters: as those of `Layer.monteCarloKernel`.
  /// - Throws: `NetworkError` when the data do not fit.
  public init(
    _ network: any Layer, _ x1: Tensor, _ x2: Tensor? = nil, key: RandomKey, patterns: GraphPatterns? = nil,
    maskConstant: Double? = nil, kernels: KernelSet = .all, options: EmpiricalKernelOptions = EmpiricalKernelOptions()
  ) throws {
    data = try FiniteBatches(x1, x2, patterns: patterns, maskConstant: maskConstant, network: network)
    forward = FiniteForward(network: network, axes: options.axes, maskConstant: data.maskConstant)
    self.key = key
    self.kernels = kernels
    self.options = options
  }

  /// Takes `count` more networks into the averages.
  ///
  /// - Throws: `NetworkError` when `count` is not positive, when the network does not fit the data, or when it gives
  ///   numbers that are not finite; and what factorisations in the network throw.
  public mutating func draw(_ count: Int) throws {
    guard count > 0 else {
      throw NetworkError(path: [.name("samples")], expected: "at least one", found: "\(count)")
    }
    // Networks have a number of 32 bits each.
    let largest = Int(UInt32.max) - sampleCount
    guard count <= largest else {
      throw NetworkError(
        path: [.name("samples")], expected: "at most \(largest) networks more, which are all there are",
        found: "\(count)")
    }
    let end = sampleCount + count
    if program == nil {
      let (parameters, key) = try network(sampleCount)
      let first = try EmpiricalProgram(forward, at: parameters, data, key: key, kernels: kernels, options: options)
      if first.isReusable { program = first }
    }
    // Sums go in the order of the networks, so that neither the threads nor the blocks change them.
    while sampleCount < end {
      let block = sampleCount..<min(end, sampleCount + 4 * Threads.count)
      var kernels = [Result<EmpiricalKernel, any Error>?](repeating: nil, count: block.count)
      kernels.withUnsafeMutableBufferPointer { kernels in
        nonisolated(unsafe) let kernels = kernels
        Threads.forEach(block.count) { [self] index in
          kernels[index] = Result { try kernel(block.lowerBound + index) }
        }
      }
      for kernel in kernels.compactMap({ $0 }) { try add(kernel.get()) }
    }
  }

  /// The averages of the networks drawn so far.
  ///
  /// - Throws: `NetworkError` when there are none.
  public func estimate() throws(NetworkError) -> MonteCarloKernel {
    guard sampleCount > 0 else {
      throw NetworkError(path: [.name("samples")], expected: "at least one: call draw first", found: "none")
    }
    let means = tensors(moments.means)
    let errors = moments.standardErrors.map(tensors)
    guard let nngp = means[0], let cov1 = means[1] else { preconditionFailure("a kernel without a covariance") }
    return MonteCarloKernel(
      nngp: nngp, ntk: means[3], cov1: cov1, cov2: means[2], nngpStandardError: errors?[0],
      ntkStandardError: errors?[3], cov1StandardError: errors?[1], cov2StandardError: errors?[2],
      sampleCount: sampleCount)
  }

  /// The parameters of one of the networks, and the key of its forward pass.
  private func network(_ index: Int) throws -> (Parameters, RandomKey) {
    let keys = key.folding(in: UInt32(truncatingIfNeeded: index)).split()
    let (shape, dtype) = (data.inputType.shape, data.inputType.dtype)
    return (try forward.network.initialize(keys[0], inputShape: shape, dtype: dtype), keys[1])
  }

  private func kernel(_ index: Int) throws -> EmpiricalKernel {
    let (parameters, key) = try network(index)
    if let program { return try program(parameters, data) }
    return try EmpiricalProgram(forward, at: parameters, data, key: key, kernels: kernels, options: options)(
      parameters, data)
  }

  private mutating func add(_ kernel: EmpiricalKernel) throws {
    let parts = [kernel.nngp, kernel.cov1, kernel.cov2, kernel.ntk]
    let entries = parts.flatMap { $0?.asType(.float64).scalars(as: Double.self) ?? [] }
    guard entries.allSatisfy(\.isFinite) else {
      throw NetworkError(
        expected: "finite kernels of random networks", found: "NaN or infinity in the kernels of network \(sampleCount)"
      )
    }
    layout = parts.map { $0?.type }
    moments.add(entries)
  }

  private func tensors(_ entries: [Double]) -> [Tensor?] {
    var rest = entries[...]
    return layout.map { type in
      guard let type else { return nil }
      defer { rest = rest.dropFirst(type.count) }
      return Tensor(Array(rest.prefix(type.count)), shape: type.shape).asType(type.dtype)
    }
  }
}
