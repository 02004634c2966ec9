import Tensors

/// The graphs along which `Aggregate` passes messages, one per input of each data set.
///
/// Dense: adjacency matrices, shape (N, X…, X…), entry [n, i…, j…] the weight with which input position i adds to output
/// position j. Sparse: edges, int32 of shape (N, E, K, 2) or for one axis (N, E, 2), last the tail and the head; an edge
/// with a negative coordinate is none.
public struct GraphPatterns: Sendable {
  /// The graphs of the first data set.
  public var first: Tensor
  /// Those of the second data set; nil when they are the first's.
  public var second: Tensor?

  public init(_ first: Tensor, _ second: Tensor? = nil) {
    self.first = first
    self.second = second
  }

  /// Those of some inputs of both data sets.
  func part(rows: Range<Int>, columns: Range<Int>, isSymmetric: Bool) -> GraphPatterns {
    isSymmetric && rows == columns
      ? GraphPatterns(first[rows]) : GraphPatterns(first[rows], (second ?? first)[columns])
  }
}
