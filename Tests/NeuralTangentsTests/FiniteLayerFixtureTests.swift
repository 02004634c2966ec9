import NeuralTangents
import Tensors
import Testing

/// A network of `finite-layers.json`: see Tests/Fixtures/make_finite_layers.py for the fields.
private struct FiniteLayerFixture: Decodable, Sendable, CustomTestStringConvertible {
  /// A parameter, whole or in summary.
  struct Summary: Decodable {
    let shape: [Int]
    let values: [Double]?
    let sum: Double?
    let squares: Double?
    let first: [Double]?
  }

  let name: String
  let network: FixtureNetwork
  let key: UInt64
  let applyKey: UInt64?
  let input: [Int]
  let maskConstant: Double?
  let masked: [Int]?
  let pattern: FixtureArray?
  let parameters: [Summary]
  let output: FixtureArray

  var testDescription: String { name }

  static let all: [FiniteLayerFixture] = {
    struct Document: Decodable { let networks: [FiniteLayerFixture] }
    return (try? loadFixture("finite-layers", as: Document.self))?.networks ?? []
  }()
}

@Suite("Finite networks with positions")
struct FiniteLayerFixtureTests {
  @Test("there are more than a hundred and seventy reference networks")
  func count() {
    #expect(FiniteLayerFixture.all.count > 170)
  }

  @Test("the same key gives the peer's parameters and outputs", arguments: FiniteLayerFixture.all)
  private func peer(_ fixture: FiniteLayerFixture) throws {
    let network = try fixture.network.layer
    let parameters = try network.initialize(RandomKey(seed: fixture.key), inputShape: fixture.input, dtype: .float32)
    let leaves = peerLeaves(network, parameters)
    try #require(leaves.map(\.shape) == fixture.parameters.map(\.shape))
    for (found, expected) in zip(leaves, fixture.parameters) { expectParameter(found, expected) }
    let x = FixtureInput.sine(fixture.input, dtype: .float32).replacing(fixture.masked, by: fixture.maskConstant)
    // Weights of a graph have the type of the data.
    let pattern = fixture.pattern.map { $0.tensor.dtype == .int32 ? $0.tensor : $0.tensor.asType(.float32) }
    let output = try network(
      parameters, x, key: fixture.applyKey.map { RandomKey(seed: $0) }, pattern: pattern,
      maskConstant: fixture.maskConstant)
    try #require(output.shape == fixture.output.shape)
    #expect(try network.outputShape(forInput: fixture.input) == output.shape)
    let largest = fixture.output.values.map { Swift.abs($0) }.max() ?? 1
    #expect(largestError(output, fixture.output.values, scale: fixture.output.values.map { _ in largest }) < 2e-5)
  }

  private func expectParameter(_ found: Tensor, _ expected: FiniteLayerFixture.Summary) {
    let values = found.scalars(as: Float.self).map { Double($0) }
    let close = { (a: Double, b: Double) in Swift.abs(a - b) <= 1e-5 * Swift.max(1, Swift.abs(b)) }
    for (value, number) in zip(values, expected.values ?? expected.first ?? []) { #expect(close(value, number)) }
    if let sum = expected.sum, let squares = expected.squares {
      // The sum of many draws can be small.
      #expect(Swift.abs(values.reduce(0, +) - sum) <= 1e-5 * (1 + squares))
      #expect(close(values.reduce(0) { $0 + $1 * $1 }, squares))
    }
  }
}
