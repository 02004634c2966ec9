import ArgumentParser
import NeuralTangents

/// `neural-tangents gram`: kernels in a directory, computed by any number of processes.
struct GramCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gram",
    abstract: "Compute large kernels in a directory: by many processes, stopped and resumed.",
    usage: "neural-tangents gram <subcommand> <store> [<options>]",
    discussion: """
      A store is a Zarr group with the data, what is to be computed of them, and an
      array per kernel, one file per tile. "gram run" computes tiles that are
      missing, in any number of processes on any number of machines that see the
      directory. They may be killed at any moment: tiles are there in full or not at
      all, and another run goes on. Python's zarr reads a store as it is; what is
      missing is NaN.

      EXAMPLES
        neural-tangents gram create train.zarr myrtle10 --x1 cifar.npy --workers 8
        neural-tangents gram run train.zarr
        sbatch --array=0-255 \\
          --wrap 'neural-tangents gram run train.zarr --time-limit 3h50m'
        neural-tangents gram status train.zarr
        neural-tangents gram verify train.zarr --repair
        neural-tangents gram export train.zarr --output k.npy
      """,
    subcommands: [
      GramCreateCommand.self, GramRunCommand.self, GramStatusCommand.self, GramVerifyCommand.self,
      GramExportCommand.self,
    ])

  static let storeHelp = ArgumentHelp("The directory of the store.", valueName: "store")
}

/// A list such as `nngp,ntk`, of the kernels that a store can have.
struct StoredKernelNames: ExpressibleByArgument {
  let names: [StoredKernel]

  init(_ names: [StoredKernel]) { self.names = names }

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    let names = parts.compactMap { StoredKernel(rawValue: String($0)) }
    guard names.count == parts.count, Set(names).count == names.count else { return nil }
    self.names = names
  }

  var defaultValueDescription: String { names.map(\.rawValue).joined(separator: ",") }
  static var allValueStrings: [String] { ["nngp", "ntk", "nngp,ntk"] }

  var set: KernelSet { names.reduce(into: []) { $0.insert($1 == .nngp ? .nngp : .ntk) } }
}

extension StoredKernel: ExpressibleByArgument {}
extension GramStore.Layout: ExpressibleByArgument {}

extension GramStore {
  /// Opens a store, with a warning where another version of the library has made it.
  static func openForCommand(_ path: String) throws -> GramStore {
    let store = try open(at: path)
    if store.libraryVersion != NeuralTangentsCommand.version {
      StandardError.warn(
        "\(path): made by version \(store.libraryVersion); this is \(NeuralTangentsCommand.version), whose last digits "
          + "may be others")
    }
    return store
  }
}
