import Platform
import Tensors

/// The coefficients aₙ(q) = E[f(√q z) hₙ(z)] of a function, for standard normal z and the normalised Hermite
/// polynomials hₙ, of which E[f(u) f(v)] = Σ aₙ(q11) aₙ(q22) ρⁿ is made.
///
/// They belong to a variance, not to a pair of inputs: a kernel of N1 × N2 entries needs N1 + N2 times the coefficients.
/// By Parseval's identity Σ aₙ² = E[f(√q z)²], which bounds what is left out after any number of terms.
///
/// *Source:* Mehler's formula; O'Donnell, Analysis of Boolean functions, chapter 11, for the identity.
package struct HermiteSeries {
  /// aₙ, shape (terms, number of variances).
  private let coefficients: Tensor
  private let shape: [Int]
  /// E[f(√q z)²], of the shape of the variances.
  package let meanSquare: Tensor
  /// Σ aₙ² over the n that are left out, never negative.
  package let remainder: Tensor

  package var terms: Int { coefficients.shape[0] }
  package var isTraced: Bool { coefficients.isTraced }

  /// aₙ, of the shape of the variances.
  package subscript(n: Int) -> Tensor { coefficients.sliced(axis: 0, n..<(n + 1)).reshaped(shape) }

  /// Σ aₙ(q11) aₙ(q22) ρⁿ.
  package static func sum(_ first: HermiteSeries, _ second: HermiteSeries, _ rho: Tensor) -> Tensor {
    guard first.coefficients.shape[1] == 1, second.coefficients.shape[1] == rho.count, !rho.isTraced else {
      let last = first.terms - 1
      var sum = first[last] * second[last] + 0 * rho
      for n in (0..<last).reversed() { sum = multiplyAdd(sum, rho, first[n] * second[n]) }
      return sum
    }
    // One row of a tile: few operations on many terms cost less than many on one. The upper half of the terms joins the
    // lower, Σ (aₙ + ρʰ aₙ₊ₕ) ρⁿ.
    let flat = rho.reshaped([1, -1])
    var products = first.coefficients * second.coefficients
    while products.shape[0] > 1 {
      let (count, half) = (products.shape[0], (products.shape[0] + 1) / 2)
      let upper = products.sliced(axis: 0, half..<count)
      let joined = multiplyAdd(upper, integerPower(flat, half), products.sliced(axis: 0, 0..<(count - half)))
      products =
        count == 2 * half
        ? joined : concatenate([joined, products.sliced(axis: 0, (count - half)..<half)], axis: 0)
    }
    return products.reshaped(rho.shape)
  }

  package init(
    _ f: (Tensor) throws(NetworkError) -> Tensor, kinks: [Double], variances q: Tensor, terms: Int
  ) throws(NetworkError) {
    let (squares, columns) = try Self.byWidth(q) { (q, rule) throws(NetworkError) in
      let samples = try Samples(f, kinks: kinks, variances: q, rule)
      return (samples.meanSquare, samples.coefficients(terms))
    }
    shape = q.shape
    coefficients = columns
    meanSquare = squares.reshaped(q.shape)
    // Where rounding hides what Parseval's identity says, it is what the last terms let expect: of a sum of n^(−3/2), the
    // slowest, eight times what its last quarter has.
    let parts = coefficients * coefficients
    let difference = nonnegative(meanSquare - parts.sum(axis: 0).reshaped(q.shape))
    let last = parts.sliced(axis: 0, terms / 4 * 3..<terms).sum(axis: 0).reshaped(q.shape)
    remainder = select(
      difference .> 1e-12 * meanSquare, difference, minimum(difference + 1e-15 * meanSquare, 8 * last))
  }

  /// E[f(√q z)²], the same to the last bit for a variance whatever the other ones are.
  package static func meanSquare(
    _ f: (Tensor) throws(NetworkError) -> Tensor, kinks: [Double], variances q: Tensor
  ) throws(NetworkError) -> Tensor {
    let (squares, _) = try byWidth(q) { (q, rule) throws(NetworkError) in
      let squares = try Samples(f, kinks: kinks, variances: q, rule).meanSquare
      return (squares, squares)
    }
    return squares.reshaped(q.shape)
  }

  /// What is computed of each variance, the last axis, by a rule that suits it: twice as many nodes for large ones.
  private static func byWidth(
    _ q: Tensor, _ make: (Tensor, Rule) throws(NetworkError) -> (Tensor, Tensor)
  ) throws(NetworkError) -> (Tensor, Tensor) {
    if q.isTraced { return try make(q, .wide) }
    let variances = q.scalars(as: Double.self)
    let wide = variances.indices.filter { variances[$0] > Rule.largestNarrow }
    if wide.isEmpty { return try make(q, .narrow) }
    if wide.count == variances.count { return try make(q, .wide) }
    let narrow = variances.indices.filter { !(variances[$0] > Rule.largestNarrow) }
    let flat = q.reshaped([-1])
    let (first, second) = (
      try make(flat.taking(narrow, axis: 0), .narrow), try make(flat.taking(wide, axis: 0), .wide)
    )
    var order = [Int](repeating: 0, count: variances.count)
    for (place, index) in (narrow + wide).enumerated() { order[index] = place }
    func joined(_ a: Tensor, _ b: Tensor) -> Tensor { concatenate([a, b], axis: -1).taking(order, axis: -1) }
    return (joined(first.0, second.0), joined(first.1, second.1))
  }

  /// Values of f at the nodes of a Gauss–Legendre rule between the kinks.
  private struct Samples {
    /// f(√q z), shape (nodes, number of variances).
    let values: Tensor
    /// z, shape (nodes, 1) or (nodes, number of variances).
    let nodes: Tensor
    /// Weights times the normal density, of the shape of the nodes.
    let weights: Tensor
    private let rule: Rule

    init(
      _ f: (Tensor) throws(NetworkError) -> Tensor, kinks: [Double], variances q: Tensor, _ rule: Rule
    ) throws(NetworkError) {
      self.rule = rule
      let roots = squareRoot(q.reshaped([1, -1]))
      if kinks.allSatisfy({ $0 == 0 }) {
        nodes = rule.nodes
        weights = rule.weights
      } else {
        let divisor = maximum(roots, 1e-100)
        let fixed = Tensor(rule.edges, shape: [rule.edges.count, 1]) + 0 * roots
        let moving = kinks.map { clip($0 / divisor, -Rule.reach, Rule.reach) }
        let panels = Panels(concatenate([fixed] + moving, axis: 0), Rule.panel)
        nodes = panels.nodes
        weights = panels.weights * exp(-0.5 * (panels.nodes * panels.nodes)) * (0.5 / Double.pi).squareRoot()
      }
      values = try f(nodes * roots)
    }

    /// Added up pairwise, element by element: a reduction could add in another order for another number of variances.
    var meanSquare: Tensor {
      pairwiseSum(weights * (values * values))
    }

    func coefficients(_ terms: Int) -> Tensor {
      if nodes.shape[1] == 1 && rule.nodes.shape == nodes.shape {
        return matmul(rule.polynomials.sliced(axis: 0, 0..<terms), values)
      }
      let weighted = weights * values
      var (previous, current) = (Tensor.zeros(nodes.shape, dtype: .float64), Tensor.ones(nodes.shape, dtype: .float64))
      var rows: [Tensor] = []
      for n in 0..<terms {
        rows.append((weighted * current).sum(axis: 0, keepDims: true))
        let next = (nodes * current - Double(n).squareRoot() * previous) / Double(n + 1).squareRoot()
        (previous, current) = (current, next)
      }
      return concatenate(rows, axis: 0)
    }
  }

  /// The rule for functions that are smooth on both sides of 0.
  ///
  /// |hₙ(z)| e^(−z²/4) stays below 1.1, so that what is cut off beyond |z| = 14.6 is below 1e-22 for every n, with room
  /// for functions that grow. Panels are narrow enough for the 12 radians per unit of h₁₆₀, and near 0 for functions of
  /// width 1/20; those for large variances get five times narrower towards 0 again and again, to a width of 1e-12.
  private final class Rule: Sendable {
    static let narrow = Rule(levels: 0)
    static let wide = Rule(levels: 16)
    /// The largest variance of the narrow rule.
    static let largestNarrow = 36.0

    static let reach = 14.6
    static let panel = GaussLegendre(degree: 20)
    let edges: [Double]
    let nodes: Tensor
    let weights: Tensor
    /// Weights times hₙ, shape (largest number of terms, nodes).
    let polynomials: Tensor

    private init(levels: Int) {
      let near = (0...levels).reversed().map { 0.2 * Platform.pow(5, -Double($0)) }
      let half = near + [0.6, 1.4, 2.6, 4, 5.6, 7.4, 9.2, 11, 12.8, Self.reach]
      edges = half.reversed().map { -$0 } + [0] + half
      let rule = Self.panel.composite(edges)
      nodes = Tensor(rule.nodes, shape: [rule.nodes.count, 1])
      let density = zip(rule.nodes, rule.weights).map { z, weight in
        weight * Platform.exp(-z * z / 2) * (0.5 / Double.pi).squareRoot()
      }
      weights = Tensor(density, shape: [density.count, 1])
      var rows: [Double] = []
      var (previous, current) = ([Double](repeating: 0, count: density.count), density)
      for n in 0..<GaussianExpectation.mostTerms {
        rows += current
        let next = rule.nodes.indices.map {
          (rule.nodes[$0] * current[$0] - Double(n).squareRoot() * previous[$0]) / Double(n + 1).squareRoot()
        }
        (previous, current) = (current, next)
      }
      polynomials = Tensor(rows, shape: [GaussianExpectation.mostTerms, density.count])
    }
  }
}

