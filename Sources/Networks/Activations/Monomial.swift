import CovarianceEngine
import CVectorKernels
import Tensors

/// Power: φ(x) = xⁿ with n = `degree`.
///
/// κ = Mₙ = Σ (n!)² / (j! (((n − j)/2)!)² 2ⁿ⁻ʲ) q12ʲ (q11 q22)^((n−j)/2) over j ≤ n of n's parity, and κ̇ = n² Mₙ₋₁.
///
/// *Source:* Isserlis, On a formula for the product-moment coefficient, Biometrika 12 (1918).
public struct Monomial: Activation {
  public static let nodeName = "monomial"

  /// Of higher degrees float64 does not hold κ̇ at unit variances, n² (2n − 3)!!.
  public static let largestDegree = 149

  /// The power.
  public let degree: Int

  /// - Precondition: `degree` is in `0 ... largestDegree`.
  public init(degree: Int) {
    precondition((0...Self.largestDegree).contains(degree), "degree \(degree) is not in 0 ... \(Self.largestDegree)")
    self.degree = degree
  }

  public func function(_ x: Tensor) -> Tensor { integerPower(x, degree) }

  public func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    Self.moment(degree, q12, q11, q22)
  }

  public func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    guard degree > 0 else { return .zeros(q12.shape, dtype: q12.dtype) }
    return Double(degree * degree) * Self.moment(degree - 1, q12, q11, q22)
  }

  /// E[uⁿ vⁿ], a sum of terms of one sign.
  private static func moment(_ degree: Int, _ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    let coefficients = momentCoefficients(degree)
    var total = Tensor(repeating: coefficients[0], shape: q12.shape, dtype: q12.dtype)
    if degree > 1 {
      let square = q12 * q12
      let variances = q11 * q22
      var power = variances
      for (i, coefficient) in coefficients.enumerated().dropFirst() {
        if i > 1 { power = power * variances }
        total = total * square + coefficient * power
      }
    }
    return degree.isMultiple(of: 2) ? total : total * q12
  }

  /// The coefficients of q12ⁿ⁻²ⁱ (q11 q22)ⁱ in E[uⁿ vⁿ] for i = 0, 1, …, ⌊n/2⌋.
  static func momentCoefficients(_ degree: Int) -> [Double] {
    var coefficient = (1..<max(degree + 1, 1)).reduce(1) { $0 * Double($1) }
    var result = [coefficient]
    for (i, j) in stride(from: degree, to: 1, by: -2).enumerated() {
      coefficient *= Double(j) * Double(j - 1) / Double(4 * (i + 1) * (i + 1))
      result.append(coefficient)
    }
    return result
  }

  public var vectorDual: VectorDual? {
    VectorDual(nt_dual_polynomial, coefficients: [Double](repeating: 0, count: degree) + [1])
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    degree = try arguments.degree(atMost: Self.largestDegree)
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("degree", degree)
  }
}
