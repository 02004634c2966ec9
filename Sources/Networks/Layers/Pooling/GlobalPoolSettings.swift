import CovarianceEngine
import Tensors

/// A layer made of `GlobalPoolSettings`.
protocol GlobalPoolLayer: SingleInputLayer {
  var settings: GlobalPoolSettings { get }
}

extension GlobalPoolLayer {
  public var dataAxes: DataAxes? { settings.axes }

  public func outputShape(_ input: [Int]) throws(NetworkError) -> [Int] { try settings.outputShape(input) }

  public func apply(_ parameters: Parameters, _ input: Tensor, _ context: ApplyContext) throws(NetworkError) -> Tensor {
    try settings.apply(MaskedTensor(input)).values
  }

  public func apply(_ parameters: Parameters, masked input: MaskedTensor, _ context: ApplyContext)
    throws(NetworkError) -> MaskedTensor
  { try settings.apply(input) }

  public func append(to program: inout CovarianceProgram, _ input: CovarianceValue) throws(NetworkError)
    -> CovarianceValue
  { try settings.append(to: &program, input) }

  public func write(to arguments: inout LayerArguments) {
    settings.axes.write(to: &arguments)
  }
}

/// What `GlobalAvgPool` and `GlobalSumPool` have in common.
struct GlobalPoolSettings: Sendable {
  let isMean: Bool
  let axes: DataAxes

  func outputShape(_ input: [Int]) throws(NetworkError) -> [Int] {
    let axes = try axes.resolved(for: input)
    guard axes.positionAxes(rank: input.count).allSatisfy({ input[$0] > 0 }) else {
      throw NetworkError(expected: "at least one position", found: "shape \(input)")
    }
    return axes.batch < axes.channel
      ? [input[axes.batch], input[axes.channel]] : [input[axes.channel], input[axes.batch]]
  }

  func apply(_ input: MaskedTensor) throws(NetworkError) -> MaskedTensor {
    _ = try outputShape(input.shape)
    let positions = try axes.resolved(for: input.shape).positionAxes(rank: input.shape.count)
    if positions.isEmpty { return input }
    let mask = input.mask?.broadcast(to: input.shape)
    var output = input.values.sum(axes: positions)
    if isMean {
      if let mask {
        output = output / maximum((.!mask).asType(output.dtype).sum(axes: positions), 1)
      } else {
        output = output / Double(positions.reduce(1) { $0 * input.shape[$1] })
      }
    }
    return MaskedTensor(output, mask: mask?.all(axes: positions))
  }

  func append(to program: inout CovarianceProgram, _ input: CovarianceValue) throws(NetworkError) -> CovarianceValue {
    let shape = try outputShape(input.shape)
    let axes = try axes.resolved(for: input.shape)
    try input.require(axes)
    if isMean { program.requireChannelsApart(of: input) }
    return program.appendByChannel(
      GlobalPoolOperation(isMean: isMean), input, shape: shape, axes: axes.withoutPositions,
      isGaussian: input.isGaussian)
  }
}

extension DataAxes {
  /// The axes once positions are gone.
  var withoutPositions: DataAxes {
    batch < channel ? DataAxes(batch: 0, channel: 1) : DataAxes(batch: 1, channel: 0)
  }
}
