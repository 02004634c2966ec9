import CVectorKernels
import Platform
import Tensors

/// Whether the factors of inputs may take memory: one number for every term, input and position.
package enum SeriesLength: Sendable {
  case short, long
}

/// How a table of Hermite coefficients is laid out, and the pieces that it consists of (see nt_series.h).
///
/// A piece interpolates what belongs to the deviations σ from 2ᵖ to 2ᵖ⁺¹ by polynomials of degree 19 through Chebyshev
/// points. All of it is analytic in σ where φ is in a sector about each half of the axis, and then the nearest
/// singularity is at σ = 0: the error falls by 3 + √8 per degree, to 1e-15.
package struct SeriesPieces: Sendable {
  /// Which has the table that this belongs to.
  package unowned let source: SeriesSource
  /// The terms are those of n = first, first + step, ….
  package let first: Int
  package let step: Int
  package let terms: Int
  /// Of functions with a kink at 0 and no other, whose coefficients fall as the fits do.
  private let fits: [TailFit]

  package init(_ source: SeriesSource, _ length: SeriesLength) {
    self.source = source
    // Up to n = 128 where nothing else is needed; up to 256 for what a kink at 0 leaves, which is then fitted; as far as
    // memory is no matter for smooth functions, whose coefficients fall slowly at large variances.
    let half: Int
    if source.hasTail || !(source.kinks.isEmpty || source.slopeJumps != nil) {
      half = 128
    } else {
      half = length == .short ? 64 : source.mayBeSteep ? 256 : 128
    }
    switch source.symmetry {
    case .odd: (first, step, terms) = (1, 2, half)
    case .even: (first, step, terms) = (2, 2, half)
    case .none: (first, step, terms) = (1, 1, max(half, 128))
    }
    let end = first + step * terms
    let starts = step == 2 ? [end] : [end, end + 1]
    fits = source.hasTail ? starts.map { TailFit(from: $0) } : []
  }

  package var columnCount: Int { Int(nt_series_first_term.rawValue) + terms }

  /// The polynomials of a piece, shape [coefficient, highest first][column].
  package func coefficients(_ piece: Int) throws(NetworkError) -> [Double] {
    let exponent = piece + Int(nt_series_lowest_piece.rawValue)
    let deviations = Interpolation.points.map { Platform.scalbn((3 + $0) / 2, exponent) }
    let moments = try SampledMoments.of(source, deviations: deviations, upTo: first + step * terms + 100)
    var values: [[Double]] = []
    var errors: [Double] = []
    for moment in moments {
      let (row, fitError) = columns(moment)
      guard fitError.isFinite, row.allSatisfy(\.isFinite) else { return unknown }
      values.append(row)
      errors.append(Platform.log2(max(fitError, 1e-30)))
    }
    let polynomials = Interpolation.monomials(values)
    var result = [Double](repeating: 0, count: Interpolation.count * columnCount)
    for (power, row) in polynomials.enumerated() {
      let place = (Interpolation.count - 1 - power) * columnCount
      for column in 0..<columnCount { result[place + column] = row[column] }
    }
    // The error of the fit goes through many decades and is not smooth: a line above its logarithms.
    let errorColumn = Int(nt_series_fit_error.rawValue), last = Interpolation.count - 1
    let slope = (errors[0] - errors[last]) / (Interpolation.points[0] - Interpolation.points[last])
    let height = zip(errors, Interpolation.points).map { $0 - slope * $1 }.max()!
    for power in 0..<Interpolation.count { result[power * columnCount + errorColumn] = 0 }
    result[(last - 1) * columnCount + errorColumn] = slope
    result[last * columnCount + errorColumn] = height
    return result
  }

  /// The piece that leaves everything to the exact integral.
  private var unknown: [Double] {
    var result = [Double](repeating: 0, count: Interpolation.count * columnCount)
    result[(Interpolation.count - 1) * columnCount + Int(nt_series_fit_error.rawValue)] = 116
    return result
  }

  /// What the columns of a piece are at one deviation, and the relative error of the fits.
  private func columns(_ moments: SampledMoments) -> ([Double], fitError: Double) {
    var row = [Double](repeating: 0, count: columnCount)
    func set(_ column: nt_series_column, _ value: Double) { row[Int(column.rawValue)] = value }
    set(nt_series_mean, moments.mean)
    set(nt_series_other, first == 2 ? moments.coefficients[1] : 0)
    set(nt_series_spread, moments.spread)
    set(nt_series_slope, moments.slope)
    for index in 0..<terms {
      row[Int(nt_series_first_term.rawValue) + index] = moments.coefficients[first + step * index]
    }
    let beyond = moments.rest(from: first, step: step, terms: terms)
    set(nt_series_rest, beyond.square)
    set(nt_series_slope_rest, beyond.slopeSquare)
    var (rest, slopeRest, truncation) = (0.0, 0.0, (square: 0.0, slopeSquare: 0.0))
    for fit in fits {
      let levels = fit.levels(moments.coefficients)
      let column = fit.start.isMultiple(of: 2) ? nt_series_even_fit : nt_series_odd_fit
      for (level, value) in levels.enumerated() { row[Int(column.rawValue) + level] = value }
      let residual = fit.residual(moments.coefficients, levels)
      rest += residual.square
      slopeRest += residual.slopeSquare
      let cut = fit.truncation(levels)
      truncation = (truncation.square + cut.square, truncation.slopeSquare + cut.slopeSquare)
    }
    let ratio = moments.mean / moments.deviation
    let size = moments.spread + (moments.mean == 0 ? 0 : ratio * ratio)
    guard !fits.isEmpty else { return (row, fitError: Platform.exp2(60)) }
    // Some times what is seen of them, for what is beyond the largest n.
    func relative(_ square: Double, _ slopeSquare: Double) -> Double {
      max(size > 0 ? square / size : 0, moments.slope > 0 ? slopeSquare / moments.slope : 0)
    }
    let tail = relative(beyond.square, beyond.slopeSquare).squareRoot()
    let cut = tail > 0 ? relative(truncation.square, truncation.slopeSquare) / tail : 0
    return (row, relative(2 * rest, 4 * slopeRest).squareRoot() + cut)
  }
}

