import Platform
import Tensors

/// E[f(u) f(v)] by integration in both variables between the kinks of f: slow, and exact to about 1e-11 for every
/// correlation.
///
/// With independent standard normal x, y, c² = (1 + |ρ|)/2, s² = (1 − |ρ|)/2 and the sign σ of ρ: u = √q11 (cx + sy) and
/// v = σ√q22 (cx − sy). For given y the integrand has kinks at cx = τ − sy and cx = τ + sy; the integral over x is
/// smooth in y except where two of them meet. Both variables are cut there, so that Gauss–Legendre rules converge
/// geometrically, and around u = 0 and v = 0, near which functions change most, at the distances in which they do.
package struct PlanarExpectation {
  /// How many entries at once keep their nodes in cache.
  package static let chunk = 512

  /// The density beyond is below 1e-15 of its maximum.
  private static let reach = 8.5
  private static let outer = GaussLegendre(degree: 14)
  private static let inner = GaussLegendre(degree: 16)

  private let f: (Tensor) throws(NetworkError) -> Tensor
  private let kinks: [Double]
  /// How many more panels there are away from 0 in each direction, each three times as wide as the one before.
  private let grading: Int

  package init(_ f: @escaping (Tensor) throws(NetworkError) -> Tensor, kinks: [Double], grading: Int = 0) {
    self.f = f
    self.kinks = kinks
    self.grading = grading
  }

  /// Each entry on panels that suit its own variances, and by the same operations whatever the other ones are; all of one
  /// shape of rank 1.
  package static func byEntry(
    _ f: @escaping (Tensor) throws(NetworkError) -> Tensor, kinks: [Double], _ q12: Tensor, _ q11: Tensor, _ q22: Tensor
  ) throws(NetworkError) -> Tensor {
    // Panels from the width of the function to that of the density.
    try SeriesSource.inGroups(q12, q11, q22) { first, second in
      let deviation = max(first, second).squareRoot()
      return deviation > 6 ? Int((Platform.log(deviation / 6) / Platform.log(3)).rounded(.up)) : 0
    } _: { (grading, q12, q11, q22) throws(NetworkError) in
      try PlanarExpectation(f, kinks: kinks, grading: grading)(q12, q11, q22)
    }
  }

  /// All of one shape of rank 1.
  package func callAsFunction(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) throws(NetworkError) -> Tensor {
    // In a fixed order, so that swapping the inputs changes nothing.
    let isOrdered = q11 .>= q22
    let correlation = Correlation(q12, q11, q22)
    let half = 0.5 * correlation.distance
    let plane = Plane(
      first: squareRoot(select(isOrdered, q11, q22)), second: squareRoot(select(isOrdered, q22, q11)),
      sign: select(correlation.isNonnegative, 1, -1 + 0 * q12), cosine: sqrt(1 - half),
      // The square root has no derivative at 0, but the sum over both signs of y has one in its square, which its
      // difference quotient gives.
      sine: q12.isTraced ? sqrt(half + 1e-13) : sqrt(half))
    let outer = Panels(outerEdges(plane), Self.outer)
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

  private var steps: [Double] { (0..<grading).map { Platform.pow(3, Double($0) + 2) } }

  private struct Plane {
    let first, second, sign, cosine, sine: Tensor

    /// Where the kink t of f(u) and of f(v) is, in units of x at y = 0.
    func places(_ t: Double) -> (Tensor, Tensor) {
      (t / maximum(first, 1e-100), sign * (t / maximum(second, 1e-100)))
    }
  }

  private func outerEdges(_ plane: Plane) -> Tensor {
    func inside(_ y: Tensor) -> Tensor { clip(y, 0, Self.reach).expandedDims(0) }
    let narrow = minimum(4 / maximum(plane.sine * plane.first, 1e-100), 2), width = inside(narrow)
    var edges = [0 * width, 0 * width + Self.reach, width] + steps.map { inside(($0 / 3) * narrow) }
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
    var edges = [0 * inside(offset) - Self.reach, 0 * inside(offset) + Self.reach]
    for (direction, root) in [(-offset, plane.first), (offset, plane.second)] {
      let (centre, width) = (direction / plane.cosine, minimum(3 / maximum(root, 1e-100), 2))
      edges.append(inside(centre))
      for step in [1.0, 3] + steps { edges += [inside(centre - step * width), inside(centre + step * width)] }
    }
    for t in kinks where t != 0 {
      let (first, second) = plane.places(t)
      edges += [inside((first - offset) / plane.cosine), inside((second + offset) / plane.cosine)]
    }
    let panels = Panels(concatenate(edges, axis: 0), Self.inner)
    let along = plane.cosine * panels.nodes
    let product = try f(plane.first * (along + offset)) * f(plane.sign * plane.second * (along - offset))
    return (panels.weights * exp(-0.5 * (panels.nodes * panels.nodes)) * product).sum(axis: 0)
  }
}
