import Tensors

/// What a scalar function of a kernel makes of its parts: the function's gradient in each of them.
///
/// Parts that are nil do not count.
public struct KernelCotangents: Sendable {
  /// The gradient in `Kernel.nngp`, of its shape.
  public var nngp: Tensor?
  /// The gradient in `Kernel.ntk`.
  public var ntk: Tensor?
  /// The gradient in `Kernel.cov1`, the covariances of the first data set's inputs with themselves.
  public var cov1: Tensor?
  /// The gradient in `Kernel.cov2`; nil where there is one data set only.
  public var cov2: Tensor?

  public init(nngp: Tensor? = nil, ntk: Tensor? = nil, cov1: Tensor? = nil, cov2: Tensor? = nil) {
    (self.nngp, self.ntk, self.cov1, self.cov2) = (nngp, ntk, cov1, cov2)
  }
}
