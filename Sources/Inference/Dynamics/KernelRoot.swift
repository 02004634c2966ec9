import CovarianceEngine
import Tensors

/// A train-train kernel as Θ = R Rᵀ, R = V √Λ over the eigenvalues that are not rounding errors: a linear model with features R.
///
/// With weights a of the training points its parameters are z = Rᵀ a, and its outputs Θ a = R z. Gradient flow of a is gradient
/// flow of z, where the second derivatives Rᵀ (∇²L) R of a loss are symmetric.
struct KernelRoot: Sendable {
  /// R, shape (rows, modes).
  let features: Tensor
  /// The eigenvalues, shape (modes, 1).
  let values: Tensor
  /// Ascending.
  let eigenvalues: [Double]

  /// - Throws: where an eigenvalue is negative beyond rounding.
  init(_ kernel: Tensor, argument: String) throws(PredictionError) {
    let (all, rows) = try onBehalf(of: argument) { () throws(TensorError) in try eigenvectorRows(kernel) }
    let numbers = all.scalars(as: Double.self)
    let largest = max(numbers.last ?? 0, -(numbers.first ?? 0))
    if let first = numbers.first, first < -1e-6 * largest {
      throw .invalidValue(
        argument: argument, expected: "a positive semidefinite kernel where its flow is stiff or goes on for ever",
        found: "the eigenvalue \(first)")
    }
    let least = largest * 0x1p-52 * Double(max(1, numbers.count))
    let cut = numbers.firstIndex { $0 > least } ?? numbers.count
    eigenvalues = Array(numbers[cut...])
    values = Tensor(eigenvalues, shape: [eigenvalues.count, 1])
    features = (rows.sliced(axis: 0, cut..<numbers.count) * sqrt(values)).transposed()
  }

  /// R z, shape (rows, outputs).
  func outputs(_ parameters: Tensor) -> Tensor { matmul(features, parameters) }

  /// Rᵀ g, of a gradient in outputs the gradient in z, and of weights the parameters.
  func pulledBack(_ g: Tensor) -> Tensor { dotGeneral(features, g, contracting: ([0], [0])) }

  /// Weights a with Rᵀ a = z, the shortest ones.
  func weights(_ parameters: Tensor) -> Tensor { matmul(features, parameters / values) }
}
