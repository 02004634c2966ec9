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
      memberCount: 6, width: 64, steps: 16, sweepWidths: [16, 1024], sweepMemberCount: 8, sweepSteps: 8)
    let errors = try DemoEnsemble(key: RandomKey(seed: 0), settings: settings).run(&report)
    #expect(errors.count == 2 && errors[1] < errors[0] / 3)
    let names = [
      "ensemble-loss.png", "ensemble-loss.svg", "ensemble-training.gif", "ensemble-width.png", "ensemble-width.svg",
      "ensemble.png", "ensemble.svg",
    ]
    #expect(try scratch.names == names)
    let animation = try Data(contentsOf: scratch.url.appending(path: "ensemble-training.gif"))
    #expect(animation.starts(with: Data("GIF89a".utf8)))
    // One graphic control block per frame, and the block that makes it start over.
    let frames = animation.indices.dropLast(3).count { animation[$0...].starts(with: [0x21, 0xF9, 0x04]) }
    #expect(frames >= 8)
    #expect(animation.range(of: Data("NETSCAPE2.0".utf8)) != nil)
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
