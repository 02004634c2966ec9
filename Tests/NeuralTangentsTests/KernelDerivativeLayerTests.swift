import NeuralTangents
import Tensors
import Testing

/// Kernels of all layers as functions of inputs and of constants.
@Suite("Derivatives of kernels of networks with positions")
struct KernelDerivativeLayerTests {
  /// Every eighth reference network: all layers are among them.
  static let fixtures = LayerFixture.all.enumerated().filter { $0.offset % 8 == 3 }.map(\.element)

  @Test("derivatives in inputs and constants agree with central differences to 1e-6", arguments: fixtures)
  func slopes(_ fixture: LayerFixture) throws {
    let network = try fixture.network.layer
    let x2 = fixture.secondInputs
    let x1 = fixture.firstInputs
    func kernel(_ x: Tensor, _ constants: HyperParameters) throws -> Tensor {
      try weightedSum(
        network.kernel(
          x, x2, patterns: fixture.patterns, maskConstant: fixture.maskConstant, hyperParameters: constants,
          options: KernelOptions(executor: .reference)))
    }
    let constants = network.hyperParameters
    // What is masked stays masked.
    let isVisible = fixture.maskConstant.map { (x1 .!= $0).asType(.float64) } ?? .ones(x1.shape, dtype: .float64)
    let direction = gaussianInputs(x1.shape, seed: 1) * isVisible
    #expect(try largestDerivativeError({ try kernel($0, constants) }, at: x1, along: direction) < 1e-6)
    guard !constants.entries.isEmpty else { return }
    let steps = gaussianInputs([constants.entries.count], seed: 2)
    /// The kernel with all constants moved by `t` along a random direction.
    func moved(_ t: Tensor) throws -> Tensor {
      try kernel(x1, constants.replacingLeaves(constants.leaves.enumerated().map { $1 + t * steps[$0] }))
    }
    #expect(try largestDerivativeError(moved, at: Tensor(0.0), along: Tensor(1.0)) < 1e-6)
  }
}
