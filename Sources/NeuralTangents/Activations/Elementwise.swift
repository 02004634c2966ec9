import Tensors

/// An activation of your own, given by closures: its dual, its derivative dual, its function, or some of them.
///
/// ```swift
/// let cube = Elementwise(dual: { q12, q11, q22 in 6 * q12 * q12 * q12 + 9 * q12 * q11 * q22 })
/// ```
///
/// What is left out is an error only when it is needed: the function by finite networks, the dual by kernels, the
/// derivative dual by tangent kernels. Network files cannot hold it.
public struct Elementwise: Activation {
  public static let nodeName = "elementwise"

  /// κ or κ̇ of (q12, q11, q22), which broadcast against each other.
  public typealias Dual = @Sendable (_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor

  private let phi: (@Sendable (Tensor) -> Tensor)?
  private let kappa: Dual?
  private let kappaDot: Dual?

  /// The closures must be made of tensor operations; they are called with any shapes that broadcast.
  ///
  /// - Parameters:
  ///   - function: φ, element by element.
  ///   - dual: κ = E[φ(u) φ(v)].
  ///   - derivativeDual: κ̇ = E[φ'(u) φ'(v)] = ∂κ/∂q12.
  public init(
    function: (@Sendable (Tensor) -> Tensor)? = nil, dual: Dual? = nil, derivativeDual: Dual? = nil
  ) {
    phi = function
    kappa = dual
    kappaDot = derivativeDual
  }

  public func function(_ x: Tensor) throws(NetworkError) -> Tensor {
    guard let phi else { throw missing("function", "a finite network") }
    return phi(x)
  }

  public func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) throws(NetworkError) -> Tensor {
    guard let kappa else { throw missing("dual", "a kernel") }
    return kappa(q12, q11, q22)
  }

  public func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) throws(NetworkError) -> Tensor {
    guard let kappaDot else { throw missing("derivativeDual", "the tangent kernel (NTK)") }
    return kappaDot(q12, q11, q22)
  }

  private func missing(_ argument: String, _ use: String) -> NetworkError {
    NetworkError(path: [.name(argument)], expected: "a closure: \(use) needs it", found: "none")
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    throw NetworkError(
      expected: "a layer that network files can hold: \(ElementwiseNumerical.nodeName) takes functions by name",
      found: "\(Self.nodeName), which is made of closures")
  }

  public func write(to arguments: inout LayerArguments) throws(NetworkError) {
    throw NetworkError(
      expected: "layers that network files can hold: \(ElementwiseNumerical.nodeName) takes functions by name",
      found: "\(Self.nodeName), which is made of closures")
  }
}
