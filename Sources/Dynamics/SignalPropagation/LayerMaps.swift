import CovarianceEngine
import Networks
import Tensors

/// The maps V and R of `SignalPropagation` for many pairs of weight and bias variance at once: each function takes and gives one
/// number per pair, or per pair of a subset.
struct LayerMaps {
  let activation: any Activation
  let weights: [Double]
  let biases: [Double]

  init(_ activation: any Activation, weights: [Double], biases: [Double]) throws(DynamicsError) {
    try requireNonnegative(weights, "weightVariance")
    try requireNonnegative(biases, "biasVariance")
    (self.activation, self.weights, self.biases) = (activation, weights, biases)
  }

  func subset(_ places: [Int]) throws(DynamicsError) -> LayerMaps {
    try LayerMaps(activation, weights: places.map { weights[$0] }, biases: places.map { biases[$0] })
  }

  /// V(q).
  func variances(_ q: [Double]) throws -> [Double] { affine(try activation.varianceDual(Tensor(q)).scalars()) }

  /// V'(q), for positive q.
  func varianceSlopes(_ q: [Double]) throws -> [Double] {
    let dual = { [activation] (q: Tensor) throws -> Tensor in try activation.varianceDual(q) }
    let slopes = try jvp(dual, at: Tensor(q), along: Tensor.ones([q.count], dtype: .float64)).tangent
    return zip(weights, slopes.scalars(as: Double.self)).map { $0 * $1 }
  }

  /// R(c) at variances q, which are positive.
  func correlations(_ c: [Double], variances q: [Double]) throws -> [Double] {
    let q = Tensor(q)
    let covariances = affine(try activation.dual(Tensor(c) * q, q, q).scalars())
    return zip(covariances, q.scalars(as: Double.self)).map { $0 / $1 }
  }

  /// χ(c) at variances q.
  func correlationSlopes(_ c: [Double], variances q: [Double]) throws -> [Double] {
    let q = Tensor(q)
    // Equal to the variance to the last bit at c = 1.
    let covariances = Tensor(c) * q
    let slopes: [Double] = try activation.derivativeDual(covariances, q, q).scalars()
    return zip(weights, slopes).map { $0 * $1 }
  }

  private func affine(_ duals: [Double]) -> [Double] {
    zip(zip(weights, biases), duals).map { $0.0 * $1 + $0.1 }
  }
}
