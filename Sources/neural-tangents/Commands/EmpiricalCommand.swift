import ArgumentParser
import DataFiles
import NeuralTangents
import Tensors

/// `neural-tangents empirical`: kernels of finite networks, of one or averaged over many.
struct EmpiricalCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "empirical",
    abstract: "Compute kernels of a finite network, or estimate their mean over networks.",
    usage: "neural-tangents empirical <network> --x1 <file> --output <file> [options]",
    discussion: """
      A network of the widths in its file gets random parameters, which follow from
      --seed. Its kernels are the covariance of its outputs (nngp) and the inner
      products of their derivatives in all parameters (ntk). Of the outputs' axes,
      those of --trace-axes are averaged over, by default the last; along those of
      --diagonal-axes only entries with themselves are kept; every other axis is two
      axes of the kernel, one for --x1 and one for --x2, side by side. Axis 0 counts
      the inputs.

      With --samples the kernels are means over so many networks, which estimate
      those of the infinite network, with their standard errors beside them as
      nngp_standard_error and ntk_standard_error. They are means over channels, with
      positions as in the kernel command.

      EXAMPLES
        neural-tangents empirical network.json --x1 train.npy --output one.npz
        neural-tangents empirical network.json --x1 train.npy --trace-axes none \\
          --kernels ntk --output full.npz
        neural-tangents empirical network.json --x1 test.npy --x2 train.npy \\
          --samples 64 --output estimate.npz
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

  @Option(help: .init("Which kernels.", valueName: "names"))
  var kernels = EmpiricalKernelNames.both

  @Option(help: .init("Seed of the network's parameters.", valueName: "number"))
  var seed = 0

  @Option(
    help: .init("Seed of layers that draw random numbers, such as dropout, which need it.", valueName: "number"))
  var layerSeed: Int?

  @Option(help: .init("Average over so many networks.", valueName: "count"))
  var samples: Int?

  // Negative axes are values, not options.
  @Option(
    parsing: .unconditional,
    help: .init(
      "Axes of the outputs to average over, separated by commas, or none; negative ones count from the last (default: -1).",
      valueName: "axes"))
  var traceAxes: AxisList?

  @Option(
    parsing: .unconditional,
    help: .init("Axes of the outputs of which to keep the diagonal, or none (default: none).", valueName: "axes"))
  var diagonalAxes: AxisList?

  @Option(
    help: .init(
      "What stands for the average of the ntk over outputs: exact, sum (the ntk of their sum), or a number of outputs to "
        + "take instead of all.", valueName: "mean"))
  var traceMean = TraceMeanOption.exact

  @Option(help: .init("How the ntk is computed (default: automatic).", valueName: "way"))
  var implementation: EmpiricalMethod?

  @Option(help: .init("Megabytes that the blocks of the ntk may take (default: 64).", valueName: "count"))
  var blockMemory: Int?

  @Flag(help: "Print how the ntk is computed, for every parameter.")
  var plan = false

  @Option(
    help: .init("With --samples: covariances between all positions, or of each with itself.", valueName: "which"))
  var positions: PositionExtent?

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

  @Option(help: "Precision of parameters and kernels (default: that of the data, float64 for CSV).")
  var precision: Precision?

  @Option(help: .init("Threads to compute with (default: one per processor).", valueName: "count"))
  var threads: Int?

  func validate() throws {
    try ComputeOptions.requirePositive(threads: threads)
    guard pattern1 != nil || pattern2 == nil else {
      throw ValidationError("--pattern2: expected --pattern1 with it, found none")
    }
    for (option, value, least) in [("--samples", samples, 1), ("--block-memory", blockMemory, 1)] {
      if let value, value < least { throw ValidationError("\(option): expected at least \(least), found \(value)") }
    }
    if let samples, samples > Int(UInt32.max) {
      throw ValidationError("--samples: expected at most \(UInt32.max), found \(samples)")
    }
    if let both = traceAxes?.axes.first(where: { diagonalAxes?.axes.contains($0) ?? false }) {
      throw ValidationError("--diagonal-axes: expected other axes than --trace-axes, found \(both) in both")
    }
    // What is averaged over channels, or draws random numbers, has the layout of layers.
    let layouts = [
      ("--trace-axes", traceAxes != nil), ("--diagonal-axes", diagonalAxes != nil),
      ("--plan", plan), ("--trace-mean sum", traceMean == .sum),
    ]
    for (other, isGiven) in [("--samples", samples != nil), ("--layer-seed", layerSeed != nil)] where isGiven {
      if let found = layouts.first(where: \.1) {
        throw ValidationError("\(found.0): expected no \(other) with it, found both")
      }
    }
    if positions != nil, samples == nil, layerSeed == nil {
      throw ValidationError("--positions: expected --samples with it; see --diagonal-axes for one network")
    }
    if samples != nil, layerSeed != nil {
      throw ValidationError("--layer-seed: expected no --samples with it, whose networks all draw their own numbers")
    }
  }

  func run() throws {
    try ComputeOptions.apply(threads: threads)
    let paths = [self.network, x1, x2, pattern1, pattern2]
    try InputFiles.requireOneStandardInput(paths)
    try OutputFiles.requireWritable(output, formats: ["npz"], inputs: paths)
    let network = try InputFiles.network(at: network)
    let data = try readData(network)
    let progress = ProgressReporter("kernel of \(data.first.shape[0])x\((data.second ?? data.first).shape[0])")
    defer { progress.finish() }
    let result: EmpiricalResult
    if let samples {
      result = try EmpiricalJob(command: self, network: network, data: data).estimate(samples: samples, progress)
    } else {
      result = try EmpiricalJob(command: self, network: network, data: data).kernels(progress)
    }
    progress.begin("writing \(output)")
    try OutputFiles.writeArchive(result.arrays, to: output)
    progress.finish()
    for line in result.remarks { StandardOutput.report(line, beside: output) }
    for array in result.arrays {
      let shape = array.tensor.shape.map(String.init).joined(separator: "x")
      StandardOutput.report(
        "\(output): \(array.name), \(shape.isEmpty ? "a number" : shape), \(array.tensor.dtype)", beside: output)
    }
  }

  private func readData(_ network: any Layer) throws -> EmpiricalInputs {
    let allowsNaN = maskConstant?.isNaN ?? false
    var reading = tables.reading()
    // Integers stay where they stand for tokens.
    func numbers(_ x: Tensor) -> Tensor {
      if network.tokenCount != nil, !x.dtype.isFloatingPoint { return x }
      return x.asType(precision?.dtype ?? (x.dtype.isFloatingPoint ? x.dtype : .float64))
    }
    let first = numbers(try InputFiles.tensor(at: x1, options: &reading, allowsNaN: allowsNaN))
    let second = try x2.map { numbers(try InputFiles.tensor(at: $0, options: &reading, allowsNaN: allowsNaN)) }
    if let second {
      var expected = first.shape
      if second.rank == first.rank { expected[0] = second.shape[0] }
      guard second.shape == expected else {
        throw CommandError.badData(
          "x2: expected the shape \(first.shape) of x1 but for the number of inputs, found \(second.shape)")
      }
    }
    var patternReading = ReadingOptions()
    let patterns = try pattern1.map { path in
      GraphPatterns(
        try InputFiles.tensor(at: path, options: &patternReading),
        try pattern2.map { try InputFiles.tensor(at: $0, options: &patternReading) })
    }
    return EmpiricalInputs(first: first, second: second, patterns: patterns, maskConstant: maskConstant)
  }
}

/// Which kernels of finite networks.
enum EmpiricalKernelNames: String, ExpressibleByArgument, CaseIterable {
  case nngp, ntk
  case both = "nngp,ntk"

  init?(argument: String) {
    // In either order, as in the kernel command.
    self.init(rawValue: argument == "ntk,nngp" ? "nngp,ntk" : argument)
  }

  var set: KernelSet { self == .nngp ? .nngp : .all }
  var names: [String] { self == .both ? ["nngp", "ntk"] : [rawValue] }
}

/// A list of axes such as `-1` or `1,2`, or `none`.
struct AxisList: ExpressibleByArgument {
  let axes: [Int]

  init?(argument: String) {
    if argument == "none" {
      axes = []
      return
    }
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { Int($0) }
    guard numbers.count == parts.count, Set(numbers).count == numbers.count else { return nil }
    axes = numbers
  }
}

/// `exact`, `sum`, or a number of outputs.
enum TraceMeanOption: ExpressibleByArgument, Equatable {
  case exact
  case sum
  case outputs(Int)

  init?(argument: String) {
    switch argument {
    case "exact": self = .exact
    case "sum": self = .sum
    default:
      guard let count = Int(argument), count > 0 else { return nil }
      self = .outputs(count)
    }
  }

  var defaultValueDescription: String { "exact" }
  static var allValueStrings: [String] { ["exact", "sum"] }
}

/// The ways to compute a tangent kernel, by their names in the shell.
enum EmpiricalMethod: String, ExpressibleByArgument, CaseIterable {
  case automatic
  case jacobianContraction = "jacobian-contraction"
  case tangentVectorProducts = "tangent-vector-products"
  case structuredDerivatives = "structured-derivatives"

  var implementation: EmpiricalImplementation {
    switch self {
    case .automatic: .automatic
    case .jacobianContraction: .jacobianContraction
    case .tangentVectorProducts: .tangentVectorProducts
    case .structuredDerivatives: .structuredDerivatives
    }
  }
}
