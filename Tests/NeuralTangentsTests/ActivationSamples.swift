import Foundation
import NeuralTangents
import Tensors
import Testing

/// An activation under test, with a name that says its arguments.
struct ActivationSample: Sendable, CustomTestStringConvertible {
  let activation: any Activation

  init(_ activation: any Activation) { self.activation = activation }

  var testDescription: String { (try? LayerRegistry.node(of: activation).compact) ?? "\(activation)" }

  /// Every activation with a dual in closed form, some with several arguments.
  static let closedForms: [ActivationSample] = [
    .init(Relu()), .init(Abs()), .init(LeakyRelu(0.1)), .init(LeakyRelu(-0.4)), .init(ABRelu(-0.3, 0.8)),
    .init(ABRelu(0.6, 0.6)), .init(Erf()), .init(Erf(a: 0.7, b: 1.3, c: 0.2)), .init(SigmoidLike()), .init(Gelu()),
    .init(Sin()), .init(Sin(a: 0.7, b: 1.3, c: 0.3)), .init(Cos()), .init(Cos(a: 1.4, b: 0.6, c: -0.5)), .init(Rbf()),
    .init(Rbf(gamma: 0.4)), .init(Gaussian()), .init(Gaussian(a: 0.7, b: -0.6)), .init(Exp()),
    .init(Exp(a: 0.7, b: 0.5)),
    .init(ExpNormalized()), .init(ExpNormalized(gamma: 0.6, shift: 0.2, clip: true)), .init(Gabor()), .init(Sign()),
    .init(Hermite(degree: 0)), .init(Hermite(degree: 1)), .init(Hermite(degree: 4)), .init(Monomial(degree: 0)),
    .init(Monomial(degree: 1)), .init(Monomial(degree: 2)), .init(Monomial(degree: 7)),
    .init(RectifiedMonomial(degree: 0)), .init(RectifiedMonomial(degree: 1)), .init(RectifiedMonomial(degree: 2)),
    .init(RectifiedMonomial(degree: 5)), .init(Polynomial([])), .init(Polynomial([0.5])),
    .init(Polynomial([1.3, 0, -1.2, -0.5])), .init(Polynomial([0.1, -0.2, 0.3, -0.1, 0.05, 0.02, -0.01])),
  ]

  /// Activations whose duals are series or integrals.
  static let withoutClosedDual: [ActivationSample] = [
    .init(Tanh()), .init(Sigmoid()), .init(Softplus()), .init(Softplus(beta: 2.5)), .init(Elu()),
    .init(Elu(alpha: 0.4)), .init(Selu()), .init(Silu()), .init(Mish()), .init(Softsign()), .init(HardTanh()),
    .init(HardTanh(min: -0.5, max: 2)), .init(ElementwiseNumerical(.tanh, degree: nil)),
  ]

  static let numerical: [ActivationSample] = [
    .init(ElementwiseNumerical(.tanh)), .init(ElementwiseNumerical(.silu, degree: 20)),
    .init(ElementwiseNumerical(.softplus, degree: 15)),
  ]
}

/// One covariance matrix of two variables.
struct Covariance: Sendable, Hashable {
  var q12, q11, q22: Double

  /// With the given correlation.
  init(_ q11: Double, _ q22: Double, correlation: Double) {
    (self.q11, self.q22) = (q11, q22)
    q12 = correlation * q11.squareRoot() * q22.squareRoot()
  }

  init(q12: Double, q11: Double, q22: Double) {
    (self.q12, self.q11, self.q22) = (q12, q11, q22)
  }

  var swapped: Covariance { Covariance(q12: q12, q11: q22, q22: q11) }
}

extension Activation {
  /// κ and κ̇ of each covariance matrix, computed in `dtype`.
  func duals(_ covariances: [Covariance], dtype: DType = .float64) throws -> (kappa: [Double], kappaDot: [Double]) {
    func tensor(_ path: KeyPath<Covariance, Double>) -> Tensor {
      Tensor(covariances.map { $0[keyPath: path] }).asType(dtype)
    }
    let (q12, q11, q22) = (tensor(\.q12), tensor(\.q11), tensor(\.q22))
    let kappa = try dual(q12, q11, q22)
    let kappaDot = try derivativeDual(q12, q11, q22)
    #expect(kappa.dtype == dtype && kappaDot.dtype == dtype)
    #expect(kappa.shape == [covariances.count] && kappaDot.shape == [covariances.count])
    return (kappa.asType(.float64).scalars(), kappaDot.asType(.float64).scalars())
  }

  /// √(κ(q11, q11, q11) κ(q22, q22, q22)), the size that errors of κ are measured by, and the same of κ̇.
  func scales(_ covariances: [Covariance]) throws -> (kappa: [Double], kappaDot: [Double]) {
    // The derivative dual at a zero variance is a convention, for some activations zero.
    func equal(_ variance: Double) -> Covariance { Covariance(q12: variance, q11: variance, q22: variance) }
    func means(_ a: [Double], _ b: [Double]) -> [Double] {
      zip(a, b).map { abs($0).squareRoot() * abs($1).squareRoot() }
    }
    func slopes(_ path: KeyPath<Covariance, Double>) throws -> [Double] {
      try duals(covariances.map { equal($0[keyPath: path] == 0 ? 1 : $0[keyPath: path]) }).kappaDot
    }
    return (
      means(
        try duals(covariances.map { equal($0.q11) }).kappa, try duals(covariances.map { equal($0.q22) }).kappa),
      means(try slopes(\.q11), try slopes(\.q22))
    )
  }

  func phi(_ x: [Double]) throws -> [Double] { try function(Tensor(x)).scalars() }
}

extension NodeValue {
  /// `{"erf":{"a":0.7}}`.
  var compact: String {
    json().filter { !$0.isWhitespace }
  }
}
