import CovarianceEngine
import Networks
import Tensors

/// The kernels of a network prepared for data of some shapes, as functions of its parameters.
struct EmpiricalProgram: Sendable {
  /// Whether it serves other parameters than those it was traced at too. Networks that draw random numbers or mix
  /// inputs are traced for each.
  let isReusable: Bool
  private let covariances: PreparedProgram
  private let engine: EmpiricalEngine?
  private let isEach: Bool
  private let progress: (@Sendable (GramProgress) -> Void)?

  init(
    _ forward: FiniteForward, at parameters: Parameters, _ data: FiniteBatches, key: RandomKey?, kernels: KernelSet,
    options: EmpiricalKernelOptions
  ) throws {
    try requireSize("tangentChannels", options.tangentChannels ?? 1, atMost: .max)
    try requireSize("memory", options.memory, atMost: .max)
    let isEach = try forward.takesInputsOneByOne(parameters, data, key: key)
    (self.isEach, isReusable, progress) = (isEach, isEach, options.progress)
    let keys = isEach ? [nil, nil] : [key, key?.folding(in: 1)]
    let contraction = KernelContraction(positions: options.positions)
    let program = try trace(
      { (parameters: Parameters, batches: [FiniteBatches.Batch]) throws -> [Tensor] in
        let outputs = try zip(batches, keys).map { batch, key in
          try forward(parameters, batch, count: data.count(of: batch), key: key)
        }
        return contraction.covariances(outputs)
      }, at: parameters, data.batches)
    covariances = PreparedProgram(program)
    engine =
      kernels.contains(.ntk)
      ? try Self.engine(forward, parameters, data, keys, isEach: isEach, options) : nil
  }

  private static func engine(
    _ forward: FiniteForward, _ parameters: Parameters, _ data: FiniteBatches, _ keys: [RandomKey?], isEach: Bool,
    _ options: EmpiricalKernelOptions
  ) throws -> EmpiricalEngine {
    // Inputs that do not see each other go through the network one by one, side by side.
    let programs =
      isEach
      ? [
        try TangentProgram(
          { (p: Parameters, x: [Tensor]) in try forward(p, x, count: 1, key: nil) }, parameters, data.example)
      ]
      : try zip(data.batches, keys).map { batch, key in
        let count = data.count(of: batch)
        return try TangentProgram(
          { (p: Parameters, x: [Tensor]) in try forward(p, x, count: count, key: key) }, parameters, batch)
      }
    let shapes = [0, data.batches.count - 1].map { index in
      [data.count(of: data.batches[index])] + programs[min(index, programs.count - 1)].outputType(0).shape.dropFirst()
    }
    let rank = shapes[0].count
    let channels = shapes[0][rank - 1]
    let axes = OutputAxes(
      trace: [-1], diagonal: options.positions == .diagonal ? Array(1..<rank - 1) : [],
      mean: options.tangentChannels.map { .outputs(0..<min($0, channels)) } ?? .exact)
    let layout = try KernelLayout(shapes[0], shapes[1], axes, example: isEach ? 0 : nil)
    return try EmpiricalEngine(
      programs[0], programs[programs.count - 1], isSame: data.batches.count == 1, outputs: (0, 0), layout,
      mapped: isEach ? data.batches[0].map { _ in true } : nil, implementation: options.implementation, isWhole: false,
      budget: 0.85 * Double(options.memory))
  }

  /// How the tangent kernel is computed; nil where there is none.
  var plan: EmpiricalPlan? { engine?.plan }

  func callAsFunction(_ parameters: Parameters, _ data: FiniteBatches) throws -> EmpiricalKernel {
    let results = try covariances(parameters.leaves + data.batches.flatMap { $0 })
    return EmpiricalKernel(
      nngp: results[0], ntk: try tangentKernel(parameters, data, like: results[0].shape), cov1: results[1],
      cov2: data.hasSecond ? results[data.batches.count] : nil)
  }

  private func tangentKernel(_ parameters: Parameters, _ data: FiniteBatches, like shape: [Int]) throws -> Tensor? {
    guard let engine else { return nil }
    let values = data.batches.map { batch in
      EmpiricalEngine.Values(parameters: parameters.leaves, inputs: isEach ? data.examples(of: batch) : batch)
    }
    let flat = try engine(values[0], values[values.count - 1], progress: progress)
    // Positions behind both batches.
    let layout = engine.layout
    let (n1, n2) = (layout.shape1[0], layout.shape2[0])
    let (p, q) = (layout.e * layout.p / max(1, n1), layout.f * layout.q / max(1, n2))
    return flat.reshaped([layout.g, n1, p, n2, q]).transposed([1, 3, 0, 2, 4]).reshaped(shape)
  }
}
