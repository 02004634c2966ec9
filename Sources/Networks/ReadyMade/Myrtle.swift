import CovarianceEngine
import Tensors

/// A plain convolutional network with average pools, without batch normalisation: good kernels for images.
///
/// Three groups of 3×3 convolutions, each followed by the activation — 2, 1, 1 of them at depth 5, 2, 2, 2 at depth 7
/// and 3, 3, 3 at depth 10 —, a 2×2 average pool after each group and two more after the last, then a dense layer. An image of
/// 32×32 ends as a single position. On a smaller one, a pool's window along an axis is cut to what is left of the axis, and
/// a pool that has nothing left to do is left out: 8×8 ends as a single position, too.
///
/// *Source:* Shankar et al. 2020 (arXiv 2003.02237).
public struct Myrtle: ReadyMadeNetwork {
  public static let nodeName = "myrtle"

  /// How many convolutions each group has.
  private static let groups = [5: [2, 1, 1], 7: [2, 2, 2], 10: [3, 3, 3]]

  /// Convolutions and dense layers: 5, 7 or 10.
  public let depth: Int
  /// Of every convolution, in the finite network.
  public let channels: Int
  private var settings: ReadyMadeSettings

  /// - Parameters:
  ///   - biasStd: nil for layers without a bias.
  ///   - depth: 5, 7 or 10.
  ///   - channels: of each convolution.
  ///   - classes: outputs.
  ///   - activation: after each convolution.
  ///   - weightStd: of all layers.
  public init(
    depth: Int, classes: Int = 10, channels: Int = 128, activation: any Activation = Relu(),
    weightStd: Double = 2.0.squareRoot(), biasStd: Double? = nil
  ) {
    self.depth = depth
    self.channels = channels
    settings = ReadyMadeSettings(classes: classes, activation: activation, weightStd: weightStd, biasStd: biasStd)
  }

  public func network(forInput input: [Int]) throws(NetworkError) -> Serial {
    let groups = try Self.groups(depth)
    try settings.check([("channels", channels)])
    let count = try positionAxisCount(input)
    var sizes = Array(input.dropFirst().dropLast())
    var layers: [any Layer] = []
    for (index, convolutions) in groups.enumerated() {
      for _ in 0..<convolutions {
        layers.append(settings.convolution(channels, positions: count))
        layers.append(settings.activation)
      }
      for _ in 0..<(index == groups.count - 1 ? 3 : 1) where sizes.contains(where: { $0 > 1 }) {
        let window = sizes.map { min(2, $0) }
        layers.append(AvgPool(window: window, strides: window))
        sizes = zip(sizes, window).map { $0 / $1 }
      }
    }
    return try settings.network(layers + [Flatten(), settings.readout])
  }

  private static func groups(_ depth: Int) throws(NetworkError) -> [Int] {
    guard let groups = groups[depth] else {
      throw NetworkError(path: [.name("depth")], expected: "5, 7 or 10", found: "\(depth)")
    }
    return groups
  }

  public mutating func visitHyperParameters(_ visitor: inout HyperParameterVisitor) { settings.visit(&visitor) }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    depth = try arguments.integer("depth")
    _ = try Self.groups(depth)
    channels = try arguments.integer("channels", default: 128, atLeast: 1)
    settings = try ReadyMadeSettings(from: &arguments)
  }

  public func write(to arguments: inout LayerArguments) throws(NetworkError) {
    arguments.set("depth", depth)
    arguments.set("channels", channels, default: 128)
    try settings.write(to: &arguments)
  }
}
