import Foundation
import Tensors
import Testing

@testable import Networks
import NeuralTangents

@Suite("Hermite series")
struct HermiteSeriesTests {
  private func series(
    _ f: @escaping (Tensor) -> Tensor, kinks: [Double] = [], _ q: [Double], terms: Int
  ) throws -> HermiteSeries {
    try HermiteSeries({ (x: Tensor) throws(NetworkError) in f(x) }, kinks: kinks, variances: Tensor(q), terms: terms)
  }

  // E[sin(bu) hₙ(z)] = ± e^(−b²q/2) (b√q)ⁿ/√n! for odd n.
  @Test("the coefficients of a sine are exact")
  func sine() throws {
    let q = [0, 0.3, 1, 4, 60]
    let coefficients = try series({ sin(0.9 * $0) }, q, terms: 160)
    for n in 0..<160 {
      for (value, q) in zip(coefficients[n].scalars(as: Double.self), q) {
        let size = q == 0 ? 0 : exp(-0.405 * q + Double(n) * log(0.9 * q.squareRoot()) - lgamma(Double(n) + 1) / 2)
        let expected = n.isMultiple(of: 2) ? 0 : n % 4 == 1 ? size : -size
        #expect(abs(value - expected) < 1e-13, "n = \(n), q = \(q)")
      }
    }
  }

  @Test("the coefficients of polynomials are orthonormal", arguments: [0, 1, 5, 12])
  func orthonormal(degree: Int) throws {
    let coefficients = try series(Hermite(degree: degree).function, [1], terms: 160)
    for n in 0..<160 {
      #expect(abs(coefficients[n].scalar(as: Double.self) - (n == degree ? 1 : 0)) < 1e-11, "n = \(n)")
    }
  }

  @Test("kinks elsewhere than at 0 are followed at every variance")
  func kinks() throws {
    // E[1(u > t) hₙ(z)] = p(τ) hₙ₋₁(τ)/√n at τ = t/√q.
    let (t, q) = (0.6, [0.2, 1, 7.0])
    let coefficients = try series({ select($0 .> t, 1, 0 * $0) }, kinks: [t], q, terms: 30)
    for n in 1..<30 {
      let values = coefficients[n].scalars(as: Double.self)
      for (value, q) in zip(values, q) {
        let tau = t / q.squareRoot()
        let polynomial = Hermite(degree: n - 1).function(Tensor([tau])).scalar(as: Double.self)
        #expect(abs(value - normalDensity(tau) * polynomial / Double(n).squareRoot()) < 1e-13)
      }
    }
  }

  @Test("Parseval's remainder bounds the error of every truncation", arguments: [2, 5, 12, 30])
  func bound(terms: Int) throws {
    for (closed, f, kinks) in [
      (Erf(), { erf($0) }, []), (Relu(), { maximum($0, 0) }, [0]),
      (Gelu(), { NumericalFunction.gelu.function($0) }, []),
    ] as [(any Activation, (Tensor) -> Tensor, [Double])] {
      for (q11, q22) in [(0.5, 2.0), (1.0, 1.0), (6, 3)] {
        let (first, second) = (
          try series(f, kinks: kinks, [q11], terms: terms), try series(f, kinks: kinks, [q22], terms: terms)
        )
        let remainder =
          (first.remainder.scalar(as: Double.self) * second.remainder.scalar(as: Double.self)).squareRoot()
        for rho in [-1, -0.9, 0.3, 0.8, 0.99, 1] {
          let sum = HermiteSeries.sum(first, second, Tensor([rho])).scalar(as: Double.self)
          let covariance = Covariance(q11, q22, correlation: rho)
          let error = try abs(sum - closed.duals([covariance]).kappa[0])
          #expect(error <= pow(abs(rho), Double(terms)) * remainder + 1e-14, "\(closed) at \(covariance)")
          // At correlation one of equal variances it is the error.
          if rho == 1 && q11 == q22 && remainder > 1e-9 { #expect(error > 0.999 * remainder) }
        }
      }
    }
  }

  @Test("the series and the integral agree where both are exact")
  func agree() throws {
    let f: (Tensor) throws(NetworkError) -> Tensor = { (x: Tensor) throws(NetworkError) in tanh(x) }
    let covariances = [(0.1, 0.1), (1, 1), (2, 0.3), (1, 0)].flatMap { q11, q22 in
      [-1, -0.7, 0, 0.4, 0.95, 0.9999, 1].map { Covariance(q11, q22, correlation: $0) }
    }
    let (q12, q11, q22) = (
      Tensor(covariances.map(\.q12)), Tensor(covariances.map(\.q11)), Tensor(covariances.map(\.q22))
    )
    let integral = try PlanarExpectation.byEntry(f, kinks: [], q12, q11, q22)
    let series = try Tanh().dual(q12, q11, q22)
    #expect(largestError(integral, series, relativeTo: 1) < 1e-11)
  }

  @Test("the series of a row is that of its variances")
  func row() throws {
    for q in [[0.5, 1], [0.5, 2], [0.5, 1]] {
      let covariances = q.map { Covariance(0.7, $0, correlation: 0.3) }
      let covariance = Tensor(covariances.map(\.q12), shape: [1, 2])
      let found = try Tanh().dual(covariance, Tensor([0.7], shape: [1, 1]), Tensor(q, shape: [1, 2]))
      #expect(largestError(found, Tensor(try Tanh().duals(covariances).kappa), relativeTo: 1) < 1e-15)
    }
  }

  @Test("a Gauss-Legendre rule is exact for polynomials", arguments: [1, 2, 7, 16, 30])
  func legendre(degree: Int) {
    let rule = GaussLegendre(degree: degree).composite([-1, 0.5, 3])
    for power in 0..<(2 * degree) {
      let found = zip(rule.nodes, rule.weights).reduce(0) { $0 + $1.1 * pow($1.0, Double(power)) }
      let expected = (pow(3, Double(power + 1)) - pow(-1, Double(power + 1))) / Double(power + 1)
      #expect(abs(found - expected) <= 1e-13 * max(1, abs(expected)))
    }
    #expect(zip(rule.nodes, rule.nodes.dropFirst()).allSatisfy { $0 < $1 })
  }

  // e^(t²/2) P(z < −t) with 30 digits.
  @Test(
    "the scaled tail keeps its digits",
    arguments: [
      (0, 0.5), (0.5, 0.34961883472039807), (3, 0.121513948355562167), (5.96875, 0.0651016997429129578),
      (6, 0.0647793143244468493),
      (6.5, 0.0600156753431718304), (20, 0.0198976156483270316), (1000, 0.000398941881460349097),
    ] as [(Double, Double)])
  func tail(_ t: Double, _ expected: Double) {
    #expect(abs(scaledTail(Tensor([t])).scalar(as: Double.self) / expected - 1) < 1e-14)
  }
}
