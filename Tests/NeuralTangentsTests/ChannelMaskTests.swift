import NeuralTangents
import Tensors
import Testing

@Suite("Masks of single channels")
struct ChannelMaskTests {
  private static let constant = -7.0

  /// Inputs (2, 4, 3) of which single channels are missing.
  private static func inputs(_ seed: Int) -> Tensor {
    let x = gaussianInputs([2, 4, 3], seed: seed)
    let missing = RandomKey(seed: seed).bernoulli([2, 4, 3], probability: 0.3)
    return select(missing, constant, x)
  }

  @Test(
    "layers without parameters on inputs with missing channels have the covariance of their outputs", arguments: 0..<5)
  func deterministic(_ kind: Int) throws {
    let network: Serial =
      switch kind {
      case 0: Serial([GlobalAvgPool()])
      case 1: Serial([AvgPool(window: [2], padding: .same), GlobalAvgPool()])
      case 2: Serial([SumPool(window: [3], strides: [2], padding: .circular), Flatten()])
      case 3: Serial([FanOut(2), Parallel([GlobalAvgPool(), GlobalSumPool()]), FanInConcat()])
      default: Serial([AvgPool(window: [2]), AvgPool(window: [2], padding: .same), GlobalAvgPool()])
      }
    let (x1, x2) = (Self.inputs(1), Self.inputs(2))
    let kernel = try network.kernel(x1, x2, maskConstant: Self.constant, kernels: .nngp)
    let y1 = try network(.emptyTree(for: network, input: x1.shape), x1, maskConstant: Self.constant)
    let y2 = try network(.emptyTree(for: network, input: x2.shape), x2, maskConstant: Self.constant)
    let expected = matmul(y1, y2.transposed()) / Double(y1.shape[1])
    #expect(allClose(kernel.nngp, expected, relativeTolerance: 1e-12, absoluteTolerance: 1e-13))
  }

  @Test("a dense layer sees missing channels as zeros, and masks positions that miss all")
  func dense() throws {
    var x = Self.inputs(3)
    x[0, 1] = Tensor(Self.constant)
    let network = Dense(4, weightStd: 1.3, biasStd: 0.5)
    let kernel = try network.kernel(x, maskConstant: Self.constant)
    let filled = select(x .== Self.constant, 0, x)
    let plain = try network.kernel(filled)
    #expect(kernel.mask1?[0, 1].scalar(as: Bool.self) == true)
    #expect(kernel.nngp[0, 1, 1, 0].scalar(as: Double.self) == 0)
    #expect(kernel.nngp[0, 1, 0, 0].scalar(as: Double.self) == plain.nngp[0, 1, 0, 0].scalar(as: Double.self))
  }
}

@Suite("Tokens")
struct TokenTests {
  private static let network = Serial {
    Embedding(vocabulary: 5, width: 512)
    Conv(512, window: [1])
    GlobalAvgPool()
    Dense(512)
  }

  @Test("integers are one-hot vectors; masked ones do not count, in the vocabulary or not", arguments: [4, -1, 99, 1])
  func masks(_ constant: Int) throws {
    let padding = Int32(constant)
    let tokens = Tensor([1, 2, padding, padding, 3, padding, padding, padding].map { Int32($0) }, shape: [2, 4])
    let kernel = try Self.network.kernel(tokens, maskConstant: Double(constant))
    // The first sentence has two words, or one where one of them is the padding.
    let own = constant == 1 ? 1.0 : 0.5
    let k = kernel.nngp.asType(.float64).scalars(as: Double.self)
    #expect(zip(k, [own, 0, 0, 1]).allSatisfy { abs($0 - $1) < 1e-6 })
    try expectAgreement(
      Self.network, tokens, samples: 16, key: RandomKey(seed: 0), width: 512, maskConstant: Double(constant),
      kernels: .nngp)
  }
}

extension Parameters {
  fileprivate static func emptyTree(for network: any Layer, input: [Int]) throws -> Parameters {
    try network.initialize(RandomKey(seed: 0), inputShape: input)
  }
}
