import Foundation
import NeuralTangents
import Tensors
import Testing

@Suite("Activations: properties of every dual")
struct ActivationPropertyTests {
  static let samples = ActivationSample.closedForms
  static let all = ActivationSample.closedForms + ActivationSample.numerical
  static let variances = [0, 1e-25, 1e-12, 1e-3, 0.3, 1, 1.7, 30, 1e4, 1e12, 1e15]
  static let correlations = [-1, -0.999999, -0.9, -0.3, 0, 1e-6, 0.5, 0.99, 1 - 1e-12, 1]

  static var covariances: [Covariance] {
    variances.flatMap { q11 in
      variances.flatMap { q22 in correlations.map { Covariance(q11, q22, correlation: $0) } }
        + [Covariance(q12: q11, q11: q11, q22: q11), Covariance(q12: -q11, q11: q11, q22: q11)]
    }
  }

  /// Whether the mathematics itself leaves the range of float64 there.
  private func overflows(_ activation: any Activation, _ covariance: Covariance) -> Bool {
    let largest = max(covariance.q11, covariance.q22)
    switch activation {
    case let exp as Exp: return exp.b * exp.b * largest > 300
    default: return false
    }
  }

  @Test("finite at zero, tiny and huge variances and at correlation ±1", arguments: all)
  func finite(_ sample: ActivationSample) throws {
    let values = try sample.activation.duals(Self.covariances)
    for (index, covariance) in Self.covariances.enumerated() where !overflows(sample.activation, covariance) {
      #expect(values.kappa[index].isFinite, "kappa at \(covariance): \(values.kappa[index])")
      #expect(values.kappaDot[index].isFinite, "kappaDot at \(covariance): \(values.kappaDot[index])")
    }
  }

  @Test("finite in float32 wherever the result has room", arguments: all)
  func finiteFloat32(_ sample: ActivationSample) throws {
    let covariances = Self.covariances.filter { abs($0.q12) < 1e30 }
    let single = try sample.activation.duals(covariances, dtype: .float32)
    let double = try sample.activation.duals(covariances)
    let scales = try sample.activation.scales(covariances)
    for (index, covariance) in covariances.enumerated() {
      for (found, expected, scale) in [
        (single.kappa[index], double.kappa[index], scales.kappa[index]),
        (single.kappaDot[index], double.kappaDot[index], scales.kappaDot[index]),
      ] where max(scale, abs(expected)) < 1e30 {
        #expect(found.isFinite, "\(covariance): \(found), in float64 \(expected)")
      }
    }
  }

  @Test("the variance dual is the dual of equal inputs", arguments: all)
  func variance(_ sample: ActivationSample) throws {
    let q = [0, 1e-12, 0.3, 1, 1.7, 30]
    let variance = try sample.activation.varianceDual(Tensor(q)).scalars(as: Double.self)
    let dual = try sample.activation.duals(q.map { Covariance(q12: $0, q11: $0, q22: $0) }).kappa
    // Bit for bit, so that equal inputs keep correlation one through all layers.
    #expect(variance == dual)
  }

  @Test("swapping the inputs changes nothing", arguments: samples)
  func symmetric(_ sample: ActivationSample) throws {
    let covariances = Self.covariances
    let values = try sample.activation.duals(covariances)
    let swapped = try sample.activation.duals(covariances.map(\.swapped))
    let scales = try sample.activation.scales(covariances)
    for (index, covariance) in covariances.enumerated() where !overflows(sample.activation, covariance) {
      #expect(abs(values.kappa[index] - swapped.kappa[index]) <= 1e-13 * scales.kappa[index], "\(covariance)")
      #expect(abs(values.kappaDot[index] - swapped.kappaDot[index]) <= 1e-13 * scales.kappaDot[index], "\(covariance)")
    }
  }

  @Test("the numerical dual is symmetric up to its quadrature error")
  func numericalSymmetry() throws {
    let activation = ElementwiseNumerical(.tanh, degree: 60)
    let covariances = [Covariance(0.4, 1.3, correlation: 0.7), Covariance(0.9, 1.7, correlation: -0.9)]
    let (values, swapped) = (try activation.duals(covariances), try activation.duals(covariances.map(\.swapped)))
    for index in covariances.indices {
      #expect(abs(values.kappa[index] - swapped.kappa[index]) < 1e-6)
      #expect(abs(values.kappaDot[index] - swapped.kappaDot[index]) < 1e-5)
    }
  }

  @Test("the dual is at most the geometric mean of the variances", arguments: samples)
  func cauchySchwarz(_ sample: ActivationSample) throws {
    // Hermite's dual is exact at unit variances only.
    if sample.activation is Hermite { return }
    let values = try sample.activation.duals(Self.covariances)
    let scales = try sample.activation.scales(Self.covariances)
    for (index, covariance) in Self.covariances.enumerated() where !overflows(sample.activation, covariance) {
      #expect(abs(values.kappa[index]) <= scales.kappa[index] * (1 + 1e-13), "kappa at \(covariance)")
      // A constant zero input has no correlation; its derivative dual is a convention.
      if covariance.q11 > 0, covariance.q22 > 0 {
        #expect(abs(values.kappaDot[index]) <= scales.kappaDot[index] * (1 + 1e-13), "kappaDot at \(covariance)")
      }
    }
  }

