import Foundation
import NeuralTangents
import Testing

@Suite("Predictive distributions")
struct PredictiveDistributionTests {
  /// SciPy 1.11: log density at 0.7, P(T ≤ −2.5), P(T ≤ 0.3), P(T ≤ −40), quantiles at 0.975 and 1e-6.
  static let goldens: [(freedom: Double, values: [Double])] = [
    (
      0.5,
      [
        -1.8228555594413423, 0.2004852645266466, 0.5775704239347546, 0.050704899964747176, 164.55767348048818,
        -102849115631.63399,
      ]
    ),
    (
      1,
      [
        -1.5435060058067678, 0.12111894159084341, 0.5927735790777423, 0.007956089912025812, 12.706204736174694,
        -318309.8861827435,
      ]
    ),
    (
      3,
      [
        -1.303467744715962, 0.04385332350403278, 0.6081183539800405, 1.7190340394579253e-05, 3.1824463052837078,
        -103.29946778041935,
      ]
    ),
    (
      4.5,
      [
        -1.2582966000049678, 0.029952843251100272, 0.6112332264802843, 3.224782606460499e-07, 2.6589123472044034,
        -31.081356583149244,
      ]
    ),
    (
      30,
      [
        -1.1783917051179724, 0.009057824534033344, 0.6168769473578236, 6.863022597203209e-28, 2.0422724563012378,
        -5.871117120418882,
      ]
    ),
    (
      10000.0,
      [-1.1639820302983996, 0.006217609775291849, 0.6179083043853338, 0.0, 1.960201239890626, -4.75622968505678]
    ),
  ]

