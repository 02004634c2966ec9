import Tensors

/// The covariances of an infinitely wide network's outputs over one or two data sets.
public struct Kernel: Sendable {
  /// K: covariance of outputs at initialisation, shape (N1, N2); per channel, channels are independent.
  public var nngp: Tensor
  /// Θ: neural tangent kernel, shape (N1, N2); nil when it was not asked for.
  public var ntk: Tensor?
  /// Variances of the first data set's outputs, shape (N1).
  public var cov1: Tensor
  /// Variances of the second data set's outputs, shape (N2); nil when there is one data set only.
  public var cov2: Tensor?
  /// Shape of the outputs for the first data set.
  public var shape1: [Int]
  /// Shape of the outputs for the second data set; that of the first when there is one only.
  public var shape2: [Int]
  /// Whether both data sets are the same.
  public var x1IsX2: Bool
  /// Whether output channels are independent zero-mean Gaussians given the input, which an activation needs next.
  public var isGaussian: Bool
  /// Where the batch and the channels are in the outputs.
  public var axes: DataAxes
}

/// Which kernels to compute.
public struct KernelSet: OptionSet, Sendable, Hashable {
  public let rawValue: Int

  public init(rawValue: Int) {
    self.rawValue = rawValue
  }

  public static let nngp = KernelSet(rawValue: 1)
  public static let ntk = KernelSet(rawValue: 2)
  public static let all: KernelSet = [.nngp, .ntk]
}

/// How to compute a kernel.
public struct KernelOptions: Sendable {
  public enum Executor: String, Sendable, CaseIterable {
    /// The fused one where the network allows it, the reference one otherwise.
    case automatic
    /// Tensor operations on whole matrices: supports everything.
    case reference
    /// Chains of operations over tiles that stay in cache.
    case fused
  }

  public var executor: Executor
  /// float32 or float64; nil for the precision of the data.
  public var precision: DType?
  /// Called as tiles are finished, on any thread.
  public var progress: (@Sendable (KernelProgress) -> Void)?

  public init(
    executor: Executor = .automatic, precision: DType? = nil, progress: (@Sendable (KernelProgress) -> Void)? = nil
  ) {
    precondition(precision?.isFloatingPoint ?? true, "expected float32 or float64, found \(precision!)")
    self.executor = executor
    self.precision = precision
    self.progress = progress
  }
}

/// How far the computation of a kernel has come.
public struct KernelProgress: Sendable, Hashable {
  public let tilesDone: Int
  public let tileCount: Int

  public var fraction: Double { Double(tilesDone) / Double(max(1, tileCount)) }
}
