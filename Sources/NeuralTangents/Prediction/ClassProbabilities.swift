import Foundation
import Tensors

/// Class probabilities from a Gaussian posterior over one regression output per class (targets one-hot, centred or not).
///
/// A class's probability is that its output is the largest, outputs being independent Gaussians with the posterior's means
/// and variances:
///
///     p_c = E over z of Π_{j≠c} Φ((μ_c + σ_c z − μ_j) / σ_j),   z standard normal,
///
/// by Gauss–Hermite quadrature over z. Outputs of an infinite network are independent given the data, so this is the
/// network's own probability of each answer; the posterior of a classification likelihood it is not, which has no closed
/// form. Rows are normalised to sum to one exactly. A row without uncertainty is one-hot, ties shared.
///
/// - Parameters:
///   - mean: shape (N, classes).
///   - variance: shape (N), shared by the classes, or (N, classes).
///   - nodes: quadrature nodes; 64 give 1e-10 when the variances of the classes are equal, and 1e-3 when one deviation is
///     ten times another.
/// - Returns: shape (N, classes), float64.
public func classProbabilities(mean: Tensor, variance: Tensor, nodes: Int = 64) throws(PredictionError) -> Tensor {
  guard mean.rank == 2, mean.shape[1] > 0 else {
    throw .shapeMismatch(argument: "mean", expected: "shape (points, classes)", found: "\(mean.shape)")
  }
  guard variance.shape == mean.shape || variance.shape == [mean.shape[0]] else {
    throw .shapeMismatch(
      argument: "variance", expected: "shape \(mean.shape) or [\(mean.shape[0])]", found: "\(variance.shape)")
  }
  guard nodes > 1 else { throw .invalidValue(argument: "nodes", expected: "at least 2", found: "\(nodes)") }
  let classes = mean.shape[1]
  let means = mean.asType(.float64).scalars(as: Double.self)
  let deviations = variance.asType(.float64).scalars(as: Double.self).map { max($0, 0).squareRoot() }
  let isShared = variance.rank == 1
  let quadrature = try onBehalf(of: "quadrature") { () throws(TensorError) in try NormalDistribution.quadrature(nodes) }
  let result = Tensor(shape: mean.shape, of: Double.self) { probabilities in
    nonisolated(unsafe) let probabilities = probabilities
    Threads.forEachRange(mean.shape[0], grain: 16) { rows in
      for row in rows {
        let range = row * classes..<(row + 1) * classes
        let sigma = isShared ? Array(repeating: deviations[row], count: classes) : Array(deviations[range])
        let values = argmaxProbabilities(Array(means[range]), sigma, quadrature)
        for (index, value) in zip(range, values) { probabilities[index] = value }
      }
    }
  }
  return result
}

private func argmaxProbabilities(
  _ mean: [Double], _ deviation: [Double], _ quadrature: [(node: Double, weight: Double)]
) -> [Double] {
  var result = mean.indices.map { candidate in
    var sum = 0.0
    for (node, weight) in quadrature {
      let value = mean[candidate] + deviation[candidate] * node
      var product = weight
      for other in mean.indices where other != candidate {
        if deviation[other] > 0 {
          product *= NormalDistribution.cumulative((value - mean[other]) / deviation[other])
        } else if value < mean[other] {
          product = 0
        }
      }
      sum += product
    }
    return sum
  }
  let total = result.reduce(0, +)
  for index in result.indices { result[index] /= total }
  return result
}
