import CovarianceEngine
import Foundation
import Synchronization
import Tensors

/// A value computed when it is first asked for, once, by whichever thread comes first.
final class Lazily<Value: Sendable>: Sendable {
  private let value = Mutex<Value?>(nil)

  func callAsFunction<Failure: Error>(_ compute: () throws(Failure) -> Value) throws(Failure) -> Value {
    try value.withLock { (value) throws(Failure) -> Value in
      if let value { return value }
      let computed = try compute()
      value = computed
      return computed
    }
  }
}

/// A regularized train-train kernel M̃ with its targets y, and its factorisations, each computed once.
final class TrainingSystem: Sendable {
  /// Not regularized.
  let matrix: Tensor
  /// Shape (rows, outputs).
  let targets: Tensor
  let regularizer: DiagonalRegularizer
  let shift: Double
  private let argument: String
  private let factor = Lazily<Tensor>()
  private let basis = Lazily<Eigenbasis>()
  private let solution = Lazily<Tensor>()

  struct Eigenbasis: Sendable {
    /// Of M̃, ascending.
    let values: [Double]
    /// Eigenvectors in rows: Vᵀ.
    let rows: Tensor
  }

  init(
    _ matrix: Tensor, targets: Tensor, regularizer: DiagonalRegularizer, argument: String
  ) throws(PredictionError) {
    try requireFinite(matrix, argument)
    self.matrix = matrix
    self.targets = targets
    self.regularizer = try regularizer.checked()
    self.argument = argument
    shift = regularizer.shift(of: matrix)
  }

  var dtype: DType { matrix.dtype }

  /// L with M̃ = L Lᵀ.
  func choleskyFactor() throws(PredictionError) -> Tensor {
    try factor { () throws(PredictionError) in
      do throws(TensorError) {
        return try cholesky(addingToDiagonal(matrix, shift))
      } catch {
        guard case .notPositiveDefinite(let pivot, let size) = error else {
          throw .linearAlgebra(argument: argument, error)
        }
        throw .notPositiveDefinite(argument: argument, pivot: pivot, size: size, regularizer: regularizer)
      }
    }
  }

  /// M̃ = V diag(values) Vᵀ.
  func eigenbasis() throws(PredictionError) -> Eigenbasis {
    try basis { () throws(PredictionError) in
      // The shift moves eigenvalues only, and adding it afterwards loses nothing.
      let (values, rows) = try onBehalf(of: argument) { () throws(TensorError) in try eigenvectorRows(matrix) }
      return Eigenbasis(values: values.asType(.float64).scalars(as: Double.self).map { $0 + shift }, rows: rows)
    }
  }

  /// M̃⁻¹ y, shape (rows, outputs).
  func weights() throws(PredictionError) -> Tensor {
    try solution { () throws(PredictionError) in try solve(targets) }
  }

  /// M̃⁻¹ b.
  func solve(_ b: Tensor) throws(PredictionError) -> Tensor {
    let factor = try choleskyFactor()
    return try onBehalf(of: argument) { () throws(TensorError) in try choleskySolve(factor, b) }
  }

  /// x L⁻ᵀ, whose Gram matrix is x M̃⁻¹ xᵀ; x of shape (points, rows).
  func whitened(_ x: Tensor) throws(PredictionError) -> Tensor {
    let factor = try choleskyFactor()
    return try onBehalf(of: argument) { () throws(TensorError) in
      try triangularSolve(factor, x, transpose: true, side: .right)
    }
  }

  /// x M̃⁻¹, x of shape (points, rows).
  func solvedFromRight(_ x: Tensor) throws(PredictionError) -> Tensor {
    let factor = try choleskyFactor()
    let white = try whitened(x)
    return try onBehalf(of: argument) { () throws(TensorError) in try triangularSolve(factor, white, side: .right) }
  }
}

/// Functions of a flow's eigenvalues λ after the scaled time s = learningRate · t / |y|, t finite; negative λ, which
/// can only be rounding errors, count as zero.
enum FlowFunction {
  /// e^{−λ s}.
  static func decay(_ eigenvalue: Double, _ s: Double) -> Double { exp(-max(eigenvalue, 0) * s) }

  /// 1 − e^{−λ s}.
  static func progress(_ eigenvalue: Double, _ s: Double) -> Double { -expm1(-max(eigenvalue, 0) * s) }

  /// (1 − e^{−λ s}) / λ, which is s at λ = 0.
  static func gain(_ eigenvalue: Double, _ s: Double) -> Double {
    let exponent = max(eigenvalue, 0) * s
    if exponent > 1 { return progress(eigenvalue, s) / eigenvalue }
    return exponent == 0 ? s : s * (-expm1(-exponent) / exponent)
  }
}

extension TrainingSystem.Eigenbasis {
  /// f(λ, s) for each eigenvalue, in the element type of the vectors.
  func map(_ s: Double, _ function: (Double, Double) -> Double) -> Tensor {
    Tensor(values.map { function($0, s) }).asType(rows.dtype)
  }

  /// x V, x of shape (points, rows).
  func coordinates(ofRows x: Tensor) -> Tensor { dotGeneral(x, rows, contracting: ([1], [1])) }

  /// Vᵀ x, x of shape (rows, outputs).
  func coordinates(ofColumns x: Tensor) -> Tensor { matmul(rows, x) }
}
