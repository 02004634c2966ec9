import Foundation
import Tensors

/// The standard normal distribution.
enum NormalDistribution {
  static func density(_ x: Double) -> Double { exp(-x * x / 2) / (2 * .pi).squareRoot() }

  /// P(X ≤ x), accurate relative to itself in the lower tail.
  static func cumulative(_ x: Double) -> Double { erfc(-x / 2.0.squareRoot()) / 2 }

  /// The x with P(X ≤ x) = p, to rounding error; ±∞ at 0 and 1.
  ///
  /// Newton's method on log P(X > x), which is concave and falling: from a point beyond the root every step comes nearer
  /// without crossing it. P(X > x) ≤ ½ e^{−x²/2} gives such a point.
  static func quantile(_ p: Double) -> Double {
    if p == 0.5 { return 0 }
    if p > 0.5 { return -quantile(1 - p) }
    if p <= 0 { return p == 0 ? -.infinity : .nan }
    let target = log(p)
    var x = (-2 * log(2 * p)).squareRoot()
    for _ in 0..<64 {
      let tail = cumulative(-x)
      let next = x + (log(tail) - target) * tail / density(x)
      if !(next < x * (1 - 1e-16)) { break }
      x = next
    }
    return -x
  }

  /// Nodes and weights with Σ wᵢ f(xᵢ) = E[f(X)] for polynomials up to degree 2 · count − 1.
  ///
  /// Golub and Welsch: nodes are the eigenvalues of the Jacobi matrix of the Hermite polynomials, weights the squared
  /// first components of its eigenvectors.
  static func quadrature(_ count: Int) throws(TensorError) -> [(node: Double, weight: Double)] {
    var jacobi = [Double](repeating: 0, count: count * count)
    for row in 1..<count { jacobi[row * count + row - 1] = Double(row).squareRoot() }
    let (values, vectors) = try eigh(Tensor(jacobi, shape: [count, count]))
    let first = vectors.scalars(as: Double.self).prefix(count)
    return zip(values.scalars(as: Double.self), first).map { ($0, $1 * $1) }
  }
}
