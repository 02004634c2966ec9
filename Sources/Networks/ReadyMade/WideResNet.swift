import CovarianceEngine
import Tensors

/// The most residual blocks of a group.
private let largestBlockSize = 1024

/// A wide residual network without batch normalisation.
///
/// A 3×3 convolution of 16 channels, then three groups of residual blocks of 16, 32 and 64 times `widthFactor` channels,
/// the second and the third of which halve each axis of positions, then a pool over all positions and a dense layer. A block
/// adds activation, convolution, activation, convolution to its input, the first block of a group to a convolution of its
/// input. On 32×32 inputs the last pool is one over 8×8 positions; on smaller ones, over what is there.
///
/// *Source:* Zagoruyko and Komodakis 2016 (arXiv 1605.07146).
public struct WideResNet: ReadyMadeNetwork {
  public static let nodeName = "wideResNet"

  /// Residual blocks of each group.
  public let blockSize: Int
  /// How many times wider the finite network is.
  public let widthFactor: Int
  /// What becomes of the positions after the last group.
  public let pooling: ReadyMadePooling
  private var settings: ReadyMadeSettings

  public init(
    blockSize: Int, widthFactor: Int = 1, classes: Int = 10, activation: any Activation = Relu(),
    weightStd: Double = 2.0.squareRoot(), biasStd: Double? = nil, pooling: ReadyMadePooling = .average
  ) {
    self.blockSize = blockSize
    self.widthFactor = widthFactor
    self.pooling = pooling
    settings = ReadyMadeSettings(classes: classes, activation: activation, weightStd: weightStd, biasStd: biasStd)
  }

  /// The usual name counts layers: 6 blockSize + 4.
  public static func arguments(forNumber number: Int) throws(NetworkError) -> [String: NodeValue] {
    guard number >= 10, (number - 4) % 6 == 0 else {
      throw NetworkError(
        path: [.name(nodeName)], expected: "a depth of 6 blockSize + 4: 10, 16, 22, 28, …", found: "\(number)")
    }
    return ["blockSize": .integer((number - 4) / 6)]
  }

  public func network(forInput input: [Int]) throws(NetworkError) -> Serial {
    try requireSize("blockSize", blockSize, atMost: largestBlockSize)
    try settings.check([("widthFactor", widthFactor)])
    let count = try positionAxisCount(input)
    var layers: [any Layer] = [settings.convolution(16, positions: count)]
    for (group, width) in [16, 32, 64].enumerated() {
      let (channels, stride) = (width * widthFactor, group == 0 ? 1 : 2)
      for block in 0..<blockSize {
        let isFirst = block == 0
        layers.append(
          residualBlock(
            [
              settings.activation,
              settings.convolution(channels, positions: count, stride: isFirst ? stride : 1),
              settings.activation, settings.convolution(channels, positions: count),
            ],
            shortcut: isFirst ? settings.convolution(channels, positions: count, stride: stride) : Identity()))
      }
    }
    return try settings.network(layers + [pooling.layer, settings.readout])
  }

  public mutating func visitHyperParameters(_ visitor: inout HyperParameterVisitor) { settings.visit(&visitor) }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    blockSize = try arguments.integer("blockSize", atLeast: 1, atMost: largestBlockSize)
    widthFactor = try arguments.integer("widthFactor", default: 1, atLeast: 1)
    pooling = try arguments.choice("pooling", default: .average)
    settings = try ReadyMadeSettings(from: &arguments)
  }

  public func write(to arguments: inout LayerArguments) throws(NetworkError) {
    arguments.set("blockSize", blockSize)
    arguments.set("widthFactor", widthFactor, default: 1)
    arguments.set("pooling", pooling.rawValue, default: ReadyMadePooling.average.rawValue)
    try settings.write(to: &arguments)
  }
}
