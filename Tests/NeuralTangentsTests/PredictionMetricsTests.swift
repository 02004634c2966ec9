import Foundation
import NeuralTangents
import Tensors
import Testing

@Suite("Measures of predictive uncertainty")
struct PredictionMetricsTests {
  typealias Oracle = PredictionOracle

  @Test("root mean square error and predictive density by hand")
  func regressionByHand() throws {
    let targets = Tensor(rows: [[1.0, 2.0], [3.0, 5.0]])
    let mean = Tensor(rows: [[1.0, 4.0], [2.0, 5.0]])
    #expect(abs(try rootMeanSquareError(targets: targets, mean: mean) - (5.0 / 4).squareRoot()) < 1e-15)
    // Squared residuals 0 and 4 at variance 1, 1 and 0 at variance 4.
    let normalisation: Double = 2 * Foundation.log(2 * Double.pi) + Foundation.log(4.0)
    let expected = (normalisation + 2 + 0.125) / 4
    let shared = try negativeLogPredictiveDensity(targets: targets, mean: mean, variance: Tensor([1.0, 4.0]))
    #expect(abs(shared - expected) < 1e-14)
    let each = try negativeLogPredictiveDensity(
      targets: targets, mean: mean, variance: Tensor(rows: [[1.0, 1.0], [4.0, 4.0]]))
    #expect(abs(each - expected) < 1e-14)
    #expect(throws: PredictionError.self) { try rootMeanSquareError(targets: targets, mean: mean[0]) }
    #expect(throws: PredictionError.self) {
      try negativeLogPredictiveDensity(targets: targets, mean: mean, variance: Tensor([1.0, 0.0]))
    }
  }

  @Test("intervals have the widths of the normal quantiles, and count what is inside")
  func intervals() throws {
    // Quantiles of the standard normal distribution, to 15 digits.
    let quantiles = [
      0.5: 0.674489750196082, 0.8: 1.28155156554460, 0.9: 1.64485362695147, 0.95: 1.95996398454005,
      0.99: 2.57582930354890,
    ]
    let targets = Tensor([-3.0, -1.7, -0.5, 0, 0.6, 0.7, 1.5, 2.2])
    let table = try CalibrationTable(
      targets: targets, mean: Tensor.zeros([8], dtype: .float64), variance: Tensor.ones([8], dtype: .float64))
    #expect(table.rows.map(\.expected) == [0.5, 0.8, 0.9, 0.95, 0.99])
    for row in table.rows {
      let half = try #require(quantiles[row.expected])
      #expect(abs(row.meanWidth - 2 * half) < 1e-13 * half)
      let inside = targets.scalars(as: Double.self).count { abs($0) <= half }
      #expect(row.observed == Double(inside) / 8)
    }
    #expect(abs(table.largestGap - table.rows.map { abs($0.expected - $0.observed) }.max()!) < 1e-15)
    #expect(throws: PredictionError.self) {
      try CalibrationTable(targets: targets, mean: targets, variance: targets * 0 + 1, levels: [1])
    }
  }

  @Test("the quantiles undo the distribution function far into both tails")
  func quantilesInTails() throws {
    for exponent in stride(from: -15.0, through: -0.4, by: 0.37) {
      let level = 1 - pow(10, exponent)
      let table = try CalibrationTable(
        targets: Tensor([0.0]), mean: Tensor([0.0]), variance: Tensor([1.0]), levels: [level])
      let half = table.rows[0].meanWidth / 2
      // P(|X| > half), relative to itself; 1 − level is all that was handed over.
      #expect(abs(erfc(half / 2.0.squareRoot()) - (1 - level)) < 4e-13 * (1 - level))
    }
  }

  @Test("a Gaussian process that is right about its world is calibrated")
  func calibrated() throws {
    let train = Oracle.points(30, phase: 0.3)
    let test = Oracle.points(25, phase: 1.9)
    let all = train + test
    let noise = 0.05
    let prior = Oracle.pair(all, all).nngp + noise * Tensor.eye(55, dtype: .float64)
    var normals = Oracle.Normals(seed: 23)
    let draws = (0..<55).map { _ in (0..<400).map { _ in normals.next() } }
    let world = matmul(try cholesky(prior), Oracle.tensor(draws))
    let process = try GaussianProcess(
      kTrainTrain: Oracle.pair(train, train).nngp, yTrain: world[..<30], regularizer: .absolute(noise))
    let prediction = try process.predict(
      kTestTrain: Oracle.pair(test, train).nngp, kTestTestDiagonal: Oracle.pair(test, test).nngp.diagonal())
    let variance = try #require(prediction.variance) + noise
    let table = try CalibrationTable(targets: world[30...], mean: prediction.mean, variance: variance)
    #expect(table.count == 10_000)
    #expect(table.largestGap < 0.03, "\(table)")
    let overconfident = try CalibrationTable(targets: world[30...], mean: prediction.mean, variance: variance * 0.25)
    #expect(overconfident.largestGap > 0.2)
  }

  @Test("two classes: the probability is that of a difference of Gaussians")
  func twoClasses() throws {
    for (difference, deviation) in [(0.0, 1.0), (0.3, 0.5), (2, 1), (-1, 0.4), (6, 1)] {
      let p = try classProbabilities(
        mean: Tensor([difference, 0], shape: [1, 2]), variance: Tensor([deviation * deviation])
      ).scalars(as: Double.self)
      let expected = erfc(-difference / (2 * deviation)) / 2
      #expect(abs(p[0] - expected) < 1e-10 && abs(p[0] + p[1] - 1) < 1e-15)
    }
    let unequal = try classProbabilities(
      mean: Tensor([0.5, 0], shape: [1, 2]), variance: Tensor([1.0, 0.25], shape: [1, 2])
    ).scalars(as: Double.self)
    #expect(abs(unequal[0] - erfc(-0.5 / 2.5.squareRoot()) / 2) < 1e-8)
    let steep = try classProbabilities(
      mean: Tensor([0.5, 0], shape: [1, 2]), variance: Tensor([1, 2.5e-3], shape: [1, 2])
    ).scalars(as: Double.self)
    #expect(abs(steep[0] - erfc(-0.5 / (2 * 1.0025).squareRoot()) / 2) < 1e-8)
  }

  @Test("many classes: the probability is the share of draws that a class wins")
  func manyClasses() throws {
    let mean = [0.1, 0.5, -0.2, 0.45, 0]
    let variance = [0.2, 0.1, 0.4, 0.3, 0.05]
    let found = try classProbabilities(
      mean: Tensor(mean, shape: [1, 5]), variance: Tensor(variance, shape: [1, 5])
    ).scalars(as: Double.self)
    var wins = [Double](repeating: 0, count: 5)
    var normals = Oracle.Normals(seed: 3)
    let draws = 100_000
    for _ in 0..<draws {
      let values = zip(mean, variance).map { $0 + $1.squareRoot() * normals.next() }
      wins[values.indices.max { values[$0] < values[$1] } ?? 0] += 1 / Double(draws)
    }
    for (p, share) in zip(found, wins) { #expect(abs(p - share) < 4.5 * (p * (1 - p) / Double(draws)).squareRoot()) }
    #expect(abs(found.reduce(0, +) - 1) < 1e-14)
    let equal = try classProbabilities(mean: Tensor.zeros([2, 10]), variance: Tensor.ones([2])).scalars(as: Double.self)
    #expect(equal.allSatisfy { abs($0 - 0.1) < 1e-12 })
  }

  @Test("without uncertainty the probability is one-hot")
  func certainClasses() throws {
    let p = try classProbabilities(
      mean: Tensor([0.2, 0.9, 0.1, 0.3, 0.3, 0.1], shape: [2, 3]), variance: Tensor([0.0, 0.0])
    ).scalars(as: Double.self)
    #expect(p == [0, 1, 0, 0.5, 0.5, 0])
  }

  @Test("classification metrics by hand")
  func classificationByHand() throws {
    let p = Tensor(rows: [[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.05, 0.9, 0.05], [0.6, 0.3, 0.1]])
    let labels = [0, 1, 1, 2]
    let metrics = try ClassificationMetrics(probabilities: p, labels: labels, binCount: 5)
    #expect(metrics.accuracy == 0.5)
    #expect(try classificationAccuracy(scores: p, labels: labels) == 0.5)
    let logLikelihood = [0.7, 0.3, 0.9, 0.1].reduce(0.0) { $0 + Foundation.log($1) }
    #expect(abs(metrics.negativeLogLikelihood + logLikelihood / 4) < 1e-14)
    let brier = [0.09, 0.04, 0.01, 0.09, 0.49, 0.16, 0.0025, 0.01, 0.0025, 0.36, 0.09, 0.81].reduce(0, +)
    #expect(abs(metrics.brierScore - brier / 4) < 1e-14)
    #expect(metrics.reliability.map(\.count) == [0, 0, 1, 2, 1])
    #expect(metrics.reliability[0].accuracy == nil)
    #expect(metrics.reliability[3].accuracy == 0.5)
    #expect(abs(try #require(metrics.reliability[3].meanConfidence) - 0.65) < 1e-14)
    #expect(abs(metrics.expectedCalibrationError - (0.4 + 2 * 0.15 + 0.1) / 4) < 1e-14)
    #expect(throws: PredictionError.self) { try ClassificationMetrics(probabilities: p, labels: [0, 1, 1, 3]) }
    #expect(throws: PredictionError.self) { try ClassificationMetrics(probabilities: p, labels: [0, 1]) }
    #expect(throws: PredictionError.self) { try ClassificationMetrics(probabilities: p * 2, labels: labels) }
  }
}
