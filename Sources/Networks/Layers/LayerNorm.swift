import CovarianceEngine
import Tensors

/// Layer normalisation: (x − mean) / √(variance + ε) over some axes, the channels among them; what is masked does not
/// count.
///
/// Infinite width: K12 ← K12 / √((v1 + ε)(v2 + ε)) and Θ alike, with v the mean of the variances over the normalised axes
/// of positions, and of the batch, for each data set.
/// *Source:* Ba, Kiros & Hinton 2016 (arXiv 1607.06450); the mean of an infinitely wide Gaussian layer is zero.
public struct LayerNorm: SingleInputLayer {
  public static let nodeName = "layerNorm"

  public let axes: [Int]
  public let epsilon: Double
  public let dataLayout: DataAxes

  public var dataAxes: DataAxes? { dataLayout }

  /// - Precondition: `axes` is not empty, `epsilon` is not negative.
  public init(axes: [Int] = [-1], epsilon: Double = 1e-12, batchAxis: Int = 0, channelAxis: Int = -1) {
    precondition(!axes.isEmpty && epsilon >= 0, "expected axes and a non-negative epsilon, found \(axes), \(epsilon)")
    self.axes = axes
    self.epsilon = epsilon
    dataLayout = DataAxes(batch: batchAxis, channel: channelAxis)
  }

  public func outputShape(_ input: [Int]) throws(NetworkError) -> [Int] {
    _ = try resolvedAxes(input)
    return input
  }

  public func apply(_ parameters: Parameters, _ input: Tensor, _ context: ApplyContext) throws(NetworkError) -> Tensor {
    let axes = try resolvedAxes(input.shape)
    let centered = input - input.mean(axes: axes, keepDims: true)
    let variance = (centered * centered).mean(axes: axes, keepDims: true)
    return centered / sqrt(variance + epsilon)
  }

  public func apply(_ parameters: Parameters, masked input: MaskedTensor, _ context: ApplyContext)
    throws(NetworkError) -> MaskedTensor
  {
    guard let mask = input.mask else { return MaskedTensor(try apply(parameters, input.values, context)) }
    let axes = try resolvedAxes(input.shape)
    let visible = (.!mask).asType(input.values.dtype).broadcast(to: input.shape)
    let count = maximum(visible.sum(axes: axes, keepDims: true), 1)
    let mean = input.values.sum(axes: axes, keepDims: true) / count
    let centered = (input.values - mean) * visible
    let variance = (centered * centered).sum(axes: axes, keepDims: true) / count
    // Where everything is masked the variance is zero, and so is what would be divided by it.
    return MaskedTensor(centered / sqrt(select(variance .<= 0, 1, variance + epsilon)), mask: mask)
  }

  public func append(to program: inout CovarianceProgram, _ input: CovarianceValue) throws(NetworkError)
    -> CovarianceValue
  {
    let axes = try resolvedAxes(input.shape)
    try input.require(try dataLayout.resolved(for: input.shape))
    guard input.isGaussian else {
      throw NetworkError(
        expected: "Gaussian inputs: a dense layer before layer normalisation",
        found: "the network's input or the output of an activation, a product, a concatenation or dropout")
    }
    let positionAxes = input.positionAxes
    let operation = NormalizeOperation(
      epsilon: epsilon, positionAxes: positionAxes.indices.filter { axes.contains(positionAxes[$0]) },
      overBatch: axes.contains(input.batchAxis))
    return program.append(operation, input)
  }

  /// The axes from the front, which must include the channels.
  private func resolvedAxes(_ input: [Int]) throws(NetworkError) -> [Int] {
    let layout = try dataLayout.resolved(for: input)
    var result: [Int] = []
    for axis in axes { result.append(try resolvedAxis(axis, rank: input.count, name: "axes")) }
    guard result.contains(layout.channel) else {
      throw NetworkError(
        path: [.name("axes")], expected: "axes that include the channels, axis \(layout.channel)", found: "\(axes)")
    }
    return Set(result).sorted()
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    if case .integer(let axis)? = arguments.take("axes") {
      axes = [axis]
    } else {
      axes = try arguments.integers("axes", default: [-1])
    }
    guard !axes.isEmpty else {
      throw NetworkError(path: [.name("axes")], expected: "at least one axis", found: "an empty list")
    }
    epsilon = try arguments.number(
      "epsilon", default: 1e-12, in: { $0 >= 0 && $0.isFinite }, expected: "a number of at least 0")
    dataLayout = try DataAxes(from: &arguments)
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("axes", axes, default: [-1])
    arguments.set("epsilon", epsilon, default: 1e-12)
    dataLayout.write(to: &arguments)
  }
}
