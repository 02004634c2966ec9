import Foundation
import NeuralTangents
import Testing

/// What pages promise to name.
@Suite("Pages")
struct PageTests {
  private func page(_ path: String) throws -> String {
    let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
    return try String(contentsOf: root.appending(path: path), encoding: .utf8)
  }

  @Test("the page of network files names every layer")
  func nodes() throws {
    let text = try page("Sources/NeuralTangents/NeuralTangents.docc/NetworkFiles.md")
    // A code block registers the layer `gain` in this very process.
    for name in LayerRegistry.names where name != "gain" { #expect(text.contains("`\(name)`"), "\(name)") }
  }

  /// The public names of neural-tangents 0.6.5.
  private static let pythonNames = """
    serial parallel repeat FanOut FanInSum FanInProd FanInConcat Dense Conv ConvTranspose ConvLocal DotGeneral Aggregate
    AvgPool SumPool GlobalAvgPool GlobalSumPool Flatten Identity LayerNorm Dropout ImageResize Index Slice
    GlobalSelfAttention Relu Abs LeakyRelu ABRelu Erf Sigmoid_like Gelu Sin Cos Rbf Gaussian Exp ExpNormalized Gabor Sign
    Hermite Monomial RectifiedMonomial Polynomial Elementwise ElementwiseNumerical Padding AttentionMechanism
    PositionalEmbedding AggregateImplementation layer requires supports_masking unmask_fn Bool Diagonal MaskedArray
    gradient_descent_mse_ensemble gradient_descent_mse gradient_descent gp_inference max_learning_rate ODEState
    linearize taylor_expand empirical_kernel_fn empirical_ntk_fn empirical_nngp_fn empirical_ntk_vp_fn NtkImplementation
    monte_carlo_kernel_fn batch empirical_ntk_fn_tf
    """.split { $0.isWhitespace }.map(String.init)

  @Test("the page for those who come from Python names everything that is public there", arguments: pythonNames)
  func python(name: String) throws {
    let text = try page("Sources/NeuralTangents/NeuralTangents.docc/ComingFromNeuralTangents.md")
    let words = text.split { !($0.isLetter || $0.isNumber || $0 == "_") }
    #expect(words.contains { $0 == name })
  }

  @Test("README has 120 lines at most")
  func readme() throws {
    #expect(try page("README.md").split(separator: "\n", omittingEmptySubsequences: false).count <= 121)
  }
}
