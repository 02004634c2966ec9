import ArgumentParser
import Clusters
import Foundation
import Platform
import Tensors

/// The program `neural-tangents`.
@main
struct NeuralTangentsCommand: ParsableCommand {
  static let version = LibraryVersion.text

  static let configuration = CommandConfiguration(
    commandName: "neural-tangents",
    abstract: "Kernels and predictions of infinitely wide neural networks.",
    discussion: """
      EXAMPLES
        neural-tangents demo
        neural-tangents kernel network.json --x1 train.npy --output kernel.npz
        neural-tangents gram create train.zarr myrtle10 --x1 cifar.npy
        neural-tangents gram run train.zarr
        neural-tangents empirical network.json --x1 train.npy --samples 64 \
          --output estimate.npz
        neural-tangents predict network.json --train train.csv --target price \
          --test test.csv --output predictions.csv
        neural-tangents predict network.yaml --train iris.csv --target species \
          --folds 5
        neural-tangents fit network.json --train train.csv --target price \
          --output fitted.json
        neural-tangents describe myrtle10 --input 32,32,3 --output myrtle10.svg

      NETWORK FILES
        JSON, or YAML of the same structure; one object per layer:
        {"serial": [
          {"dense": {"width": 512, "weightStd": 1.5, "biasStd": 0.1}},
          {"relu": {}},
          {"dense": {"width": 1}}
        ]}

      READY-MADE NETWORKS
        In place of a file, a name and a depth: myrtle5, myrtle7, myrtle10,
        wideResNet28, fullyConnected3, convVec5, convGap5, visionTransformer4,
        graphNetwork3. With other arguments they are nodes of network files:
        {"myrtle": {"depth": 5, "classes": 2, "biasStd": 0.1}}

      SHELL COMPLETION
        neural-tangents --generate-completion-script bash   (or zsh, fish)
        prints a script; save it where your shell looks for completions.

      EXIT STATUS
        0   success
        3   a tile of a store cannot be written; those that are there are safe
        4   predictions were written, but are not certified to the --tolerance
        5   gram run has stopped at its time limit
        64  options, arguments or an environment that make no sense
        65  a file was read, and what it holds is wrong
        66  a file to read is missing
        70  the computation failed
        73  a file cannot be written
        129, 130, 143  stopped by a closed terminal, Ctrl-C or kill; no file is left
            half written
        Errors are one line on standard error that begins with "error: ".
      """,
    version: version,
    subcommands: [
      KernelCommand.self, GramCommand.self, EmpiricalCommand.self, PredictCommand.self, FitCommand.self,
      DescribeCommand.self,
      DemoCommand.self,
      BenchmarkCommand.self, InfoCommand.self,
    ])

  static func main() {
    Interruption.prepare()
    do {
      var command = try parseAsRoot()
      if let mistake = Machine.instructionSetMistake { throw CommandError.usage(mistake) }
      try command.run()
      try StandardOutput.finish()
    } catch {
      stop(for: error)
    }
  }

  private static func stop(for error: any Error) -> Never {
    if let code = error as? ExitCode { finish(with: "", status: code.rawValue) }
    if let known = CommandError(error) { fail(known) }
    // The rest comes from the argument parser, which also throws help, the version and completion scripts.
    let code = exitCode(for: error)
    if code.isSuccess { finish(with: fullMessage(for: error)) }
    let isUsage = code.rawValue == CommandError.Status.usage.rawValue
    fail(CommandError(isUsage ? .usage : .internalFailure, message(for: error)))
  }

  private static func finish(with text: String, status: Int32 = 0) -> Never {
    if !text.isEmpty { print(text) }
    do {
      try StandardOutput.finish()
      Foundation.exit(status)
    } catch {
      fail(error)
    }
  }

  private static func fail(_ error: CommandError) -> Never {
    // What all processes of mpirun find in the same arguments the first of them says, unless another ends the job before.
    if error.status == .usage, MPICluster.launchedRank > 0 { Foundation.exit(0) }
    let line = error.description.split(whereSeparator: \.isNewline).joined(separator: " ")
    StandardError.write("error: \(line)\n")
    Foundation.exit(error.status.rawValue)
  }
}
