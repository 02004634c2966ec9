import Tensors

/// One kernel to compute: builds the covariance program of a network, chooses the executor, and assembles the result.
struct KernelComputation {
  /// One input of the network.
  struct Source {
    var input: CovarianceInput
    var shape1: [Int]
    var shape2: [Int]
    var axes: DataAxes
    var isGaussian: Bool
  }

  let network: any Layer
  let sources: Branches<Source>
  let x1IsX2: Bool
  /// Whether a second data set was given, even if it equals the first.
  let hasSecond: Bool
  let kernels: KernelSet
  let options: KernelOptions

  func run() throws(NetworkError) -> Branches<Kernel> {
    var program = CovarianceProgram()
    let inputs = sources.map {
      program.input(
        shape: $0.shape1, batchAxis: $0.axes.batch, channelAxis: $0.axes.channel, isGaussian: $0.isGaussian)
    }
    let outputs = try network.append(to: &program, inputs)
    let shapes2 = try network.outputShape(sources.map(\.shape2)).leaves
    let states = try execute(program, outputs: outputs.leaves.map(\.id))
    var index = 0
    return outputs.map { value in
      defer { index += 1 }
      let state = states[index]
      return Kernel(
        nngp: state.k12, ntk: state.theta, cov1: state.k11, cov2: hasSecond ? state.k22 ?? state.k11 : nil,
        shape1: value.shape, shape2: shapes2[index], x1IsX2: x1IsX2, isGaussian: value.isGaussian,
        axes: DataAxes(batch: value.batchAxis, channel: value.channelAxis))
    }
  }

  /// The covariances of one output.
  struct Output {
    var k12: Tensor
    var theta: Tensor?
    var k11: Tensor
    /// nil when both data sets are one.
    var k22: Tensor?
  }

  private func execute(_ program: CovarianceProgram, outputs: [Int]) throws(NetworkError) -> [Output] {
    let dtype = options.precision ?? sources.leaves.map(\.input.dtype).reduce(.float32) { $0.promoted(with: $1) }
    let inputs = sources.leaves.map { $0.input.converted(to: dtype) }
    let withNTK = kernels.contains(.ntk)
    // Tiles need numbers: what is traced goes through tensor operations.
    let isTraced = inputs.contains(where: \.isTraced) || network.hasTracedHyperParameters
    if options.executor != .reference && !isTraced {
      do {
        let plan = try FusedPlan(
          program, outputs: outputs, withNTK: withNTK, inputsWithNTK: inputs.map(\.hasNTK))
        return dtype == .float32
          ? try FusedExecutor<Float>(plan, inputs, withNTK: withNTK, progress: options.progress).run()
          : try FusedExecutor<Double>(plan, inputs, withNTK: withNTK, progress: options.progress).run()
      } catch let error as FusedPlan.Unsupported {
        guard options.executor == .automatic else {
          throw NetworkError(expected: "a network that the fused executor supports", found: error.operation)
        }
      } catch let error as NetworkError {
        throw error
      } catch {
        throw NetworkError(expected: "a kernel", found: "\(error)")
      }
    }
    return try executeByReference(program, inputs, outputs: outputs, withNTK: withNTK)
  }

  private func executeByReference(
    _ program: CovarianceProgram, _ inputs: [CovarianceInput], outputs: [Int], withNTK: Bool
  ) throws(NetworkError) -> [Output] {
    let states = try ReferenceExecutor(program: program, x1IsX2: x1IsX2).run(
      inputs.map { ReferenceExecutor.state(of: $0, withNTK: withNTK) }, outputs: outputs)
    var results: [Output] = []
    for state in states {
      var result = Output(k12: state.k12, theta: nil, k11: state.k11, k22: state.k22)
      switch state.theta {
      case .notRequested: break
      case .zero: result.theta = .zeros(state.k12.shape, dtype: state.k12.dtype)
      case .matrix(let matrix): result.theta = matrix
      }
      for (name, tensor) in [("nngp", result.k12), ("ntk", result.theta ?? result.k12), ("cov1", result.k11)]
      where !tensor.isTraced {
        do {
          try tensor.requireFinite(context: name)
        } catch {
          throw .notFinite(kernel: name, place: error.firstNonFinite)
        }
      }
      results.append(result)
    }
    options.progress?(KernelProgress(tilesDone: 1, tileCount: 1))
    return results
  }
}

extension CovarianceInput {
  var hasNTK: Bool {
    if case .kernel(let kernel) = self { return kernel.ntk != nil }
    return false
  }
}

extension NetworkError {
  /// The kernel of valid data came out as NaN or infinity.
  static func notFinite(kernel: String, place: String) -> NetworkError {
    NetworkError(
      path: [.name(kernel)],
      expected: "finite numbers (scale the inputs down, use float64, or check the activation's constants)",
      found: place)
  }
}
