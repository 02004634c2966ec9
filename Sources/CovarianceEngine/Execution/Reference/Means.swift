import Tensors

/// Means of activations over the network's parameters: what sums of branches need that do not have zero mean.
///
/// For independent branches a and b, E[(a + b)(a' + b')] = Kₐ + K_b + E[a] E[b'] + E[b] E[a'].
extension ReferenceExecutor {
  /// The means of `result`, shape (N, P…); nil for zero.
  func mean(
    of operation: CovarianceOperation, _ operands: [CovarianceState], _ result: CovarianceState,
    _ dataSet: DataSet
  ) throws(NetworkError) -> Tensor? {
    let means = operands.map { dataSet == .first ? $0.mean1 : $0.mean2 }
    let mean: Tensor?
    switch operation {
    case .dual(let activation): mean = try activation.mean(operands[0].variances(dataSet))
    case .dropout: mean = means[0]
    case .sum: mean = means.compactMap { $0 }.reduce(nil) { (sum: Tensor?, next) in sum.map { $0 + next } ?? next }
    case .product:
      // The mean of a product of independent factors; one of zero mean makes it zero.
      let factors = means.compactMap { $0 }
      mean = factors.count == means.count ? factors.dropFirst().reduce(factors[0]) { $0 * $1 } : nil
    case .concatenate(let axis, _):
      let place = if case .position(let index) = axis { index + 1 } else { 0 }
      mean = concatenate(operands.map { $0.mean(dataSet) }, axis: place)
    case .positions(let map): mean = means[0].map { map.mean($0) }
    case .globalPool(let isMean): mean = means[0].map { operands[0].pooled($0, dataSet, isMean: isMean) }
    default: mean = nil
    }
    guard let mask = dataSet == .first ? result.mask1 : result.mask2 else { return mean }
    return mean.map { select(mask, 0, $0) }
  }
}

extension CovarianceState {
  /// The means of a data set, zeros where there are none.
  func mean(_ dataSet: DataSet) -> Tensor {
    let mean = dataSet == .first ? mean1 : mean2
    return mean ?? .zeros([dataSet == .first ? k12.shape[0] : k12.shape[1]] + layout.positions, dtype: k12.dtype)
  }

  /// The covariances of a sum whose branches are these states.
  func addingProducts(ofMeans states: [CovarianceState]) throws(NetworkError) -> CovarianceState {
    try addingProducts(
      ofMeans: states.filter { $0.mean1 != nil }.map { ($0.mean(.first), $0.mean(.second)) })
  }

  /// These covariances and the products of the means of different branches.
  func addingProducts(ofMeans means: [(first: Tensor, second: Tensor)]) throws(NetworkError) -> CovarianceState {
    var result = self
    for (index, mean) in means.enumerated() {
      let others = means.indices.filter { $0 != index }
      guard let some = others.first else { continue }
      let rest1 = others.dropFirst().reduce(means[some].first) { $0 + means[$1].first }
      let rest2 = others.dropFirst().reduce(means[some].second) { $0 + means[$1].second }
      func added(_ k: Tensor, _ rows: Tensor, _ columns: Tensor, batchAxes: Int) -> Tensor {
        let factors = outer(rows, columns, batchAxes: batchAxes)
        return k + factors.rows * factors.columns
      }
      result.k12 = added(result.k12, mean.first, rest2, batchAxes: 2)
      result.k11 = added(result.k11, mean.first, rest1, batchAxes: layout.selfBatchAxes)
      result.k22 = added(result.k22, mean.second, rest2, batchAxes: layout.selfBatchAxes)
    }
    return result
  }

  /// `mean` summed or averaged over the positions that are not masked.
  fileprivate func pooled(_ mean: Tensor, _ dataSet: DataSet, isMean: Bool) -> Tensor {
    guard mean.rank > 1 else { return mean }
    let total = mean.sum(axes: Array(1..<mean.rank))
    return isMean ? total / visibleCount(dataSet) : total
  }
}

extension PositionMap {
  /// The map of means, which have the batch in front.
  fileprivate func mean(_ mean: Tensor) -> Tensor {
    var result = mean
    for (index, axis) in axes.enumerated().reversed() {
      result = axis.apply(to: result, axis: index + 1, squared: false)
    }
    return batch.map { $0(mean.shape[0]).apply(to: result, axis: 0, squared: false) } ?? result
  }
}
