import CovarianceEngine
import Tensors

/// A small vision transformer: patches of the image, `depth` blocks of attention and of a hidden layer, both added to
/// their input after layer normalisation, the mean over all patches, and a dense layer.
///
/// Patches are the windows of a convolution with stride and window `patchSize`, cut to the size of the input where that is
/// smaller; what is left over at the end of an axis is not seen. Attention adds trainable positional embeddings, whose
/// correlation falls as 1/(1 + d) with the distance d of patches, to its queries and keys; its score is divided by the number of
/// key channels, which gives a closed form in the infinite limit.
///
/// *Source:* Dosovitskiy et al. 2021 (arXiv 2010.11929); attention: Hron et al. 2020 (arXiv 2006.10540).
public struct VisionTransformer: ReadyMadeNetwork {
  public static let nodeName = "visionTransformer"

  /// Blocks.
  public let depth: Int
  /// Pixels along each side of a patch.
  public let patchSize: Int
  /// Of every layer, in the finite network.
  public let channels: Int
  /// Heads of attention, in the finite network.
  public let heads: Int
  /// How positions enter attention.
  public let positionalEmbedding: PositionalEmbedding
  /// What becomes of the patches after the last block.
  public let pooling: ReadyMadePooling
  private var settings: ReadyMadeSettings

  public init(
    depth: Int, patchSize: Int = 4, classes: Int = 10, channels: Int = 64, heads: Int = 4,
    positionalEmbedding: PositionalEmbedding = .sum, activation: any Activation = Relu(),
    weightStd: Double = 2.0.squareRoot(), biasStd: Double? = nil, pooling: ReadyMadePooling = .average
  ) {
    self.depth = depth
    self.patchSize = patchSize
    self.channels = channels
    self.heads = heads
    self.positionalEmbedding = positionalEmbedding
    self.pooling = pooling
    settings = ReadyMadeSettings(classes: classes, activation: activation, weightStd: weightStd, biasStd: biasStd)
  }

  public func network(forInput input: [Int]) throws(NetworkError) -> Serial {
    try settings.check([("patchSize", patchSize), ("channels", channels), ("heads", heads)], depth: depth)
    _ = try positionAxisCount(input)
    let patch = input.dropFirst().dropLast().map { min(patchSize, max(1, $0)) }
    var layers: [any Layer] = [
      Conv(
        channels, window: patch, strides: patch, weightStd: settings.weightStd, biasStd: settings.bias?.wrappedValue)
    ]
    for _ in 0..<depth {
      layers.append(residualBlock([LayerNorm(), attention]))
      layers.append(
        residualBlock([LayerNorm(), settings.dense(channels), settings.activation, settings.dense(channels)]))
    }
    return try settings.network(layers + [LayerNorm(), pooling.layer, settings.readout])
  }

  private var attention: GlobalSelfAttention {
    GlobalSelfAttention(
      outputChannels: channels, keyChannels: channels, valueChannels: channels, heads: heads,
      positionalEmbedding: positionalEmbedding, positionalDecay: .linear)
  }

  public mutating func visitHyperParameters(_ visitor: inout HyperParameterVisitor) { settings.visit(&visitor) }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    depth = try arguments.integer("depth", atLeast: 0, atMost: largestLayerCount)
    patchSize = try arguments.integer("patchSize", default: 4, atLeast: 1)
    channels = try arguments.integer("channels", default: 64, atLeast: 1)
    heads = try arguments.integer("heads", default: 4, atLeast: 1)
    positionalEmbedding = try arguments.choice("positionalEmbedding", default: .sum)
    pooling = try arguments.choice("pooling", default: .average)
    settings = try ReadyMadeSettings(from: &arguments)
  }

  public func write(to arguments: inout LayerArguments) throws(NetworkError) {
    arguments.set("depth", depth)
    arguments.set("patchSize", patchSize, default: 4)
    arguments.set("channels", channels, default: 64)
    arguments.set("heads", heads, default: 4)
    arguments.set("positionalEmbedding", positionalEmbedding.rawValue, default: PositionalEmbedding.sum.rawValue)
    arguments.set("pooling", pooling.rawValue, default: ReadyMadePooling.average.rawValue)
    try settings.write(to: &arguments)
  }
}
