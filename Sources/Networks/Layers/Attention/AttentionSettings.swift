import CovarianceEngine
import Tensors

/// The constants of `GlobalSelfAttention`, which its finite and its infinite network share.
struct AttentionSettings: Sendable {
  var outputChannels: Int
  var keyChannels: Int
  var valueChannels: Int
  var heads: Int
  var linearScaling: Bool
  @HyperParameter var weightKeyStd: Double
  @HyperParameter var weightValueStd: Double
  @HyperParameter var weightQueryStd: Double
  @HyperParameter var weightOutStd: Double
  var bias: HyperParameter?
  var mechanism: AttentionMechanism
  var embedding: PositionalEmbedding
  var correlation: PositionalCorrelation
  var positionalChannels: Int?
  @HyperParameter var weightPositionalStd: Double
  var valuePositionalEmbedding: Bool
  var isCausal: Bool

  /// What of them the infinite network depends on.
  var fingerprint: String {
    "\(linearScaling ? "linear" : "root") \($weightKeyStd) \($weightValueStd) \($weightQueryStd) \($weightOutStd) "
      + "bias \(bias.map(\.description) ?? "none") \(mechanism) \(embedding) \(correlation) "
      + "\(positionalChannels ?? -1) \($weightPositionalStd) \(valuePositionalEmbedding) \(isCausal)"
  }

  /// σK σQ.
  var scoreScale: HyperParameter { $weightKeyStd * $weightQueryStd }
  /// σO σV.
  var outputScale: HyperParameter { $weightOutStd * $weightValueStd }

  var embedsValues: Bool { valuePositionalEmbedding && embedding != .none }

  /// Channels of the positional embeddings for inputs of `channels`; 0 without embeddings.
  func embeddingChannels(_ channels: Int) throws(NetworkError) -> Int {
    switch embedding {
    case .none: return 0
    case .concat: return positionalChannels ?? channels
    case .sum:
      guard positionalChannels ?? channels == channels else {
        throw NetworkError(
          path: [.name("positionalChannels")],
          expected: "\(channels), the channels of the input that embeddings are added to",
          found: "\(positionalChannels ?? channels)")
      }
      return channels
    }
  }

  /// Channels that keys and queries are made of.
  func keyInputChannels(_ channels: Int) throws(NetworkError) -> Int {
    embedding == .concat ? channels + (try embeddingChannels(channels)) : channels
  }

  /// Channels that values are made of.
  func valueInputChannels(_ channels: Int) throws(NetworkError) -> Int {
    embedsValues ? try keyInputChannels(channels) : channels
  }

  mutating func visit(_ visitor: inout HyperParameterVisitor) {
    visitor.visit("weightKeyStd", &$weightKeyStd, kind: .standardDeviation)
    visitor.visit("weightValueStd", &$weightValueStd, kind: .standardDeviation)
    visitor.visit("weightQueryStd", &$weightQueryStd, kind: .standardDeviation)
    visitor.visit("weightOutStd", &$weightOutStd, kind: .standardDeviation)
    visitor.visit("biasStd", &bias, kind: .standardDeviation)
    visitor.visit("weightPositionalStd", &$weightPositionalStd, kind: .standardDeviation)
  }
}

extension AttentionSettings {
  init(from arguments: inout LayerArguments) throws(NetworkError) {
    outputChannels = try arguments.integer("outputChannels", atLeast: 1)
    keyChannels = try arguments.integer("keyChannels", atLeast: 1)
    valueChannels = try arguments.integer("valueChannels", atLeast: 1)
    heads = try arguments.integer("heads", atLeast: 1)
    linearScaling = try arguments.boolean("linearScaling", default: true)
    _weightKeyStd = HyperParameter(try arguments.number("weightKeyStd", default: 1))
    _weightValueStd = HyperParameter(try arguments.number("weightValueStd", default: 1))
    _weightQueryStd = HyperParameter(try arguments.number("weightQueryStd", default: 1))
    _weightOutStd = HyperParameter(try arguments.number("weightOutStd", default: 1))
    bias = try arguments.optionalNumber("biasStd").map { HyperParameter($0) }
    mechanism = try arguments.choice("attentionMechanism", default: .softmax)
    embedding = try arguments.choice("positionalEmbedding", default: .none)
    correlation = PositionalCorrelation(
      norm: try arguments.number(
        "positionalNorm", default: 2, in: { $0 > 0 && $0.isFinite }, expected: "a positive number"),
      decay: try PositionalDecay.read(from: &arguments))
    if arguments.take("positionalChannels") != nil {
      positionalChannels = try arguments.integer("positionalChannels", atLeast: 1)
    }
    _weightPositionalStd = HyperParameter(try arguments.number("weightPositionalStd", default: 1))
    valuePositionalEmbedding = try arguments.boolean("valuePositionalEmbedding", default: false)
    isCausal = try arguments.boolean("causal", default: false)
  }

  func write(to arguments: inout LayerArguments) throws(NetworkError) {
    arguments.set("outputChannels", outputChannels)
    arguments.set("keyChannels", keyChannels)
    arguments.set("valueChannels", valueChannels)
    arguments.set("heads", heads)
    arguments.set("linearScaling", linearScaling, default: true)
    arguments.set("weightKeyStd", weightKeyStd, default: 1)
    arguments.set("weightValueStd", weightValueStd, default: 1)
    arguments.set("weightQueryStd", weightQueryStd, default: 1)
    arguments.set("weightOutStd", weightOutStd, default: 1)
    arguments.set("biasStd", bias?.wrappedValue)
    arguments.set("attentionMechanism", mechanism.rawValue, default: AttentionMechanism.softmax.rawValue)
    arguments.set("positionalEmbedding", embedding.rawValue, default: PositionalEmbedding.none.rawValue)
    arguments.set("positionalNorm", correlation.norm, default: 2)
    try PositionalDecay.write(correlation.decay, to: &arguments)
    if let positionalChannels { arguments.set("positionalChannels", positionalChannels) }
    arguments.set("weightPositionalStd", weightPositionalStd, default: 1)
    arguments.set("valuePositionalEmbedding", valuePositionalEmbedding, default: false)
    arguments.set("causal", isCausal, default: false)
  }
}
