import Foundation
import Tensors
import Testing

@testable import neural_tangents

@Suite("The figure of finite and infinite ensembles")
struct DemoEnsembleTests {
  @Test("a small one draws every picture, and the finite mean comes nearer with width")
  func small() throws {
    let gnuplot = try #require(Gnuplot())
    let scratch = try ScratchDirectory()
    var report = DemoReport(directory: scratch.url.path, gnuplot: gnuplot, progress: ProgressReporter("test"))
    let settings = DemoEnsemble.Settings(
      memberCount: 6, width: 64, steps: 16, sweepWidths: [16, 1024], sweepMemberCount: 8, sweepSteps: 8,
      variants: .init(width: 32, drawCount: 2, memberCount: 4, memberWidth: 16, steps: 4))
    let errors = try DemoEnsemble(key: RandomKey(seed: 0), settings: settings).run(&report)
    #expect(errors.count == 2 && errors[1] < errors[0] / 3)
    let names = [
      "ensemble-loss.png", "ensemble-loss.svg", "ensemble-training.gif", "ensemble-variants.png",
      "ensemble-variants.svg", "ensemble-width.png", "ensemble-width.svg", "ensemble.png", "ensemble.svg",
    ]
    #expect(try scratch.names == names)
    let animation = try Data(contentsOf: scratch.url.appending(path: "ensemble-training.gif"))
    #expect(animation.starts(with: Data("GIF89a".utf8)))
    // One graphic control block per frame, and the block that makes it start over.
    let frames = animation.indices.dropLast(3).count { animation[$0...].starts(with: [0x21, 0xF9, 0x04]) }
    #expect(frames >= 8)
    #expect(animation.range(of: Data("NETSCAPE2.0".utf8)) != nil)
  }

  @Test("trained residual networks are those of their infinite ensemble, as plain ones are")
  func variants() throws {
    let scratch = try ScratchDirectory()
    var report = DemoReport(directory: scratch.url.path, gnuplot: nil, progress: ProgressReporter("test"))
    let xTrain = Tensor([-2.5, -1, 0.3, 1.1, 2.6], shape: [5, 1])
    let xTest = Tensor.linspace(-3, 3, count: 21, dtype: .float64).expandedDims(-1)
    let variants = EnsembleVariants(
      settings: .init(drawCount: 1, memberCount: 24, memberWidth: 96, steps: 40), key: RandomKey(seed: 3),
      xTrain: xTrain, yTrain: sin(xTrain), xTest: xTest, yTest: sin(xTest))
    let results = try variants.run(&report)
    #expect(results.map(\.name) == ["plain", "residual"])
    // The mean of 24 networks is off by deviation/√24, and by something of the order of 1/width.
    for result in results { #expect(result.distance < 0.6 * result.deviation, "\(result)") }
  }

  @Test("a figure and a part together, and a figure that there is not, are errors")
  func options() throws {
    for arguments in [["demo", "kernel", "--figure", "ensemble"], ["demo", "--figure", "circle"]] {
      let outcome = try Program.run(arguments)
      #expect(outcome.status == 64 && outcome.output.isEmpty)
      #expect(outcome.errors.contains("ensemble"))
    }
  }
}
