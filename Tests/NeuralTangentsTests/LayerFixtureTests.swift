import NeuralTangents
import Tensors
import Testing

@Suite("Kernels of networks with positions")
struct LayerFixtureTests {
  @Test("there are more than a thousand reference networks")
  func count() {
    #expect(LayerFixture.all.count > 1000)
  }

  @Test("reference executor in float64 is exact", arguments: LayerFixture.all)
  func exact(_ fixture: LayerFixture) throws {
    let network = try fixture.network.layer
    let kernel = try network.kernel(
      fixture.firstInputs, fixture.secondInputs, patterns: fixture.patterns, maskConstant: fixture.maskConstant,
      options: KernelOptions(
        executor: .reference, positions: fixture.diagonalSpace ? .diagonal : .all,
        batch: fixture.fullBatch ? .all : .diagonal))
    #expect(kernel.shape1 == fixture.shape1)
    let tolerance = Swift.max(1e-10, fixture.tolerance ?? 0)
    expect(kernel.nngp, fixture.nngp, tolerance, "nngp")
    expect(try #require(kernel.ntk), fixture.ntk, tolerance, "ntk")
    expect(kernel.cov1, fixture.cov1, tolerance, "cov1")
    #expect((kernel.cov2 == nil) == (fixture.cov2 == nil))
    if let found = kernel.cov2, let expected = fixture.cov2 { expect(found, expected, tolerance, "cov2") }
    expectMask(kernel.mask1, fixture.mask1)
    if fixture.x2 != nil { expectMask(kernel.mask2, fixture.mask2) }
  }

  private func expect(_ found: Tensor, _ expected: FixtureArray, _ tolerance: Double, _ name: Comment) {
    #expect(found.shape == expected.shape, name)
    #expect(largestError(found, expected.values, scale: expected.scale) < tolerance, name)
  }

  /// No mask stands for one that masks nothing.
  private func expectMask(_ found: Tensor?, _ expected: FixtureArray?) {
    guard let found else {
      #expect((expected?.values ?? []).allSatisfy { $0 == 0 })
      return
    }
    #expect(found.asType(.float64).scalars(as: Double.self) == expected?.values)
  }
}
