import CovarianceEngine
import Platform
import Tensors

/// M̃ = V diag(λ) Vᵀ for everything: 9 N³ operations, once.
final class SpectralSolver: Solver {
  private let kernel: RegularizedKernel
  private let basis = Lazily<Eigenbasis>()

  init(_ kernel: RegularizedKernel) {
    self.kernel = kernel
  }

  var name: String { "eigendecomposition" }

  func eigenbasis() throws(PredictionError) -> Eigenbasis {
    try basis { () throws(PredictionError) in try kernel.eigenbasis() }
  }

  /// The basis of a matrix that can be inverted.
  private func positiveBasis() throws(PredictionError) -> Eigenbasis {
    let basis = try eigenbasis()
    if let smallest = basis.values.first, smallest <= 0 { throw kernel.notPositiveDefinite(pivot: 0) }
    return basis
  }

  private func powers(_ basis: Eigenbasis, _ exponent: Double) -> Tensor {
    Tensor(basis.values.map { pow($0, exponent) }).asType(basis.rows.dtype)
  }

  func solve(_ b: Tensor) throws(PredictionError) -> Tensor {
    let basis = try positiveBasis()
    let scaled = powers(basis, -1).reshaped([-1, 1]) * basis.coordinates(ofColumns: b)
    return dotGeneral(basis.rows, scaled, contracting: ([0], [0]))
  }

  /// x V λ^(−1/2).
  func whitened(_ x: Tensor) throws(PredictionError) -> Tensor {
    let basis = try positiveBasis()
    return basis.coordinates(ofRows: x) * powers(basis, -0.5)
  }

  func inverseDiagonal() throws(PredictionError) -> Tensor {
    let basis = try positiveBasis()
    return (square(basis.rows) * powers(basis, -1).reshaped([-1, 1])).sum(axis: 0)
  }

  func logDeterminant() throws(PredictionError) -> Double {
    try positiveBasis().values.reduce(0) { $0 + log($1) }
  }
}
