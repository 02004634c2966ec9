import Foundation

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
