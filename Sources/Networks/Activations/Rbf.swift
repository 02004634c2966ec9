import CovarianceEngine
import CVectorKernels
import Tensors

/// Random Fourier feature: φ(x) = √2 sin(√(2γ) x + π/4), whose dual is the Gaussian kernel.
///
/// κ = e^(−γ(q11 + q22 − 2 q12)) and κ̇ = 2γκ.
///
/// *Source:* Rahimi and Recht, Random features for large-scale kernel machines, NIPS 2007.
public struct Rbf: Activation {
  public static let nodeName = "rbf"

  /// Positive: one over twice the squared length scale.
  @HyperParameter public var gamma: Double

  /// - Precondition: `gamma` is positive.
  public init(gamma: Double = 1) {
    precondition(gamma > 0 && gamma.isFinite, "gamma must be positive, found \(gamma)")
    self.gamma = gamma
  }

  public func function(_ x: Tensor) -> Tensor {
    2.0.squareRoot() * sin((2 * $gamma).squareRoot * x + .pi / 4)
  }

  public func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    // One exponential of a difference that is exact for nearby inputs: two would overflow.
    exp(-$gamma * ((q11 - q12) + (q22 - q12)))
  }

  public func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    (2 * $gamma) * dual(q12, q11, q22)
  }

  public var vectorDual: VectorDual? { VectorDual(nt_dual_rbf, parameters: [gamma]) }

  public mutating func visitHyperParameters(_ visitor: inout HyperParameterVisitor) {
    visitor.visit("gamma", &$gamma, in: { $0 > 0 && $0.isFinite }, expected: "a positive number")
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    gamma = try arguments.number("gamma", default: 1, in: { $0 > 0 && $0.isFinite }, expected: "a positive number")
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("gamma", gamma, default: 1)
  }
}
