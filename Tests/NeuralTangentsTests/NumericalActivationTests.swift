import Foundation
import NeuralTangents
import Tensors
import TestSupport
import Testing

@Suite("Activations without a closed dual: values")
struct NumericalActivationTests {
  struct Fixture: Decodable {
    struct Row: Decodable {
      let q11, q22, q12, kappa, kappaDot, diagonal1, kappaError, kappaDotError: Double
      var covariance: Covariance { Covariance(q12: q12, q11: q11, q22: q22) }
    }
    struct Entry: Decodable, CustomTestStringConvertible, Sendable {
      let activation: NodeValue
      let rows: [Row]
      var testDescription: String { activation.compact }
    }
    let activations: [Entry]
  }

  static let entries = (try? loadFixture("quadrature-duals", as: Fixture.self))?.activations ?? []

  @Test("the fixture has every activation")
  func complete() {
    #expect(Self.entries.count == 12)
  }

  @Test("duals equal composite quadrature", arguments: entries, [DType.float64, .float32])
  func values(_ entry: Fixture.Entry, dtype: DType) throws {
    let activation = try #require(try LayerRegistry.layer(from: entry.activation) as? any Activation)
    // Covariances that float32 rounds are others: near correlation one the derivative dual of a kink moves by the square
    // root of that.
    let rows = entry.rows.filter { row in
      dtype == .float64 || (abs(row.q12) * 1.0001 < (row.q11 * row.q22).squareRoot() && row.q11 < 100)
    }
    let covariances = rows.map(\.covariance)
    let found = try activation.duals(covariances, dtype: dtype)
    let scales = try activation.scales(covariances)
    let variances = try activation.varianceDual(Tensor(rows.map(\.q11)).asType(dtype)).asType(.float64)
      .scalars(as: Double.self)
    var worst = (kappa: 0.0, kappaDot: 0.0)
    for (index, row) in rows.enumerated() {
      let isWide = max(row.q11, row.q22) > 100
      let tolerance = dtype == .float32 ? 3e-6 : isWide ? 1e-6 : 1e-9
      let errors = (
        kappa: max(0, abs(found.kappa[index] - row.kappa) - row.kappaError) / scales.kappa[index],
        kappaDot: max(0, abs(found.kappaDot[index] - row.kappaDot) - row.kappaDotError)
          / max(scales.kappaDot[index], abs(row.kappaDot))
      )
      #expect(errors.kappa <= tolerance, "κ at \(row.covariance): \(found.kappa[index]), expected \(row.kappa)")
      #expect(
        errors.kappaDot <= 10 * tolerance,
        "κ̇ at \(row.covariance): \(found.kappaDot[index]), expected \(row.kappaDot)")
      #expect(abs(variances[index] - row.diagonal1) <= tolerance * row.diagonal1 + row.kappaError)
      if !isWide { worst = (max(worst.kappa, errors.kappa), max(worst.kappaDot, errors.kappaDot)) }
    }
    if TestSwitch.printErrors.isOn {
      print("accuracy \(dtype) \(entry.testDescription) \(rows.count) rows: \(worst)")
    }
  }

  static let samples = ActivationSample.withoutClosedDual

  static var covariances: [Covariance] {
    let variances = [0, 1e-12, 1e-3, 0.4, 1, 5]
    return variances.flatMap { q11 in
      variances.flatMap { q22 in
        [-1, -0.999999, -0.6, 0, 0.5, 0.99, 1].map { Covariance(q11, q22, correlation: $0) }
      } + [Covariance(q12: q11, q11: q11, q22: q11)]
    }
  }

  @Test("finite, symmetric to the last bit and within Cauchy-Schwarz, zero variances included", arguments: samples)
  func properties(_ sample: ActivationSample) throws {
    let covariances = Self.covariances
    let values = try sample.activation.duals(covariances)
    let swapped = try sample.activation.duals(covariances.map(\.swapped))
    let scales = try sample.activation.scales(covariances)
    #expect(values.kappa == swapped.kappa && values.kappaDot == swapped.kappaDot)
    for (index, covariance) in covariances.enumerated() {
      #expect(values.kappa[index].isFinite && values.kappaDot[index].isFinite, "\(covariance)")
      #expect(abs(values.kappa[index]) <= scales.kappa[index] * (1 + 1e-10) + 1e-17, "\(covariance)")
    }
  }

  @Test("the variance dual is the dual of equal inputs, bit for bit", arguments: samples, [DType.float64, .float32])
  func variance(_ sample: ActivationSample, dtype: DType) throws {
    let q = Tensor([0, 1e-12, 0.3, 1, 1.7, 30]).asType(dtype)
    let (variance, dual) = (try sample.activation.varianceDual(q), try sample.activation.dual(q, q, q))
    #expect(variance == dual)
    #expect(variance.dtype == dtype)
    // In another shape too, which is what equal inputs of two data sets are.
    let grid = try sample.activation.dual(
      q.expandedDims(0).broadcast(to: [6, 6]), q.expandedDims(1), q.expandedDims(0))
    #expect(grid.diagonal() == variance)
  }

  @Test("nothing jumps at correlation one", arguments: samples)
  func continuity(_ sample: ActivationSample) throws {
    for q in [0.1, 1, 4] {
      let step = 1e-9 * q
      let near = try sample.activation.duals([Covariance(q12: q - step, q11: q, q22: q)])
      let at = try sample.activation.duals([Covariance(q12: q, q11: q, q22: q)])
      #expect(abs(near.kappa[0] + step * at.kappaDot[0] - at.kappa[0]) < 1e-11 * at.kappa[0] + 1e-12 * q)
      // The derivative dual of a kink grows like the angle.
      #expect(abs(near.kappaDot[0] - at.kappaDot[0]) < 1e-4)
    }
  }

  @Test("variances broadcast against covariances", arguments: samples)
  func broadcasting(_ sample: ActivationSample) throws {
    let (q11, q22) = ([0.5, 1, 0, 1.5], [0.7, 1, 2])
    let grid = q11.flatMap { a in q22.map { Covariance(a, $0, correlation: 0.4) } }
    let expected = try sample.activation.duals(grid)
    let covariances = Tensor(grid.map(\.q12), shape: [4, 3])
    let kappa = try sample.activation.dual(covariances, Tensor(q11, shape: [4, 1]), Tensor(q22, shape: [1, 3]))
    let kappaDot = try sample.activation.derivativeDual(covariances, Tensor(q11, shape: [4, 1]), Tensor(q22))
    #expect(largestError(kappa, Tensor(expected.kappa), relativeTo: 1) < 1e-14)
    #expect(largestError(kappaDot, Tensor(expected.kappaDot), relativeTo: 1) < 1e-13)
    #expect(kappa.shape == [4, 3] && kappaDot.shape == [4, 3])
  }

  @Test("NaN in a covariance is not hidden", arguments: samples)
  func notANumber(_ sample: ActivationSample) throws {
    let nan = Double.nan
    #expect(try sample.activation.duals([Covariance(q12: nan, q11: 1, q22: 1)]).kappa[0].isNaN)
    #expect(try sample.activation.duals([Covariance(q12: 0.2, q11: nan, q22: 1)]).kappa[0].isNaN)
  }

  @Test("the mean of many draws agrees within four standard errors", arguments: samples)
  func monteCarlo(_ sample: ActivationSample) throws {
    let covariance = Covariance(0.7, 2.1, correlation: -0.7)
    let draws = RandomKey(seed: 5).normal([2, 400_000], dtype: .float64)
    let u = 0.7.squareRoot() * draws[0]
    let v = 2.1.squareRoot() * (-0.7 * draws[0] + 0.51.squareRoot() * draws[1])
    let product = try sample.activation.function(u) * sample.activation.function(v)
    let mean = product.mean().scalar(as: Double.self)
    let error = product.standardDeviation().scalar(as: Double.self) / 400_000.0.squareRoot()
    #expect(try abs(sample.activation.duals([covariance]).kappa[0] - mean) < 4 * error)
  }

  /// φ written once more, with the standard library.
  static let functions: [(any Activation, @Sendable (Double) -> Double)] = [
    (Tanh(), { tanh($0) }), (Sigmoid(), { 1 / (1 + exp(-$0)) }), (Softplus(), { log1p(exp($0)) }),
    (Softplus(beta: 3), { log1p(exp(3 * $0)) / 3 }), (Elu(), { $0 > 0 ? $0 : expm1($0) }),
    (Elu(alpha: 0.3), { $0 > 0 ? $0 : 0.3 * expm1($0) }),
    (Selu(), { 1.0507009873554805 * ($0 > 0 ? $0 : 1.6732632423543772 * expm1($0)) }),
    (Silu(), { $0 / (1 + exp(-$0)) }), (Mish(), { $0 * tanh(log1p(exp($0))) }), (Softsign(), { $0 / (1 + abs($0)) }),
    (HardTanh(), { Swift.min(Swift.max($0, -1), 1) }),
    (HardTanh(min: -0.5, max: 2), { Swift.min(Swift.max($0, -0.5), 2) }),
  ]

  @Test("functions equal the standard library's", arguments: functions.indices)
  func finite(_ index: Int) throws {
    let (activation, phi) = Self.functions[index]
    let x = stride(from: -6.0, through: 6, by: 0.125).map { $0 }
    for (value, x) in zip(try activation.phi(x), x) {
      #expect(abs(value - phi(x)) <= 1e-14 * max(1, abs(phi(x))), "at \(x)")
    }
  }

  // jax.nn of jax 0.4.23 in float64 at −2.5, −0.3 and 1.7; tanh of NumPy.
  static let peers: [(any Activation, [Double])] = [
    (Tanh(), [-0.9866142981514303, -0.2913126124515909, 0.935409070603099]),
    (Sigmoid(), [0.07585818002124355, 0.425557483188341, 0.8455347349164652]),
    (Softplus(), [0.07888973429254963, 0.554355244468527, 1.8677860293862658]),
    (Elu(), [-0.9179150013761012, -0.2591817793182821, 1.7]),
    (Selu(), [-1.6137857588732423, -0.4556673153791221, 1.7861916785043168]),
    (Silu(), [-0.18964545005310887, -0.1276672449565023, 1.437409049357991]),
    (Softsign(), [-0.7142857142857143, -0.23076923076923075, 0.6296296296296295]),
    (HardTanh(), [-1, -0.3, 1]),
  ]

  @Test("functions equal JAX's", arguments: peers.indices)
  func jax(_ index: Int) throws {
    let (activation, expected) = Self.peers[index]
    for (value, expected) in zip(try activation.phi([-2.5, -0.3, 1.7]), expected) {
      #expect(abs(value - expected) <= 2e-15)
    }
  }

  @Test("a limit at infinity is reached", arguments: [Tanh(), Sigmoid(), HardTanh(), Elu()] as [any Activation])
  func limits(_ activation: any Activation) throws {
    let values = try activation.phi([-.infinity, .infinity])
    #expect(values[1] == (activation is Elu ? .infinity : 1))
    #expect(values[0] == (activation is Sigmoid ? 0 : -1))
  }
}
