import ArgumentParser
import DataFiles
import GramStore
import NeuralTangents
import Tensors

/// `neural-tangents gram export`: the finished matrices as one file, or as few.
struct GramExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write the matrix of a complete store as an NPY file, or as Zarr with few files.",
    usage: "neural-tangents gram export <store> --output <file> [<options>]",
    discussion: """
      A name ending in .npy is an array file of one kernel, --kernel, by default the
      tangent kernel where the store has it. A name ending in .zarr is a directory
      with all kernels, in which --shard rows and columns share a file.

      EXAMPLES
        neural-tangents gram export train.zarr --output k.npy --kernel nngp
        neural-tangents gram export train.zarr --output few.zarr --shard 4096
      """)

  @Argument(help: GramCommand.storeHelp)
  var store: String

  @Option(help: .init("What to write, with a name ending in .npy or .zarr.", valueName: "file"))
  var output: String

  @Option(help: .init("Which kernel an NPY file gets.", valueName: "name"))
  var kernel: StoredKernel?

  @Option(help: .init("Rows and columns that share a file of a .zarr (default: 4096).", valueName: "count"))
  var shard: Int?

  private var isZarr: Bool { output.hasSuffix(".zarr") }

  func validate() throws {
    if let shard, shard < 1 { throw ValidationError("--shard: expected at least 1, found \(shard)") }
    if shard != nil, !isZarr {
      throw ValidationError("--shard: expected an --output with a name ending in .zarr, found \(output)")
    }
    if kernel != nil, isZarr {
      throw ValidationError("--kernel: expected an --output with a name ending in .npy, found \(output)")
    }
  }

  func run() throws {
    if !isZarr { try OutputFiles.requireWritable(output, formats: ["npy", "zarr"]) }
    let store = try GramStore.openForCommand(store)
    try store.requireComplete()
    let progress = ProgressReporter("writing \(output)")
    defer { progress.finish() }
    if isZarr {
      try store.exportShards(to: output, size: shard ?? 4096) { progress.update($0) }
      progress.finish()
      let names = store.kernels.map(\.rawValue).joined(separator: " and ")
      print("\(output): \(names), \(store.rowCount)x\(store.columnCount), \(store.dtype)")
      return
    }
    let kernel = kernel ?? (store.kernels.contains(.ntk) ? .ntk : .nngp)
    guard store.kernels.contains(kernel) else {
      throw CommandError.usage(
        "--kernel: expected \(store.kernels[0].rawValue), which \(store.path) has, found \(kernel)")
    }
    do {
      let writer = try NpyWriter(to: output, shape: [store.rowCount, store.columnCount], dtype: store.dtype)
      for row in 0..<store.stripCount {
        try writer.append(try store.strip(kernel, row: row))
        progress.update(Double(row + 1) / Double(store.stripCount))
      }
      try writer.finish()
    } catch let error as TensorError {
      throw CommandError(.cannotWrite, error.description)
    }
    progress.finish()
    StandardOutput.report(
      "\(output): \(kernel.rawValue), \(store.rowCount)x\(store.columnCount), \(store.dtype)", beside: output)
  }
}