  @Test("variances broadcast against covariances", arguments: all)
  func broadcasting(_ sample: ActivationSample) throws {
    let (q11, q22) = ([0.5, 1, 0, 1.5], [0.7, 1, 2])
    let grid = q11.flatMap { a in q22.map { Covariance(a, $0, correlation: 0.4) } }
    let expected = try sample.activation.duals(grid)
    let q12 = Tensor(grid.map(\.q12), shape: [4, 3])
    let rows = Tensor(q11, shape: [4, 1])
    let columns = Tensor(q22, shape: [1, 3])
    let kappa = try sample.activation.dual(q12, rows, columns)
    let kappaDot = try sample.activation.derivativeDual(q12, rows, columns)
    #expect(kappa.shape == [4, 3] && kappaDot.shape == [4, 3])
    #expect(kappa.scalars() == expected.kappa && kappaDot.scalars() == expected.kappaDot)
  }

  @Test("NaN in a covariance is not hidden", arguments: all)
  func notANumber(_ sample: ActivationSample) throws {
    // Constant functions do not look at their input.
    switch sample.activation {
    case let hermite as Hermite where hermite.degree == 0: return
    case let monomial as Monomial where monomial.degree == 0: return
    case let polynomial as Polynomial where polynomial.coefficients.count < 2: return
    default: break
    }
    #expect(try sample.activation.duals([Covariance(q12: .nan, q11: 1, q22: 1)]).kappa[0].isNaN)
  }

  @Test("a rectified power keeps its digits near correlation −1", arguments: 0...6)
  func antipodal(degree: Int) throws {
    // Leading term in t = 1 + ρ, with relative error O(t): κ → s^n Cₙ (t/2)^(n + 1/2)/2π.
    let t = 1e-10
    let kappa = try RectifiedMonomial(degree: degree).duals([Covariance(q12: -(1 - t), q11: 1, q22: 1)]).kappa[0]
    var constant = 2.0
    for k in 0..<degree { constant *= 2 * Double((k + 1) * (k + 1)) / (Double(k) + 1.5) }
    let rounded = 1 - (1 - t)
    let expected = constant * pow(rounded / 2, Double(degree) + 0.5) / (2 * .pi)
    #expect(abs(kappa / expected - 1) < 1e-9)
  }

  @Test("powers of the largest degree are finite", arguments: [148, Monomial.largestDegree])
  func largestDegree(degree: Int) throws {
    let covariances = [-1, -0.5, 0, 0.5, 1].map { Covariance(q12: $0, q11: 1, q22: 1) }
    let (whole, half) = (
      try Monomial(degree: degree).duals(covariances), try RectifiedMonomial(degree: degree).duals(covariances)
    )
    let doubleFactorial = (1...degree).reduce(1.0) { $0 * Double(2 * $1 - 1) }
    #expect(abs(whole.kappa[4] / doubleFactorial - 1) < 1e-13)
    #expect(abs(half.kappa[4] / doubleFactorial - 0.5) < 1e-13)
    let values = whole.kappa + whole.kappaDot + half.kappa + half.kappaDot
    #expect(values.filter { !$0.isFinite }.isEmpty)
    // E[uⁿ vⁿ] = 2 (E[u₊ⁿ v₊ⁿ] + (−1)ⁿ E[u₊ⁿ v₋ⁿ]).
    let sum = 2 * (half.kappa[3] + (degree.isMultiple(of: 2) ? 1 : -1) * half.kappa[1])
    #expect(abs(whole.kappa[3] / sum - 1) < 1e-12)
  }

  @Test("a step counts as 1 at a constant zero input")
  func step() throws {
    let covariances = [
      Covariance(q12: 0, q11: 0, q22: 0), Covariance(q12: 0, q11: 1, q22: 0), Covariance(q12: 0, q11: 1, q22: 1),
    ]
    let kappa = try RectifiedMonomial(degree: 0).duals(covariances).kappa
    for (value, expected) in zip(kappa, [1, 0.5, 0.25]) { #expect(abs(value - expected) < 1e-15) }
  }

  @Test("sign has its arc-sine off the diagonal")
  func signOffDiagonal() throws {
    let values = try Sign().duals([Covariance(q12: 0.5, q11: 1, q22: 1), Covariance(q12: 0, q11: 0, q22: 0)])
    #expect(abs(values.kappa[0] - 1.0 / 3) < 1e-15)
    #expect(values.kappa[1] == 0)
    #expect(values.kappaDot == [0, 0])
  }
}
