import CovarianceEngine
import CVectorKernels
import Tensors

/// The kernel of an exponential function of normalised inputs, for which no function φ is given.
///
/// With s = √(q11 q22) and ρ = q12/s: κ = s e^(γ(ρ + shift)) and κ̇ = ∂κ/∂q12 = γ e^(γ(ρ + shift)). At a zero variance
/// ρ counts as 0.
///
/// *Source:* Mairal et al., Convolutional kernel networks, NIPS 2014 (arXiv 1406.3332); Shankar et al., Neural kernels
/// without tangents, ICML 2020 (arXiv 2003.02237), section 3.
public struct ExpNormalized: Activation {
  public static let nodeName = "expNormalized"

  /// Not negative.
  @HyperParameter public var gamma: Double
  /// What is added to correlations before the exponential.
  @HyperParameter public var shift: Double
  /// Whether correlations outside [−1, 1], which only rounding makes, are taken as ±1.
  public var clip: Bool

  /// - Precondition: `gamma` is not negative, else the kernel is not positive definite.
  public init(gamma: Double = 1, shift: Double = -1, clip: Bool = false) {
    precondition(gamma >= 0 && gamma.isFinite, "gamma must not be negative, found \(gamma)")
    self.gamma = gamma
    self.shift = shift
    self.clip = clip
  }

  public func function(_ x: Tensor) throws(NetworkError) -> Tensor {
    throw NetworkError(
      expected: "a layer with an elementwise function: use exp in finite networks",
      found: "expNormalized, which has a kernel only")
  }

  public func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    let scale = Correlation(q12, q11, q22).scale
    // κ has a kink at scale 0; the second form has its value and, in q12, the derivative κ̇.
    let atZero = ($gamma * $shift).exponential * (scale + $gamma * q12)
    return select(scale .<= 0, atZero, scale * growth(q12, scale))
  }

  public func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    $gamma * growth(q12, Correlation(q12, q11, q22).scale)
  }

  /// e^(γ(ρ + shift)).
  private func growth(_ q12: Tensor, _ scale: Tensor) -> Tensor {
    let rho = q12 / select(scale .<= 0, 1, scale)
    return exp($gamma * ((clip ? maximum(minimum(rho, 1), -1) : rho) + $shift))
  }

  public var vectorDual: VectorDual? { VectorDual(nt_dual_exp_normalized, parameters: [gamma, shift]) }

  public mutating func visitHyperParameters(_ visitor: inout HyperParameterVisitor) {
    visitor.visit("gamma", &$gamma, in: { $0 >= 0 && $0.isFinite }, expected: "a number that is not negative")
    visitor.visit("shift", &$shift)
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    gamma = try arguments.number(
      "gamma", default: 1, in: { $0 >= 0 && $0.isFinite }, expected: "a number that is not negative")
    shift = try arguments.number("shift", default: -1)
    clip = try arguments.boolean("clip", default: false)
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("gamma", gamma, default: 1)
    arguments.set("shift", shift, default: -1)
    arguments.set("clip", clip, default: false)
  }
}
