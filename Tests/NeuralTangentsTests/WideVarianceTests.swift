import Foundation
import Networks
import NeuralTangents
import Tensors
import TestSupport
import Testing

@Suite("Activations: variances from 1e-12 to 1e12")
struct WideVarianceTests {
  static let samples = SeriesDualTests.samples
  static let variances = [1e-12, 1e-6, 1e-2, 1, 30, 1e2, 1e3, 1e4, 1e6, 1e9, 1e12]
  static let correlations = [-0.9999999, -0.7, 0, 0.3, 0.9, 0.999, 0.9999999]

  /// A few of them, and all with `FUZZ`.
  static let cases: [(sample: ActivationSample, variance: Double, ratio: Double)] = samples.enumerated().flatMap {
    (index, sample) in
    variances.enumerated().flatMap { (place, variance) in
      [1, 1e-4].enumerated().compactMap { (turn, ratio) in
        TestSwitch.fuzz.isOn || (4 * index + 3 * place + 5 * turn) % 11 == 0 ? (sample, variance, ratio) : nil
      }
    }
  }

  @Test("duals equal graded quadrature in two variables, of tensors and by vector kernels", arguments: cases)
  func quadrature(_ sample: ActivationSample, _ variance: Double, _ ratio: Double) throws {
    let series = try #require(sample.activation.vectorDual?.series)
    let rows = try VectorRows(sample.activation)
    let value = GradedQuadrature(f: { series.function($0) }, kinks: series.kinks)
    let slope = GradedQuadrature(f: { try series.derivative($0) }, kinks: series.kinks)
    let equal = [variance, variance * ratio].map { Covariance($0, $0, correlation: 1) }
    let size = try equal.map { try value($0) }.reduce(1, *).squareRoot()
    let slopeSize = try equal.map { try slope($0) }.reduce(1, *).squareRoot()
    var worst = [Double](repeating: 0, count: 4)
    for (place, correlation) in Self.correlations.enumerated() where TestSwitch.fuzz.isOn || place % 2 == 0 {
      let covariance = Covariance(variance, variance * ratio, correlation: correlation)
      let (kappa, kappaDot) = (try value(covariance), try slope(covariance))
      let tensors = try sample.activation.duals([covariance])
      let vector = rows.row(covariance.q11, [covariance.q12], [covariance.q22])
      let errors = [
        abs(tensors.kappa[0] - kappa) / size, abs(tensors.kappaDot[0] - kappaDot) / slopeSize,
        abs(vector.kappa[0] - kappa) / size, abs(vector.slope[0] - kappaDot) / slopeSize,
      ]
      // Half an ulp of the covariance is this much of the distance from correlation one, on which κ̇ depends where the
      // function changes in much less than a standard deviation.
      let limit = 1e-11 + 2e-16 / (1 - abs(correlation))
      for (index, name) in ["κ of tensors", "κ̇ of tensors", "κ of vectors", "κ̇ of vectors"].enumerated() {
        #expect(errors[index] <= (index % 2 == 0 ? 5e-12 : limit), "\(name) at \(covariance), \(correlation)")
        worst[index] = max(worst[index], errors[index])
      }
    }
    if TestSwitch.printErrors.isOn {
      print("wide \(sample.testDescription) \(variance) \(ratio):", worst.map { String(format: "%.0e", $0) })
    }
  }
}