/// E[φ], the variance, E[φ'²] and the Hermite coefficients of a function at one deviation.
package struct SampledMoments {
  package let deviation: Double
  /// E[φ(σz)].
  package let mean: Double
  /// Var φ(σz) / σ².
  package let spread: Double
  /// E[φ'(σz)²].
  package let slope: Double
  /// αₙ = E[φ'(σz) hₙ₋₁(z)] / √n, which is E[φ(σz) hₙ(z)] / σ by parts, without its cancellation for small σ; that of
  /// n = 0 is not used.
  package let coefficients: [Double]
  /// The same without integration by parts, for the first few n.
  package let direct: [Double]

  /// Gauss–Legendre rules between the kinks, on panels that grow from the kinks and from 0, near which functions change
  /// most, and are narrow enough for the √n radians per unit of hₙ. What is beyond |z| = 14.6 is below 1e-22 for every n,
  /// with room for functions that grow.
  private static let reach = 14.6
  private static let edges = [0.2, 0.6, 1.4, 2.6, 4, 5.6, 7.4, 9.2, 11, 12.8, reach]
  private static let fineEdges = (1...36).map { reach * Double($0) / 36 }
  /// The largest n that the wide panels are for.
  private static let fewest = 400
  private static let panel = GaussLegendre(degree: 20)

  package static func of(_ source: SeriesSource, deviations: [Double], upTo wanted: Int = 0) throws(NetworkError)
    -> [SampledMoments]
  {
    let largest = source.hasTail ? Int(nt_series_largest.rawValue) : max(fewest, wanted)
    let rules = deviations.map { rule(source, deviation: $0, isFine: largest > fewest) }
    var inputs: [Double] = []
    for (rule, deviation) in zip(rules, deviations) { inputs += rule.nodes.map { deviation * $0 } }
    let x = Tensor(inputs)
    let values = source.function(x).asType(.float64).scalars(as: Double.self)
    let slopes = try source.derivative(x).asType(.float64).scalars(as: Double.self)
    var result: [SampledMoments] = []
    var start = 0
    for (rule, deviation) in zip(rules, deviations) {
      let range = start..<(start + rule.nodes.count)
      result.append(
        SampledMoments(rule.nodes, rule.weights, Array(values[range]), Array(slopes[range]), deviation, largest))
      start = range.upperBound
    }
    return result
  }

  private static func rule(
    _ source: SeriesSource, deviation: Double, isFine: Bool
  ) -> (nodes: [Double], weights: [Double]) {
    let edges = isFine ? fineEdges : edges
    var places = [0] + edges + edges.map { -$0 }
    for centre in Set(source.kinks + [0]) {
      let middle = centre / deviation
      places.append(middle)
      var width = 0.5 / deviation
      while width < 2 * reach {
        places += [middle - width, middle + width]
        width *= 2
      }
    }
    let sorted = places.map { min(max($0, -reach), reach) }.sorted()
    let (points, weights) = panel.composite(
      sorted.enumerated().filter { $0.offset == 0 || $0.element > sorted[$0.offset - 1] }.map(\.element))
    return (points, zip(points, weights).map { $1 * Platform.exp(-$0 * $0 / 2) * (0.5 / Double.pi).squareRoot() })
  }

  private init(
    _ nodes: [Double], _ weights: [Double], _ values: [Double], _ slopes: [Double], _ deviation: Double,
    _ largest: Int
  ) {
    func projections(_ f: [Double], _ count: Int) -> [Double] {
      var sums = [Double](repeating: 0, count: count)
      nt_series_project(nodes.count, nodes, zip(weights, f).map { $0 * $1 }, count, &sums)
      return sums
    }
    self.deviation = deviation
    direct = projections(values, 8)
    mean = direct[0]
    let centre = direct[0]
    spread = zip(weights, values).reduce(0) { $0 + $1.0 * ($1.1 - centre) * ($1.1 - centre) } / deviation / deviation
    slope = zip(weights, slopes).reduce(0) { $0 + $1.0 * $1.1 * $1.1 }
    coefficients = [0] + projections(slopes, largest).enumerated().map { $1 / Double($0 + 1).squareRoot() }
  }

  /// Σ αₙ² and Σ n αₙ² over the n beyond the terms; n = 1 is among these if `first` is 2. Beyond the largest n it is what
  /// Parseval's identity says, or, where rounding hides that, what the last n let expect: for a sum of n^(−3/2), the
  /// slowest, eight times what its last quarter has.
  package func rest(from first: Int, step: Int, terms: Int) -> (square: Double, slopeSquare: Double) {
    let largest = coefficients.count - 1
    var (seen, last, outside) = ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0))
    for n in 1...largest {
      let square = coefficients[n] * coefficients[n], slope = Double(n) * square
      seen = (seen.0 + square, seen.1 + slope)
      if n > largest / 4 * 3 { last = (last.0 + square, last.1 + slope) }
      if n >= first + step * terms { outside = (outside.0 + square, outside.1 + slope) }
    }
    func beyond(_ whole: Double, _ seen: Double, _ last: Double) -> Double {
      let difference = max(whole - seen, 0)
      return difference > 1e-12 * whole ? difference : min(difference + 1e-15 * whole, 8 * last)
    }
    return (outside.0 + beyond(spread, seen.0, last.0), outside.1 + beyond(slope, seen.1, last.1))
  }

  /// Whether φ' is the derivative of φ and φ does not jump: otherwise κ̇ is not ∂κ/∂q12.
  package var isConsistent: Bool {
    (1..<direct.count).allSatisfy {
      abs(direct[$0] - deviation * coefficients[$0]) <= 1e-9 * deviation * spread.squareRoot()
    }
  }
}

