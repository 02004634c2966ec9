import NeuralTangents
import Tensors

/// The data sets of `neural-tangents empirical`.
struct EmpiricalInputs {
  var first: Tensor
  var second: Tensor?
  var patterns: GraphPatterns?
  var maskConstant: Double?

  /// Type of the parameters.
  var dtype: DType { first.dtype.isFloatingPoint ? first.dtype : .float64 }

  /// Inputs and, where there are, graphs: trees of which a network's outputs are a function.
  var trees: (first: [Tensor], second: [Tensor]?) {
    let graphs = patterns.map { [$0.first] } ?? []
    let others = patterns.map { [$0.second ?? $0.first] } ?? []
    // Other graphs make another data set of the same inputs.
    let hasSecond = second != nil || patterns?.second != nil
    return ([first] + graphs, hasSecond ? [second ?? first] + others : nil)
  }
}

/// What is written, and what is said of it.
struct EmpiricalResult {
  var arrays: [(name: String, tensor: Tensor)] = []
  var remarks: [String] = []
}

/// The work of `neural-tangents empirical`.
struct EmpiricalJob {
  let command: EmpiricalCommand
  let network: any Layer
  let data: EmpiricalInputs

  private var wantsNNGP: Bool { command.kernels != .ntk }
  private var wantsNTK: Bool { command.kernels != .nngp }

  private var implementation: EmpiricalImplementation { command.implementation?.implementation ?? .automatic }

  private var blockBytes: Int {
    let (bytes, isTooLarge) = (command.blockMemory ?? 64).multipliedReportingOverflow(by: 1 << 20)
    return isTooLarge ? .max : bytes
  }

  // MARK: - One network

  func kernels(_ progress: ProgressReporter) throws -> EmpiricalResult {
    let parameters = try network.initialize(
      RandomKey(seed: command.seed), inputShape: data.first.shape, dtype: data.dtype)
    if let seed = command.layerSeed { return try ofLayers(parameters, RandomKey(seed: seed), progress) }
    var options = EmpiricalOptions(
      axes: OutputAxes(trace: command.traceAxes?.axes ?? [-1], diagonal: command.diagonalAxes?.axes ?? []),
      implementation: implementation, memory: blockBytes, progress: progress.kernelProgress)
    switch command.traceMean {
    case .exact: break
    case .sum: options.axes.mean = .sumOfOutputs
    case .outputs(let count): options.axes.mean = .outputs(0..<count)
    }
    let (first, second) = data.trees
    let constant = data.maskConstant
    let function = EmpiricalKernelFunction(
      of: { [network] (parameters: Parameters, inputs: [Tensor]) throws -> Tensor in
        try network(
          parameters, inputs[0], pattern: inputs.count > 1 ? inputs[1] : nil, maskConstant: constant)
      }, options: options)
    var result = EmpiricalResult()
    try requireMemory(axes: options.axes)
    if wantsNNGP {
      result.arrays.append(("nngp", try function.nngp(at: parameters, first, second)))
    }
    if wantsNTK {
      if command.plan {
        result.remarks += try function.plan(at: parameters, first, second).flatMap {
          $0.description.split(separator: "\n").map(String.init)
        }
      }
      result.arrays.append(("ntk", try function.ntk(at: parameters, first, second)))
    }
    return try checked(result)
  }

  /// Of networks that draw random numbers, which differ between data sets that do.
  private func ofLayers(
    _ parameters: Parameters, _ key: RandomKey, _ progress: ProgressReporter
  ) throws -> EmpiricalResult {
    try requireMemory(axes: nil)
    let kernel = try empiricalKernel(
      of: network, at: parameters, data.first, data.second, key: key, patterns: data.patterns,
      maskConstant: data.maskConstant, kernels: command.kernels.set, options: layerOptions(progress))
    var result = EmpiricalResult()
    for name in command.kernels.names {
      if let tensor = name == "nngp" ? kernel.nngp : kernel.ntk { result.arrays.append((name, tensor)) }
    }
    return try checked(result)
  }

