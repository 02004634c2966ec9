import Tensors

/// Layer normalisation: (x − mean) / √(variance + ε) over some axes, the channels among them.
///
/// Infinite width: K12 ← K12 / √((K11 + ε)(K22 + ε)) and Θ alike; where the batch is normalised too, K11 and K22 are
/// replaced by their means over the inputs of their data set.
/// *Source:* Ba, Kiros & Hinton 2016 (arXiv 1607.06450); the mean of an infinitely wide Gaussian layer is zero.
public struct LayerNorm: SingleInputLayer {
  public static let nodeName = "layerNorm"

  public let axes: [Int]
  public let epsilon: Double

  /// - Precondition: `axes` is not empty, `epsilon` is not negative.
  public init(axes: [Int] = [-1], epsilon: Double = 1e-12) {
    precondition(!axes.isEmpty && epsilon >= 0, "expected axes and a non-negative epsilon, found \(axes), \(epsilon)")
    self.axes = axes
    self.epsilon = epsilon
  }

  public func outputShape(_ input: [Int]) throws(NetworkError) -> [Int] {
    _ = try resolvedAxes(rank: input.count)
    return input
  }

  public func apply(_ parameters: Parameters, _ input: Tensor, _ context: ApplyContext) throws(NetworkError) -> Tensor {
    let axes = try resolvedAxes(rank: input.rank)
    let centered = input - input.mean(axes: axes, keepDims: true)
    let variance = (centered * centered).mean(axes: axes, keepDims: true)
    return centered / sqrt(variance + epsilon)
  }

  public func append(to program: inout CovarianceProgram, _ input: CovarianceValue) throws(NetworkError)
    -> CovarianceValue
  {
    let axes = try resolvedAxes(rank: input.shape.count)
    guard axes.contains(input.channelAxis) else {
      throw NetworkError(
        path: [.name("axes")], expected: "axes that include the channels, axis \(input.channelAxis)",
        found: "\(self.axes)")
    }
    guard input.isGaussian else {
      throw NetworkError(
        expected: "Gaussian inputs: a dense layer before layer normalisation",
        found: "the network's input or the output of an activation, a product, a concatenation or dropout")
    }
    return program.append(
      .normalize(epsilon: epsilon, overBatch: axes.contains(input.batchAxis)), input, isGaussian: true)
  }

  private func resolvedAxes(rank: Int) throws(NetworkError) -> [Int] {
    var result: [Int] = []
    for axis in axes { result.append(try resolvedAxis(axis, rank: rank, name: "axes")) }
    return result
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
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("axes", axes, default: [-1])
    arguments.set("epsilon", epsilon, default: 1e-12)
  }
}
