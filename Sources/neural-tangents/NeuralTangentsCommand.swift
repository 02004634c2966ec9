import ArgumentParser
import Foundation

/// The program `neural-tangents`.
@main
struct NeuralTangentsCommand: ParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "neural-tangents",
    abstract: "Kernels and predictions of infinitely wide neural networks.",
    discussion: """
      EXAMPLES
        neural-tangents demo
        neural-tangents kernel network.json --x1 train.npy --x2 test.npy --output kernel.npz
        neural-tangents predict network.json --train train.csv --target price --test test.csv \\
          --output predictions.csv
        neural-tangents predict network.yaml --train iris.csv --target species --folds 5

      A network file nests layers in JSON or YAML:
        {"serial": [{"dense": {"width": 512, "weightStd": 1.5, "biasStd": 0.1}}, {"relu": {}}, {"dense": {"width": 1}}]}

      SHELL COMPLETION
        bash  neural-tangents --generate-completion-script bash > ~/.local/share/bash-completion/completions/neural-tangents
        zsh   neural-tangents --generate-completion-script zsh > ~/.zsh/completions/_neural-tangents
        fish  neural-tangents --generate-completion-script fish > ~/.config/fish/completions/neural-tangents.fish

      EXIT STATUS
        0 success, 64 wrong options, 65 wrong data, 66 a missing file, 70 the computation failed, 73 a file that cannot be
        written. Errors are one line on standard error beginning "error: ".
      """,
    version: version,
    subcommands: [KernelCommand.self, InfoCommand.self])

  static func main() {
    do {
      var command = try parseAsRoot()
      do {
        try command.run()
      } catch let error where !(error is CleanExit || error is ValidationError || error is ExitCode) {
        throw CommandError(error)
      }
    } catch let error as CommandError {
      fail(error.description, status: error.status.rawValue)
    } catch {
      // Help, the version and completion scripts arrive here too.
      if exitCode(for: error).isSuccess { exit(withError: error) }
      fail(message(for: error), status: CommandError.Status.usage.rawValue)
    }
  }

  private static func fail(_ message: String, status: Int32) -> Never {
    let line = message.split(whereSeparator: \.isNewline).joined(separator: " ")
    StandardError.write("error: \(line)\n")
    Foundation.exit(status)
  }
}
