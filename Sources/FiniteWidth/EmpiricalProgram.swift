import CovarianceEngine
import Networks
import Tensors

/// The kernels of a network as a traced function of its parameters and its inputs.
struct EmpiricalProgram: Sendable {
  /// Whether it serves other parameters than those it was traced at too. Networks that draw random numbers or mix
  /// inputs are traced for each.
  let isReusable: Bool
  private let program: Program
  private let hasTangents: Bool

  init(
    _ forward: FiniteForward, at parameters: Parameters, _ data: FiniteBatches, key: RandomKey?, kernels: KernelSet,
    options: EmpiricalKernelOptions
  ) throws {
    let isEach = try forward.takesInputsOneByOne(parameters, data, key: key)
    let keys = isEach ? [nil, nil] : [key, key?.folding(in: 1)]
    hasTangents = kernels.contains(.ntk)
    isReusable = isEach
    let contraction = KernelContraction(positions: options.positions)
    try requireSize("tangentChannels", options.tangentChannels ?? 1, atMost: .max)
    guard hasTangents else {
      program = try trace(
        { (parameters: Parameters, batches: [FiniteBatches.Batch]) throws -> [Tensor] in
          let outputs = try zip(batches, keys).map { batch, key in
            try forward(parameters, batch, count: data.count(of: batch), key: key)
          }
          return contraction.covariances(outputs)
        }, at: parameters, data.batches)
      return
    }
    // Inputs that do not see each other go through the network one by one, side by side.
    let jacobians =
      isEach
      ? [try JacobianProgram(forward, at: parameters, data.example, count: 1, key: nil, options.tangentChannels)]
      : try zip(data.batches, keys).map { batch, key in
        try JacobianProgram(
          forward, at: parameters, batch, count: data.count(of: batch), key: key, options.tangentChannels)
      }
    program = try trace(
      { (parameters: Parameters, batches: [FiniteBatches.Batch]) throws -> [Tensor] in
        let tangents = try batches.enumerated().map { index, batch in
          isEach
            ? try Tangents(jacobians[0], parameters, examples: data.examples(of: batch))
            : try Tangents(jacobians[index], parameters, batch: batch)
        }
        return contraction.covariances(tangents.map(\.outputs))
          + [contraction.tangentKernel(tangents[0], tangents[tangents.count - 1])]
      }, at: parameters, data.batches
    ).depthFirst()
  }

  func callAsFunction(_ parameters: Parameters, _ data: FiniteBatches) throws -> EmpiricalKernel {
    let results = try program(parameters.leaves + data.batches.flatMap { $0 })
    return EmpiricalKernel(
      nngp: results[0], ntk: hasTangents ? results[results.count - 1] : nil, cov1: results[1],
      cov2: data.hasSecond ? results[data.batches.count] : nil)
  }
}

/// The outputs of one data set and what the Jacobians of its inputs are made of, inside of a traced function.
struct Tangents {
  let jacobian: JacobianProgram
  /// Shape (inputs, positions…, channels).
  let outputs: Tensor
  /// Batches that went through the network apart from each other.
  let batchCount: Int
  /// Values of the program by their number, with a first axis that counts the batches.
  private let values: [Int: Tensor]

  /// Batches of one input each, along the first axis.
  init(_ jacobian: JacobianProgram, _ parameters: Parameters, examples: FiniteBatches.Batch) throws {
    let program = jacobian.program.returning(jacobian.values)
    let each = vmap { (batch: FiniteBatches.Batch) in try program(parameters.leaves + batch) }
    self.init(jacobian, try each(examples), batchCount: examples[0].shape[0])
  }

  /// One batch.
  init(_ jacobian: JacobianProgram, _ parameters: Parameters, batch: FiniteBatches.Batch) throws {
    let program = jacobian.program.returning(jacobian.values)
    self.init(jacobian, try program(parameters.leaves + batch).map { $0.expandedDims(0) }, batchCount: 1)
  }

  private init(_ jacobian: JacobianProgram, _ values: [Tensor], batchCount: Int) {
    self.jacobian = jacobian
    self.batchCount = batchCount
    self.values = Dictionary(zip(jacobian.values, values)) { first, _ in first }
    outputs = values[0].reshaped([batchCount * values[0].shape[1]] + values[0].shape.dropFirst(2))
  }

  /// Positions of an input's outputs, as one axis.
  var positionCount: Int { Array(outputs.shape.dropFirst().dropLast()).product }

  /// A parameter's Jacobian, shape (inputs, positions, channels · parameters).
  func explicit(_ value: Int) -> Tensor { flattened(values[value] ?? outputs) }

  func flattened(_ jacobian: Tensor) -> Tensor { jacobian.reshaped([outputs.shape[0], positionCount, -1]) }

  /// Shape (batches, t, i).
  func left(_ factor: JacobianProgram.Factor) -> Tensor { arranged(factor).reshaped([batchCount] + factor.shape) }

  /// Shape (batches, inputs of a batch, positions, channels, t, j).
  func right(_ factor: JacobianProgram.Factor) -> Tensor {
    arranged(factor).reshaped(
      [batchCount, outputs.shape[0] / batchCount, positionCount, jacobian.channels] + factor.shape.dropFirst())
  }

  private func arranged(_ factor: JacobianProgram.Factor) -> Tensor {
    (values[factor.value] ?? outputs).transposed([0] + factor.order.map { $0 + 1 })
  }
}
