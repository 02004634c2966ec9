import Tensors

/// The covariances of one value of a covariance program, as tensors.
///
/// Rows belong to the first data set, columns to the second; P… are the sizes of positions, one axis each.
public struct CovarianceState: Sendable {
  /// Shape (N1, N2, P…, P…), or (N1, N2, P…) if the layout is diagonal.
  public var k12: Tensor
  /// Θ, of the shape of K; nil when it is not computed.
  public var theta: Theta
  /// The first data set with itself: shape (N1, P…, P…), with another N1 in front if the layout has the full batch.
  public var k11: Tensor
  /// The second data set with itself.
  public var k22: Tensor
  /// What the axes of the covariances are.
  public var layout: CovarianceLayout
  /// Means over the network's parameters of the first data set, shape (N1, P…); nil where they are zero or not needed.
  public var mean1: Tensor?
  /// Those of the second data set, shape (N2, P…).
  public var mean2: Tensor?
  /// True where a position of the first data set is masked, shape (N1, P…); nil when none is.
  public var mask1: Tensor?
  /// True where a position of the second data set is masked, shape (N2, P…); nil when none is.
  public var mask2: Tensor?

  public init(
    k12: Tensor, theta: Theta, k11: Tensor, k22: Tensor, layout: CovarianceLayout, mean1: Tensor? = nil,
    mean2: Tensor? = nil, mask1: Tensor? = nil, mask2: Tensor? = nil
  ) {
    (self.k12, self.theta, self.k11, self.k22, self.layout) = (k12, theta, k11, k22, layout)
    (self.mean1, self.mean2, self.mask1, self.mask2) = (mean1, mean2, mask1, mask2)
  }

  /// The tangent kernel, of the shape of K12.
  public enum Theta: Sendable {
    /// Nobody asked for it.
    case absent
    /// No trainable layer so far.
    case zero
    case matrix(Tensor)

    /// The kernel; nil when there is none, or when it is zero.
    public var matrix: Tensor? {
      if case .matrix(let matrix) = self { return matrix }
      return nil
    }

    /// The kernel under a linear map; one that is zero or not there stays so.
    public func map(_ transform: (Tensor) throws(NetworkError) -> Tensor) throws(NetworkError) -> Theta {
      if case .matrix(let matrix) = self { return .matrix(try transform(matrix)) }
      return self
    }
  }
}

/// What the axes of covariances are.
public struct CovarianceLayout: Sendable, Hashable {
  /// Sizes along the axes of positions.
  public var positions: [Int]
  /// Whether only the covariances of a position with itself are there.
  public var isDiagonal: Bool
  /// Whether a data set's covariances with itself have those between different inputs.
  public var hasFullBatch: Bool

  package init(positions: [Int], isDiagonal: Bool, hasFullBatch: Bool) {
    self.positions = positions
    self.isDiagonal = isDiagonal || positions.isEmpty
    self.hasFullBatch = hasFullBatch
  }

  /// Batch axes of a data set's covariances with itself.
  public var selfBatchAxes: Int { hasFullBatch ? 2 : 1 }
  package var positionCount: Int { positions.reduce(1, *) }
}

extension CovarianceState {
  /// All covariances and the tangent kernel under a linear map, which is given the number of leading batch axes.
  ///
  /// - Parameter layout: that of the results; nil if it does not change.
  package func map(
    layout: CovarianceLayout? = nil, _ transform: (Tensor, _ batchAxes: Int) throws(NetworkError) -> Tensor
  ) throws(NetworkError) -> CovarianceState {
    var result = self
    result.k12 = try transform(k12, 2)
    result.theta = try theta.map { (matrix: Tensor) throws(NetworkError) in try transform(matrix, 2) }
    result.k11 = try transform(k11, self.layout.selfBatchAxes)
    result.k22 = try transform(k22, self.layout.selfBatchAxes)
    result.layout = layout ?? self.layout
    return result
  }

  /// The same without a data set's covariances between different inputs.
  func withoutOtherInputs() -> CovarianceState {
    guard layout.hasFullBatch else { return self }
    var result = self
    func inputs(_ k: Tensor) -> Tensor { k.diagonal(0, 1).movedAxis(from: -1, to: 0) }
    (result.k11, result.k22) = (inputs(k11), inputs(k22))
    result.layout.hasFullBatch = false
    return result
  }

