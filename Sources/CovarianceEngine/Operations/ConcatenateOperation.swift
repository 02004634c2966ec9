import Tensors

/// Along what independent branches are concatenated.
package enum ConcatenationAxis: Sendable, Hashable {
  case batch
  /// Counted among axes of positions.
  case position(Int)
}

/// Concatenation of independent branches along the batch axis or an axis of positions: block diagonal, but for the
/// products of means where several of them are not zero.
package struct ConcatenateOperation: CovarianceOperation {
  /// The axis along which branches are joined.
  package let axis: ConcatenationAxis
  /// Whether the means of several branches are not zero.
  package let hasMeans: Bool

  package init(_ axis: ConcatenationAxis, hasMeans: Bool) {
    (self.axis, self.hasMeans) = (axis, hasMeans)
  }

  package var isHomogeneous: Bool { true }

  package var description: String {
    let place = if case .position(let index) = axis { "position \(index)" } else { "batch" }
    return "concatenate(\(place)\(hasMeans ? ", with means" : ""))"
  }

  package func mean(of operands: [CovarianceValue.Mean]) -> CovarianceValue.Mean {
    CovarianceValue.Mean.combined(operands) ?? .unknown
  }

  package func isLocal(_ operandsAreLocal: [Bool]) -> Bool { operandsAreLocal.allSatisfy { $0 } }
  package func needsMeans(forResult: Bool) -> Bool { hasMeans || forResult }
  package var inputMixing: InputMixing { axis == .batch ? .together : .apart }

  package func mask(_ operands: [Tensor?], shapes: [[Int]]) -> Tensor? {
    guard operands.contains(where: { $0 != nil }) else { return nil }
    return concatenate(zip(operands, shapes).map { $0 ?? .zeros($1, dtype: .bool) }, axis: perInputAxis)
  }

  /// The axis along which masks and means, of shape (N, P…), are joined.
  private var perInputAxis: Int { if case .position(let index) = axis { index + 1 } else { 0 } }

  package func evaluate(_ operands: [CovarianceState], _ context: CovarianceContext) throws(NetworkError)
    -> CovarianceState
  {
    var result = operands[0]
    let layout = result.layout
    func joined(_ tensors: [Tensor], _ batchAxes: Int) -> Tensor {
      let rows: Int
      let columns: Int?
      switch axis {
      case .batch: (rows, columns) = (0, batchAxes == 2 ? 1 : nil)
      case .position(let index):
        (rows, columns) = (batchAxes + index, layout.isDiagonal ? nil : batchAxes + index + layout.positions.count)
      }
      return columns.map { concatenate(Self.padded(tensors, along: $0), axis: rows) }
        ?? concatenate(tensors, axis: rows)
    }
    result.k12 = joined(operands.map(\.k12), 2)
    result.k11 = joined(operands.map(\.k11), layout.selfBatchAxes)
    result.k22 = joined(operands.map(\.k22), layout.selfBatchAxes)
    if operands.contains(where: { $0.theta.matrix != nil }) {
      result.theta = .matrix(
        joined(operands.map { $0.theta.matrix ?? .zeros($0.k12.shape, dtype: $0.k12.dtype) }, 2))
    }
    if case .position(let index) = axis {
      result.layout.positions[index] = operands.reduce(0) { $0 + $1.layout.positions[index] }
    }
    guard operands.contains(where: { $0.mean1 != nil }) else { return result }
    // The concatenation is the sum of branches with zeros where the others are.
    return try result.addingProducts(
      ofMeans: zip(
        Self.padded(operands.map { $0.mean(.first) }, along: perInputAxis),
        Self.padded(operands.map { $0.mean(.second) }, along: perInputAxis)
      ).map { ($0, $1) })
  }

  package func mean(_ means: [Tensor?], of operands: [CovarianceState], _ dataSet: DataSet) -> Tensor? {
    concatenate(operands.map { $0.mean(dataSet) }, axis: perInputAxis)
  }

  /// Each tensor with zeros along `axis` where the others are when all are concatenated.
  private static func padded(_ tensors: [Tensor], along axis: Int) -> [Tensor] {
    let total = tensors.reduce(0) { $0 + $1.shape[axis] }
    var start = 0
    return tensors.map { tensor in
      var widths = [(low: Int, high: Int)](repeating: (0, 0), count: tensor.rank)
      let end = start + tensor.shape[axis]
      widths[axis] = (start, total - end)
      start = end
      return tensor.padded(widths)
    }
  }

  package func features(_ operands: [FeatureState], _ random: FeatureRandomness) throws(NetworkError) -> FeatureState {
    guard case .position(let index) = axis, !hasMeans else {
      throw NetworkError(
        expected: "a concatenation of branches of zero mean along an axis of positions",
        found: axis == .batch ? "one along the batch axis" : "one of branches that do not have zero mean")
    }
    /// Every branch has features of its own, which are zero at the others' positions.
    func joined(_ features: [Tensor]) -> Tensor {
      let total = features.reduce(0) { $0 + $1.shape[$1.rank - 1] }
      var start = 0
      let padded = features.map { part -> Tensor in
        var widths = [(low: Int, high: Int)](repeating: (0, 0), count: part.rank)
        let width = part.shape[part.rank - 1]
        widths[part.rank - 1] = (start, total - start - width)
        start += width
        return part.padded(widths)
      }
      return concatenate(padded, axis: index + 1)
    }
    func joined(_ variances: [Tensor?]) -> Tensor? {
      let known = variances.compactMap { $0 }
      return known.count == variances.count ? concatenate(known, axis: index + 1) : nil
    }
    var result = FeatureState(nngp: joined(operands.map(\.nngp)), ntk: FeatureState.joined(operands.map(\.ntk)))
    if case .given = result.ntk {
      result.ntk = .given(
        joined(operands.map { $0.ntk.features ?? .zeros(Array($0.nngp.shape.dropLast()) + [1], dtype: $0.nngp.dtype) }))
    }
    result.variances = joined(operands.map(\.variances))
    result.tangentVariances = joined(operands.map(\.knownTangentVariances))
    return result
  }

  package func lower(to lowering: inout some Lowering) throws(Obstacle) {
    if hasMeans { throw Obstacle("branches that do not have zero mean") }
    throw Obstacle("a concatenation along \(axis == .batch ? "the batch axis" : "an axis of positions")")
  }
}
