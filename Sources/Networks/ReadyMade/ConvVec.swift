import CovarianceEngine
import Tensors

/// A convolutional network without pools: `depth` convolutions that keep the positions, with an activation each, then all
/// positions as channels, and a dense layer.
///
/// Its infinite-width kernel sees only pairs of the same position, as if weights were not shared.
///
/// *Source:* Novak et al. 2019 (arXiv 1810.05148), "CNN-VEC".
public struct ConvVec: ReadyMadeNetwork {
  public static let nodeName = "convVec"

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
    try stack.network(forInput: input, pooling: .none)
  }

  public mutating func visitHyperParameters(_ visitor: inout HyperParameterVisitor) { stack.settings.visit(&visitor) }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    stack = try ConvolutionStack(from: &arguments)
  }

  public func write(to arguments: inout LayerArguments) throws(NetworkError) { try stack.write(to: &arguments) }
}

/// Convolutions that keep the positions, and what follows them.
struct ConvolutionStack: Sendable {
  let depth: Int
  let channels: Int
  let window: Int
  var settings: ReadyMadeSettings

  init(_ depth: Int, _ channels: Int, _ window: Int, _ settings: ReadyMadeSettings) {
    (self.depth, self.channels, self.window, self.settings) = (depth, channels, window, settings)
  }

  func network(forInput input: [Int], pooling: ReadyMadePooling) throws(NetworkError) -> Serial {
    try settings.check([("channels", channels), ("window", window)], depth: depth)
    let count = try positionAxisCount(input)
    let hidden: [any Layer] = (0..<depth).flatMap { _ -> [any Layer] in
      [settings.convolution(channels, positions: count, window: window), settings.activation]
    }
    return try settings.network(hidden + [pooling.layer, settings.readout])
  }

  init(from arguments: inout LayerArguments) throws(NetworkError) {
    depth = try arguments.integer("depth", atLeast: 0, atMost: largestLayerCount)
    channels = try arguments.integer("channels", default: 128, atLeast: 1)
    window = try arguments.integer("window", default: 3, atLeast: 1)
    settings = try ReadyMadeSettings(from: &arguments)
  }

  func write(to arguments: inout LayerArguments) throws(NetworkError) {
    arguments.set("depth", depth)
    arguments.set("channels", channels, default: 128)
    arguments.set("window", window, default: 3)
    try settings.write(to: &arguments)
  }
}
