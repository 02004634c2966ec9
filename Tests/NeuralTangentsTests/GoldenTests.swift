import NeuralTangents
import Tensors
import Testing

private struct GoldenFixture: Decodable, CustomTestStringConvertible, Sendable {
  let name: String
  let network: FixtureNetwork
  let x1: [Int]
  let x2: [Int]
  let maskConstant: Double?
  let masked1: [Int]?
  let masked2: [Int]?
  let pattern1: FixtureArray?
  let pattern2: FixtureArray?
  let shape: [Int]
  let nngp: [Double]
  let ntk: [Double]

  var testDescription: String { name }

  static let all: [GoldenFixture] = {
    struct Document: Decodable { let networks: [GoldenFixture] }
    return (try? loadFixture("golden", as: Document.self))?.networks ?? []
  }()
}

@Suite("Networks: numbers printed by the Python library")
struct GoldenTests {
  @Test("there are twenty-two networks")
  func count() {
    #expect(GoldenFixture.all.count == 22)
  }

  @Test("kernels begin with the ten digits printed", arguments: GoldenFixture.all)
  private func agree(_ fixture: GoldenFixture) throws {
    let kernel = try fixture.network.layer.kernel(
      FixtureInput.sine(fixture.x1).replacing(fixture.masked1, by: fixture.maskConstant),
      FixtureInput.cosine(fixture.x2).replacing(fixture.masked2, by: fixture.maskConstant),
      patterns: fixture.pattern1.map { GraphPatterns($0.tensor, fixture.pattern2?.tensor) },
      maskConstant: fixture.maskConstant)
    #expect(kernel.nngp.shape == fixture.shape)
    let ntk = try #require(kernel.ntk)
    for (found, printed) in [(kernel.nngp, fixture.nngp), (ntk, fixture.ntk)] {
      let first = found.scalars(as: Double.self).prefix(printed.count)
      for (number, expected) in zip(first, printed) {
        #expect(Swift.abs(number - expected) <= 2e-9 * Swift.abs(expected))
      }
    }
  }
}
