import CovarianceEngine
import Platform

/// Nodes xᵢ and weights wᵢ with ∫ f(x) e^(−x²) dx ≈ Σ wᵢ f(xᵢ), exact for polynomials f of degree below 2 · `degree`.
///
/// E[f(u)] for Gaussian u of variance q is Σ wᵢ f(√(2q) xᵢ) / √π. Nodes are within 4e-16 relative of the exact ones and
/// weights within 1e-16 absolute, 5e-14 relative, up to degree 200; of higher degrees the outermost weights underflow
/// to zero. Takes O(`degree`²) time.
///
/// *Source:* Golub and Welsch, Calculation of Gauss quadrature rules, Math. Comp. 23 (1969).
public struct GaussHermite: Sendable, Hashable {
  /// In ascending order.
  public let nodes: [Double]
  /// The weight of each node.
  public let weights: [Double]

  /// - Precondition: `degree` is at least 1.
  public init(degree: Int) {
    precondition(degree >= 1, "a quadrature rule has at least one node, found degree \(degree)")
    var upper: [(node: Double, weight: Double)] = []
    for index in (degree / 2)..<degree {
      // The middle node of an odd rule is zero by symmetry, which bisection only approaches.
      let isMiddle = 2 * index + 1 == degree
      upper.append(Self.polished(isMiddle ? 0 : Self.bisected(index, degree), degree))
    }
    let lower = upper.reversed().prefix(degree / 2).map { (node: -$0.node, weight: $0.weight) }
    nodes = (lower + upper).map(\.node)
    weights = (lower + upper).map(\.weight)
  }

  /// The eigenvalue number `index` of the Jacobi matrix, whose diagonal is zero and whose squared off-diagonal is k/2:
  /// Sturm sequences find the eigenvalues of such a matrix to a few roundings, relative.
  private static func bisected(_ index: Int, _ degree: Int) -> Double {
    func countBelow(_ x: Double) -> Int {
      var pivot = -x
      var count = pivot < 0 ? 1 : 0
      for k in 1..<max(degree, 1) {
        pivot = -x - Double(k) / 2 / (pivot == 0 ? .leastNormalMagnitude : pivot)
        if pivot < 0 { count += 1 }
      }
      return count
    }
    var (low, high) = (0.0, Double(2 * degree + 1).squareRoot())
    while true {
      let middle = (low + high) / 2
      guard middle > low, middle < high else { return middle }
      if countBelow(middle) > index { high = middle } else { low = middle }
    }
  }

  /// One Newton step on the orthonormal polynomial pₙ, whose derivative is √(2n) pₙ₋₁, and the weight 1 / (n pₙ₋₁²).
  private static func polished(_ start: Double, _ degree: Int) -> (node: Double, weight: Double) {
    func step(_ x: Double) -> (correction: Double, previous: Double, scaling: Int) {
      var (previous, current) = (0.0, 1 / Double.pi.squareRoot().squareRoot())
      var scaling = 0
      for k in 0..<degree {
        let next = (x * current - (Double(k) / 2).squareRoot() * previous) / (Double(k + 1) / 2).squareRoot()
        (previous, current) = (current, next)
        // pₙ grows like e^(x²/2): carried as previous · 2^(512 scaling), it never overflows.
        if current.magnitude > 0x1p512 {
          (previous, current) = (previous * 0x1p-512, current * 0x1p-512)
          scaling += 1
        }
      }
      return (current / (Double(2 * degree).squareRoot() * previous), previous, scaling)
    }
    let node = start - step(start).correction
    let (residual, previous, scaling) = step(node)
    // The exact node is residual below the rounded one, and pₙ₋₁' = 2x pₙ₋₁ there: without this correction the
    // rounding of a large node would show 2x² times larger in its weight.
    let exact = previous * (1 - 2 * node * residual)
    return (node, scalbn(1 / (Double(degree) * exact * exact), -1024 * scaling))
  }
}
