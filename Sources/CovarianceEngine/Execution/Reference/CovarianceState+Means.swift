import Tensors

/// Means of activations over the network's parameters: what sums of branches need that do not have zero mean.
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
}
