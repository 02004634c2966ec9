import ArgumentParser
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
      the kernel of --x1 with itself, which costs half.

      EXAMPLES
        neural-tangents kernel network.json --x1 train.npy --output train.npz
        neural-tangents kernel network.json --x1 test.npy --x2 train.npy \
          --kernels ntk --precision float32 --output test-train.npz

      In Python: kernel = numpy.load("train.npz"); kernel["ntk"]
      """)

  @Argument(help: InputFiles.networkHelp, completion: .file())
  var network: String

  @Option(
    help: .init("First inputs: an NPY file of shape (rows, channels), or a CSV file of numbers.", valueName: "file"),
    completion: .file())
  var x1: String

  @Option(
    help: .init("Second inputs, with the same number of channels (default: the first again).", valueName: "file"),
    completion: .file())
  var x2: String?

  @Option(help: .init("Which kernels, separated by commas.", valueName: "names"))
  var kernels = KernelNames([.nngp, .ntk])

  @Option(
    help: .init("The archive to write, with a name ending in .npz.", valueName: "file"),
    completion: .file(extensions: ["npz"]))
  var output: String

  @OptionGroup var compute: ComputeOptions

  func validate() throws {
    guard output.lowercased().hasSuffix(".npz") else {
      throw ValidationError("--output: expected a name ending in .npz, found \(output)")
    }
  }

  func run() throws {
    compute.apply()
    let network = try InputFiles.network(at: network)
    let first = try InputFiles.tensor(at: x1)
    let second = try x2.map { try InputFiles.tensor(at: $0) }
    try OutputFiles.requireWritable(output)

    let progress = ProgressReporter("kernel of \(first.shape[0])x\((second ?? first).shape[0])")
    defer { progress.finish() }
    let options = KernelOptions(precision: compute.precision?.dtype, progress: progress.kernelProgress)
    let kernel = try network.kernel(first, second, kernels: kernels.set, options: options)
    progress.begin("writing \(output)")
    var arrays: [(name: String, tensor: Tensor)] = []
    if kernels.names.contains(.nngp) { arrays.append(("nngp", kernel.nngp)) }
    if kernels.names.contains(.ntk), let ntk = kernel.ntk { arrays.append(("ntk", ntk)) }
    try OutputFiles.writeArchive(arrays, to: output)
    progress.finish()
    for array in arrays {
      let shape = array.tensor.shape.map(String.init).joined(separator: "x")
      print("\(output): \(array.name), \(shape), \(array.tensor.dtype)")
    }
  }
}

/// A list such as `nngp,ntk`.
struct KernelNames: ExpressibleByArgument {
  enum Name: String, CaseIterable { case nngp, ntk }

  let names: [Name]

  init(_ names: [Name]) { self.names = names }

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    let names = parts.compactMap { Name(rawValue: String($0)) }
    guard names.count == parts.count, Set(names).count == names.count else { return nil }
    self.names = names
  }

  var defaultValueDescription: String { names.map(\.rawValue).joined(separator: ",") }
  static var allValueStrings: [String] { ["nngp", "ntk", "nngp,ntk"] }

  var set: KernelSet { names.contains(.ntk) ? .all : .nngp }
}
