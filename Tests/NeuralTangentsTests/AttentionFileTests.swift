import Foundation
import NeuralTangents
import Tensors
import Testing

@Suite("Self-attention in files, and what it cannot do")
struct AttentionFileTests {
  private let small = GlobalSelfAttention(
    outputChannels: 3, keyChannels: 4, valueChannels: 2, heads: 2, linearScaling: false, biasStd: 0.3,
    mechanism: .softmax, causal: true)

  private static let file = """
    {"globalSelfAttention": {"outputChannels": 3, "keyChannels": 4, "valueChannels": 2, "heads": 2,
     "linearScaling": false, "weightKeyStd": 1.1, "weightValueStd": 1.2, "weightQueryStd": 1.3, "weightOutStd": 1.4,
     "biasStd": 0.5, "attentionMechanism": "identity", "positionalEmbedding": "concat", "positionalNorm": 1.5,
     "positionalDecay": "exponential", "positionalChannels": 7, "weightPositionalStd": 0.25,
     "valuePositionalEmbedding": true, "causal": true, "batchAxis": 1, "channelAxis": 2}}
    """

  @Test("a network file holds every argument, and leaves out defaults")
  func files() throws {
    let file = try NetworkFile(json: Self.file)
    let node = try JSONSerialization.jsonObject(with: Data(file.json().utf8)) as? NSDictionary
    let written = try JSONSerialization.jsonObject(with: Data(Self.file.utf8)) as? NSDictionary
    #expect(node == written)
    #expect(
      file.network.hyperParameters.paths.map { String($0.split(separator: ".").last ?? "") } == [
        "weightKeyStd", "weightValueStd", "weightQueryStd", "weightOutStd", "biasStd", "weightPositionalStd",
      ])
    #expect(file.network.hyperParameters.entries.allSatisfy { $0.kind == .standardDeviation })
    let plain = NetworkFile(GlobalSelfAttention(outputChannels: 3, keyChannels: 4, valueChannels: 2, heads: 2))
    #expect(!(try plain.json().contains("Std")))
    #expect(try NetworkFile(json: plain.json()).json() == plain.json())
  }

  @Test("what has no kernel, no finite network or no file is told")
  func errors() throws {
    let x = FixtureInput.sine([2, 4, 3])
    let scaling = #expect(throws: NetworkError.self) { try small.kernel(x) }
    #expect(
      scaling?.description
        == "globalSelfAttention.attentionMechanism: expected identity, the only mechanism with a closed form under "
        + "square root scaling (or set linearScaling), found softmax")
    func layer(_ decay: PositionalDecay, channels: Int? = nil) -> GlobalSelfAttention {
      GlobalSelfAttention(
        outputChannels: 3, keyChannels: 4, valueChannels: 2, heads: 2, positionalEmbedding: .sum,
        positionalDecay: decay, positionalChannels: channels)
    }
    let channels = #expect(throws: NetworkError.self) { try layer(.linear, channels: 2).kernel(x) }
    #expect(
      channels?.description
        == "globalSelfAttention.positionalChannels: expected 3, the channels of the input that embeddings are added "
        + "to, found 2")
    let custom = layer(.custom { 1 + $0 })
    let file = #expect(throws: NetworkError.self) { try NetworkFile(custom).json() }
    #expect(file?.description.contains("expected linear or exponential, which network files can name") == true)
    let parameters = try custom.initialize(RandomKey(seed: 1), inputShape: x.shape, dtype: .float64)
    let definite = #expect(throws: NetworkError.self) { try custom(parameters, x) }
    #expect(definite?.description.contains("positionalDecay: expected a decay that makes positive definite") == true)
    let shape = #expect(throws: NetworkError.self) { try layer(.custom { $0.sum() }).kernel(x) }
    #expect(shape?.description.contains("expected correlations of shape [4, 4]") == true)
    let wrong = #expect(throws: NetworkError.self) { try small(parameters, x) }
    #expect(wrong?.description.contains("expected parameters of shapes") == true)
    let closure = try layer(.custom { exp(-$0) }).kernel(x).nngp
    #expect(largestError(closure, try layer(.exponential).kernel(x).nngp, relativeTo: 1) == 0)
  }
}
