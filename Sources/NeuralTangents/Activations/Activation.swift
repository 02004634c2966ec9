import CVectorKernels
import Tensors

/// An elementwise nonlinearity φ with its dual κ and derivative dual κ̇.
///
/// For (u, v) Gaussian with zero mean, variances q11, q22 and covariance q12: κ = E[φ(u) φ(v)], κ̇ = E[φ'(u) φ'(v)] =
/// ∂κ/∂q12. The tensors q12, q11, q22 broadcast against each other and are float32 or float64; results must be finite
/// for every valid covariance, zero variances and |q12| = √(q11 q22) included, wherever the mathematics is.
public protocol Activation: SingleInputLayer {
  /// φ, element by element.
  func function(_ x: Tensor) throws(NetworkError) -> Tensor
  /// κ.
  func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) throws(NetworkError) -> Tensor
  /// κ̇.
  func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) throws(NetworkError) -> Tensor
  /// κ(q, q, q): the variance of φ(u). It must equal `dual(q, q, q)` bit for bit, as by default, so that equal inputs
  /// keep correlation one through all layers.
  func varianceDual(_ q: Tensor) throws(NetworkError) -> Tensor
  /// The vector kernel that computes the same duals inside tiles, when there is one.
  var vectorDual: VectorDual? { get }
}

extension Activation {
  public var vectorDual: VectorDual? { nil }

  public func varianceDual(_ q: Tensor) throws(NetworkError) -> Tensor { try dual(q, q, q) }

  public func outputShape(_ input: [Int]) throws(NetworkError) -> [Int] { input }

  public func apply(_ parameters: Parameters, _ input: Tensor, _ context: ApplyContext) throws(NetworkError) -> Tensor {
    try function(input)
  }

  public func append(to program: inout CovarianceProgram, _ input: CovarianceValue) throws(NetworkError)
    -> CovarianceValue
  {
    guard input.isGaussian else {
      throw NetworkError(
        expected: "Gaussian inputs: a dense layer before every activation",
        found: "the network's input or the output of an activation, a product, a concatenation or dropout")
    }
    return program.appendByChannel(.dual(self), input, isGaussian: false)
  }
}

/// An activation that is another one with special arguments, such as `Relu` of `ABRelu`.
protocol SpecialActivation: Activation {
  associatedtype General: Activation
  var general: General { get }
}

extension SpecialActivation {
  public func function(_ x: Tensor) throws(NetworkError) -> Tensor { try general.function(x) }

  public func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) throws(NetworkError) -> Tensor {
    try general.dual(q12, q11, q22)
  }

  public func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) throws(NetworkError) -> Tensor {
    try general.derivativeDual(q12, q11, q22)
  }

  public func varianceDual(_ q: Tensor) throws(NetworkError) -> Tensor { try general.varianceDual(q) }

  public var vectorDual: VectorDual? { general.vectorDual }
}
