import Platform

/// Nodes xᵢ in (0, 1) and weights wᵢ with ∫₀¹ f(x) dx ≈ Σ wᵢ f(xᵢ), exact for polynomials f of degree below
/// 2 · `degree`; both are within a few roundings of the exact ones.
///
/// *Source:* Newton's method on Legendre's recurrence from Tricomi's estimate of the roots, Abramowitz and Stegun
/// 22.16.6 and 25.4.29.
package struct GaussLegendre: Sendable {
  /// In ascending order.
  package let nodes: [Double]
  package let weights: [Double]

  package init(degree: Int) {
    precondition(degree >= 1, "a quadrature rule has at least one node, found degree \(degree)")
    var nodes: [Double] = []
    var weights: [Double] = []
    for index in 0..<degree {
      var x = -cos(.pi * (Double(index) + 0.75) / (Double(degree) + 0.5))
      var slope = 0.0
      for _ in 0..<8 {
        var (previous, current) = (0.0, 1.0)
        for k in 0..<degree {
          (previous, current) = (
            current, (Double(2 * k + 1) * x * current - Double(k) * previous) / Double(k + 1)
          )
        }
        slope = Double(degree) * (x * current - previous) / (x * x - 1)
        x -= current / slope
      }
      nodes.append((1 + x) / 2)
      weights.append(1 / ((1 - x) * (1 + x) * slope * slope))
    }
    (self.nodes, self.weights) = (nodes, weights)
  }

  /// The rule on each interval between neighbouring edges.
  package func composite(_ edges: [Double]) -> (nodes: [Double], weights: [Double]) {
    var (points, factors): ([Double], [Double]) = ([], [])
    for (low, high) in zip(edges, edges.dropFirst()) {
      points += nodes.map { low + (high - low) * $0 }
      factors += weights.map { (high - low) * $0 }
    }
    return (points, factors)
  }
}
