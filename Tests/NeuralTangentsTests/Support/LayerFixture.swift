import NeuralTangents
import Tensors
import Testing

/// A network of `layers.json`: see Tests/Fixtures/make_layers.py for the fields.
struct LayerFixture: Decodable, CustomTestStringConvertible, Sendable {
  let name: String
  let network: FixtureNetwork
  let x1: [Int]
  let x2: [Int]?
  let maskConstant: Double?
  let masked1: [Int]?
  let masked2: [Int]?
  let pattern1: FixtureArray?
  let pattern2: FixtureArray?
  let diagonalSpace: Bool
  let fullBatch: Bool
  let shape1: [Int]
  let nngp: FixtureArray
  let ntk: FixtureArray
  let cov1: FixtureArray
  let cov2: FixtureArray?
  let mask1: FixtureArray?
  let mask2: FixtureArray?
  let tolerance: Double?

  var testDescription: String { name }

  var firstInputs: Tensor { FixtureInput.sine(x1).replacing(masked1, by: maskConstant) }
  var secondInputs: Tensor? { x2.map { FixtureInput.cosine($0).replacing(masked2, by: maskConstant) } }
  var patterns: GraphPatterns? { pattern1.map { GraphPatterns($0.tensor, pattern2?.tensor) } }

  static let all: [LayerFixture] = {
    struct Document: Decodable { let networks: [LayerFixture] }
    return (try? loadFixture("layers", as: Document.self))?.networks ?? []
  }()
}
