import CovarianceEngine
import Platform
import Tensors

/// The logarithm of the density of the targets under a Gaussian process: −½ yᵀ K̃⁻¹ y − ½ log det K̃ − (N/2) log 2π, summed
/// over outputs, with K̃ = K + noiseVariance · I.
///
/// All arguments may be traced, so that its gradient in a network's constants comes by differentiating it:
///
/// ```swift
/// let slope = try gradient(of: { (noise: Tensor) in try logMarginalLikelihood(kernel, y, noiseVariance: noise) })(noise)
/// ```
///
/// - Parameters:
///   - kernel: shape (N, N).
///   - targets: shape (N) or (N, outputs); outputs are independent and share the kernel.
///   - noiseVariance: a scalar.
/// - Returns: a scalar in the kernel's element type.
/// - Throws: `PredictionError.notPositiveDefinite`; of a traced kernel the function that runs throws it, as a
///   `TensorError`.
/// - Complexity: N³/3 multiplications and additions; a gradient about four times that.
///
/// *Source:* Rasmussen and Williams 2006, equation 2.30.
public func logMarginalLikelihood(
  _ kernel: Tensor, _ targets: Tensor, noiseVariance: Tensor
) throws(PredictionError) -> Tensor {
  guard kernel.rank == 2, kernel.shape[0] == kernel.shape[1], kernel.dtype.isFloatingPoint else {
    throw .shapeMismatch(
      argument: "kernel", expected: "a square matrix of floating-point numbers", found: "\(kernel.type)")
  }
  let size = kernel.shape[0]
  guard targets.rank == 1 || targets.rank == 2, targets.shape[0] == size else {
    throw .shapeMismatch(
      argument: "targets", expected: "shape [\(size)] or [\(size), outputs]", found: "\(targets.shape)")
  }
  guard noiseVariance.count == 1 else {
    throw .shapeMismatch(argument: "noiseVariance", expected: "a scalar", found: "shape \(noiseVariance.shape)")
  }
  let outputs = (targets.rank == 1 ? targets.expandedDims(1) : targets).asType(kernel.dtype)
  let noise = noiseVariance.reshaped([]).asType(kernel.dtype)
  let regularized = kernel + Tensor.eye(size, dtype: kernel.dtype) * noise
  do throws(TensorError) {
    let factor = try cholesky(regularized)
    // yᵀ K̃⁻¹ y is the squared length of L⁻¹ y.
    let whitened = try triangularSolve(factor, outputs)
    return gaussianLogDensities(
      logDeterminant: logDeterminant(cholesky: factor), size: size, fit: square(whitened).sum(axis: 0)
    ).sum()
  } catch {
    guard case .notPositiveDefinite(let pivot, let size) = error else {
      throw .linearAlgebra(argument: "kernel", error)
    }
    let shift = noise.isTraced ? .nan : noise.asType(.float64).scalar(as: Double.self)
    throw .notPositiveDefinite(argument: "kernel", pivot: pivot, size: size, regularizer: .absolute(shift))
  }
}

/// log N(y; 0, M) of `size` numbers per output, given log det M and `fit` = yᵀ M⁻¹ y of each.
func gaussianLogDensities(logDeterminant: Tensor, size: Int, fit: Tensor) -> Tensor {
  -0.5 * (fit + (logDeterminant + Double(size) * log(2 * .pi)))
}
