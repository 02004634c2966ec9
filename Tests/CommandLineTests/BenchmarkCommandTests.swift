import Foundation
import NeuralTangents
import Tensors
import Testing

@testable import neural_tangents

@Suite("neural-tangents benchmark")
struct BenchmarkCommandTests {
  @Test("chosen kernels are measured, printed and written, and speed is the inverse of time")
  func kernels() throws {
    let scratch = try ScratchDirectory()
    let outcome = try Program.run(
      ["benchmark", "--only", "Dense", "--seconds", "0.02", "--output", "figures"], in: scratch.url)
    try #require(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("ms per entry") && !outcome.output.contains("How time grows"))
    let table = TableText(try scratch.text(of: "figures/benchmark-kernels.csv"))
    #expect(table.texts("precision") == ["float32", "float64", "float32"])
    for (time, speed) in zip(table.numbers("milliseconds_per_entry"), table.numbers("entries_per_second")) {
      // Both have four digits.
      #expect(time > 0 && abs(time * speed - 1000) < 1.5)
    }
    #expect(table.numbers("megabytes").allSatisfy { $0 > 0 && $0 < 10_000 })
  }

  @Test("scaling has a table and a picture for inputs, image size, depth and threads")
  func scaling() throws {
    let gnuplot = try #require(Gnuplot())
    let scratch = try ScratchDirectory()
    var report = DemoReport(directory: scratch.url.path, gnuplot: gnuplot, progress: ProgressReporter("test"))
    let settings = BenchmarkScaling.Settings(side: 4, sides: [4, 6, 8], depth: 2, depths: [1, 2, 3], mostInputs: 64)
    try BenchmarkScaling(timer: KernelTimer(seconds: 0.001), settings: settings).run(&report, writesTables: true)
    let names = ["scaling-depth", "scaling-image-size", "scaling-inputs", "scaling-threads"]
    #expect(try scratch.names == names.flatMap { ["\($0).csv", "\($0).png", "\($0).svg"] })
    let sides = TableText(try scratch.text(of: "scaling-image-size.csv"))
    #expect(sides.numbers("height and width") == [4, 6, 8, 4, 6, 8])
    #expect(sides.numbers("time per entry (ms)").allSatisfy { $0 > 0 })
    #expect(try scratch.text(of: "scaling-inputs.svg").contains("N^"))
  }

  @Test("the exponent of a power is found", arguments: [0.5, 1, 2, 4])
  func exponent(_ power: Double) {
    let x = [1.0, 3, 10, 40]
    #expect(abs(growthExponent(x, x.map { 7 * pow($0, power) }) - power) < 1e-12)
  }

  @Test("kernels grow until they take the time")
  func timer() throws {
    let work = KernelTimer.Work(network: FullyConnected(depth: 2), shape: [10])
    // Long enough that no other work on the machine makes the first kernel take half of it.
    let timing = try KernelTimer(seconds: 0.5).rectangle(work)
    #expect(timing.entries > 1000 && timing.columns % 16 == 0)
    let squares = try KernelTimer(seconds: 1e-9).squares(work)
    #expect(squares.map(\.rows) == [16, 32])
  }

  @Test(
    "impossible options are errors that name what was found",
    arguments: [
      (["--seconds", "0"], "0"), (["--seconds", "nan"], "nan"), (["--only", "Transformer"], "Transformer"),
      (["flight"], "flight"), (["--threads", "0"], "0"),
    ])
  func options(_ arguments: [String], _ found: String) throws {
    let outcome = try Program.run(["benchmark"] + arguments)
    #expect(outcome.status == 64 && outcome.output.isEmpty)
    #expect(outcome.errors.hasPrefix("error: ") && outcome.errors.contains(found))
  }
}
