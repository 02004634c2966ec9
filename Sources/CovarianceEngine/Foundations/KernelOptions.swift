import Tensors

/// Which kernels to compute.
public struct KernelSet: OptionSet, Sendable, Hashable {
  public let rawValue: Int

  public init(rawValue: Int) {
    self.rawValue = rawValue
  }

  /// The covariance at initialisation.
  public static let nngp = KernelSet(rawValue: 1)
  /// The tangent kernel.
  public static let ntk = KernelSet(rawValue: 2)
  /// Both.
  public static let all: KernelSet = [.nngp, .ntk]
}

/// How to compute a kernel.
public struct KernelOptions: Sendable {
  /// What computes a kernel.
  public enum Executor: String, Sendable, CaseIterable {
    /// The fused one where the network allows it, the reference one otherwise.
    case automatic
    /// Tensor operations on whole matrices: supports everything.
    case reference
    /// Chains of operations over tiles that stay in cache; on a device, one launch for each layer.
    case fused
  }

  /// Which covariances of many.
  public enum Extent: Sendable, Hashable {
    case all
    /// Of each with itself.
    case diagonal
  }

  /// What computes the kernel.
  public var executor: Executor
  /// Covariances between which positions of the outputs to return; what layers before need is found out and exact.
  public var positions: Extent
  /// Covariances between which inputs of one data set to return in `cov1` and `cov2`.
  public var batch: Extent
  /// float32 or float64; nil for the precision of the data.
  public var precision: DType?
  /// Element type of the matrices that tiles are put together in; nil for that of the computation. With float64 a kernel
  /// computed in float32 is put together in float64, without a whole matrix of each.
  public var accumulation: DType?
  /// Rows and columns of a tile, at least 1; nil for about a second of work. A network's executor rounds it up to what it
  /// computes in one piece, so no kernel depends on it.
  public var tileSize: Int?
  /// Threads to compute with at most, at least 1; nil for `Threads.count`.
  public var threads: Int?
  /// The device that computes kernels, or several that share them; nil for the processors of this machine.
  public var device: (any KernelDevice)?
  /// Learning rates c of the layers with weights, in the order of the network and as often as it repeats them: the tangent kernel
  /// is Σ c_l Θ_l of their shares. Nil where all learn alike.
  public var layerRates: [Double]?
  /// Called before the first tile and after each, in this order, on the thread that computes.
  public var progress: (@Sendable (GramProgress) -> Void)?

  public init(
    executor: Executor = .automatic, positions: Extent = .all, batch: Extent = .diagonal, precision: DType? = nil,
    accumulation: DType? = nil, tileSize: Int? = nil, threads: Int? = nil, layerRates: [Double]? = nil,
    device: (any KernelDevice)? = nil, progress: (@Sendable (GramProgress) -> Void)? = nil
  ) {
    self.executor = executor
    self.positions = positions
    self.batch = batch
    self.precision = precision
    self.accumulation = accumulation
    self.tileSize = tileSize
    self.threads = threads
    self.layerRates = layerRates
    self.device = device
    self.progress = progress
  }

  /// - Throws: `NetworkError` where a number or a type makes no sense.
  func check() throws(NetworkError) {
    for (name, dtype) in [("precision", precision), ("accumulation", accumulation)] {
      guard dtype?.isFloatingPoint ?? true else {
        throw NetworkError(path: [.name(name)], expected: "float32 or float64", found: dtype.map { "\($0)" } ?? "nil")
      }
    }
    try requireSize("tileSize", tileSize ?? 1, atMost: .max)
    try requireSize("threads", threads ?? 1, atMost: .max)
  }
}
