import Foundation
import NeuralTangents
import Tensors
import Testing

@Suite("Activations without a closed dual: derivatives")
struct NumericalActivationDerivativeTests {
  static let samples = ActivationSample.withoutClosedDual

  /// κ of one covariance as a function of (q12, q11, q22).
  private func dual(_ activation: any Activation) -> (Tensor) throws -> Tensor {
    { q in try activation.dual(q[0], q[1], q[2]).sum() }
  }

  @Test("the derivative dual is the slope of the dual", arguments: samples)
  func slope(_ sample: ActivationSample) throws {
    let covariances = [(0.9, 1.7), (1.0, 1.0), (0.2, 3.0)].flatMap { q11, q22 in
      [-0.9, -0.5, -0.02, 0.0, 0.3, 0.8, 0.95].map { Covariance(q11, q22, correlation: $0) }
    }
    let step = 1e-3
    func moved(_ shift: Double) throws -> [Double] {
      try sample.activation.duals(covariances.map { Covariance(q12: $0.q12 + shift * step, q11: $0.q11, q22: $0.q22) })
        .kappa
    }
    let differences = try [1.0, 2, 3].map { h in zip(try moved(h), try moved(-h)).map { ($0 - $1) / (2 * h * step) } }
    let found = try sample.activation.duals(covariances).kappaDot
    for index in covariances.indices {
      let expected = 1.5 * differences[0][index] - 0.6 * differences[1][index] + 0.1 * differences[2][index]
      #expect(abs(found[index] - expected) <= 2e-8, "\(covariances[index]): \(found[index]), slope \(expected)")
    }
  }

  @Test("traced derivatives are difference quotients, forward and reverse", arguments: samples)
  func inputs(_ sample: ActivationSample) throws {
    let q = Tensor([[0.4, -0.9, 0.97], [0.9, 1, 1], [1.7, 1.2, 1]].flatMap { $0 }, shape: [3, 3])
    let direction = Tensor([0.3, -0.2, 0.1, 0.5, 0.4, -0.3, 0.2, -0.1, 0.6], shape: [3, 3])
    let error = try largestDerivativeError(dual(sample.activation), at: q, along: direction, step: 1e-4)
    #expect(error < 1e-6)
  }

  @Test("derivatives are finite at zero variances and correlation ±1", arguments: samples)
  func finite(_ sample: ActivationSample) throws {
    // q12, q11, q22 of six entries.
    let q = Tensor([0, 0, 1, -1, 2, 0, 0, 1, 1, 1, 1, 0, 0, 0, 1, 1, 4, 3.0], shape: [3, 6])
    let slopes = try gradient(of: dual(sample.activation))(q).scalars(as: Double.self)
    #expect(slopes.filter { !$0.isFinite }.isEmpty, "\(slopes)")
  }

  @Test("the derivative at correlation one is the derivative dual", arguments: samples)
  func correlationOne(_ sample: ActivationSample) throws {
    let variances = [0.3, 1]
    let slopes = try gradient(of: dual(sample.activation))(Tensor(variances + variances + variances, shape: [3, 2]))
    let expected = try sample.activation.duals(variances.map { Covariance(q12: $0, q11: $0, q22: $0) }).kappaDot
    for (slope, expected) in zip(slopes[0].scalars(as: Double.self), expected) {
      #expect(abs(slope - expected) < 1e-6 * expected)
    }
  }

  @Test(
    "kernels have derivatives in the constants of activations",
    arguments: [Softplus(beta: 1.7), Elu(alpha: 0.6), HardTanh(min: -0.7, max: 1.2)] as [any Activation])
  func constants(_ activation: any Activation) throws {
    let network = Serial([Dense(1, weightStd: 1.2, biasStd: 0.3), activation, Dense(1)])
    let x = gaussianInputs([4, 3], seed: 2)
    let constants = network.hyperParameters
    for path in constants.paths where path.contains(activation.nodeName) {
      let f = { (value: Tensor) in
        var moved = constants
        moved[path] = value
        return try weightedSum(network.kernel(x, hyperParameters: moved))
      }
      let error = try largestDerivativeError(f, at: constants[path], along: Tensor(1.0), step: 1e-4)
      #expect(error < 1e-6, "\(path)")
    }
  }

  @Test("kernels of tanh have derivatives in the inputs")
  func kernelGradient() throws {
    let network = Serial([Dense(1, biasStd: 0.3), Tanh(), Dense(1), Softsign(), Dense(1)])
    let x = gaussianInputs([3, 4], seed: 9)
    let error = try largestDerivativeError(
      { try weightedSum(network.kernel($0)) }, at: x, along: gaussianInputs([3, 4], seed: 10), step: 1e-4)
    #expect(error < 1e-6)
  }

  @Test("finite networks have derivatives in the constants")
  func finiteNetwork() throws {
    for activation in [Softplus(beta: 1.7), Elu(alpha: 0.6), HardTanh(min: -0.7, max: 1.2)] as [any Activation] {
      let constants = activation.hyperParameters
      let x = Tensor([-1.3, -0.4, 0.2, 1.9])
      for path in constants.paths {
        let f = { (value: Tensor) in
          var moved = constants
          moved[path] = value
          guard let layer = try activation.replacing(moved) as? any Activation else { return x.sum() }
          return try (layer.function(x) * Tensor([0.3, -0.7, 1.1, 0.4])).sum()
        }
        #expect(try largestDerivativeError(f, at: constants[path], along: Tensor(1.0)) < 1e-8, "\(path)")
      }
    }
  }
}