  @Test("Student's t is SciPy's", arguments: goldens.map(\.freedom))
  func student(_ freedom: Double) throws {
    let values = try #require(Self.goldens.first { $0.freedom == freedom }).values
    let t = StudentT(degreesOfFreedom: freedom)
    let found = [
      t.logDensity(0.7), t.cumulative(-2.5), t.cumulative(0.3), t.cumulative(-40), t.quantile(0.975), t.quantile(1e-6),
    ]
    for (value, expected) in zip(found, values) {
      #expect(abs(value - expected) <= 2e-12 * abs(expected) + 1e-300, "\(value) \(expected)")
    }
    #expect(t.quantile(0.5) == 0 && t.quantile(0) == -.infinity && t.quantile(1) == .infinity)
    for p in [1e-9, 0.01, 0.3, 0.8] { #expect(abs(t.cumulative(t.quantile(p)) - p) < 1e-12 * p + 1e-15) }
  }

  @Test("infinitely many degrees of freedom are the normal distribution")
  func normal() {
    let t = StudentT.normal
    #expect(abs(t.quantile(0.975) - 1.959963984540054) < 1e-14 && t.variance == 1)
    #expect(abs(t.logDensity(1) + 0.5 + 0.5 * log(2 * .pi)) < 1e-15)
    let nearly = StudentT(degreesOfFreedom: 1e7)
    #expect(abs(nearly.logDensity(1.3) - t.logDensity(1.3)) < 1e-6)
    #expect(abs(nearly.cumulative(-1) - t.cumulative(-1)) < 1e-6)
  }

  static let transforms: [TargetTransform] = [
    .identity, .logarithm, .squareRoot(offset: 0.3), .yeoJohnson(lambda: 0, location: 1, scale: 2),
    .yeoJohnson(lambda: 0.4, location: -1, scale: 0.5), .yeoJohnson(lambda: 1, location: 0, scale: 1),
    .yeoJohnson(lambda: 2, location: 3, scale: 1),
  ]

  @Test("transforms grow, are undone by their inverse, and have the slope that they state", arguments: Self.transforms)
  func transformed(_ transform: TargetTransform) {
    for y in [0.01, 0.4, 1, 2.5, 7, 31] {
      #expect(abs(transform.inverse(transform(y)) - y) < 1e-11 * max(1, y))
      let h = 1e-6 * y
      let slope = (transform(y + h) - transform(y - h)) / (2 * h)
      #expect(abs(log(slope) - transform.logDerivative(y)) < 1e-6)
    }
  }

  @Test("Yeo-Johnson with lambda 1 changes place and scale only, and finds the logarithm of what is log-normal")
  func yeoJohnson() throws {
    let same = TargetTransform.yeoJohnson(lambda: 1, location: 2, scale: 4)
    for y in [-8.0, 0, 2, 5] { #expect(abs(same(y) - (y - 2) / 4) < 1e-14) }
    // Quantiles of exp(2 z): far from normal.
    let skewed = (1..<200).map { exp(2 * StudentT.normal.quantile(Double($0) / 200)) }
    let found = try #require(TargetTransform.yeoJohnson(of: skewed))
    guard case .yeoJohnson(let lambda, _, _) = found else { return #expect(Bool(false)) }
    #expect(lambda < 0.2)
    #expect(TargetTransform.yeoJohnson(of: [3, 3, 3]) == nil)
    #expect(TargetTransform.logarithm(of: [1, 0]) == nil && TargetTransform.squareRoot(of: [-1, 2]) == nil)
    #expect(TargetTransform.squareRoot(of: [0, 4, 9]) == .squareRoot(offset: 2))
  }

  private static let mixture: [PredictiveDistribution.Component] = [
    .init(weight: 0.7, location: 0.5, scale: 0.4),
    .init(weight: 0.3, location: 1.2, scale: 0.2, shape: .init(StudentT(degreesOfFreedom: 5))),
  ]

  @Test(
    "densities are the derivative of probabilities, and quantiles their inverse",
    arguments: [TargetTransform.identity, .logarithm, .yeoJohnson(lambda: 0.3, location: 1, scale: 2)])
  func consistent(_ transform: TargetTransform) {
    let prediction = PredictiveDistribution(Self.mixture, transform: transform)
    for p in [0.01, 0.3, 0.5, 0.9] {
      let y = prediction.quantile(p)
      #expect(abs(prediction.cumulative(y) - p) < 1e-10)
      let h = 1e-5 * abs(y)
      let slope = (prediction.cumulative(y + h) - prediction.cumulative(y - h)) / (2 * h)
      #expect(abs(exp(prediction.logDensity(y)) - slope) < 1e-6 * slope)
    }
    #expect(prediction.median == prediction.quantile(0.5))
  }

  @Test("moments are those of closed forms")
  func moments() {
    let plain = PredictiveDistribution(Self.mixture).moments
    let mean = 0.7 * 0.5 + 0.3 * 1.2
    let square = 0.7 * (0.16 + 0.25) + 0.3 * (0.04 * 5 / 3 + 1.44)
    #expect(abs(plain.mean - mean) < 1e-14)
    #expect(abs(plain.standardDeviation - (square - mean * mean).squareRoot()) < 1e-14)
    // A log-normal distribution.
    let log = PredictiveDistribution([.init(location: 0.4, scale: 1.5)], transform: .logarithm).moments
    let expected = exp(0.4 + 0.5 * 2.25)
    #expect(abs(log.mean - expected) < 1e-9 * expected)
    #expect(abs(log.standardDeviation - expected * (exp(2.25) - 1).squareRoot()) < 1e-6 * expected)
    // A square root: the square of a normal number is not centred at the square of its mean.
    let root = PredictiveDistribution([.init(location: 10, scale: 0.5)], transform: .squareRoot(offset: 1)).moments
    #expect(abs(root.mean - (100 + 0.25 - 1)) < 1e-9)
  }

  @Test("what is not plausible moves no mean")
  func plausible() {
    let wild = [PredictiveDistribution.Component(location: 1, scale: 3, shape: .init(StudentT(degreesOfFreedom: 3)))]
    let free = PredictiveDistribution(wild, transform: .logarithm)
    let bounded = PredictiveDistribution(wild, transform: .logarithm, plausible: 0...4)
    #expect(free.moments.mean > 1e3 && bounded.moments.mean < exp(4))
    #expect(bounded.quantile(0.999) == free.quantile(0.999) && bounded.logDensity(7) == free.logDensity(7))
  }

  @Test("impossible targets have no density")
  func impossible() {
    let prediction = PredictiveDistribution([.init(location: 0, scale: 1)], transform: .logarithm)
    #expect(prediction.logDensity(-1) == -.infinity && prediction.logDensity(0) == -.infinity)
    #expect(prediction.cumulative(-1) == 0)
  }

  @Test("coverage and density of predictions of any distribution")
  func scores() throws {
    let predictions = (0..<200).map { PredictiveDistribution(mean: Double($0), standardDeviation: 2) }
    let targets = (0..<200).map { Double($0) + 2 * StudentT.normal.quantile((Double($0) + 0.5) / 200) }
    let table = try CalibrationTable(targets: targets, predictions: predictions, levels: [0.5, 0.9])
    #expect(table.rows.map(\.observed) == [0.5, 0.9] && table.count == 200)
    #expect(abs(table.rows[0].meanWidth - 4 * 0.6744897501960817) < 1e-12)
    let density = try negativeLogPredictiveDensity(targets: targets, predictions: predictions)
    #expect(abs(density - (0.5 * log(2 * .pi * 4) + 0.5)) < 0.02)
    #expect(throws: PredictionError.self) {
      try negativeLogPredictiveDensity(targets: [1], predictions: predictions)
    }
  }
}
