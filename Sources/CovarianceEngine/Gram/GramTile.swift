import Tensors

/// A block of a Gram matrix.
public struct GramTile: Sendable {
  /// Inputs of the first data set.
  public let rows: Range<Int>
  /// Inputs of the second data set.
  public let columns: Range<Int>
  /// Shape (rows, columns, P…, P…), see `Kernel.nngp`.
  public let nngp: Tensor
  /// nil when it was not asked for.
  public let ntk: Tensor?
  /// Covariances of the rows' outputs with themselves, shape (rows, P…, P…) or (rows, P…). Each row's come in one tile at
  /// least: those on the diagonal of a symmetric matrix, the first of each row of tiles otherwise.
  public let cov1: Tensor?
  /// Those of the columns, in the first row of tiles at least; nil when both data sets are one.
  public let cov2: Tensor?

  init(_ range: GramBlock, _ output: CovarianceBlock, isSymmetric: Bool) {
    (rows, columns) = (range.rows, range.columns)
    (nngp, ntk, cov1, cov2) = (output.k12, output.theta, output.k11, isSymmetric ? nil : output.k22)
  }
}
