import ArgumentParser
import NeuralTangents
import Tensors

/// `neural-tangents benchmark`: how fast kernels are on this machine.
struct BenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark",
    abstract: "Measure how fast kernels of infinitely wide networks are on this machine.",
    usage: "neural-tangents benchmark [<parts> ...] [<options>]",
    discussion: """
      Computes NNGP and NTK of well-known networks on random inputs, as many as take
      about the given time, in less than a minute. The parts:

        kernels  milliseconds per entry of the kernel, entries per second, memory
        scaling  time over the number of inputs, the size of an image, the depth,
                 and the threads, with exponents

      With an output directory, tables are also written there as CSV, and pictures
      of the second part as SVG and PNG, drawn by gnuplot.

      EXAMPLES
        neural-tangents benchmark
        neural-tangents benchmark kernels --only Myrtle --seconds 5
        neural-tangents benchmark scaling --output benchmark-output
      """)

  enum Part: String, CaseIterable, ExpressibleByArgument { case kernels, scaling }

  @Argument(help: "The parts to run (default: all).")
  var parts: [Part] = []

  @Option(help: .init("Measure only the kernels whose names contain this.", valueName: "text"))
  var only: String?

  @Option(help: "About how long each kernel is computed.")
  var seconds = 1.0

  @Option(
    help: .init("Where to write tables and pictures; made if it is missing.", valueName: "directory"),
    completion: .directory)
  var output: String?

  @Option(help: .init("Threads to compute with (default: one per processor).", valueName: "count"))
  var threads: Int?

  func validate() throws {
    try ComputeOptions.requirePositive(threads: threads)
    guard seconds > 0, seconds.isFinite else {
      throw ValidationError("--seconds: expected a positive number, found \(seconds)")
    }
  }

  func run() throws {
    let rows = BenchmarkKernels.all.filter { row in only.map { row.name.contains($0) } ?? true }
    guard !rows.isEmpty else {
      let names = BenchmarkKernels.all.map(\.name).joined(separator: "; ")
      throw CommandError.usage("--only: expected a part of one of: \(names); found \"\(only ?? "")\"")
    }
    if let threads { Threads.count = threads }
    let gnuplot = output == nil ? nil : Gnuplot()
    if let output { try OutputFiles.makeDirectory(output) }
    let progress = ProgressReporter("benchmark")
    defer { progress.finish() }
    var report = DemoReport(directory: output ?? "", gnuplot: gnuplot, progress: progress)
    let timer = KernelTimer(seconds: seconds)
    let asked = parts.isEmpty ? Part.allCases.filter { $0 == .kernels || only == nil } : parts
    for part in Part.allCases where asked.contains(part) {
      switch part {
      case .kernels:
        try report.part("Kernels, NNGP and NTK") { report in
          try BenchmarkKernels(rows: rows, timer: timer).run(&report, writesTable: output != nil)
        }
      case .scaling:
        try report.part("How time grows") { report in
          try BenchmarkScaling(timer: timer).run(&report, writesTables: output != nil)
        }
      }
    }
    progress.finish()
    if output != nil {
      report.conclude()
    } else {
      print("\(Threads.count) threads")
    }
  }
}
