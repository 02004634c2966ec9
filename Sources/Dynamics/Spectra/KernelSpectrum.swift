import CovarianceEngine
import Inference
import Networks
import Tensors

/// The eigenvalues and eigenfunctions of a kernel over the distribution of some rows, estimated from a pool of them: which functions
/// a kernel learns first.
///
/// Learning curves from it hold for training sets of up to about a quarter of the pool.
///
/// *Source:* Canatar, Bordelon and Pehlevan 2021 (arXiv 2006.13198).
public struct KernelSpectrum: Sendable {
  /// The largest first, those of the kernel matrix over the number of rows; what rounding made negative is zero.
  public let eigenvalues: [Double]
  /// Shape (M, M), a unit vector per column, in the order of `eigenvalues`.
  public let vectors: Tensor

  /// - Parameter kernel: of a pool of rows with itself, shape (M, M), M at least 1.
  /// - Throws: `DynamicsError` for another shape, `TensorError` for numbers that are not finite.
  public init(_ kernel: Tensor) throws {
    guard kernel.rank == 2, kernel.shape[0] == kernel.shape[1], kernel.shape[0] > 0 else {
      throw DynamicsError.invalidValue(
        argument: "kernel", expected: "a square matrix", found: "shape \(kernel.shape)")
    }
    try kernel.requireFinite(context: "kernel")
    let count = kernel.shape[0]
    let (values, vectors) = try eigh(kernel.asType(.float64))
    eigenvalues = values.scalars(as: Double.self).reversed().map { max(0, $0) / Double(count) }
    self.vectors = vectors.taking((0..<count).reversed(), axis: 1)
  }

  /// The mean squares of the target's parts along the eigenfunctions, in the order of `eigenvalues`; of several outputs, summed.
  ///
  /// - Parameter targets: of the pool's rows, shape (M) or (M, outputs).
  public func powers(of targets: Tensor) throws -> [Double] {
    let count = eigenvalues.count
    guard targets.rank == 1 || targets.rank == 2, targets.shape[0] == count else {
      throw DynamicsError.invalidValue(
        argument: "targets", expected: "shape [\(count)] or [\(count), outputs]", found: "shape \(targets.shape)")
    }
    try targets.requireFinite(context: "targets")
    let columns = targets.asType(.float64).reshaped([count, -1])
    return (square(matmul(vectors.transposed(), columns)).sum(axis: 1) / Double(count)).scalars()
  }

  /// The share of the target's power in the first eigenfunctions, one more with each: how well kernel and task are aligned. Ends
  /// at 1; all zeros for a target of zeros.
  ///
  /// - Parameter targets: as for `powers(of:)`.
  public func alignment(with targets: Tensor) throws -> [Double] {
    let powers = try powers(of: targets)
    let total = powers.reduce(0, +)
    var sum = 0.0
    return powers.map {
      sum += $0
      return total > 0 ? sum / total : 0
    }
  }

  /// What is expected of kernel regression on targets like those of the pool.
  ///
  /// - Parameters:
  ///   - targets: as for `powers(of:)`.
  ///   - ridge: added to the diagonal of the kernel matrix.
  ///   - noiseVariance: of further noise in the targets.
  public func learningCurve(of targets: Tensor, ridge: Double = 0, noiseVariance: Double = 0) throws -> LearningCurve {
    try LearningCurve(
      eigenvalues: eigenvalues, powers: powers(of: targets), ridge: ridge, noiseVariance: noiseVariance)
  }
}

extension Layer {
  /// The spectrum of one of the network's kernels over a pool of inputs.
  ///
  /// - Parameters:
  ///   - x: the pool, as `kernel` takes inputs.
  ///   - kind: the covariance for `.nngp`, otherwise the tangent kernel.
  public func kernelSpectrum(_ x: Tensor, kernel kind: EnsembleKind = .ntk) throws -> KernelSpectrum {
    try KernelSpectrum(kind == .nngp ? nngp(x) : ntk(x))
  }
}

/// An estimate of the mean square error on new rows from the training rows alone: (yᵀA⁻²y/n) / (tr A⁻¹/n)² with A = K + δ1, which is
/// generalized cross-validation.
///
/// - Parameters:
///   - kernel: K of the training rows, shape (n, n).
///   - targets: shape (n) or (n, outputs); of several outputs the errors are summed.
///   - ridge: δ.
/// - Throws: `DynamicsError` for shapes that do not fit or a negative ridge, `TensorError` where A is singular.
///
/// *Source:* Jacot et al. 2020 (arXiv 2006.09796).
public func generalizationEstimate(_ kernel: Tensor, _ targets: Tensor, ridge: Double) throws -> Double {
  try requireNonnegative([ridge], "ridge")
  guard kernel.rank == 2, kernel.shape[0] == kernel.shape[1], kernel.shape[0] > 0 else {
    throw DynamicsError.invalidValue(argument: "kernel", expected: "a square matrix", found: "shape \(kernel.shape)")
  }
  let count = kernel.shape[0]
  guard targets.rank == 1 || targets.rank == 2, targets.shape[0] == count else {
    throw DynamicsError.invalidValue(
      argument: "targets", expected: "shape [\(count)] or [\(count), outputs]", found: "shape \(targets.shape)")
  }
  let factor = try cholesky(kernel.asType(.float64) + ridge * Tensor.eye(count, dtype: .float64))
  let inverse = try inverse(cholesky: factor)
  let weights = matmul(inverse, targets.asType(.float64).reshaped([count, -1]))
  let trace = inverse.diagonal().mean().scalar(as: Double.self)
  return square(weights).sum().scalar(as: Double.self) / Double(count) / (trace * trace)
}
