import CovarianceEngine
import Tensors

/// An elementwise nonlinearity φ with its dual κ and derivative dual κ̇.
public protocol Activation: SingleInputLayer, Dual {}

extension Activation {
  /// The activation's node in a network file; a function of your own is known by its values at some points.
  public var fingerprint: String {
    if let node = try? node() { return node.json().filter { !$0.isWhitespace } }
    let points = Tensor([-3.7, -2.1, -1.3, -0.7, -0.2, 0, 0.1, 0.4, 0.9, 1.6, 2.3, 4.2])
    let values = try? function(points).asType(.float64).scalars(as: Double.self)
    let q = points * points
    let duals = try? dual(0.5 * q, q, q).asType(.float64).scalars(as: Double.self)
    return "\(nodeName) \(values ?? []) \(duals ?? [])"
  }

  /// E[φ(u)] for u of zero mean and variance q.
  ///
  /// Two uncorrelated inputs give κ(0; q, q) = E[φ(u)]², exactly; only the sign is found by quadrature.
  public func mean(_ q: Tensor) throws(NetworkError) -> Tensor {
    let magnitude = squareRoot(try dual(0 * q, q, q))
    let rule = GaussHermite(degree: 32)
    let deviation = 2.0.squareRoot() * squareRoot(q)
    var total = Tensor.zeros(q.shape, dtype: q.dtype)
    for (node, weight) in zip(rule.nodes, rule.weights) { total = total + weight * (try function(node * deviation)) }
    return select(total .< 0, -magnitude, magnitude)
  }

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
    return program.appendByChannel(DualOperation(self), input, isGaussian: false)
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
