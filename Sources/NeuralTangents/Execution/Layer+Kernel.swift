import Tensors

extension Layer {
  /// The kernels of the infinitely wide network between two data sets, or of one with itself.
  ///
  /// - Parameters:
  ///   - x1: inputs, shape (N1, channels) unless the layers say otherwise.
  ///   - x2: inputs, shape (N2, channels); nil stands for `x1` and costs half.
  ///   - kernels: without `.ntk` the tangent kernel is not computed.
  /// Tensors may be traced, and the kernel is then a function of them that can be differentiated: the reference executor
  /// computes it, nothing is checked that would need elements, and `x1` and `x2` are one data set when they are one
  /// tensor.
  ///
  /// - Returns: matrices of shape (N1, N2).
  /// - Throws: `NetworkError` when the network does not fit the data, has no infinite limit, has several outputs, or
  ///   gives numbers that are not finite.
  /// - Complexity: O(N1 · N2 · (channels + layers)), half of it for one data set.
  public func kernel(
    _ x1: Tensor, _ x2: Tensor? = nil, kernels: KernelSet = .all, options: KernelOptions = KernelOptions()
  ) throws(NetworkError) -> Kernel {
    try single(self.kernels(.single(x1), x2.map { .single($0) }, kernels: kernels, options: options))
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

  /// The kernels of a network with several inputs or outputs; `x1` and `x2` have the structure of its inputs.
  public func kernels(
    _ x1: Branches<Tensor>, _ x2: Branches<Tensor>? = nil, kernels: KernelSet = .all,
    options: KernelOptions = KernelOptions()
  ) throws(NetworkError) -> Branches<Kernel> {
    let pairs: Branches<(Tensor, Tensor?)>
    if let x2 {
      guard let zipped = x1.zipped(with: x2) else {
        throw NetworkError(path: [.name("x2")], expected: "the structure of x1, \(x1.summary)", found: x2.summary)
      }
      pairs = zipped.map { ($0.0, $0.1) }
    } else {
      pairs = x1.map { ($0, nil) }
    }
    let axes = dataAxes ?? DataAxes()
    let checked = try pairs.map { (pair: (Tensor, Tensor?)) throws(NetworkError) in
      try KernelInput(x1: pair.0, x2: pair.1, axes: axes)
    }
    // Equal data sets are one data set, given twice.
    let areSame = checked.leaves.allSatisfy(\.areSame)
    let inputs = checked.map { $0.source(asOne: areSame) }
    return try KernelComputation(
      network: self, sources: inputs, x1IsX2: areSame, hasSecond: x2 != nil, kernels: kernels, options: options
    ).run()
  }

  /// The kernel after further layers, from the kernel before them: `last.kernel(of: first.kernel(x))` is the kernel of
  /// `Serial { first; last }`.
  ///
  /// The tangent kernel is carried on if `kernel` has one.
  public func kernel(of kernel: Kernel, options: KernelOptions = KernelOptions()) throws(NetworkError) -> Kernel {
    try single(kernels(of: .single(kernel), options: options))
  }

  /// The kernels after further layers with several inputs or outputs.
  public func kernels(of kernels: Branches<Kernel>, options: KernelOptions = KernelOptions()) throws(NetworkError)
    -> Branches<Kernel>
  {
    let leaves = kernels.leaves
    let hasNTK = leaves.allSatisfy { $0.ntk != nil }
    for kernel in leaves where kernel.nngp.shape != leaves[0].nngp.shape {
      throw NetworkError(expected: "kernels of shape \(leaves[0].nngp.shape)", found: "\(kernel.nngp.shape)")
    }
    let sources = kernels.map {
      KernelComputation.Source(
        input: .kernel($0), shape1: $0.shape1, shape2: $0.shape2, axes: $0.axes, isGaussian: $0.isGaussian)
    }
    return try KernelComputation(
      network: self, sources: sources, x1IsX2: leaves.allSatisfy(\.x1IsX2),
      hasSecond: leaves.contains { $0.cov2 != nil }, kernels: hasNTK ? .all : .nngp, options: options
    ).run()
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

/// One pair of data sets, checked: matrices with inputs as rows, finite.
private struct KernelInput {
  private let x1: Tensor
  private let x2: Tensor?
  private let shape1: [Int]
  private let shape2: [Int]
  private let axes: DataAxes
  private let areIdentical: Bool

  init(x1: Tensor, x2: Tensor?, axes: DataAxes) throws(NetworkError) {
    let axes = try axes.resolved(rank: 2)
    let rows1 = try KernelInput.rows(x1, name: "x1", axes: axes)
    let rows2 = try x2.map { (x2: Tensor) throws(NetworkError) in try KernelInput.rows(x2, name: "x2", axes: axes) }
    if let rows2, rows2.shape[1] != rows1.shape[1] {
      throw NetworkError(
        path: [.name("x2")], expected: "\(rows1.shape[1]) channels, as in x1", found: "\(rows2.shape[1])")
    }
    self.axes = axes
    areIdentical = x2.map { $0.isIdentical(to: x1) } ?? true
    self.x1 = rows1
    self.x2 = rows2
    shape1 = x1.shape
    shape2 = (x2 ?? x1).shape
  }

  /// Whether both data sets have the same numbers, up to 1e-12; traced ones are the same when they are one tensor.
  var areSame: Bool {
    guard let x2 else { return true }
    guard x1.shape == x2.shape else { return false }
    if x1.isTraced || x2.isTraced { return areIdentical }
    let difference = abs(x1.asType(.float64) - x2.asType(.float64)).max()
    return difference.scalar(as: Double.self) < 1e-12
  }

  func source(asOne: Bool) -> KernelComputation.Source {
    KernelComputation.Source(
      input: .data(x1: x1, x2: asOne ? nil : x2 ?? x1), shape1: shape1, shape2: shape2, axes: axes, isGaussian: false)
  }

  private static func rows(_ x: Tensor, name: String, axes: DataAxes) throws(NetworkError) -> Tensor {
    guard x.rank == 2 else {
      throw NetworkError(
        path: [.name(name)], expected: "a matrix with one row per input (batch, channels)", found: "shape \(x.shape)")
    }
    guard x.shape[axes.batch] > 0, x.shape[axes.channel] > 0 else {
      throw NetworkError(path: [.name(name)], expected: "at least one input and one channel", found: "shape \(x.shape)")
    }
    let values = x.dtype.isFloatingPoint ? x : x.asType(.float64)
    do {
      try values.requireFinite(context: name)
    } catch {
      throw NetworkError(path: [.name(name)], expected: "finite numbers", found: error.firstNonFinite)
    }
    return axes.batch == 0 ? values : values.transposed()
  }
}

extension TensorError {
  /// `NaN or infinity at [3, 1]`.
  var firstNonFinite: String {
    if case .notFinite(_, let index) = self { return "NaN or infinity at \(index)" }
    return description
  }
}
