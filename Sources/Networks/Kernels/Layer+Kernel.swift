import CovarianceEngine
import Tensors

extension Layer {
  /// The kernels of the infinitely wide network between two data sets, or of one with itself.
  ///
  /// - Parameters:
  ///   - x1: inputs, shape (N1, positions…, channels) unless the layers say otherwise; integers (N1, positions…) for a
  ///     network that begins with `Embedding`.
  ///   - x2: inputs of the same shape but for N2; nil stands for `x1` and costs half.
  ///   - patterns: the graphs of the inputs, for `Aggregate`.
  ///   - maskConstant: inputs equal to it (or NaN, if it is NaN) are missing; nil when none is.
  ///   - kernels: without `.ntk` the tangent kernel is not computed.
  ///   - options: precision, tiles, threads and progress among them.
  ///
  /// Tensors may be traced, and the kernel is then a function of them that can be differentiated: the reference executor
  /// computes it, nothing is checked that would need elements, and `x1` and `x2` are one data set when they are one
  /// tensor.
  ///
  /// - Returns: kernels of shape (N1, N2) where the outputs have no positions, otherwise see `Kernel.nngp`.
  /// - Throws: `NetworkError` when the network does not fit the data, has no infinite limit, has several outputs, or
  ///   gives numbers that are not finite.
  /// - Complexity: O(N1 · N2 · (channels + layers)), half of it for one data set.
  public func kernel(
    _ x1: Tensor, _ x2: Tensor? = nil, patterns: GraphPatterns? = nil, maskConstant: Double? = nil,
    kernels: KernelSet = .all, options: KernelOptions = KernelOptions()
  ) throws(NetworkError) -> Kernel {
    try single(
      self.kernels(
        .single(x1), x2.map { .single($0) }, patterns: patterns, maskConstant: maskConstant, kernels: kernels,
        options: options))
  }

  /// The NNGP covariance alone: `kernel(x1, x2, kernels: .nngp).nngp`.
  public func nngp(_ x1: Tensor, _ x2: Tensor? = nil, options: KernelOptions = KernelOptions()) throws(NetworkError)
    -> Tensor
  {
    try kernel(x1, x2, kernels: .nngp, options: options).nngp
  }

  /// The tangent kernel alone.
  public func ntk(_ x1: Tensor, _ x2: Tensor? = nil, options: KernelOptions = KernelOptions()) throws(NetworkError)
    -> Tensor
  {
    guard let ntk = try kernel(x1, x2, options: options).ntk else {
      throw NetworkError(expected: "a network with a tangent kernel", found: "none")
    }
    return ntk
  }

  /// The tangent kernel by layer: the share Θ_l of each layer with weights, in the order of the network and as often as it repeats
  /// them. Their sum is Θ, and Σ c_l Θ_l the kernel of layers with learning rates c_l, which `KernelOptions.layerRates` computes
  /// without them.
  ///
  /// - Parameters:
  ///   - x1: inputs as `kernel(_:_:patterns:maskConstant:kernels:options:)` takes them.
  ///   - x2: inputs of the same shape but for N2; nil stands for `x1`.
  ///   - patterns: the graphs of the inputs, for `Aggregate`.
  ///   - maskConstant: inputs equal to it (or NaN, if it is NaN) are missing; nil when none is.
  ///   - options: precision, tiles, threads and progress among them; rates in them multiply the shares.
  /// - Returns: kernels as `Kernel.ntk`, one per layer.
  /// - Throws: as `kernel(_:_:patterns:maskConstant:kernels:options:)`.
  /// - Complexity: a tangent kernel for each layer with weights.
  public func ntkByLayer(
    _ x1: Tensor, _ x2: Tensor? = nil, patterns: GraphPatterns? = nil, maskConstant: Double? = nil,
    options: KernelOptions = KernelOptions()
  ) throws(NetworkError) -> [Tensor] {
    func request(_ options: KernelOptions) throws(NetworkError) -> KernelRequest {
      try self.request(
        .single(x1), x2.map { .single($0) }, patterns: patterns, maskConstant: maskConstant, kernels: .all,
        options: options)
    }
    let rates: [Double]
    if let given = options.layerRates {
      rates = given
    } else {
      rates = [Double](repeating: 1, count: try request(options).weightedStepCount())
    }
    var (shares, options) = ([Tensor](), options)
    for (layer, rate) in rates.enumerated() {
      options.layerRates = rates.indices.map { $0 == layer ? rate : 0 }
      guard let share = try single(request(options).run()).ntk else {
        throw NetworkError(expected: "a network with a tangent kernel", found: "none")
      }
      shares.append(share)
    }
    return shares
  }