  /// The covariances of a data set with itself, symmetric to the last bit: what is below the diagonal is what is above.
  func symmetrized() -> CovarianceState {
    var result = self
    result.k12 = mirrored(k12, batchAxes: 2)
    if case .matrix(let matrix) = theta { result.theta = .matrix(mirrored(matrix, batchAxes: 2)) }
    result.k11 = mirrored(k11, batchAxes: layout.selfBatchAxes)
    return result
  }

  private func mirrored(_ k: Tensor, batchAxes: Int) -> Tensor {
    let (rank, count) = (layout.positions.count, layout.positionCount)
    guard batchAxes == 2 || !layout.isDiagonal else { return k }
    // Rows and columns as the last axes of matrices: of inputs and positions together, or of positions of each input, or of
    // inputs at each position.
    let (order, matrix): ([Int], [Int])
    let n = k.shape[0]
    switch (batchAxes, layout.isDiagonal) {
    case (2, false):
      order = [0] + (2..<2 + rank) + [1] + (2 + rank..<2 + 2 * rank)
      matrix = [n * count, n * count]
    case (2, true): (order, matrix) = (Array(2..<2 + rank) + [0, 1], [count, n, n])
    default: (order, matrix) = (Array(0..<k.rank), [n, count, count])
    }
    let permuted = k.transposed(order)
    let m = permuted.reshaped(matrix)
    let isBelow = Tensor.arange(matrix[matrix.count - 1])
    let mirrored = select(
      isBelow.expandedDims(1) .> isBelow.expandedDims(0), m.swappedAxes(matrix.count - 2, matrix.count - 1), m)
    return mirrored.reshaped(permuted.shape).transposed(order.inversePermutation)
  }

  /// Variances of a data set, shape (N, P…).
  package func variances(_ dataSet: DataSet) -> Tensor {
    var k = dataSet == .first ? k11 : k22
    if layout.hasFullBatch { k = k.diagonal(0, 1).movedAxis(from: -1, to: 0) }
    return layout.isDiagonal ? k : diagonalOfPositions(k, batchAxes: 1)
  }

  /// `rows` and `columns`, of shape (N, P…) each, so reshaped that together they broadcast to covariances with this
  /// number of batch axes: with one, rows and columns belong to the same input.
  func outer(_ rows: Tensor, _ columns: Tensor, batchAxes: Int) -> (rows: Tensor, columns: Tensor) {
    let ones = [Int](repeating: 1, count: layout.positions.count)
    let (p1, p2) = (Array(rows.shape.dropFirst()), Array(columns.shape.dropFirst()))
    let rowBatch = batchAxes == 2 ? [rows.shape[0], 1] : [rows.shape[0]]
    let columnBatch = batchAxes == 2 ? [1, columns.shape[0]] : [columns.shape[0]]
    return layout.isDiagonal
      ? (rows.reshaped(rowBatch + p1), columns.reshaped(columnBatch + p2))
      : (rows.reshaped(rowBatch + p1 + ones), columns.reshaped(columnBatch + ones + p2))
  }

  /// `transform` of covariances with the two factors of their rows and columns: those of K12 and Θ, K11, K22.
  func mapScaled(
    _ factor1: Tensor, _ factor2: Tensor,
    _ transform: (Tensor, _ rows: Tensor, _ columns: Tensor) throws(NetworkError) -> Tensor
  ) throws(NetworkError) -> CovarianceState {
    var result = self
    let cross = outer(factor1, factor2, batchAxes: 2)
    let (self1, self2) = (
      outer(factor1, factor1, batchAxes: layout.selfBatchAxes), outer(factor2, factor2, batchAxes: layout.selfBatchAxes)
    )
    result.k12 = try transform(k12, cross.rows, cross.columns)
    result.theta = try theta.map { (matrix: Tensor) throws(NetworkError) in
      try transform(matrix, cross.rows, cross.columns)
    }
    result.k11 = try transform(k11, self1.rows, self1.columns)
    result.k22 = try transform(k22, self2.rows, self2.columns)
    return result
  }

  /// Zero where either position is masked.
  package func maskedToZero() throws(NetworkError) -> CovarianceState {
    guard mask1 != nil || mask2 != nil else { return self }
    let (m1, m2) = (mask(.first), mask(.second))
    return try mapScaled(m1, m2) { select($1 .| $2, 0, $0) }
  }