  private func layerOptions(_ progress: ProgressReporter?) -> EmpiricalKernelOptions {
    var options = EmpiricalKernelOptions(
      positions: command.positions == .diagonal ? .diagonal : .all, implementation: implementation, memory: blockBytes,
      progress: progress?.kernelProgress)
    if case .outputs(let count) = command.traceMean { options.tangentChannels = count }
    return options
  }

  // MARK: - Many networks

  func estimate(samples: Int, _ progress: ProgressReporter) throws -> EmpiricalResult {
    try requireMemory(axes: nil, copies: 2 + Threads.count)
    var estimator = try MonteCarloEstimator(
      network, data.first, data.second, key: RandomKey(seed: command.seed), patterns: data.patterns,
      maskConstant: data.maskConstant, kernels: command.kernels.set, options: layerOptions(nil))
    progress.begin("\(counted(samples, "network"))")
    while estimator.sampleCount < samples {
      try estimator.draw(min(4 * Threads.count, samples - estimator.sampleCount))
      progress.update(Double(estimator.sampleCount) / Double(samples))
    }
    let estimate = try estimator.estimate()
    var result = EmpiricalResult()
    for name in command.kernels.names {
      let (mean, error) =
        name == "nngp"
        ? (estimate.nngp, estimate.nngpStandardError) : (estimate.ntk, estimate.ntkStandardError)
      guard let mean else { continue }
      result.arrays.append((name, mean))
      guard let error else {
        result.remarks.append("\(name): one network, so no standard error")
        continue
      }
      result.arrays.append(("\(name)_standard_error", error))
      let sizes = [error, mean].map {
        square($0.asType(.float64)).mean().scalar(as: Double.self).squareRoot()
      }
      result.remarks.append(
        "\(name): mean of \(counted(samples, "network")), standard error \(significant(sizes[0])) of "
          + "\(significant(sizes[1])) (root mean squares)")
    }
    return result
  }

  // MARK: - Checks

  /// - Parameters:
  ///   - axes: of the outputs; nil for the layout of layers.
  ///   - copies: of the kernel that are held at a time.
  private func requireMemory(axes: OutputAxes?, copies: Int = 2) throws {
    // What a network makes of the inputs says how large kernels are.
    let shape = try network.outputShape(forInput: data.first.shape)
    let rows = Double(data.first.shape[0])
    let columns = Double((data.second ?? data.first).shape[0])
    let rank = shape.count
    func places(_ list: [Int]) -> Set<Int> { Set(list.map { $0 < 0 ? $0 + rank : $0 }) }
    let trace = places(axes?.trace ?? [rank - 1])
    let diagonal = places(axes?.diagonal ?? (command.positions == .diagonal ? Array(1..<max(1, rank - 1)) : []))
    var entries = 1.0
    for axis in 0..<rank where !trace.contains(axis) {
      let pair = axis == 0 ? (rows, columns) : (Double(shape[axis]), Double(shape[axis]))
      entries *= diagonal.contains(axis) ? pair.0 : pair.0 * pair.1
    }
    let kernels = Double(command.kernels.names.count)
    try MemoryCheck.require(
      entries * Double(data.dtype.byteCount) * kernels * Double(copies) + Double(command.blockMemory ?? 64) * 0x1p20,
      for: "a kernel of \(format(entries, 0)) entries",
      wayOn: "fewer inputs, or more trace or diagonal axes, take less")
  }

  /// - Throws: `CommandError` for kernels with numbers that are not finite, as overflow makes them.
  private func checked(_ result: EmpiricalResult) throws -> EmpiricalResult {
    for array in result.arrays {
      do {
        try array.tensor.requireFinite(context: array.name)
      } catch {
        throw CommandError.internalFailure(
          "\(array.name): expected finite numbers, found NaN or infinity; smaller inputs or --precision float64 may help"
        )
      }
    }
    return result
  }
}
