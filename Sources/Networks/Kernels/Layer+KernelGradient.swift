import CovarianceEngine
import Tensors

/// The gradient of a scalar function of a kernel in the inputs.
public struct KernelGradient: Sendable {
  /// That in the first data set, of its shape.
  public var x1: Branches<Tensor>
  /// That in the second data set; nil where there is one only.
  public var x2: Branches<Tensor>?
  /// What computed it: `rows`, `slices` or `reference`.
  public var executor: String
  /// Why no faster executor did; nil where one did.
  public var reason: String?
}

extension Layer {
  /// The gradient in the inputs of a scalar function of the infinitely wide network's kernel: backwards through the layers, for
  /// descent on data sets.
  ///
  /// A loss L(K, Θ) of kernels that `kernel(_:_:patterns:maskConstant:kernels:options:)` computed has the gradients ∂L/∂K and
  /// ∂L/∂Θ; these are the cotangents. Networks that end without positions are computed by the fused executors, tile by tile and
  /// slice by slice; others by tensor operations. Both agree to rounding. Where inputs meet themselves, or others equal to them,
  /// terms that would be infinite count as zero.
  ///
  /// - Parameters:
  ///   - x1: inputs, shape (N1, positions…, channels) unless the layers say otherwise; floating-point numbers.
  ///   - x2: inputs of the same shape but for N2; nil stands for `x1`, whose gradient then has both roles.
  ///   - cotangents: gradients of the function in the parts of the kernel. Without one of `ntk` no tangent kernel is computed.
  ///   - patterns: the graphs of the inputs, for `Aggregate`.
  ///   - maskConstant: inputs equal to it are missing; nil when none is.
  ///   - options: precision, threads and executor among them.
  /// - Throws: `NetworkError` when the network does not fit the data or the cotangents do not fit its kernel.
  /// - Complexity: a few times that of the kernel; memory of the kernel's matrices, and of some pairs of inputs per thread.
  public func kernelGradient(
    _ x1: Tensor, _ x2: Tensor? = nil, cotangents: KernelCotangents, patterns: GraphPatterns? = nil,
    maskConstant: Double? = nil, options: KernelOptions = KernelOptions()
  ) throws(NetworkError) -> KernelGradient {
    try kernelGradients(
      .single(x1), x2.map { .single($0) }, cotangents: cotangents, patterns: patterns, maskConstant: maskConstant,
      options: options)
  }

  /// The same of a network with several inputs; `x1` and `x2` have their structure.
  public func kernelGradients(
    _ x1: Branches<Tensor>, _ x2: Branches<Tensor>? = nil, cotangents: KernelCotangents,
    patterns: GraphPatterns? = nil, maskConstant: Double? = nil, options: KernelOptions = KernelOptions()
  ) throws(NetworkError) -> KernelGradient {
    try preparedKernelGradient(
      x1, x2, cotangents: cotangents, patterns: patterns, maskConstant: maskConstant, options: options
    ).run()
  }

  /// What `kernelGradient` computes, checked and not yet computed.
  package func preparedKernelGradient(
    _ x1: Branches<Tensor>, _ x2: Branches<Tensor>?, cotangents: KernelCotangents, patterns: GraphPatterns?,
    maskConstant: Double?, options: KernelOptions, hints: GradientHints = GradientHints()
  ) throws(NetworkError) -> PreparedKernelGradient {
    let given = x1.leaves + (x2?.leaves ?? [])
    guard given.allSatisfy(\.dtype.isFloatingPoint) else {
      throw NetworkError(
        path: [.name("x1, x2")], expected: "floating-point numbers to differentiate in", found: "integers")
    }
    let request = try self.request(
      x1, x2, patterns: patterns, maskConstant: maskConstant, kernels: cotangents.ntk == nil ? .nngp : .all,
      options: options, areApart: x2 != nil)
    return PreparedKernelGradient(
      x1: x1, x2: x2, cotangents: cotangents, maskConstant: maskConstant, request: request,
      computation: try request.gradient(cotangents, hints))
  }
}

