import Foundation
import NeuralTangents
import Tensors
import Testing

@Suite("Activations: quadrature and finite differences")
struct ActivationQuadratureTests {
  /// φ written once more, with the standard library; smooth, so that Gauss–Hermite quadrature converges fast.
  static let smooth: [(any Activation, @Sendable (Double) -> Double)] = [
    (Erf(), { erf($0) }),
    (Erf(a: 0.7, b: 1.3, c: 0.2), { 0.7 * erf(1.3 * $0) + 0.2 }),
    (SigmoidLike(), { 0.5 * erf($0 / 2.4020563531719796) + 0.5 }),
    (Gelu(), { $0 * 0.5 * (1 + erf($0 / 2.0.squareRoot())) }),
    (Sin(), { sin($0) }),
    (Sin(a: 0.7, b: 1.3, c: 0.3), { 0.7 * sin(1.3 * $0 + 0.3) }),
    (Cos(), { cos($0) }),
    (Cos(a: 1.4, b: 0.6, c: -0.5), { 1.4 * cos(0.6 * $0 - 0.5) }),
    (Rbf(gamma: 0.4), { 2.0.squareRoot() * sin(0.8.squareRoot() * $0 + .pi / 4) }),
    (Gaussian(), { exp(-$0 * $0) }),
    (Gaussian(a: 0.7, b: -0.6), { 0.7 * exp(-0.6 * $0 * $0) }),
    (Gaussian(a: 0.5, b: 0.05), { 0.5 * exp(0.05 * $0 * $0) }),
    (Exp(a: 0.7, b: 0.5), { 0.7 * exp(0.5 * $0) }),
    (Gabor(), { exp(-$0 * $0) * sin($0) }),
    (Monomial(degree: 0), { _ in 1 }),
    (Monomial(degree: 3), { $0 * $0 * $0 }),
    (Monomial(degree: 8), { pow($0, 8) }),
    (Polynomial([1.3, 0, -1.2, -0.5]), { 1.3 - 1.2 * $0 * $0 - 0.5 * $0 * $0 * $0 }),
    (ElementwiseNumerical(.tanh, degree: 90), { tanh($0) }),
    (ElementwiseNumerical(.silu, degree: 60), { $0 / (1 + exp(-$0)) }),
    (ElementwiseNumerical(.softplus, degree: 60), { log(1 + exp($0)) }),
  ]

  static let covariances = [
    Covariance(q12: -0.6, q11: 0.9, q22: 1.7), Covariance(q12: 0.5, q11: 1, q22: 1), Covariance(q12: 1, q11: 1, q22: 1),
    Covariance(q12: -0.8, q11: 0.8, q22: 0.8), Covariance(q12: 0.55, q11: 1.3, q22: 0.25),
    Covariance(q12: 0, q11: 0, q22: 1.2),
  ]

  /// E[f(u) f(v)] by nodes in both variables.
  static func expectation(_ f: (Double) -> Double, _ covariance: Covariance) -> Double {
    let rule = GaussHermite(degree: 160)
    let slope = covariance.q11 > 0 ? covariance.q12 / covariance.q11.squareRoot() : 0
    let spread = max(0, covariance.q22 - slope * slope).squareRoot()
    var total = 0.0
    for (x, wx) in zip(rule.nodes, rule.weights) {
      var inner = 0.0
      for (y, wy) in zip(rule.nodes, rule.weights) { inner += wy * f(2.0.squareRoot() * (slope * x + spread * y)) }
      total += wx * f(2.0.squareRoot() * covariance.q11.squareRoot() * x) * inner
    }
    return total / .pi
  }

  /// f' from central differences of three step sizes, exact for polynomials up to degree 6.
  static func derivative(_ f: @escaping (Double) -> Double, step: Double = 0.02) -> (Double) -> Double {
    { x in
      func slope(_ h: Double) -> Double { (f(x + h) - f(x - h)) / (2 * h) }
      return 1.5 * slope(step) - 0.6 * slope(2 * step) + 0.1 * slope(3 * step)
    }
  }

