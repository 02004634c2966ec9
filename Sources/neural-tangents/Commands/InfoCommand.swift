import ArgumentParser
import Foundation
import NeuralTangents
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
      can be; OPENBLAS_CORETYPE chooses another. Devices are those that plugins
      drive: make accelerator installs one, and NEURAL_TANGENTS_PJRT_PLUGIN names
      one.

      EXAMPLES
        neural-tangents info
        NEURAL_TANGENTS_ISA=avx2 neural-tangents info
      """)

  /// What plugins that are installed find, and why where they find nothing.
  private static var devices: [(String, String)] {
    var lines: [(String, String)] = []
    DeviceOption.quietPlugins()
    for platform in ["cuda", "tpu", "cpu"] {
      do throws(DeviceError) {
        let devices = try Device.all(platform)
        lines += devices.map { device in
          let memory = device.memory.map { String(format: ", %.1f GiB", Double($0) / Double(1 << 30)) } ?? ""
          return ("device", "\(device.name): \(device.kind)\(memory)")
        }
        lines.append(("plugin", devices[0].pluginDescription))
      } catch {
        // A platform without a plugin is what most machines have.
        if case .noPlugin = error { continue }
        lines.append(("device", error.description))
      }
    }
    return lines.isEmpty ? [("device", "no plugin installed (make accelerator)")] : lines
  }

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
    for (label, value) in lines + Self.devices {
      print(label.padding(toLength: 16, withPad: " ", startingAt: 0) + value)
    }
  }
}
