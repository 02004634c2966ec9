import CovarianceEngine
import Tensors

/// A fully connected network: positions, if there are any, become channels; then `depth` hidden dense layers with an
/// activation each, and a dense layer for the outputs.
public struct FullyConnected: ReadyMadeNetwork {
  public static let nodeName = "fullyConnected"

  /// Hidden layers.
  public let depth: Int
  /// Of every hidden layer, in the finite network.
  public let width: Int
  private var settings: ReadyMadeSettings

  public init(
    depth: Int, classes: Int = 10, width: Int = 512, activation: any Activation = Relu(),
    weightStd: Double = 2.0.squareRoot(), biasStd: Double? = nil
  ) {
    self.depth = depth
    self.width = width
    settings = ReadyMadeSettings(classes: classes, activation: activation, weightStd: weightStd, biasStd: biasStd)
  }

  public func network(forInput input: [Int]) throws(NetworkError) -> Serial {
    try settings.check([("width", width)], depth: depth)
    let hidden: [any Layer] = (0..<depth).flatMap { _ -> [any Layer] in [settings.dense(width), settings.activation] }
    return try settings.network([Flatten()] + hidden + [settings.readout])
  }

  public mutating func visitHyperParameters(_ visitor: inout HyperParameterVisitor) { settings.visit(&visitor) }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    depth = try arguments.integer("depth", atLeast: 0, atMost: largestLayerCount)
    width = try arguments.integer("width", default: 512, atLeast: 1)
    settings = try ReadyMadeSettings(from: &arguments)
  }

  public func write(to arguments: inout LayerArguments) throws(NetworkError) {
    arguments.set("depth", depth)
    arguments.set("width", width, default: 512)
    try settings.write(to: &arguments)
  }
}
