import Foundation
import NeuralTangents
import Testing

@Suite("Gauss-Hermite quadrature")
struct ActivationGaussHermiteTests {
  // ∫ x^(2k) e^(−x²) dx = Γ(k + 1/2), which holds exactly up to 2k = 2n − 1.
  @Test("moments are exact", arguments: [1, 2, 3, 5, 8, 25, 64, 101, 200])
  func moments(degree: Int) {
    let rule = GaussHermite(degree: degree)
    for k in stride(from: 0, to: min(degree, 60), by: max(1, degree / 12)) {
      let found = zip(rule.nodes, rule.weights).map { pow($0, Double(2 * k)) * $1 }.sorted().reduce(0, +)
      let expected = tgamma(Double(k) + 0.5)
      #expect(abs(found - expected) <= 2e-13 * expected, "moment \(2 * k): \(found), expected \(expected)")
    }
  }

  @Test("nodes ascend and mirror each other", arguments: [1, 2, 7, 25, 200, 500, 1000])
  func symmetry(degree: Int) {
    let rule = GaussHermite(degree: degree)
    #expect(rule.nodes.count == degree && rule.weights.count == degree)
    #expect(zip(rule.nodes, rule.nodes.dropFirst()).allSatisfy { $0 < $1 })
    #expect(zip(rule.nodes, rule.nodes.reversed()).allSatisfy { $0 == -$1 })
    #expect(zip(rule.weights, rule.weights.reversed()).allSatisfy { $0 == $1 })
    #expect(rule.weights.allSatisfy { $0.isFinite && $0 >= 0 })
    #expect(abs(rule.weights.reduce(0, +) - Double.pi.squareRoot()) < 1e-14)
  }

  // Computed with 60 digits: degree, index from the largest, node, weight.
  static let exact: [(Int, Int, Double, Double)] = [
    (1, 0, 0, 1.7724538509055160273),
    (2, 0, 7.071067811865475244e-1, 8.8622692545275801365e-1),
    (5, 0, 2.0201828704560856329, 1.9953242059045913208e-2),
    (5, 1, 9.5857246461381850711e-1, 3.9361932315224115983e-1),
    (25, 0, 6.1642724340524517709, 2.7119235140384118853e-17),
    (25, 5, 3.1882949244251047122, 1.8915972957340512316e-5),
    (25, 12, 0, 4.3986872216948486672e-1),
    (64, 0, 1.0526123167960545883e+1, 5.5357065358569428206e-49),
    (64, 31, 1.3830224498700972412e-1, 2.7137742494130397795e-1),
    (200, 0, 1.9339248667911405432e+1, 2.2290934962806277577e-163),
    (200, 50, 7.982480622886646195, 3.6300293183054007128e-29),
    (200, 99, 7.8441903917420796291e-2, 1.5592224233010155621e-1),
  ]

  @Test("nodes and weights equal those of 60-digit arithmetic", arguments: exact)
  func values(degree: Int, place: Int, node: Double, weight: Double) {
    let rule = GaussHermite(degree: degree)
    #expect(abs(rule.nodes[degree - 1 - place] - node) <= 5e-16 * abs(node))
    #expect(abs(rule.weights[degree - 1 - place] - weight) <= min(1e-13 * weight, 1e-14))
  }
}
