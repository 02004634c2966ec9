import CovarianceEngine
import Tensors

/// M̃ = L Lᵀ by Cholesky's method: N³/3 multiplications and additions, once; an eigendecomposition only where it is asked for.
final class FactorizedSolver: Solver {
  private let kernel: RegularizedKernel
  private let factor = Lazily<Tensor>()
  private let basis = Lazily<Eigenbasis>()

  init(_ kernel: RegularizedKernel) {
    self.kernel = kernel
  }

  var name: String { "Cholesky factorisation" }

  private func choleskyFactor() throws(PredictionError) -> Tensor {
    try factor { () throws(PredictionError) in
      let shifted = try kernel.shifted()
      do throws(TensorError) {
        return try cholesky(consume shifted)
      } catch {
        throw kernel.meaning(of: error)
      }
    }
  }

  private func withFactor(_ body: (Tensor) throws(TensorError) -> Tensor) throws(PredictionError) -> Tensor {
    let factor = try choleskyFactor()
    return try onBehalf(of: kernel.argument) { () throws(TensorError) in try body(factor) }
  }

  func solve(_ b: Tensor) throws(PredictionError) -> Tensor {
    try withFactor { (factor) throws(TensorError) in try choleskySolve(factor, b) }
  }

  /// x L⁻ᵀ.
  func whitened(_ x: Tensor) throws(PredictionError) -> Tensor {
    try withFactor { (factor) throws(TensorError) in try triangularSolve(factor, x, transpose: true, side: .right) }
  }

  func inverseDiagonal() throws(PredictionError) -> Tensor {
    try withFactor { (factor) throws(TensorError) in try inverse(cholesky: factor).diagonal() }
  }

  func logDeterminant() throws(PredictionError) -> Double {
    Tensors.logDeterminant(cholesky: try choleskyFactor().asType(.float64)).scalar(as: Double.self)
  }

  func eigenbasis() throws(PredictionError) -> Eigenbasis {
    try basis { () throws(PredictionError) in try kernel.eigenbasis() }
  }
}
