import CovarianceEngine
import CVectorKernels
import Tensors

/// Rectified power: φ(x) = xⁿ for x ≥ 0, else 0, with n = `degree`.
///
/// κ = (q11 q22)^(n/2) Jₙ(θ)/2π with θ = acos ρ and κ̇ = n² times the κ of degree n − 1, where
/// Jₙ = (−1)ⁿ sin²ⁿ⁺¹θ ((1/sin θ) d/dθ)ⁿ((π − θ)/sin θ). At a zero variance θ counts as π/2, and for n = 0 the
/// step is φ(0) = 1: κ = 1/2 for one zero variance and 1 for two.
///
/// *Source:* Cho and Saul, Kernel methods for deep learning, NIPS 2009.
public struct RectifiedMonomial: Activation {
  public static let nodeName = "rectifiedMonomial"

  /// Of higher degrees float64 does not hold κ̇ at unit variances.
  public static let largestDegree = Monomial.largestDegree

  /// The power.
  public let degree: Int

  /// - Precondition: `degree` is in `0 ... largestDegree`.
  public init(degree: Int) {
    precondition((0...Self.largestDegree).contains(degree), "degree \(degree) is not in 0 ... \(Self.largestDegree)")
    self.degree = degree
  }

  public func function(_ x: Tensor) -> Tensor {
    degree == 0 ? (x .>= 0).asType(x.dtype) : integerPower(maximum(x, 0), degree)
  }

  public func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    let kappa = Self.arcCosine(degree, q12, q11, q22)
    guard degree == 0 else { return kappa }
    let first = select(q11 .<= 0, 2 * kappa, kappa)
    return select(q22 .<= 0, 2 * first, first)
  }

  public func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    guard degree > 0 else { return .zeros(q12.shape, dtype: q12.dtype) }
    return Double(degree * degree) * Self.arcCosine(degree - 1, q12, q11, q22)
  }

  /// (q11 q22)^(n/2) Jₙ/2π, without the divisions by sin θ and without the cancellation near ρ = −1.
  ///
  /// In z = (1 + ρ)/2 the derivative dual reads dJₙ/dz = 2n² Jₙ₋₁, which Jₙ = Cₙ z^(n+½) F(½, ½; n + 3/2; z) solves,
  /// F being Gauss's hypergeometric series and Cₙ = Cₙ₋₁ 2n²/(n + ½), C₀ = 2. Its terms are positive and fall faster
  /// than 2⁻ᵏ for ρ ≤ 0; for ρ > 0 it is used at −ρ, by Jₙ(ρ) = π Mₙ(ρ) − (−1)ⁿ Jₙ(−ρ) with Mₙ = E[uⁿ vⁿ] at unit
  /// variances.
  private static func arcCosine(_ degree: Int, _ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    let correlation = Correlation(q12, q11, q22)
    let z = 0.5 * correlation.distance
    let opposed = integerPower(z, degree) * squareRoot(z) * powerSeries(hypergeometricSeries(degree), at: z)
    let rho = 1 - 2 * z
    let moments = .pi * powerSeries(Monomial.momentCoefficients(degree).reversed(), at: rho * rho)
    let even = degree.isMultiple(of: 2)
    let aligned = even ? moments - opposed : moments * rho + opposed
    let j = select(correlation.isNonnegative, aligned, opposed) * (0.5 / .pi)
    return degree == 0 ? j : integerPower(correlation.scale, degree) * j
  }

  /// The coefficients of Cₙ F(½, ½; n + 3/2; z), as many as count for z ≤ ½.
  private static func hypergeometricSeries(_ degree: Int) -> [Double] {
    var term = 2.0
    for k in 0..<degree { term *= 2 * Double((k + 1) * (k + 1)) / (Double(k) + 1.5) }
    let negligible = term * 0x1p-54
    var result = [term]
    var size = term
    while size > negligible {
      let k = Double(result.count - 1)
      let ratio = (k + 0.5) * (k + 0.5) / ((Double(degree) + k + 1.5) * (k + 1))
      term *= ratio
      size *= ratio / 2
      result.append(term)
    }
    return result
  }

  public var vectorDual: VectorDual? {
    var coefficients = [Double](repeating: 0, count: nt_rectified_monomial_coefficient_count)
    nt_rectified_monomial_coefficients(Int32(clamping: degree), &coefficients)
    return VectorDual(nt_dual_rectified_monomial, parameters: [Double(degree)], coefficients: coefficients)
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    degree = try arguments.degree(atMost: Self.largestDegree)
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("degree", degree)
  }
}
