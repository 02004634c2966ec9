import CovarianceEngine
import Tensors

/// The duals of φ(x) = a·min(x, 0) + b·max(x, 0) in float32 with one square root and one polynomial, as the vector loops have
/// them.
///
/// With c = q12/n, n = √q11 √q22, t = 1 − |c| and s = √(t (2 − t)), which is √(1 − c²), the angle is acos|c|/π = s A(t), and
///
///     κ̇ = (a+b)²/4 + sign(q12) (a−b)²/2 (½ − s A(t)),    κ = q12 κ̇ + (a−b)²/2 · n s/π.
///
/// *Source:* Cho and Saul, Kernel methods for deep learning (2009), degree 1; the coefficients of A are those of
/// `CVectorKernels/duals/polynomials.h`, 7.1e-8 relative.
struct StraightDual {
  private static let lead = 5.5636013858020306e-03
  private static let arc = [
    5.72129250e+01, 1.90703354e+01, 7.64489603e+00, 3.10683084e+00, 2.24176264e+00, -1.44090199e+00, 3.46924019e+00,
    -2.43524837e+00, 1.0,
  ]

  private let mean: Double
  private let bend: Double

  /// nil for another activation, and in float64, where the tensor form is as fast as its divisions.
  init?(_ dual: any Dual, isSingle: Bool) {
    guard isSingle, let vector = dual.vectorDual, vector.isStraightAroundZero, vector.parameters.count == 2 else {
      return nil
    }
    let (a, b) = (vector.parameters[0], vector.parameters[1])
    (mean, bend) = ((a + b) * (a + b) / 4, (a - b) * (a - b) / 2)
  }

  /// κ and κ̇, given the square roots of the variances.
  func values(_ k: Tensor, _ rows: Tensor, _ columns: Tensor) -> (dual: Tensor, derivative: Tensor) {
    let n = rows * columns
    // A variance of zero counts as correlation zero.
    let isZero = n .<= 0
    let t = select(isZero, 1, maximum((n - abs(k)) / select(isZero, 1, n), 0))
    let s = sqrt(t * (2 - t))
    let last = Self.arc.count - 1
    // A times (a−b)²/2.
    let scale = bend * Self.lead
    var a = t * (Self.arc[last] * scale) + Self.arc[last - 1] * scale
    for index in (0..<last - 1).reversed() { a = a * t + Self.arc[index] * scale }
    let turn = bend * 0.5 - s * a
    let derivative = mean + select(k .< 0, -turn, turn)
    return (k * derivative + n * s * (bend / .pi), derivative)
  }
}
