import CovarianceEngine
import Tensors

/// An activation of your own, given by its function alone; its duals are computed.
///
/// ```swift
/// let network = Serial {
///   Dense(512)
///   CustomActivation { x in x * x / (1 + exp(-x)) }
///   Dense(1)
/// }
/// let leaky = CustomActivation(kinks: [-1, 0]) { x in maximum(x, 0) + 0.1 * minimum(x + 1, 0) }
/// ```
///
/// Functions that are smooth between the kinks you declare have duals exact to 1e-10 of √(κ(q11) κ(q22)), as long as
/// they change on a scale of at least 1/20 standard deviations and grow no faster than a polynomial. A jump or kink that
/// is not declared costs most of the digits. `Elementwise` takes duals of your own, `ElementwiseNumerical` is a
/// quadrature rule of fixed degree as in the Python library; network files cannot hold either closures or this.
///
/// Time: a hundred operations per entry where the Hermite series converges, some ten thousand evaluations of φ where it
/// does not: near correlation ±1 for functions with kinks and for variances far above 1.
public struct CustomActivation: Activation {
  public static let nodeName = "customActivation"

  private let phi: @Sendable (Tensor) -> Tensor
  private let slope: (@Sendable (Tensor) -> Tensor)?
  /// Where φ, φ' or φ'' jumps.
  public let kinks: [Double]
  private let caches = (function: SeriesCache(), derivative: SeriesCache())

  /// The closures must be made of tensor operations, element by element.
  ///
  /// - Parameters:
  ///   - kinks: where φ, φ' or φ'' jumps.
  ///   - derivative: φ'; nil for the derivative of `function`, which is right where `function` is differentiable.
  ///   - function: φ.
  /// - Precondition: the kinks are finite.
  public init(
    kinks: [Double] = [], derivative: (@Sendable (Tensor) -> Tensor)? = nil,
    function: @escaping @Sendable (Tensor) -> Tensor
  ) {
    precondition(kinks.allSatisfy { $0.isFinite }, "kinks \(kinks) are not all finite")
    phi = function
    slope = derivative
    self.kinks = Array(Set(kinks.map { $0 + 0 })).sorted()
  }

  /// A function with its derivative, such as `NumericalFunction.tanh`.
  public init(_ function: NumericalFunction, kinks: [Double] = []) {
    self.init(kinks: kinks, derivative: function.derivative, function: function.function)
  }

  public func function(_ x: Tensor) -> Tensor { phi(x) }

  public func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) throws(NetworkError) -> Tensor {
    try value(q12, q11, q22)
  }

  public func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) throws(NetworkError) -> Tensor {
    try GaussianExpectation(derivative, kinks: kinks, cache: caches.derivative)(q12, q11, q22)
  }

  public func varianceDual(_ q: Tensor) throws(NetworkError) -> Tensor {
    try value.meanSquare(q)
  }

  private var value: GaussianExpectation {
    GaussianExpectation({ (x: Tensor) throws(NetworkError) in phi(x) }, kinks: kinks, cache: caches.function)
  }

  private func derivative(_ x: Tensor) throws(NetworkError) -> Tensor {
    if let slope { return slope(x) }
    do {
      // φ works element by element, so that its tangent along ones is the derivative of each element.
      return try jvp(phi, at: x, along: .ones(x.shape, dtype: x.dtype)).tangent
    } catch {
      throw NetworkError(
        path: [.name("function")], expected: "a closure that can be differentiated", found: "\(error)")
    }
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    throw Self.noFile
  }

  public func write(to arguments: inout LayerArguments) throws(NetworkError) {
    throw Self.noFile
  }

  private static var noFile: NetworkError {
    NetworkError(
      expected: "a layer that network files can hold: \(ElementwiseNumerical.nodeName) takes functions by name",
      found: "\(nodeName), which is made of closures")
  }
}
