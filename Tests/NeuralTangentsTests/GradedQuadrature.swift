import Foundation
import Networks
import NeuralTangents
import Tensors

/// E[f(u) f(v)] of a zero-mean Gaussian pair by integration in two variables on panels that grow by a factor of four from
/// everywhere something happens: around u and v at 0 and at the kinks, from the width of the function on. For
/// variances of any size, and slow.
struct GradedQuadrature {
  let f: (Tensor) throws -> Tensor
  let kinks: [Double]

  private static let rule = GaussLegendre(degree: 20)
  private static let reach = 9.0

  /// Edges around the centres, whose distances begin with `width`.
  private static func edges(_ centres: [Double], width: Double) -> [Double] {
    var edges = [reach, 6, 4.5, 3, 2, 1].flatMap { [-$0, $0] }
    for centre in centres where abs(centre) <= reach {
      edges.append(centre)
      var distance = min(width, 0.5)
      while distance < 2 * reach {
        edges += [centre - distance, centre + distance]
        distance *= 4
      }
    }
    return Array(Set(edges.map { min(max($0, -reach), reach) })).sorted()
  }

  private static func density(_ x: Double) -> Double { exp(-x * x / 2) / (2 * Double.pi).squareRoot() }

  func callAsFunction(_ covariance: Covariance) throws -> Double {
    let (first, second) = (covariance.q11.squareRoot(), covariance.q22.squareRoot())
    let scale = first * second, sign = covariance.q12 < 0 ? -1.0 : 1.0
    let distance = max(0, (scale - abs(covariance.q12)) / scale)
    let cosine = (1 - distance / 2).squareRoot(), sine = (distance / 2).squareRoot()
    // u = σ₁ (cx + sy), v = ±σ₂ (cx − sy).
    let firstKinks: [Double] = [0] + kinks.map { $0 / first }
    let secondKinks: [Double] = [0] + kinks.map { sign * $0 / second }
    let largest: Double = max(first, second)
    var meetings: [Double] = [0]
    if sine > 0 {
      for a in firstKinks { for b in secondKinks { meetings.append((a - b) / (2 * sine)) } }
    }
    let outer = Self.rule.composite(Self.edges(meetings, width: 1 / max(1e-3, sine * largest)))
    var total = 0.0
    for (y, weight) in zip(outer.nodes, outer.weights) {
      let shift: Double = sine * y
      let centres: [Double] = firstKinks.map { ($0 - shift) / cosine } + secondKinks.map { ($0 + shift) / cosine }
      let inner = Self.rule.composite(Self.edges(centres, width: 1 / max(1e-3, largest)))
      let u: [Double] = inner.nodes.map { first * (cosine * $0 + shift) }
      let v: [Double] = inner.nodes.map { sign * second * (cosine * $0 - shift) }
      let fu = try f(Tensor(u)).scalars(as: Double.self), fv = try f(Tensor(v)).scalars(as: Double.self)
      var sum = 0.0
      for index in inner.nodes.indices {
        let weight: Double = inner.weights[index] * Self.density(inner.nodes[index])
        sum += weight * fu[index] * fv[index]
      }
      total += weight * Self.density(y) * sum
    }
    return total
  }
}
