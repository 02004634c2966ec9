import ArgumentParser
import DataFiles
import NeuralTangents
import Tensors

/// `neural-tangents kernel`: a network's kernel matrices as a file.
struct KernelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kernel",
    abstract: "Compute the NNGP and tangent kernels of a network between two data sets.",
    usage: "neural-tangents kernel <network> --x1 <file> --output <file> [<options>]",
    discussion: """
      The output is a NumPy archive with a matrix per kernel, named nngp and ntk:
      one row per input of --x1, one column per input of --x2. Without --x2 it is
      the kernel of --x1 with itself, which costs half. Outputs with positions, such
      as those of a convolution that nothing flattens or pools, have more axes:
      (rows, columns, positions..., positions...).

      EXAMPLES
        neural-tangents kernel network.json --x1 train.npy --output train.npz
        neural-tangents kernel network.json --x1 test.npy --x2 train.npy \
          --kernels ntk --precision float32 --output test-train.npz

      In Python: kernel = numpy.load("train.npz"); kernel["ntk"]
      """)

  @Argument(help: InputFiles.networkHelp, completion: .file())
  var network: String

  @Option(
    help: .init(
      "First inputs, of shape (rows, positions..., channels): NPY, NPZ (as in data.npz:x), IDX, CIFAR or CSV; - is "
        + "standard input.", valueName: "file"),
    completion: .file())
  var x1: String

  @Option(
    help: .init("Second inputs, of the same shape but for the rows (default: the first again).", valueName: "file"),
    completion: .file())
  var x2: String?

  @Option(help: .init("Which kernels, separated by commas.", valueName: "names"))
  var kernels = KernelNames([.nngp, .ntk])

  @Option(help: .init("Covariances between all positions of the outputs, or of each with itself.", valueName: "which"))
  var positions = PositionExtent.all

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

  @Option(
    help: .init("The archive to write, with a name ending in .npz.", valueName: "file"),
    completion: .file(extensions: ["npz"]))
  var output: String

  @OptionGroup var tables: TableOptions
  @OptionGroup var compute: ComputeOptions

  func validate() throws {
    guard pattern1 != nil || pattern2 == nil else {
      throw ValidationError("--pattern2: expected --pattern1 with it, found none")
    }
    for name in kernels.names {
      switch name {
      case .cov2 where x2 == nil, .mask2 where x2 == nil:
        throw ValidationError("--kernels: expected --x2 for \(name.rawValue), found none")
      case .mask1 where maskConstant == nil, .mask2 where maskConstant == nil:
        throw ValidationError("--kernels: expected --mask-constant for \(name.rawValue), found none")
      default: break
      }
    }
  }

  func run() throws {
    try compute.apply()
    let device = try compute.device.open()
    try InputFiles.requireOneStandardInput([self.network, x1, x2, pattern1, pattern2])
    try OutputFiles.requireWritable(output, formats: ["npz"], inputs: [self.network, x1, x2, pattern1, pattern2])
    let network = try InputFiles.network(at: network)
    let allowsNaN = maskConstant?.isNaN ?? false
    var reading = tables.reading()
    let first = try InputFiles.tensor(at: x1, options: &reading, allowsNaN: allowsNaN)
    let second = try x2.map { try InputFiles.tensor(at: $0, options: &reading, allowsNaN: allowsNaN) }
    var patternReading = ReadingOptions()
    let patterns = try pattern1.map { path in
      GraphPatterns(
        try InputFiles.tensor(at: path, options: &patternReading),
        try pattern2.map { try InputFiles.tensor(at: $0, options: &patternReading) })
    }

    let progress = ProgressReporter("kernel of \(first.shape[0])x\((second ?? first).shape[0])")
    defer { progress.finish() }
    let options = KernelOptions(
      positions: positions == .all ? .all : .diagonal, precision: compute.precision?.dtype,
      tileSize: compute.tileSize, device: device, progress: progress.kernelProgress)
    let kernel = try network.kernel(
      first, second, patterns: patterns, maskConstant: maskConstant, kernels: kernels.set, options: options)
    progress.begin("writing \(output)")
    var arrays: [(name: String, tensor: Tensor)] = []
    for name in kernels.names {
      if let tensor = name.tensor(of: kernel) { arrays.append((name.rawValue, tensor)) }
    }
    try OutputFiles.writeArchive(arrays, to: output)
    progress.finish()
    for array in arrays {
      let shape = array.tensor.shape.map(String.init).joined(separator: "x")
      StandardOutput.report("\(output): \(array.name), \(shape), \(array.tensor.dtype)", beside: output)
    }
  }
}

enum PositionExtent: String, ExpressibleByArgument, CaseIterable { case all, diagonal }

/// A list such as `nngp,ntk`.
struct KernelNames: ExpressibleByArgument {
  enum Name: String, CaseIterable {
    case nngp, ntk, cov1, cov2, mask1, mask2

    /// nil for what the kernel does not have: the second data set's where there is one only, masks where nothing is
    /// masked.
    func tensor(of kernel: Kernel) -> Tensor? {
      switch self {
      case .nngp: kernel.nngp
      case .ntk: kernel.ntk
      case .cov1: kernel.cov1
      case .cov2: kernel.cov2
      case .mask1: kernel.mask1
      case .mask2: kernel.mask2
      }
    }
  }

  let names: [Name]

  init(_ names: [Name]) { self.names = names }

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    let names = parts.compactMap { Name(rawValue: String($0)) }
    guard names.count == parts.count, Set(names).count == names.count else { return nil }
    self.names = names
  }

  var defaultValueDescription: String { names.map(\.rawValue).joined(separator: ",") }
  static var allValueStrings: [String] { ["nngp", "ntk", "nngp,ntk"] + Name.allCases.dropFirst(2).map(\.rawValue) }

  var set: KernelSet { names.contains(.ntk) ? .all : .nngp }
}
