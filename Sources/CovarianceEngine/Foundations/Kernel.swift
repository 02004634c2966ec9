import Tensors

/// The covariances of an infinitely wide network's outputs over one or two data sets.
public struct Kernel: Sendable {
  /// K: covariance of outputs at initialisation, shape (N1, N2, P…, P…) for outputs with positions P…, (N1, N2, P…) if
  /// the layout is diagonal, (N1, N2) for outputs without; per channel, channels are independent.
  public var nngp: Tensor
  /// Θ: neural tangent kernel, of the shape of K; nil when it was not asked for.
  public var ntk: Tensor?
  /// Covariances of the first data set's outputs with themselves, shape (N1, P…, P…) or (N1, P…); with another N1 in
  /// front if those between different inputs were asked for.
  public var cov1: Tensor
  /// Those of the second data set; nil when there is one data set only.
  public var cov2: Tensor?
  /// What the axes of K, Θ and the covariances are.
  public var layout: CovarianceLayout
  /// True where a position of the first data set's outputs is masked, shape (N1, P…); nil when none can be.
  public var mask1: Tensor?
  /// The same of the second data set.
  public var mask2: Tensor?
  /// Shape of the outputs for the first data set.
  public var shape1: [Int]
  /// Shape of the outputs for the second data set; that of the first when there is one only.
  public var shape2: [Int]
  /// Whether both data sets are the same.
  public var isSymmetric: Bool
  /// Whether output channels are independent zero-mean Gaussians given the input, which an activation needs next.
  public var isGaussian: Bool
  /// Where the batch and the channels are in the outputs.
  public var axes: DataAxes
}

extension Kernel {
  /// The same without a data set's covariances between different inputs.
  func withoutOtherInputs() -> Kernel {
    guard layout.hasFullBatch else { return self }
    var result = self
    func inputs(_ k: Tensor) -> Tensor { k.diagonal(0, 1).movedAxis(from: -1, to: 0) }
    (result.cov1, result.cov2) = (inputs(cov1), cov2.map(inputs))
    result.layout.hasFullBatch = false
    return result
  }
}
