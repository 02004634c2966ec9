import CovarianceEngine
import Tensors

/// A convolutional network with a global average pool: `depth` convolutions that keep the positions, with an activation
/// each, then the mean over all positions, and a dense layer.
///
/// Its outputs do not change when an image moves, but for what happens at the edges.
///
/// *Source:* Novak et al. 2019 (arXiv 1810.05148), "CNN-GAP"; Arora et al. 2019 (arXiv 1904.11955).
public struct ConvGap: ReadyMadeNetwork {
  public static let nodeName = "convGap"

  private var stack: ConvolutionStack

  /// Convolutions.
  public var depth: Int { stack.depth }

  /// - Parameters:
  ///   - channels: of every convolution, in the finite network.
  ///   - window: size of the convolutions' windows along every axis of positions.
  ///   - depth: convolutions.
  ///   - classes: outputs.
  ///   - activation: after each convolution.
  ///   - weightStd: of all layers.
  ///   - biasStd: of all layers; nil for none.
  public init(
    depth: Int, classes: Int = 10, channels: Int = 128, window: Int = 3, activation: any Activation = Relu(),
    weightStd: Double = 2.0.squareRoot(), biasStd: Double? = nil
  ) {
    stack = ConvolutionStack(
      depth, channels, window,
      ReadyMadeSettings(classes: classes, activation: activation, weightStd: weightStd, biasStd: biasStd))
  }

  public func network(forInput input: [Int]) throws(NetworkError) -> Serial {
    try stack.network(forInput: input, pooling: .average)
  }

  public mutating func visitHyperParameters(_ visitor: inout HyperParameterVisitor) { stack.settings.visit(&visitor) }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    stack = try ConvolutionStack(from: &arguments)
  }

  public func write(to arguments: inout LayerArguments) throws(NetworkError) { try stack.write(to: &arguments) }
}