  /// The kernels of a network with several inputs or outputs; `x1` and `x2` have the structure of its inputs.
  public func kernels(
    _ x1: Branches<Tensor>, _ x2: Branches<Tensor>? = nil, patterns: GraphPatterns? = nil,
    maskConstant: Double? = nil, kernels: KernelSet = .all, options: KernelOptions = KernelOptions()
  ) throws(NetworkError) -> Branches<Kernel> {
    try request(x1, x2, patterns: patterns, maskConstant: maskConstant, kernels: kernels, options: options).run()
  }

  /// What `kernels` computes, before it is computed.
  ///
  /// - Parameter areApart: whether both data sets are two even if they are equal.
  func request(
    _ x1: Branches<Tensor>, _ x2: Branches<Tensor>?, patterns: GraphPatterns?, maskConstant: Double?,
    kernels: KernelSet, options: KernelOptions, areApart: Bool = false
  ) throws(NetworkError) -> KernelRequest {
    let pairs: Branches<(Tensor, Tensor?)>
    if let x2 {
      guard let zipped = x1.zipped(with: x2) else {
        throw NetworkError(path: [.name("x2")], expected: "the structure of x1, \(x1.summary)", found: x2.summary)
      }
      pairs = zipped.map { ($0.0, $0.1) }
    } else {
      pairs = x1.map { ($0, nil) }
    }
    // A layer says better than its axes that it cannot take an input.
    if x1.leaves.allSatisfy({ $0.rank >= 2 }) { _ = try outputShape(x1.map(\.shape)) }
    guard let placed = pairs.zipped(with: inputAxes(x1)) else {
      throw NetworkError(expected: "axes for every input", found: "none")
    }
    let checked = try placed.map { (input: ((Tensor, Tensor?), DataAxes)) throws(NetworkError) in
      try CheckedInputs(
        x1: input.0.0, x2: input.0.1, axes: input.1, maskConstant: maskConstant, tokenCount: tokenCount)
    }
    // Equal data sets are one data set, given twice.
    let isSymmetric = !areApart && checked.leaves.allSatisfy(\.isSymmetric) && patterns?.isSymmetric ?? true
    try patterns?.check(counts: checked.leaves[0].counts, hasSecond: x2 != nil)
    let inputs = checked.map { $0.source(isSymmetric: isSymmetric) }
    return KernelRequest(
      network: self, sources: inputs, isSymmetric: isSymmetric, hasSecond: x2 != nil, kernels: kernels,
      patterns: patterns,
      options: options)
  }

  /// The kernel after further layers, from the kernel before them: `last.kernel(of: first.kernel(x))` is the kernel of
  /// `Serial { first; last }`.
  ///
  /// The tangent kernel is carried on if `kernel` has one.
  public func kernel(of kernel: Kernel, patterns: GraphPatterns? = nil, options: KernelOptions = KernelOptions())
    throws(NetworkError) -> Kernel
  {
    try single(kernels(of: .single(kernel), patterns: patterns, options: options))
  }

  /// The kernels after further layers with several inputs or outputs.
  public func kernels(
    of kernels: Branches<Kernel>, patterns: GraphPatterns? = nil, options: KernelOptions = KernelOptions()
  ) throws(NetworkError) -> Branches<Kernel> {
    try request(of: kernels, patterns: patterns, options: options).run()
  }

  func request(
    of kernels: Branches<Kernel>, patterns: GraphPatterns?, options: KernelOptions
  ) throws(NetworkError) -> KernelRequest {
    let leaves = kernels.leaves
    let hasNTK = leaves.allSatisfy { $0.ntk != nil }
    let counts = Array(leaves[0].nngp.shape.prefix(2))
    for kernel in leaves where Array(kernel.nngp.shape.prefix(2)) != counts {
      throw NetworkError(expected: "kernels of \(counts) inputs", found: "shape \(kernel.nngp.shape)")
    }
    let sources = kernels.map {
      KernelRequest.Source(
        input: .kernel($0), shape1: $0.shape1, shape2: $0.shape2, axes: $0.axes, isGaussian: $0.isGaussian)
    }
    return KernelRequest(
      network: self, sources: sources, isSymmetric: leaves.allSatisfy(\.isSymmetric),
      hasSecond: leaves.contains { $0.cov2 != nil }, kernels: hasNTK ? .all : .nngp, patterns: patterns,
      options: options)
  }

  private func single(_ kernels: Branches<Kernel>) throws(NetworkError) -> Kernel {
    guard case .single(let kernel) = kernels else {
      throw NetworkError(
        expected: "a network with one output (use kernels for several)",
        found: "\(kernels.leaves.count) outputs")
    }
    return kernel
  }
}

extension TensorError {
  /// `NaN or infinity at [3, 1]`.
  var firstNonFinite: String {
    if case .notFinite(_, let index) = self { return "NaN or infinity at \(index)" }
    return description
  }
}
