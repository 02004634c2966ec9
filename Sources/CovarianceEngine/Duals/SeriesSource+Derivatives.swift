import Platform
import Tensors

extension SeriesSource {
  /// Whether φ''' is a function: not where something jumps, or where nobody knows whether it does.
  var isSmooth: Bool { kinks.isEmpty && !mayBeSteep }

  private typealias Function = (Tensor) throws(NetworkError) -> Tensor

  /// What a reverse pass takes of entries whose series does not converge (`nt_series_derivative`, in that order), as integrals:
  /// over one variable where q12 = q11 = q22, over two elsewhere. On float64 tensors of rank 1.
  func derivatives(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) throws(NetworkError) -> [[Double]] {
    let numbers = [q12, q11, q22].map { $0.scalars(as: Double.self) }
    let isEqual = numbers[0].indices.map { numbers[0][$0] == numbers[1][$0] && numbers[1][$0] == numbers[2][$0] }
    var results = [[Double]](repeating: [Double](repeating: 0, count: isEqual.count), count: 6)
    func place(_ values: [Tensor], at places: [Int]) {
      for (kind, values) in values.enumerated() {
        for (place, value) in zip(places, values.scalars(as: Double.self)) { results[kind][place] = value }
      }
    }
    // An entry's rule depends on that entry only.
    for rule in LinearRule.all {
      let places = isEqual.indices.filter { isEqual[$0] && rule.variances.contains(numbers[1][$0]) }
      if !places.isEmpty { place(try ofEqual(q11.taking(places, axis: 0), rule), at: places) }
    }
    let places = isEqual.indices.filter { !isEqual[$0] }
    if !places.isEmpty {
      let entries = [q12, q11, q22].map { $0.taking(places, axis: 0) }
      place(try ofDifferent(entries[0], entries[1], entries[2]), at: places)
    }
    return results
  }

  private func ofDifferent(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) throws(NetworkError) -> [Tensor] {
    func expectation(_ f: @escaping Function, _ g: @escaping Function) throws(NetworkError) -> Tensor {
      try PlanarExpectation.byEntry(f, g, q12, q11, q22)
    }
    let value: Function = { (x) throws(NetworkError) in self.function(x) }
    return [
      try expectation(derivative, derivative), try expectation(second, value) * 0.5,
      try expectation(value, second) * 0.5, try expectation(second, second), try expectation(third, derivative) * 0.5,
      try expectation(derivative, third) * 0.5,
    ]
  }

  private func ofEqual(_ q: Tensor, _ rule: LinearRule) throws(NetworkError) -> [Tensor] {
    let x = rule.nodes * sqrt(q).expandedDims(0)
    let (value, slope, second, third) = (function(x), try derivative(x), try second(x), try third(x))
    func mean(_ f: Tensor) -> Tensor { (rule.weights * f).sum(axis: 0) }
    let (bent, turned) = (mean(second * value) * 0.5, mean(third * slope) * 0.5)
    return [mean(slope * slope), bent, bent, mean(second * second), turned, turned]
  }

  private func second(_ x: Tensor) throws(NetworkError) -> Tensor { try Self.slope(of: derivative, at: x) }
  private func third(_ x: Tensor) throws(NetworkError) -> Tensor { try Self.slope(of: second, at: x) }

  /// The derivative of a function that works element by element.
  private static func slope(of function: Function, at x: Tensor) throws(NetworkError) -> Tensor {
    do {
      let ones = Tensor.ones(x.shape, dtype: x.dtype)
      return try jvp({ (x: Tensor) throws -> Tensor in try function(x) }, at: x, along: ones).tangent
    } catch let error as NetworkError {
      throw error
    } catch {
      throw NetworkError(expected: "a function that can be differentiated", found: "\(error)")
    }
  }
}

/// Nodes z and weights of E[f(√q z)] for functions that are smooth: Gauss–Legendre rules on panels that get narrower towards 0,
/// where the functions change most, as far as the variances need.
private struct LinearRule: Sendable {
  static let all = [LinearRule(levels: 1, variances: 0...36), LinearRule(levels: 16, variances: 36.nextUp...1e300)]

  let variances: ClosedRange<Double>
  /// Shape (nodes, 1), and so are the weights.
  let nodes: Tensor
  let weights: Tensor

  private init(levels: Int, variances: ClosedRange<Double>) {
    self.variances = variances
    let near = (0...levels).reversed().map { 0.2 * Platform.pow(5, -Double($0)) }
    // Beyond the density is below 1e-22, with room for functions that grow.
    let half = near + [0.6, 1.4, 2.6, 4, 5.6, 7.4, 9.2]
    let rule = GaussLegendre(degree: 20).composite(half.reversed().map { -$0 } + [0] + half)
    nodes = Tensor(rule.nodes, shape: [rule.nodes.count, 1])
    weights = Tensor(
      zip(rule.nodes, rule.weights).map { $1 * Platform.exp(-$0 * $0 / 2) * (0.5 / Double.pi).squareRoot() },
      shape: [rule.nodes.count, 1])
  }
}
