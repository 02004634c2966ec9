import CovarianceEngine
import Synchronization

/// The layers that network files can name.
public enum LayerRegistry {
  private static let builtIn: [any Layer.Type] = [
    Serial.self, Parallel.self, Repeat.self, FanOut.self, FanInSum.self, FanInProduct.self, FanInConcat.self,
    Dense.self, Conv.self, ConvTranspose.self, ConvLocal.self, AvgPool.self, SumPool.self, GlobalAvgPool.self,
    GlobalSumPool.self, Flatten.self, LayerNorm.self, Dropout.self, Identity.self, Embedding.self,
    GlobalSelfAttention.self, Aggregate.self, ImageResize.self, Index.self, DotGeneral.self,
    Relu.self, Abs.self, LeakyRelu.self, ABRelu.self, Erf.self, SigmoidLike.self, Gelu.self, Sin.self, Cos.self,
    Rbf.self, Gaussian.self, Exp.self, ExpNormalized.self, Gabor.self, Sign.self, Hermite.self, Monomial.self,
    RectifiedMonomial.self, Polynomial.self, ElementwiseNumerical.self,
    Tanh.self, Sigmoid.self, Softplus.self, Elu.self, Selu.self, Silu.self, Mish.self, Softsign.self, HardTanh.self,
    Myrtle.self, WideResNet.self, FullyConnected.self, ConvVec.self, ConvGap.self, VisionTransformer.self,
    GraphNetwork.self,
  ]

  private static let types = Mutex(
    Dictionary(uniqueKeysWithValues: builtIn.map { ($0.nodeName, $0) } + [("swish", Silu.self)]))

  /// Lets network files name a layer of your own.
  public static func register(_ type: any Layer.Type) {
    types.withLock { $0[type.nodeName] = type }
  }

  /// The names of all layers.
  public static var names: [String] { types.withLock { $0.keys.sorted() } }

  /// The layer that one node of a network file describes.
  public static func layer(from node: NodeValue) throws(NetworkError) -> any Layer {
    guard case .object(let members) = node, members.count == 1, let (name, value) = members.first else {
      throw NetworkError(expected: "an object with one key, a layer's name", found: node.summary)
    }
    guard let type = types.withLock({ $0[name] }) else {
      throw NetworkError(path: [.name(name)], expected: expectation(for: name), found: "an unknown layer")
    }
    do {
      var arguments = try LayerArguments(reading: value, reader: layer)
      let layer = try type.init(from: &arguments)
      try arguments.requireNoOthers()
      return layer
    } catch {
      throw error.inside(.name(name))
    }
  }

  /// The node of a network file that describes `layer`.
  public static func node(of layer: any Layer) throws(NetworkError) -> NodeValue {
    try layer.node()
  }

  /// Layers that people look for and that have no infinite-width limit in closed form: parts of their names, what to say, and
  /// what comes nearest.
  private static let withoutLimit: [(parts: [String], reason: String)] = [
    (
      ["maxpool", "max_pool", "globalmaxpool"],
      "averagePool or globalAveragePool: the maximum of correlated Gaussians has no closed infinite-width limit"
    ),
    (
      ["batchnorm", "batch_norm"],
      "layerNorm: batch normalisation mixes the inputs of a batch and has no closed infinite-width limit"
    ),
    (
      ["lstm", "gru", "rnn", "recurrent"],
      "layers without recurrence: gated recurrent layers have no closed infinite-width limit here"
    ),
    (["softmax"], "globalSelfAttention, which has a softmax inside; outputs of networks here are linear"),
  ]

  /// The name that was probably meant, or all of them.
  private static func expectation(for name: String) -> String {
    let plain = name.lowercased().filter { $0.isLetter }
    for entry in withoutLimit where entry.parts.contains(where: { plain.contains($0.filter(\.isLetter)) }) {
      return entry.reason
    }
    let candidates = names.map { ($0, editDistance(name.lowercased(), $0.lowercased())) }
    if let best = candidates.min(by: { $0.1 < $1.1 }), best.1 <= max(1, name.count / 3) {
      return "\(best.0) (did you mean that?)"
    }
    return "one of " + names.joined(separator: ", ")
  }

  private static func editDistance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a), Array(b))
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let substituted = diagonal + (x == y ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(substituted, diagonal + 1, row[j] + 1)
      }
    }
    return row[b.count]
  }
}