  /// The mask of a data set, shape (N, P…), false where there is none.
  package func mask(_ dataSet: DataSet) -> Tensor {
    let count = dataSet == .first ? k12.shape[0] : k12.shape[1]
    return (dataSet == .first ? mask1 : mask2) ?? .zeros([count] + layout.positions, dtype: .bool)
  }

  /// Both masks under a map of arrays of shape (N, P…).
  package func mapMasks(_ transform: (Tensor) -> Tensor) -> (Tensor?, Tensor?) {
    (mask1.map(transform), mask2.map(transform))
  }

  /// The same covariances without those between different positions.
  package func diagonal() throws(NetworkError) -> CovarianceState {
    guard !layout.isDiagonal else { return self }
    var diagonal = layout
    diagonal.isDiagonal = true
    return try map(layout: diagonal) { diagonalOfPositions($0, batchAxes: $1) }
  }

  /// The same covariances with zeros between different positions.
  package func embedded() throws(NetworkError) -> CovarianceState {
    guard layout.isDiagonal && !layout.positions.isEmpty else { return self }
    var full = layout
    full.isDiagonal = false
    return try map(layout: full) { k, batchAxes in
      select(identity(of: layout.positions, batchAxes: batchAxes), expandedColumns(k), 0)
    }
  }

  private func expandedColumns(_ k: Tensor) -> Tensor {
    k.reshaped(k.shape + [Int](repeating: 1, count: layout.positions.count))
  }

  private func diagonalOfPositions(_ k: Tensor, batchAxes: Int) -> Tensor {
    let batch = Array(k.shape.prefix(batchAxes))
    let count = layout.positionCount
    return k.reshaped(batch + [count, count]).diagonal().reshaped(batch + layout.positions)
  }

  /// True where both positions are the same, broadcasting to covariances of a full layout.
  func identity(of positions: [Int], batchAxes: Int) -> Tensor {
    Tensor.eye(positions.reduce(1, *), dtype: .bool)
      .reshaped([Int](repeating: 1, count: batchAxes) + positions + positions)
  }
}

// MARK: - What operations share

extension CovarianceState {
  /// K, Θ and the self-covariances of the sum of two independent branches of zero mean.
  public func adding(_ other: CovarianceState) -> CovarianceState {
    var result = self
    result.k12 = k12 + other.k12
    result.theta = theta.adding(other.theta)
    (result.k11, result.k22) = (k11 + other.k11, k22 + other.k22)
    return result
  }

  /// All covariances and Θ times `factor`.
  public func scaled(by factor: Double) -> CovarianceState {
    var result = self
    result.k12 = k12 * factor
    if case .matrix(let matrix) = theta { result.theta = .matrix(matrix * factor) }
    (result.k11, result.k22) = (k11 * factor, k22 * factor)
    return result
  }

  /// The number of positions that are not masked, at least 1, shape (N).
  func visibleCount(_ dataSet: DataSet) -> Tensor {
    let mask = mask(dataSet)
    let visible = (.!mask).asType(k12.dtype)
    return maximum(mask.rank == 1 ? visible : visible.sum(axes: Array(1..<mask.rank)), 1)
  }

  /// Masked if all positions are, shape (N).
  static func maskedEverywhere(_ mask: Tensor) -> Tensor {
    mask.rank == 1 ? mask : mask.all(axes: Array(1..<mask.rank))
  }

  /// Masked where all branches are; a branch without a mask is visible everywhere.
  static func maskedInAll(_ masks: [Tensor?]) -> Tensor? {
    masks.dropFirst().reduce(masks[0]) { a, b in
      guard let a, let b else { return nil }
      return a .& b
    }
  }

  /// True where both inputs of a matrix of shape (N, N, …) are the same.
  static func inputIdentity(_ matrix: Tensor) -> Tensor {
    let count = matrix.shape[0]
    return Tensor.eye(count, dtype: .bool).reshaped([count, count] + [Int](repeating: 1, count: matrix.rank - 2))
  }
}

extension CovarianceState.Theta {
  func adding(_ other: CovarianceState.Theta) -> CovarianceState.Theta {
    switch (self, other) {
    case (.matrix(let x), .matrix(let y)): .matrix(x + y)
    case (.matrix, _): self
    default: other
    }
  }
}
