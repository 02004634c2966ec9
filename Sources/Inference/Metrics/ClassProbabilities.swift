import CovarianceEngine
import Platform
import Tensors

/// Class probabilities from a Gaussian posterior over one regression output per class (targets one-hot, centred or
/// not).
///
/// A class's probability is that its output is the largest, outputs being independent Gaussians with the posterior's
/// means and variances:
///
///     p_c = E over z of Π_{j≠c} Φ((μ_c + σ_c z − μ_j) / σ_j),   z standard normal.
///
/// Outputs of an infinite network are independent given the data, so this is the network's own probability of each
/// answer. It is not the posterior of a classification likelihood, which has no closed form. Accurate to 1e-8; rows sum
/// to one. A row without uncertainty is one-hot, ties shared; deviations below a hundredth of the row's largest count
/// as that hundredth.
///
/// - Parameters:
///   - mean: shape (N, classes).
///   - variance: shape (N), shared by the classes, or (N, classes).
/// - Returns: shape (N, classes), float64.
public func classProbabilities(mean: Tensor, variance: Tensor) throws(PredictionError) -> Tensor {
  guard mean.rank == 2, mean.shape[1] > 0 else {
    throw .shapeMismatch(argument: "mean", expected: "shape (points, classes)", found: "\(mean.shape)")
  }
  guard variance.shape == mean.shape || variance.shape == [mean.shape[0]] else {
    throw .shapeMismatch(
      argument: "variance", expected: "shape \(mean.shape) or [\(mean.shape[0])]", found: "\(variance.shape)")
  }
  try requireFinite(mean, "mean")
  try requireFinite(variance, "variance")
  let classes = mean.shape[1]
  let means = mean.asType(.float64).scalars(as: Double.self)
  let deviations = variance.asType(.float64).scalars(as: Double.self).map { max($0, 0).squareRoot() }
  let isShared = variance.rank == 1
  return Tensor(shape: mean.shape, of: Double.self) { probabilities in
    nonisolated(unsafe) let probabilities = probabilities
    Threads.forEachRange(mean.shape[0], grain: 16) { rows in
      for row in rows {
        let range = row * classes..<(row + 1) * classes
        let deviation = isShared ? Array(repeating: deviations[row], count: classes) : Array(deviations[range])
        let values = argmaxProbabilities(Array(means[range]), deviation)
        for (index, value) in zip(range, values) { probabilities[index] = value }
      }
    }
  }
}

private func argmaxProbabilities(_ mean: [Double], _ deviation: [Double]) -> [Double] {
  let largest = deviation.max() ?? 0
  var result: [Double]
  if largest == 0 {
    let best = mean.max() ?? 0
    result = mean.map { $0 == best ? 1 : 0 }
  } else {
    let floored = deviation.map { max($0, largest / 100) }
    result = mean.indices.map { probabilityOfLargest($0, mean, floored) }
  }
  let total = result.reduce(0, +)
  for index in result.indices { result[index] /= total }
  return result
}

/// By the trapezoidal rule over z, which for a normal density times smooth steps converges faster than any power of the
/// distance h between nodes; the steps have width σ_j / σ_c, which sets h. (Gauss–Hermite nodes, blind to that width,
/// err by 1e-2 when one deviation is ten times another.)
private func probabilityOfLargest(_ candidate: Int, _ mean: [Double], _ deviation: [Double]) -> Double {
  var narrowest = Double.infinity
  for other in mean.indices where other != candidate { narrowest = min(narrowest, deviation[other]) }
  let steepness = deviation[candidate] / narrowest
  let distance = 0.4 / (1 + steepness * steepness).squareRoot()
  let reach = Int((9 / distance).rounded(.up))
  var sum = 0.0
  for node in -reach...reach {
    let z = Double(node) * distance
    let value = mean[candidate] + deviation[candidate] * z
    var product = NormalDistribution.density(z)
    for other in mean.indices where other != candidate {
      product *= NormalDistribution.cumulative((value - mean[other]) / deviation[other])
    }
    sum += product
  }
  return sum * distance
}
