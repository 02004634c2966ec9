import CovarianceEngine

extension Layer {
  /// The infinite-width limit as a list of covariance operations, for inputs of shape `input`, given without the batch axis.
  ///
  /// Two networks whose programs have the same `fingerprint` have the same kernels.
  ///
  /// - Throws: `NetworkError` when the network does not fit such inputs, or has no infinite limit.
  public func covarianceProgram(forInput input: [Int]) throws(NetworkError) -> CovarianceProgram {
    let values = try covarianceValues(forInput: input)
    var program = values.program
    for output in values.outputs { _ = program.merged(output) }
    return program
  }

  /// The program and the values that are the network's outputs.
  package func covarianceValues(forInput input: [Int]) throws(NetworkError)
    -> (program: CovarianceProgram, outputs: [CovarianceValue])
  {
    guard !input.isEmpty, input.allSatisfy({ $0 > 0 }) else {
      throw NetworkError(path: [.name("input")], expected: "positive sizes", found: "\(input)")
    }
    let axes = try (dataAxes ?? DataAxes()).resolved(rank: input.count + (tokenCount == nil ? 1 : 2))
    var shape = input
    shape.insert(1, at: min(axes.batch, shape.count))
    shape += tokenCount.map { [$0] } ?? []
    var program = CovarianceProgram()
    let value = program.input(shape: shape, batchAxis: axes.batch, channelAxis: axes.channel)
    let outputs = try append(to: &program, .single(value)).leaves
    return (program, outputs)
  }
}
