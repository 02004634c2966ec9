import Foundation
import NeuralTangents
import Tensors
import Testing

@Suite("ready-made networks")
struct ReadyMadeTests {
  struct Sample: Sendable, CustomTestStringConvertible {
    var network: any ReadyMadeNetwork
    /// Without the batch axis.
    var input: [Int]
    /// Counted by hand.
    var parameterCount: Int
    var outputs: Int

    var testDescription: String { "\(network.nodeName) of \(input)" }
  }

  static let samples = [
    // 3·3·1·4 + 3·(3·3·4·4) + 4·10; the last position is 1×1.
    Sample(network: Myrtle(depth: 5, channels: 4), input: [8, 8, 1], parameterCount: 508, outputs: 10),
    // The same and biases: 4·4 + 10.
    Sample(network: Myrtle(depth: 5, channels: 4, biasStd: 0.1), input: [8, 8, 1], parameterCount: 534, outputs: 10),
    // 9·2·4 + 8·9·4·4 + 4·3.
    Sample(network: Myrtle(depth: 10, classes: 3, channels: 4), input: [8, 8, 2], parameterCount: 1236, outputs: 3),
    // Along one axis: 3·1·4 + 5·3·4·4 + 4·10.
    Sample(network: Myrtle(depth: 7, channels: 4), input: [8, 1], parameterCount: 292, outputs: 10),
    // 9·16 + 3·9·16² + 9·(2·16·32 + 32²) + 9·(2·32·64 + 64²) + 64·10.
    Sample(network: WideResNet(blockSize: 1), input: [8, 8, 1], parameterCount: 99856, outputs: 10),
    // 4·5 + 5·5 + 5·3.
    Sample(network: FullyConnected(depth: 2, classes: 3, width: 5), input: [4], parameterCount: 60, outputs: 3),
    Sample(
      network: FullyConnected(depth: 2, classes: 3, width: 5), input: [8, 8, 1], parameterCount: 360, outputs: 3),
    // 36 + 144 + 64·4·3.
    Sample(
      network: ConvVec(depth: 2, classes: 3, channels: 4), input: [8, 8, 1], parameterCount: 948, outputs: 3),
    // 36 + 144 + 4·3.
    Sample(
      network: ConvGap(depth: 2, classes: 3, channels: 4, activation: Erf()), input: [8, 8, 1], parameterCount: 192,
      outputs: 3),
    // Patches 16·8, keys and values 2·8·8 each, outputs 16·8, embeddings 4·8, hidden 2·64, outputs 8·3.
    Sample(
      network: VisionTransformer(depth: 1, classes: 3, channels: 8, heads: 2), input: [8, 8, 1], parameterCount: 696,
      outputs: 3),
    // 6·4 + 4·4 + 4·3.
    Sample(
      network: GraphNetwork(depth: 2, classes: 3, channels: 4), input: [5, 6], parameterCount: 52, outputs: 3),
  ]

  @Test("finite networks have the shapes and as many parameters as counted by hand", arguments: samples)
  func finite(_ sample: Sample) throws {
    let shape = [2] + sample.input
    #expect(try sample.network.outputShape(forInput: shape) == [2, sample.outputs])
    let parameters = try sample.network.initialize(RandomKey(seed: 0), inputShape: shape)
    #expect(parameters.count == sample.parameterCount)
    let outputs = try sample.network(parameters, RandomKey(seed: 1).normal(shape))
    #expect(outputs.shape == [2, sample.outputs])
    try outputs.requireFinite(context: "outputs")
    #expect(try sample.network.description(forInput: sample.input).parameterCount == sample.parameterCount)
  }

  @Test("kernels are finite, symmetric and positive definite", arguments: samples)
  func kernels(_ sample: Sample) throws {
    let x = RandomKey(seed: 2).normal([4] + sample.input, dtype: .float64)
    let kernel = try sample.network.kernel(x)
    for matrix in [kernel.nngp, try #require(kernel.ntk)] {
      #expect(matrix.shape == [4, 4])
      let asymmetry = abs(matrix - matrix.transposed()).max().scalar(as: Double.self)
      let scale = matrix.diagonal().max().scalar(as: Double.self)
      #expect(asymmetry <= 1e-12 * scale)
      _ = try cholesky(matrix + 1e-10 * scale * Tensor.eye(4, dtype: .float64))
    }
  }

  @Test("network files give the same network back", arguments: samples)
  func files(_ sample: Sample) throws {
    let json = try NetworkFile(sample.network).json()
    let copy = try NetworkFile(json: json)
    #expect(try copy.json() == json)
    let x = RandomKey(seed: 3).normal([3] + sample.input, dtype: .float64)
    #expect(try copy.network.nngp(x).scalars(as: Double.self) == sample.network.nngp(x).scalars(as: Double.self))
  }

  @Test("Myrtle 5 is its list of layers, and leaves out pools with nothing to do")
  func myrtle() throws {
    func conv() -> Conv { Conv(2, window: [3, 3], padding: .same, weightStd: 2.0.squareRoot()) }
    let pool = AvgPool(window: [2, 2], strides: [2, 2])
    let written = Serial {
      conv()
      Relu()
      conv()
      Relu()
      pool
      conv()
      Relu()
      pool
      conv()
      Relu()
      pool
      Flatten()
      Dense(10, weightStd: 2.0.squareRoot())
    }
    let x = RandomKey(seed: 4).normal([3, 8, 8, 2], dtype: .float64)
    let (a, b) = (try written.kernel(x), try Myrtle(depth: 5).kernel(x))
    #expect(a.nngp.scalars(as: Double.self) == b.nngp.scalars(as: Double.self))
    #expect(a.ntk?.scalars(as: Double.self) == b.ntk?.scalars(as: Double.self))
    let large = try Myrtle(depth: 5, channels: 1).network(forInput: [1, 32, 32, 3])
    #expect(large.layers.filter { $0 is AvgPool }.count == 5)
    let small = try Myrtle(depth: 5, channels: 1).network(forInput: [1, 3, 8, 3])
    #expect(small.layers.compactMap { ($0 as? AvgPool)?.window } == [[2, 2], [1, 2], [1, 2]])
  }

