import Foundation
import NeuralTangents
import Tensors
import Testing

@testable import neural_tangents

@Suite("Figures of training, depth and learning curves")
struct DemoFigureTests {
  private let scratch: ScratchDirectory

  init() throws { scratch = try ScratchDirectory() }

  private func report() throws -> DemoReport {
    let gnuplot = try #require(Gnuplot())
    return DemoReport(directory: scratch.url.path, gnuplot: gnuplot, progress: ProgressReporter("test"))
  }

  private func expectPictures(_ names: String...) throws {
    #expect(try scratch.names == names.flatMap { ["\($0).png", "\($0).svg"] }.sorted())
    for name in names {
      #expect(try scratch.text(of: "\(name).svg").contains("</svg>"))
      #expect(try Data(contentsOf: scratch.url.appending(path: "\(name).png")).count > 10_000)
    }
  }

  @Test("the closed form is the trained linearization, and networks come nearer to it with width")
  func linearization() throws {
    var report = try report()
    let settings = DemoLinearization.Settings(
      width: 64, epochs: 2, trainCount: 256, sweepWidths: [32, 128, 512], sweepCount: 10, sweepSeeds: 3, sweepSteps: 12,
      exactWidth: 12)
    let result = try DemoLinearization(key: RandomKey(seed: 1), settings: settings).run(&report)
    // After a thousand steps, for each of three rules.
    #expect(result.exactness.count == 3 && result.exactness.allSatisfy { $0 < 1e-8 })
    #expect(result.slopes.count == 3 && result.slopes.allSatisfy { $0 < -0.4 && $0 > -1.4 }, "\(result.slopes)")
    #expect(result.infiniteSlope < -0.2 && result.infiniteSlope > -0.9, "\(result.infiniteSlope)")
    // The second order is nearer to the network than the first.
    #expect(result.distances.count == 2 && result.distances[1] < result.distances[0], "\(result.distances)")
    try expectPictures("linearization", "linearization-width")
  }

  @Test("steps predict training better than flows do, of squares and of cross-entropy")
  func dynamics() throws {
    var report = try report()
    let curves = try DemoDynamics(
      key: RandomKey(seed: 2), settings: .init(width: 512, count: 10, steps: 30)
    ).run(&report)
    #expect(curves.map(\.name) == ["mean squared error", "cross-entropy", "mean squared error, momentum 0.9"])
    for curve in curves {
      let (network, flow, steps) = (curve.train[0], curve.train[1], curve.train[2])
      #expect(network[0] == flow[0] && abs(network[0] - steps[0]) < 1e-12)
      func distance(_ other: [Double]) -> Double {
        zip(network, other).map { abs($0 - $1) }.max() ?? .infinity
      }
      #expect(distance(steps) < distance(flow), "\(curve.name)")
      #expect(distance(steps) < 0.05 * network[0], "\(curve.name)")
      #expect(network[network.count - 1] < 0.6 * network[0])
    }
    try expectPictures("dynamics")
  }

  @Test("learned images teach more than random ones")
  func distillation() throws {
    var report = try report()
    let settings = DemoDistillation.Settings(
      trainCount: 500, batchSize: 250, steps: 40, draws: 6, width: 32, members: 2, finiteSteps: 10, finiteDraws: 2)
    let result = try DemoDistillation(key: RandomKey(seed: 3), settings: settings).run(&report)
    #expect(result.random.mean > 0.4 && result.learned > result.random.mean + 0.15, "\(result)")
    try expectPictures("distillation")
  }

  @Test("errors on the sphere and on digits are those that spectra predict")
  func learningCurves() throws {
    var report = try report()
    let settings = DemoSpectra.Settings(
      sizes: [8, 24, 100, 299], repetitions: 8, testCount: 300, digitSizes: [20, 100], digitRepetitions: 4)
    let result = try DemoSpectra(key: RandomKey(seed: 4), settings: settings).run(&report)
    for (predicted, measured) in zip(
      result.predicted + result.predictedDigits, result.measured + result.measuredDigits)
    {
      #expect(abs(measured.mean - predicted) < 4 * measured.error + 0.08 * predicted, "\(predicted) \(measured)")
    }
    #expect(result.predicted.count == 4 && result.predictedDigits.count == 2)
    try expectPictures("spectra", "learning-curves")
  }

  @Test("deep networks learn near the critical line only")
  func depth() throws {
    var report = try report()
    let settings = DemoDepth.Settings(weights: [0.3, 1.4, 2.5], trainCount: 60, testCount: 100)
    let accuracies = try DemoDepth(key: RandomKey(seed: 5), settings: settings).run(&report)
    // After a thousand steps: one layer, and sixty-four.
    let (shallow, deep) = (accuracies[1][0], accuracies[1][6])
    #expect(shallow.allSatisfy { $0 > 0.7 }, "\(shallow)")
    #expect(deep[1] > 0.6 && deep[0] < 0.3 && deep[2] < 0.3, "\(deep)")
    try expectPictures("depth-accuracy", "depth-spectrum")
  }

  @Test("the phase diagram is drawn")
  func phases() throws {
    var report = try report()
    try DemoPhases().run(&report)
    try expectPictures("phases")
  }
}