/// The sum along the first axis, which stays with size 1, added up pairwise and element by element: for each of the other
/// elements the same to the last bit whatever their number is.
package func pairwiseSum(_ x: Tensor) -> Tensor {
  // A device sums in an order of its own, and keeps no terms for that.
  if x.isTraced && LeftOutIntegrals.isTracing { return x.sum(axis: 0, keepDims: true) }
  var sum = x
  while sum.shape[0] > 1 {
    let (count, half) = (sum.shape[0], sum.shape[0] / 2)
    var next = sum.sliced(axis: 0, 0..<half) + sum.sliced(axis: 0, half..<(2 * half))
    if count > 2 * half { next = concatenate([next, sum.sliced(axis: 0, (2 * half)..<count)], axis: 0) }
    sum = next
  }
  return sum
}

/// A function of covariances and variances that works entry by entry, on float64 tensors of rank 1 that are short enough
/// for their quadrature nodes to stay in cache; traced, on all entries at once.
package func inChunks(
  _ q12: Tensor, _ q11: Tensor, _ q22: Tensor, _ function: (Tensor, Tensor, Tensor) -> Tensor
) -> Tensor {
  let full = q12 + q11 + q22
  let size = 512
  let flat = [q12, q11, q22].map { $0.asType(.float64).broadcast(to: full.shape).reshaped([-1]) }
  let count = full.count
  if full.isTraced || count <= size {
    return function(flat[0], flat[1], flat[2]).reshaped(full.shape).asType(q12.dtype)
  }
  let parts = stride(from: 0, to: count, by: size).map { start in
    let part = flat.map { $0.sliced(axis: 0, start..<min(start + size, count)) }
    return function(part[0], part[1], part[2])
  }
  return concatenate(parts, axis: 0).reshaped(full.shape).asType(q12.dtype)
}

/// Gauss–Legendre rules on all intervals between edges that differ from column to column.
package struct Panels {
  /// Shape (nodes, columns).
  package let nodes: Tensor
  package let weights: Tensor

  /// - Parameter edges: shape (edges, columns), in any order.
  package init(_ edges: Tensor, _ rule: GaussLegendre) {
    let sorted = edges.sorted(axis: 0)
    let (count, columns, degree) = (edges.shape[0] - 1, edges.shape[1], rule.nodes.count)
    let low = sorted.sliced(axis: 0, 0..<count).expandedDims(1)
    let width = sorted.sliced(axis: 0, 1..<(count + 1)).expandedDims(1) - low
    nodes = (low + width * Tensor(rule.nodes, shape: [1, degree, 1])).reshaped([count * degree, columns])
    weights = (width * Tensor(rule.weights, shape: [1, degree, 1])).reshaped([count * degree, columns])
  }
}
