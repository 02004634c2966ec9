import NeuralTangents
import Tensors
import Testing

private struct Fixtures: Decodable {
  let networks: [Case]

  struct Case: Decodable, CustomTestStringConvertible, Sendable {
    let name: String
    let network: NetworkFile
    let x1: [Int]
    let x2: [Int]?
    let nngp: [[Double]]
    let ntk: [[Double]]
    let cov1: [Double]
    let cov2: [Double]?
    /// Error of the rule that both sides share, where it is not rounding.
    let tolerance: Double?

    var testDescription: String { name }
  }

  /// Networks whose layers this package has.
  static let all: [Case] = {
    struct Raw: Decodable { let networks: [RawCase] }
    struct RawCase: Decodable {
      let item: Case?
      init(from decoder: any Decoder) throws { item = try? Case(from: decoder) }
    }
    return (try? loadFixture("networks", as: Raw.self))?.networks.compactMap(\.item) ?? []
  }()
}

@Suite("Kernels of fully connected networks")
struct NetworkFixtureTests {
  @Test("there are more than a hundred reference networks")
  func count() {
    #expect(Fixtures.all.count >= 120)
  }

  @Test(
    "float64 kernels are exact to 1e-12 on both executors", arguments: Fixtures.all,
    [KernelOptions.Executor.reference, .fused])
  private func exact(_ fixture: Fixtures.Case, executor: KernelOptions.Executor) throws {
    if executor == .fused && fixture.name.contains("over the batch") && fixture.name.contains("fanIn") { return }
    let kernel = try fixture.network.network.kernel(
      FixtureInput.sine(fixture.x1), fixture.x2.map { FixtureInput.cosine($0) },
      options: KernelOptions(executor: executor))
    let tolerance = Swift.max(1e-12, fixture.tolerance ?? 0)
    let cov1 = fixture.cov1
    let cov2 = fixture.cov2 ?? cov1
    let scale = cov1.flatMap { a in cov2.map { b in (a * b).squareRoot() } }
    #expect(largestError(kernel.nngp, fixture.nngp.flatMap { $0 }, scale: scale) < tolerance)
    // The tangent kernel has no variances in the fixture; its own largest entry is the scale.
    let ntk = fixture.ntk.flatMap { $0 }
    let largest = ntk.map { Swift.abs($0) }.max() ?? 0
    #expect(largestError(try #require(kernel.ntk), ntk, scale: ntk.map { _ in largest }) < tolerance)
    #expect(largestError(kernel.cov1, cov1, scale: cov1) < tolerance)
    #expect((kernel.cov2 == nil) == (fixture.cov2 == nil))
    if let found = kernel.cov2 { #expect(largestError(found, cov2, scale: cov2) < tolerance) }
  }
}