  @Test("the shared standard deviation scales a ReLU kernel as its number of layers says")
  func sharedConstants() throws {
    let network = FullyConnected(depth: 2, weightStd: 1.3)
    let x = RandomKey(seed: 5).normal([3, 4], dtype: .float64)
    #expect(network.hyperParameters.paths == ["fullyConnected.weightStd"])
    let slope = try gradient(of: { (constants: HyperParameters) in
      try network.kernel(x, hyperParameters: constants, kernels: .nngp).nngp.sum()
    })(network.hyperParameters)["fullyConnected.weightStd"].scalar(as: Double.self)
    // Three weight matrices: K is proportional to the sixth power.
    let expected = 6 / 1.3 * (try network.nngp(x).sum().scalar(as: Double.self))
    #expect(Swift.abs(slope - expected) < 1e-10 * Swift.abs(expected))
    var constants = Myrtle(depth: 5, activation: Gaussian(), biasStd: 0.1).hyperParameters
    #expect(constants.paths.prefix(2) == ["myrtle.weightStd", "myrtle.biasStd"] && constants.paths.count > 2)
    constants["myrtle.biasStd"] = Tensor(0.5)
    let changed = try Myrtle(depth: 5, activation: Gaussian(), biasStd: 0.1).replacing(constants)
    #expect(try NetworkFile(changed).json().contains("0.5"))
  }

  @Test("a graph network without graphs treats its nodes alike")
  func graphs() throws {
    let network = GraphNetwork(depth: 1, classes: 2, pooling: .sum)
    let x = RandomKey(seed: 6).normal([3, 4, 5], dtype: .float64)
    let order = [2, 0, 3, 1]
    let ring = Tensor((0..<16).map { ($0 / 4 + 1) % 4 == $0 % 4 ? 1.0 : 0 }, shape: [1, 4, 4]).broadcast(to: [3, 4, 4])
    let plain = try network.kernel(x).nngp
    let permuted = try network.kernel(x.taking(order, axis: 1)).nngp
    #expect(abs(plain - permuted).max().scalar(as: Double.self) < 1e-12)
    // Every node of a ring passes its message on once: the sum over nodes stays.
    let messages = try network.kernel(x, patterns: GraphPatterns(ring)).nngp
    #expect(abs(plain - messages).max().scalar(as: Double.self) < 1e-12)
  }

  static let mistakes = [
    (#"{"myrtle": {"depth": 6}}"#, "myrtle.depth: expected 5, 7 or 10, found 6"),
    (#"{"myrtle": {}}"#, "myrtle.depth: expected an integer, found nothing"),
    (#"{"wideResNet": {"blockSize": 0}}"#, "wideResNet.blockSize: expected an integer of at least 1, found 0"),
    (
      #"{"convGap": {"depth": 2, "activation": {"dense": {"width": 3}}}}"#,
      "convGap.activation: expected an activation, found the layer dense"
    ),
    (#"{"convVec": {"depth": 2, "activation": {"rleu": {}}}}"#, "convVec.activation.rleu"),
    (#"{"fullyConnected": {"depth": 2, "widht": 4}}"#, "fullyConnected.widht"),
    (
      #"{"visionTransformer": {"depth": 1, "pooling": "max"}}"#,
      "visionTransformer.pooling: expected average, sum or none"
    ),
    (#"{"graphNetwork": {"depth": -1}}"#, "graphNetwork.depth"),
  ]

  @Test("wrong arguments are named with their place", arguments: mistakes)
  func mistake(json: String, message: String) throws {
    let error = try #require(throws: NetworkError.self) { try NetworkFile(json: json) }
    #expect(error.description.contains(message), "\(error)")
  }

  @Test("inputs without positions do not fit networks of images")
  func wrongInput() throws {
    for network in [Myrtle(depth: 5), ConvGap(depth: 1), WideResNet(blockSize: 1)] as [any ReadyMadeNetwork] {
      let error = try #require(throws: NetworkError.self) { try network.kernel(Tensor.ones([2, 3])) }
      #expect(error.description.hasPrefix("\(network.nodeName): ") && error.description.contains("positions"))
    }
  }

  @Test("short names are a name and a depth")
  func names() throws {
    #expect((try ReadyMadeNetworks.named("myrtle10") as? Myrtle)?.depth == 10)
    #expect((try ReadyMadeNetworks.named("MYRTLE5") as? Myrtle)?.depth == 5)
    #expect((try ReadyMadeNetworks.named("wideResNet28") as? WideResNet)?.blockSize == 4)
    #expect((try ReadyMadeNetworks.named("convgap3") as? ConvGap)?.depth == 3)
    let unknown = try ReadyMadeNetworks.named("relu")
    #expect(unknown == nil)
    for name in ["myrtle", "myrtle6", "wideResNet11", "convGap99999999999999999999"] {
      #expect(throws: NetworkError.self) { try ReadyMadeNetworks.named(name) }
    }
  }
}
