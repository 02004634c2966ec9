import NeuralTangents
import Tensors
import Testing

@Suite("Activations without a closed dual: networks")
struct NumericalActivationNetworkTests {
  static let samples = ActivationSample.withoutClosedDual

  private func network(_ activation: any Activation) -> Serial {
    Serial([
      Dense(1, weightStd: 1.3, biasStd: 0.2), activation, Dense(1, weightStd: 1.1), activation, Dense(1, biasStd: 0.1),
    ])
  }

  @Test("both executors give the same kernels", arguments: samples, [DType.float64, .float32])
  func executors(_ sample: ActivationSample, dtype: DType) throws {
    let (x1, x2) = (gaussianInputs([9, 4], seed: 1, dtype: dtype), gaussianInputs([6, 4], seed: 2, dtype: dtype))
    for second in [nil, x2] {
      let fused = try network(sample.activation).kernel(x1, second, options: KernelOptions(executor: .fused))
      let reference = try network(sample.activation).kernel(x1, second, options: KernelOptions(executor: .reference))
      let tolerance = dtype == .float32 ? 1e-5 : 1e-11
      #expect(largestError(fused.nngp, reference.nngp, relativeTo: 1) < tolerance)
      #expect(largestError(try #require(fused.ntk), try #require(reference.ntk), relativeTo: 1) < tolerance)
    }
  }

  @Test("wide finite networks have the kernel as their covariance", arguments: [Tanh(), Elu(alpha: 0.4)] as [any Activation])
  func finite(_ activation: any Activation) throws {
    let (width, draws) = (512, 400)
    let network = Serial([Dense(width, weightStd: 1.3, biasStd: 0.2), activation, Dense(1)])
    let x = gaussianInputs([2, 4], seed: 4)
    let expected = try network.kernel(x).nngp[0, 1].scalar(as: Double.self)
    var products: [Double] = []
    for key in RandomKey(seed: 8).split(into: draws) {
      let parameters = try network.initialize(key, inputShape: [2, 4], dtype: .float64)
      let y = try network(parameters, x).scalars(as: Double.self)
      products.append(y[0] * y[1])
    }
    let mean = products.reduce(0, +) / Double(draws)
    let variance = products.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(draws - 1)
    #expect(abs(mean - expected) < 4 * (variance / Double(draws)).squareRoot())
  }
}
