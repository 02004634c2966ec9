import ArgumentParser
import Foundation
import Tensors

/// `neural-tangents info`: what the program found on this machine.
struct InfoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info",
    abstract: "Show the version, the processor's features, and the libraries in use.",
    discussion: """
      The environment variable NEURAL_TANGENTS_ISA (baseline, avx2 or avx512)
      chooses a lesser instruction set than the processor's best. OpenBLAS runs
      the inner loops for the best kind of processor that it knows and this one
      can be; OPENBLAS_CORETYPE chooses another.

      EXAMPLES
        neural-tangents info
        NEURAL_TANGENTS_ISA=avx2 neural-tangents info
      """)

  func run() {
    let process = ProcessInfo.processInfo
    let lines = [
      ("version", NeuralTangentsCommand.version),
      ("system", process.operatingSystemVersionString),
      ("processors", "\(process.activeProcessorCount)"),
      ("threads", "\(Threads.count)"),
      ("memory", String(format: "%.1f GiB", Double(process.physicalMemory) / Double(1 << 30))),
      ("instruction set", "\(Machine.instructionSet) (best here: \(Machine.bestInstructionSet))"),
      ("linear algebra", Machine.linearAlgebra),
      ("gnuplot", Gnuplot()?.path ?? "not found (needed for the pictures of the demo)"),
      ("graphviz", Graphviz()?.path ?? "not found (needed for the pictures of describe)"),
    ]
    for (label, value) in lines {
      print(label.padding(toLength: 16, withPad: " ", startingAt: 0) + value)
    }
  }
}
