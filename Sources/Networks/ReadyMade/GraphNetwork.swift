import CovarianceEngine
import Tensors

/// A graph convolutional network: `depth` blocks of a dense layer, an activation and messages along the edges, then a pool
/// over all nodes, and a dense layer.
///
/// Inputs have shape (graphs, nodes, channels); the graphs come beside them, see `GraphPatterns` and `Aggregate`.
///
/// *Source:* Kipf and Welling 2017 (arXiv 1609.02907); infinitely wide: Du et al. 2019 (arXiv 1905.13192).
public struct GraphNetwork: ReadyMadeNetwork {
  public static let nodeName = "graphNetwork"

  /// Blocks.
  public let depth: Int
  /// Of every layer, in the finite network.
  public let channels: Int
  /// What becomes of the nodes after the last block.
  public let pooling: ReadyMadePooling
  /// How graphs are given.
  public let implementation: Aggregate.Implementation
  private var settings: ReadyMadeSettings

  public init(
    depth: Int, classes: Int = 10, channels: Int = 64, activation: any Activation = Relu(),
    weightStd: Double = 2.0.squareRoot(), biasStd: Double? = nil, pooling: ReadyMadePooling = .average,
    implementation: Aggregate.Implementation = .dense
  ) {
    self.depth = depth
    self.channels = channels
    self.pooling = pooling
    self.implementation = implementation
    settings = ReadyMadeSettings(classes: classes, activation: activation, weightStd: weightStd, biasStd: biasStd)
  }

  public func network(forInput input: [Int]) throws(NetworkError) -> Serial {
    try settings.check([("channels", channels)], depth: depth)
    _ = try positionAxisCount(input)
    let blocks: [any Layer] = (0..<depth).flatMap { _ -> [any Layer] in
      [settings.dense(channels), settings.activation, Aggregate(implementation: implementation)]
    }
    return try settings.network(blocks + [pooling.layer, settings.readout])
  }

  public mutating func visitHyperParameters(_ visitor: inout HyperParameterVisitor) { settings.visit(&visitor) }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    depth = try arguments.integer("depth", atLeast: 0, atMost: largestLayerCount)
    channels = try arguments.integer("channels", default: 64, atLeast: 1)
    pooling = try arguments.choice("pooling", default: .average)
    implementation = try arguments.choice("implementation", default: .dense)
    settings = try ReadyMadeSettings(from: &arguments)
  }

  public func write(to arguments: inout LayerArguments) throws(NetworkError) {
    arguments.set("depth", depth)
    arguments.set("channels", channels, default: 64)
    arguments.set("pooling", pooling.rawValue, default: ReadyMadePooling.average.rawValue)
    arguments.set("implementation", implementation.rawValue, default: Aggregate.Implementation.dense.rawValue)
    try settings.write(to: &arguments)
  }
}