/// Levels Eᵢ with αₙ ≈ sₙ gₙ Σ Eᵢ Tᵢ(2ν − 1), with Chebyshev's polynomials, for every second n from `start` on, by least squares.
private struct TailFit: Sendable {
  package let start: Int
  /// Per level, the weights of the coefficients αₙ.
  private let weights: [[Double]]
  private let bases: [[Double]]
  /// Σ gₙ² and Σ n gₙ².
  private let sizes: (square: Double, slopeSquare: Double)

  package init(from start: Int) {
    self.start = start
    let numbers = Array(stride(from: start, through: Int(nt_series_largest.rawValue), by: 2))
    let offset = start.isMultiple(of: 2) ? 3 : 4
    let places = numbers.map { 2 * Double(start - offset) / Double($0 - offset) - 1 }
    var columns = [numbers.map { nt_series_fit_base(Int32($0)) }]
    for level in 1..<Int(nt_series_levels.rawValue) {
      columns.append(
        places.indices.map { index in
          let before = level == 1 ? 0 : columns[level - 2][index]
          return (level == 1 ? 1 : 2) * places[index] * columns[level - 1][index] - before
        })
    }
    bases = columns
    let squares = columns[0].map { $0 * $0 }
    sizes = (squares.reduce(0, +), zip(numbers, squares).reduce(0) { $0 + Double($1.0) * $1.1 })
    // Weights √n make the sum of squares what bounds the error of κ̇. Columns = Q R by Gram and Schmidt, twice for
    // orthogonality; the levels are R⁻¹ Qᵀ √n α.
    let roots = numbers.map { Double($0).squareRoot() }
    var (q, r) = (
      columns.map { zip($0, roots).map { $0 * $1 } }, columns.map { _ in [Double](repeating: 0, count: columns.count) }
    )
    func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
    for i in columns.indices {
      for _ in 0..<2 {
        for j in 0..<i {
          let share = dot(q[j], q[i])
          r[j][i] += share
          for k in numbers.indices { q[i][k] -= share * q[j][k] }
        }
      }
      r[i][i] = dot(q[i], q[i]).squareRoot()
      for k in numbers.indices { q[i][k] /= r[i][i] }
    }
    var solution = q
    for i in columns.indices.reversed() {
      for j in (i + 1)..<max(i + 1, columns.count) {
        for k in numbers.indices { solution[i][k] -= r[i][j] * solution[j][k] }
      }
      for k in numbers.indices { solution[i][k] /= r[i][i] }
    }
    weights = solution.map { zip($0, roots).map { $0 * $1 } }
  }