/// The gradient of a function of a network's kernel in the inputs, checked and not yet computed.
package struct PreparedKernelGradient: Sendable {
  fileprivate let x1: Branches<Tensor>
  fileprivate let x2: Branches<Tensor>?
  fileprivate let cotangents: KernelCotangents
  fileprivate let maskConstant: Double?
  fileprivate let request: KernelRequest
  fileprivate let computation: GradientComputation

  /// - Throws: where tensor operations find that cotangents do not fit the kernel.
  package func run() throws(NetworkError) -> KernelGradient {
    try Threads.withLimit(request.options.threads) { () throws(NetworkError) in
      guard let gradients = try computation.run() else { return try byTensorOperations() }
      return KernelGradient(
        x1: placed(gradients.map(\.x1), like: x1), x2: x2.map { placed(gradients.compactMap(\.x2), like: $0) },
        executor: computation.choice.name, reason: nil)
    }
  }

  /// Gradients have the batch first and the channels last; here they get the axes of the inputs.
  private func placed(_ gradients: [Tensor], like inputs: Branches<Tensor>) -> Branches<Tensor> {
    inputs.replacingLeaves(
      zip(gradients, request.sources.leaves).enumerated().map { index, pair in
        let (gradient, axes) = (pair.0, pair.1.axes)
        let positions = gradient.shape.indices.filter { $0 != axes.batch && $0 != axes.channel }
        let order = [axes.batch] + positions + [axes.channel]
        let inverse = order.indices.map { axis in order.firstIndex(of: axis) ?? axis }
        return gradient.transposed(inverse).asType(inputs.leaves[index].dtype)
      })
  }

  /// Tensor operations, which record themselves and are transposed.
  private func byTensorOperations() throws(NetworkError) -> KernelGradient {
    let (network, count, reason) = (request.network, x1.leaves.count, computation.choice.reason?.description)
    let given = [
      ("nngp", cotangents.nngp), ("ntk", cotangents.ntk), ("cov1", cotangents.cov1), ("cov2", cotangents.cov2),
    ].compactMap { name, tensor in tensor.map { (name: name, tensor: $0) } }
    func zeros(_ inputs: Branches<Tensor>) -> Branches<Tensor> { inputs.map { .zeros($0.shape, dtype: $0.dtype) } }
    if given.isEmpty { return KernelGradient(x1: zeros(x1), x2: x2.map(zeros), executor: "reference", reason: reason) }
    var options = request.options
    options.executor = .reference
    do {
      let (values, pullback) = try vjp(
        { (inputs: [Tensor]) in
          let kernels = try network.kernels(
            x1.replacingLeaves(Array(inputs[..<count])), x2?.replacingLeaves(Array(inputs[count...])),
            patterns: request.patterns, maskConstant: maskConstant, kernels: request.kernels, options: options)
          guard case .single(let kernel) = kernels else {
            throw NetworkError(expected: "a network with one output to differentiate", found: "several")
          }
          let parts = ["nngp": kernel.nngp, "ntk": kernel.ntk ?? kernel.nngp * 0, "cov1": kernel.cov1]
          return try given.map { name, _ in
            guard let part = name == "cov2" ? x2.flatMap({ _ in kernel.cov2 }) : parts[name] else {
              throw NetworkError(
                path: [.name("cotangents"), .name(name)], expected: "none for one data set", found: "an array")
            }
            return part
          }
        }, at: x1.leaves + (x2?.leaves ?? []))
      let gradients = try pullback(
        zip(given, values).map { entry, value in
          guard entry.tensor.shape == value.shape else {
            throw NetworkError(
              path: [.name("cotangents"), .name(entry.name)], expected: "shape \(value.shape)",
              found: "\(entry.tensor.shape)")
          }
          return entry.tensor.asType(value.dtype)
        })
      return KernelGradient(
        x1: x1.replacingLeaves(Array(gradients[..<count])), x2: x2?.replacingLeaves(Array(gradients[count...])),
        executor: "reference", reason: reason)
    } catch let error as NetworkError {
      throw error
    } catch {
      throw NetworkError(expected: "a kernel to differentiate", found: "\(error)")
    }
  }
}
