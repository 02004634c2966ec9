import CovarianceEngine
import Tensors

/// An activation of your own, given by closures: its dual, its derivative dual, its function, or some of them.
///
/// ```swift
/// let cube = Elementwise(dual: { q12, q11, q22 in 6 * q12 * q12 * q12 + 9 * q12 * q11 * q22 })
/// ```
///
/// What is left out is an error only when it is needed: the function by finite networks, the dual by kernels. The
/// derivative dual is derived from the dual when it is left out; state it where the dual has a kink inside, at zero
/// variances or correlation one, or costs too much twice. Network files cannot hold it. `CustomActivation` computes the
/// duals from the function.
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
  ///   - derivativeDual: κ̇ = E[φ'(u) φ'(v)] = ∂κ/∂q12; nil for the derivative of `dual`.
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
    if let kappaDot { return kappaDot(q12, q11, q22) }
    guard let kappa else { throw missing("derivativeDual", "the tangent kernel (NTK)") }
    // κ works element by element, so that its tangent along ones is the derivative of each element.
    let shape = kappa(q12, q11, q22).shape
    let full = q12.broadcast(to: shape)
    do {
      return try jvp({ (q: Tensor) in kappa(q, q11, q22) }, at: full, along: .ones(shape, dtype: q12.dtype)).tangent
    } catch {
      throw NetworkError(path: [.name("dual")], expected: "a closure that can be differentiated", found: "\(error)")
    }
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
