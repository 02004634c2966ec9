import NeuralTangents
import Tensors
import Testing

private struct FiniteFixture: Decodable, Sendable, CustomTestStringConvertible {
  struct Array: Decodable {
    let shape: [Int]
    let values: [Double]
  }

  let name: String
  let network: NetworkFile
  let dtype: DType
  let key: UInt64
  let applyKey: UInt64?
  let input: [Int]
  let parameters: [Array]
  let output: Array

  var testDescription: String { "\(name), \(dtype)" }

  static let all: [FiniteFixture] = {
    struct Raw: Decodable { let networks: [RawCase] }
    struct RawCase: Decodable {
      let item: FiniteFixture?
      init(from decoder: any Decoder) throws { item = try? FiniteFixture(from: decoder) }
    }
    return (try? loadFixture("finite", as: Raw.self))?.networks.compactMap(\.item) ?? []
  }()
}

@Suite("Finite networks")
struct FiniteNetworkTests {
  @Test("there are about a hundred reference networks")
  func count() {
    #expect(FiniteFixture.all.count >= 90)
  }

  @Test("the same key gives the peer's parameters and outputs", arguments: FiniteFixture.all)
  private func peer(_ fixture: FiniteFixture) throws {
    let network = fixture.network.network
    let parameters = try network.initialize(
      RandomKey(seed: fixture.key), inputShape: fixture.input, dtype: fixture.dtype)
    let leaves = peerLeaves(network, parameters)
    try #require(leaves.map(\.shape) == fixture.parameters.map(\.shape))
    let tolerance = fixture.dtype == .float32 ? 1e-5 : 1e-12
    for (found, expected) in zip(leaves, fixture.parameters) {
      #expect(
        largestError(found, expected.values, scale: expected.values.map { Swift.max(1, Swift.abs($0)) }) < tolerance)
    }
    let x = FixtureInput.sine(fixture.input, dtype: fixture.dtype)
    let output = try network(parameters, x, key: fixture.applyKey.map { RandomKey(seed: $0) })
    try #require(output.shape == fixture.output.shape)
    #expect(try network.outputShape(forInput: fixture.input) == output.shape)
    let largest = fixture.output.values.map { Swift.abs($0) }.max() ?? 1
    #expect(largestError(output, fixture.output.values, scale: fixture.output.values.map { _ in largest }) < tolerance)
  }

  @Test("dropout keeps the mean and needs a key for training")
  func dropout() throws {
    let network = Serial {
      Dropout(keepRate: 0.25); Identity()
    }
    let parameters = try network.initialize(RandomKey(seed: 0), inputShape: [1, 4000])
    let y = try network(parameters, .ones([1, 4000]), key: RandomKey(seed: 3))
    #expect(Set(y.scalars(as: Float.self)) == [0, 4])
    #expect(Swift.abs(y.mean().scalar(as: Float.self) - 1) < 0.12)
    let error = #expect(throws: NetworkError.self) { try network(parameters, .ones([1, 4000])) }
    #expect(
      error?.description == "serial[0].dropout: expected a random key for the training-time forward pass, found none")
    let test = Dropout(keepRate: 0.25, mode: .test)
    #expect(try test(.none, .ones([2, 2])).scalars(as: Float.self) == [1, 1, 1, 1])
  }

  @Test("repeated layers drop different units")
  func repeatedDropout() throws {
    let network = Repeat(3, Dropout(keepRate: 0.5))
    let parameters = try network.initialize(RandomKey(seed: 0), inputShape: [1, 2000])
    let y = try network(parameters, .ones([1, 2000]), key: RandomKey(seed: 1))
    let kept = y.scalars(as: Float.self).filter { $0 != 0 }.count
    // An eighth survives three independent masks; half would survive the same mask three times.
    #expect((170...330).contains(kept))
  }

  @Test("parameters that do not fit are named")
  func mismatch() throws {
    let network = Serial {
      Dense(4, biasStd: 1); Relu(); Dense(2)
    }
    let parameters = try network.initialize(RandomKey(seed: 0), inputShape: [1, 3])
    let error = #expect(throws: NetworkError.self) { try network(parameters, .ones([1, 5])) }
    #expect(
      error?.description
        == "serial[0].dense: expected parameters of shapes [[5, 4], [1, 4]], found shapes [[3, 4], [1, 4]]")
  }

  @Test("layers work on inputs of any rank and axis order")
  func axes() throws {
    let x = FixtureInput.sine([2, 3, 4])
    let last = Dense(5, biasStd: 0.5)
    let parameters = try last.initialize(RandomKey(seed: 0), inputShape: [2, 3, 4], dtype: .float64)
    let y = try last(parameters, x)
    #expect(y.shape == [2, 3, 5])
    let first = Dense(5, biasStd: 0.5, batchAxis: 1, channelAxis: 0)
    let moved = Parameters.tensors([parameters.tensors[0], parameters.tensors[1].reshaped([5, 1, 1])])
    let z = try first(moved, x.transposed([2, 0, 1]))
    #expect(allClose(z.transposed([1, 2, 0]), y, relativeTolerance: 1e-14, absoluteTolerance: 1e-14))
  }
}
