import Platform
import Tensors

/// E[f(u) f(v)], or E[f(u) g(v)], by integration in both variables between the kinks of f: slow, and exact to about 1e-14 of
/// √(E[f(u)²] E[f(v)²]) for every correlation and variance.
///
/// With independent standard normal x, y, c² = (1 + |ρ|)/2, s² = (1 − |ρ|)/2 and the sign σ of ρ: u = √q11 (cx + sy) and
/// v = σ√q22 (cx − sy). For given y the integrand has kinks at cx = τ − sy and cx = τ + sy; the integral over x is
/// smooth in y except where two of them meet. Both variables are cut there, so that Gauss–Legendre rules converge
/// geometrically, and around u = 0 and v = 0, near which functions change most, at distances that grow fivefold from the
/// width of the function to that of the density.
package struct PlanarExpectation {
  /// How many entries at once keep their nodes in cache.
  private static let chunk = 512

  /// The density beyond is below 1e-16 of its maximum.
  private static let reach = 8.6
  private static let growth = 5.0

  /// How finely both variables are cut.
  private struct Fineness {
    /// Distances from 0 at which u and v are cut.
    var levels: Int
    /// Where the density is cut, whatever the function is.
    var cuts: [Double]
    var outer: GaussLegendre
    var inner: GaussLegendre

    private static let rule = GaussLegendre(degree: 20)
    private static let coarseRule = GaussLegendre(degree: 16)

    static func fine(levels: Int) -> Fineness {
      Fineness(levels: levels, cuts: [2, 4.5], outer: rule, inner: rule)
    }

    /// To 1e-9 for variances up to 1,000: the nodes of programs are there for every entry, needed or not.
    static let traced = Fineness(levels: 3, cuts: [], outer: coarseRule, inner: coarseRule)

    /// Up to the width of the density from that of a function whose argument has this deviation.
    static func levels(deviation: Double) -> Int {
      guard deviation > 1.5 else { return 2 }
      return Int((Platform.log(2 * reach * deviation / 3) / Platform.log(growth)).rounded(.up))
    }
  }

  private let f: (Tensor) throws(NetworkError) -> Tensor
  /// Nil for f.
  private let g: ((Tensor) throws(NetworkError) -> Tensor)?
  private let kinks: [Double]
  private let fineness: Fineness

  /// For entries that are being traced.
  package static func traced(
    _ f: @escaping (Tensor) throws(NetworkError) -> Tensor, kinks: [Double], _ q12: Tensor, _ q11: Tensor, _ q22: Tensor
  ) throws(NetworkError) -> Tensor {
    try PlanarExpectation(f: f, g: nil, kinks: kinks, fineness: .traced)(q12, q11, q22)
  }

  /// Each entry on panels that suit its own variances, and by the same operations whatever the other ones are; all of one
  /// shape of rank 1.
  package static func byEntry(
    _ f: @escaping (Tensor) throws(NetworkError) -> Tensor, kinks: [Double], _ q12: Tensor, _ q11: Tensor, _ q22: Tensor
  ) throws(NetworkError) -> Tensor {
    try byEntry(f, nil, kinks: kinks, q12, q11, q22)
  }

  /// E[f(u) g(v)] of functions without kinks, likewise.
  package static func byEntry(
    _ f: @escaping (Tensor) throws(NetworkError) -> Tensor, _ g: @escaping (Tensor) throws(NetworkError) -> Tensor,
    _ q12: Tensor, _ q11: Tensor, _ q22: Tensor
  ) throws(NetworkError) -> Tensor {
    try byEntry(f, g, kinks: [], q12, q11, q22)
  }

  private static func byEntry(
    _ f: @escaping (Tensor) throws(NetworkError) -> Tensor, _ g: ((Tensor) throws(NetworkError) -> Tensor)?,
    kinks: [Double], _ q12: Tensor, _ q11: Tensor, _ q22: Tensor
  ) throws(NetworkError) -> Tensor {
    try SeriesSource.inGroups(q12, q11, q22) { first, second in
      Fineness.levels(deviation: max(first, second).squareRoot())
    } _: { (levels, q12, q11, q22) throws(NetworkError) in
      try PlanarExpectation(f: f, g: g, kinks: kinks, fineness: .fine(levels: levels))(q12, q11, q22)
    }
  }

  /// All of one shape of rank 1.
  private func callAsFunction(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) throws(NetworkError) -> Tensor {
    // In a fixed order, so that swapping the inputs changes nothing, where both functions are one.
    let isOrdered = g == nil ? q11 .>= q22 : q11 .== q11
    let correlation = Correlation(q12, q11, q22)
    let half = 0.5 * correlation.distance
    let plane = Plane(
      first: squareRoot(select(isOrdered, q11, q22)), second: squareRoot(select(isOrdered, q22, q11)),
      sign: select(correlation.isNonnegative, 1, -1 + 0 * q12), cosine: sqrt(1 - half),
      // The square root has no derivative at 0, but the sum over both signs of y has one in its square, which its
      // difference quotient gives.
      sine: q12.isTraced ? sqrt(half + 1e-13) : sqrt(half))
    let outer = Panels(outerEdges(plane), fineness.outer)
    let density = outer.weights * exp(-0.5 * (outer.nodes * outer.nodes)) * (0.5 / .pi)
    let offsets = plane.sine * outer.nodes
    guard offsets.isTraced else {
      let inner = try columns(plane, concatenate([offsets, -offsets], axis: 0))
      return (concatenate([density, density], axis: 0) * inner).sum(axis: 0)
    }
    var total = Tensor.zeros(q12.shape, dtype: .float64)
    for index in 0..<outer.nodes.shape[0] {
      total = total + density[index] * (try recomputed(plane, offsets[index]))
    }
    return total
  }

  /// The inner integrals for all offsets, shape (offsets, entries): as many at once as stay in cache, whether they belong
  /// to many entries or to few.
  private func columns(_ plane: Plane, _ offsets: Tensor) throws(NetworkError) -> Tensor {
    func flat(_ x: Tensor) -> Tensor { x.broadcast(to: offsets.shape).reshaped([-1]) }
    let fields = [plane.first, plane.second, plane.sign, plane.cosine, plane.sine, offsets].map(flat)
    var parts: [Tensor] = []
    for start in stride(from: 0, to: offsets.count, by: Self.chunk) {
      let part = fields.map { $0.sliced(axis: 0, start..<min(start + Self.chunk, offsets.count)) }
      let plane = Plane(first: part[0], second: part[1], sign: part[2], cosine: part[3], sine: part[4])
      parts.append(try inner(plane, part[5]))
    }
    return concatenate(parts, axis: 0).reshaped(offsets.shape)
  }

  private var steps: [Double] { (0..<fineness.levels).map { Platform.pow(Self.growth, Double($0)) } }

  private struct Plane {
    let first, second, sign, cosine, sine: Tensor

    /// Where the kink t of f(u) and of f(v) is, in units of x at y = 0.
    func places(_ t: Double) -> (Tensor, Tensor) {
      (t / maximum(first, 1e-100), sign * (t / maximum(second, 1e-100)))
    }
  }

  private func outerEdges(_ plane: Plane) -> Tensor {
    func inside(_ y: Tensor) -> Tensor { clip(y, 0, Self.reach).expandedDims(0) }
    let width = minimum(3 / maximum(plane.sine * maximum(plane.first, plane.second), 1e-100), 2)
    let zero = inside(0 * width)
    var edges = [zero, zero + Self.reach] + fineness.cuts.map { zero + $0 } + steps.map { inside($0 * width) }
    if kinks.contains(where: { $0 != 0 }) {
      for t in kinks {
        for other in kinks {
          edges.append(inside(abs(plane.places(t).0 - plane.places(other).1) / maximum(2 * plane.sine, 1e-100)))
        }
      }
    }
    return concatenate(edges, axis: 0)
  }

  /// The inner integral for both signs of y; for derivatives computed again instead of kept, which would take memory
  /// for thousands of tensors.
  private func recomputed(_ plane: Plane, _ offset: Tensor) throws(NetworkError) -> Tensor {
    do {
      return try checkpoint { (inputs: [Tensor]) throws -> Tensor in
        let plane = Plane(
          first: inputs[0], second: inputs[1], sign: inputs[2], cosine: inputs[3], sine: inputs[4])
        return try inner(plane, inputs[5]) + inner(plane, -inputs[5])
      }([plane.first, plane.second, plane.sign, plane.cosine, plane.sine, offset])
    } catch let error as NetworkError {
      throw error
    } catch {
      throw NetworkError(expected: "a function that can be differentiated", found: "\(error)")
    }
  }

  /// √(2π) times the integral over x, with sy = `offset`.
  private func inner(_ plane: Plane, _ offset: Tensor) throws(NetworkError) -> Tensor {
    func inside(_ x: Tensor) -> Tensor { clip(x, -Self.reach, Self.reach).expandedDims(0) }
    let zero = 0 * inside(offset)
    var edges = ([Self.reach] + fineness.cuts).flatMap { [zero - $0, zero + $0] }
    for (direction, root) in [(-offset, plane.first), (offset, plane.second)] {
      let (centre, width) = (direction / plane.cosine, minimum(3 / maximum(root, 1e-100), 2))
      edges.append(inside(centre))
      for step in steps { edges += [inside(centre - step * width), inside(centre + step * width)] }
    }
    for t in kinks where t != 0 {
      let (first, second) = plane.places(t)
      edges += [inside((first - offset) / plane.cosine), inside((second + offset) / plane.cosine)]
    }
    let panels = Panels(concatenate(edges, axis: 0), fineness.inner)
    let along = plane.cosine * panels.nodes
    let product = try f(plane.first * (along + offset)) * (g ?? f)(plane.sign * plane.second * (along - offset))
    return (panels.weights * exp(-0.5 * (panels.nodes * panels.nodes)) * product).sum(axis: 0)
  }
}