  @Test("duals equal quadrature of the function", arguments: smooth.indices)
  func quadrature(_ index: Int) throws {
    let (activation, phi) = Self.smooth[index]
    let values = try activation.duals(Self.covariances)
    // The differences are exact to about h⁶ φ⁽⁷⁾/140 or 1e-14/h.
    let slope = Self.derivative(phi, step: 0.01)
    for (index, covariance) in Self.covariances.enumerated() {
      let kappa = Self.expectation(phi, covariance)
      let kappaDot = Self.expectation(slope, covariance)
      #expect(
        abs(values.kappa[index] - kappa) <= 2e-9 * max(1, abs(kappa)), "\(covariance): \(values.kappa[index]) \(kappa)")
      #expect(
        abs(values.kappaDot[index] - kappaDot) <= 2e-8 * max(1, abs(kappaDot)),
        "\(covariance): \(values.kappaDot[index]) \(kappaDot)")
    }
  }

  @Test("functions equal the standard library's", arguments: smooth.indices)
  func functions(_ index: Int) throws {
    let (activation, phi) = Self.smooth[index]
    let x = stride(from: -4.0, through: 4, by: 0.125).map { $0 }
    for (value, x) in zip(try activation.phi(x), x) {
      #expect(abs(value - phi(x)) <= 1e-14 * max(1, abs(phi(x))))
    }
  }

  static let kinked: [(any Activation, @Sendable (Double) -> Double)] = [
    (Relu(), { max($0, 0) }), (LeakyRelu(0.1), { $0 < 0 ? 0.1 * $0 : $0 }), (Abs(), { abs($0) }),
    (ABRelu(-0.3, 0.8), { $0 < 0 ? -0.3 * $0 : 0.8 * $0 }), (ABRelu(0.5, 0), { min($0, 0) * 0.5 }),
    (Sign(), { $0 < 0 ? -1 : $0 > 0 ? 1 : 0 }), (RectifiedMonomial(degree: 0), { $0 < 0 ? 0 : 1 }),
    (RectifiedMonomial(degree: 3), { pow(max($0, 0), 3) }), (Hermite(degree: 0), { _ in 1 }),
    (Hermite(degree: 3), { ($0 * $0 * $0 - 3 * $0) / 6.0.squareRoot() }),
    (Gelu(approximate: true), { 0.5 * $0 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0))) }),
  ]

  @Test("other functions equal the standard library's, at 0 and infinity too", arguments: kinked.indices)
  func kinks(_ index: Int) throws {
    let (activation, phi) = Self.kinked[index]
    let x = stride(from: -4.0, through: 4, by: 0.125).map { $0 }
    for (value, x) in zip(try activation.phi(x), x) {
      #expect(abs(value - phi(x)) <= 1e-14 * max(1, abs(phi(x))), "at \(x)")
    }
    #expect(try Relu().phi([-.infinity, .infinity]) == [0, .infinity])
  }

  @Test("the dual of a Hermite polynomial at unit variances is quadrature's", arguments: 0...7)
  func hermite(degree: Int) throws {
    let activation = Hermite(degree: degree)
    let covariance = Covariance(q12: 0.7, q11: 1, q22: 1)
    let values = try activation.duals([covariance])
    // Nine nodes are exact up to degree 17.
    let rule = GaussHermite(degree: 9)
    let phi = try activation.phi(rule.nodes.map { 2.0.squareRoot() * $0 })
    let norm = zip(rule.weights, phi).reduce(0) { $0 + $1.0 * $1.1 * $1.1 } / Double.pi.squareRoot()
    #expect(abs(norm - 1) < 1e-13)
    #expect(abs(values.kappa[0] - pow(0.7, Double(degree))) < 1e-15)
    let expected = degree == 0 ? 0 : Double(degree) * pow(0.7, Double(degree - 1))
    #expect(abs(values.kappaDot[0] - expected) < 1e-14)
  }

  @Test("the derivative dual is the slope of the dual", arguments: ActivationSample.closedForms)
  func slope(_ sample: ActivationSample) throws {
    // φ' of a step is taken as zero, so that its derivative dual is not a slope.
    if sample.activation is Sign || (sample.activation as? RectifiedMonomial)?.degree == 0 { return }
    let covariances = [(0.9, 1.7), (1.0, 1.0), (0.2, 3.0)].flatMap { q11, q22 in
      [-0.9, -0.5, -0.02, 0.0, 0.02, 0.3, 0.8, 0.93].map { Covariance(q11, q22, correlation: $0) }
    }
    let step = 1e-3
    func moved(_ shift: Double) throws -> [Double] {
      try sample.activation.duals(covariances.map { Covariance(q12: $0.q12 + shift * step, q11: $0.q11, q22: $0.q22) })
        .kappa
    }
    let differences = try [1.0, 2, 3].map { h in zip(try moved(h), try moved(-h)).map { ($0 - $1) / (2 * h * step) } }
    let found = try sample.activation.duals(covariances).kappaDot
    let sizes = try sample.activation.scales(covariances).kappa
    for index in covariances.indices {
      let expected = 1.5 * differences[0][index] - 0.6 * differences[1][index] + 0.1 * differences[2][index]
      #expect(
        abs(found[index] - expected) <= 1e-8 * max(1, abs(expected), sizes[index]),
        "\(covariances[index]): \(found[index]), slope \(expected)")
    }
  }
}
