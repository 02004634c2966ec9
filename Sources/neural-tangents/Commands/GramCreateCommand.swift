import DurableFiles
import ArgumentParser
import DataFiles
import GramStore
import NeuralTangents
import Tensors

/// `neural-tangents gram create`: a store without tiles.
struct GramCreateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create",
    abstract: "Make a store: the data, and what is to be computed of them.",
    usage: "neural-tangents gram create <store> <network> --x1 <file> [<options>]",
    discussion: """
      Copies the data and the network into the store, so that "gram run" needs
      nothing else. Tiles are of a size that leaves each of --workers 100 of them;
      a line says which and why.

      EXAMPLES
        neural-tangents gram create train.zarr myrtle10 --x1 cifar.npy --workers 8
        neural-tangents gram create test.zarr network.json --x1 test.npy \\
          --x2 train.npy --kernels ntk --precision float32
      """)

  @Argument(help: GramCommand.storeHelp)
  var store: String

  @Argument(help: InputFiles.networkHelp, completion: .file())
  var network: String

  @OptionGroup var data: GramDataOptions

  @Option(help: .init("Which kernels, separated by commas.", valueName: "names"))
  var kernels = StoredKernelNames([.nngp, .ntk])

  @Option(help: "Precision of kernels (default: that of the data, float64 for CSV).")
  var precision: Precision?

  @Option(
    help: .init("How many processes will work on it, which chooses the size of tiles.", valueName: "count"))
  var workers: Int?

  @Option(
    help: .init(
      "Rows and columns of a tile, rounded up to what suits the network (default: see above).", valueName: "count"))
  var tileSize: Int?

  @Flag(help: "Leave out tiles below the diagonal: half the space, but other programs find NaN there.")
  var upperOnly = false

  func validate() throws {
    for (option, value) in [("--workers", workers), ("--tile-size", tileSize)] {
      if let value, value < 1 { throw ValidationError("\(option): expected at least 1, found \(value)") }
      if let value, value > 1 << 20 { throw ValidationError("\(option): expected at most \(1 << 20), found \(value)") }
    }
    if workers != nil, tileSize != nil {
      throw ValidationError("--workers: expected no --tile-size with it, which it chooses, found both")
    }
  }

  func run() throws {
    let (x1, x2, patterns) = try data.read(network: self.network)
    let network = try InputFiles.network(at: network)
    guard let x1 else { throw CommandError.usage("--x1: expected a file, found none") }
    let progress = ProgressReporter("making \(store)")
    let (store, reason) = try GramStore.create(
      at: store, network: network, x1: x1, x2: x2, patterns: patterns, maskConstant: data.maskConstant,
      kernels: kernels.set,
      options: .init(
        precision: precision?.dtype, tileSize: tileSize, workers: workers, layout: upperOnly ? .upper : .full),
      files: SystemFiles())
    progress.finish()
    let names = store.kernels.map(\.rawValue).joined(separator: " and ")
    print("\(store.path): \(names), \(store.rowCount)x\(store.columnCount), \(store.dtype)")
    print(
      "\(counted(store.tileCount, "tile")) of \(store.tileSize)x\(store.tileSize) (\(reason)), "
        + byteText(store.wholeByteCount))
    if let space = try store.space(), space.free < space.needed {
      StandardError.warn(
        "\(store.path): \(byteText(space.free)) are free there, \(byteText(space.needed)) are needed for all tiles")
    }
  }
}

/// The options that say what data a kernel is of, all of which may be left out where a store has them.
struct GramDataOptions: ParsableArguments {
  @Option(
    help: .init(
      "First inputs, of shape (rows, positions..., channels): NPY, NPZ (as in data.npz:x), IDX, CIFAR or CSV; - is "
        + "standard input.", valueName: "file"),
    completion: .file())
  var x1: String?

  @Option(
    help: .init("Second inputs, of the same shape but for the rows (default: the first again).", valueName: "file"),
    completion: .file())
  var x2: String?

  // A negative number is a value, not an option.
  @Option(
    parsing: .unconditional,
    help: .init("Inputs equal to this number are missing; nan for those that are no number.", valueName: "number"))
  var maskConstant: Double?

  @Option(
    help: .init("Graphs of the first inputs, for aggregate: an NPY file, see Aggregate.", valueName: "file"),
    completion: .file())
  var pattern1: String?

  @Option(
    help: .init("Graphs of the second inputs (default: those of the first).", valueName: "file"), completion: .file())
  var pattern2: String?

  @OptionGroup var tables: TableOptions

  func validate() throws {
    guard pattern1 != nil || pattern2 == nil else {
      throw ValidationError("--pattern2: expected --pattern1 with it, found none")
    }
    guard x1 != nil || x2 == nil else { throw ValidationError("--x2: expected --x1 with it, found none") }
  }

  func read(network: String?) throws -> (x1: Tensor?, x2: Tensor?, patterns: GraphPatterns?) {
    try InputFiles.requireOneStandardInput([network, x1, x2, pattern1, pattern2])
    let allowsNaN = maskConstant?.isNaN ?? false
    var (reading, patternReading) = (tables.reading(), ReadingOptions())
    let first = try x1.map { try InputFiles.tensor(at: $0, options: &reading, allowsNaN: allowsNaN) }
    let second = try x2.map { try InputFiles.tensor(at: $0, options: &reading, allowsNaN: allowsNaN) }
    let patterns = try pattern1.map { path in
      GraphPatterns(
        try InputFiles.tensor(at: path, options: &patternReading),
        try pattern2.map { try InputFiles.tensor(at: $0, options: &patternReading) })
    }
    return (first, second, patterns)
  }
}