  private func places(_ coefficients: [Double]) -> StrideTo<Int> {
    stride(from: start, to: coefficients.count, by: 2)
  }

  package func levels(_ coefficients: [Double]) -> [Double] {
    weights.map { weights in
      zip(weights, places(coefficients)).reduce(0) { $0 + $1.0 * coefficients[$1.1] }
    }
  }

  /// What the terms of the square of the fit that are left out make in Σ αₙ² and Σ n αₙ², at most.
  package func truncation(_ levels: [Double]) -> (square: Double, slopeSquare: Double) {
    var rest = [Double](repeating: 0, count: 2 * levels.count - 1)
    for (i, a) in levels.enumerated() {
      for (j, b) in levels.enumerated() where i + j >= levels.count { rest[i + j] += a * b / 2 }
    }
    let sum = rest.reduce(0) { $0 + abs($1) }
    return (sum * sizes.square, sum * sizes.slopeSquare)
  }

  /// Σ (αₙ − fit)² and Σ n (αₙ − fit)² over all n that are known.
  package func residual(_ coefficients: [Double], _ levels: [Double]) -> (square: Double, slopeSquare: Double) {
    var result = (square: 0.0, slopeSquare: 0.0)
    for (index, n) in places(coefficients).enumerated() {
      var difference = coefficients[n]
      for (level, basis) in zip(levels, bases) { difference -= level * basis[index] }
      result.square += difference * difference
      result.slopeSquare += Double(n) * difference * difference
    }
    return result
  }
}

/// From values at Chebyshev points to the coefficients of the polynomial through them.
private enum Interpolation {
  static let count = Int(nt_series_piece_terms.rawValue)
  static let points = (0..<count).map { Platform.cos(.pi * (Double($0) + 0.5) / Double(count)) }

  /// Coefficients of the Chebyshev polynomials, exact integers.
  private static let polynomials: [[Double]] = {
    var polynomials = [[1.0], [0, 1]]
    for degree in 2..<count {
      var next = [0] + polynomials[degree - 1].map { 2 * $0 }
      for (power, value) in polynomials[degree - 2].enumerated() { next[power] -= value }
      polynomials.append(next)
    }
    return polynomials
  }()

  /// Per power, the coefficients of all columns, from their values at the points. By way of Chebyshev's polynomials, whose
  /// coefficients fall fast: they take with them what the large integers in these polynomials make of rounding.
  static func monomials(_ values: [[Double]]) -> [[Double]] {
    let columns = values[0].count
    var result = [[Double]](repeating: [Double](repeating: 0, count: columns), count: count)
    for degree in 0..<count {
      var coefficients = [Double](repeating: 0, count: columns)
      for (place, row) in values.enumerated() {
        let angle = .pi * Double(degree) * (Double(place) + 0.5) / Double(count)
        let weight = (degree == 0 ? 1 : 2) * Platform.cos(angle) / Double(count)
        for column in 0..<columns { coefficients[column] += weight * row[column] }
      }
      for (power, value) in polynomials[degree].enumerated() where value != 0 {
        for column in 0..<columns { result[power][column] += value * coefficients[column] }
      }
    }
    return result
  }
}
