import NeuralTangents
import Tensors
import Testing

private struct GradientFixture: Decodable, Sendable, CustomTestStringConvertible {
  let name: String
  let network: NetworkFile
  let value: Double
  let x1: [Double]
  let x2: [Double]
  let weightStd: Double
  let biasStd: Double

  var testDescription: String { name }

  static let all: [GradientFixture] = {
    struct Raw: Decodable { let cases: [GradientFixture] }
    return (try? loadFixture("kernel-gradients", as: Raw.self))?.cases ?? []
  }()
}

@Suite("Derivatives of kernels")
struct KernelDerivativeTests {
  /// Every activation with a dual between dense layers; the first layer keeps variances near 1 for those that grow fast.
  private func network(_ activation: any Activation, parameterization: Parameterization = .ntk) -> Serial {
    Serial {
      Dense(8, weightStd: 0.6, biasStd: 0.4, parameterization: parameterization)
      activation
      Dense(8, weightStd: 0.7, biasStd: 0.3)
      activation
      Dense(1, weightStd: 1.1, biasStd: 0.2, parameterization: parameterization)
    }
  }

  static let activations =
    ActivationSample.closedForms + [
      ActivationSample(ElementwiseNumerical(.tanh, degree: 6)),
      ActivationSample(ElementwiseNumerical(.silu, degree: 5)),
    ]

  @Test("derivatives in inputs agree with central differences to 1e-6 for every activation", arguments: activations)
  func inputs(_ sample: ActivationSample) throws {
    let network = network(sample.activation)
    let (x1, x2) = (gaussianInputs([3, 4], seed: 1), gaussianInputs([2, 4], seed: 2))
    let (d1, d2) = (gaussianInputs([3, 4], seed: 3), gaussianInputs([2, 4], seed: 4))
    #expect(try largestDerivativeError({ try weightedSum(network.kernel($0, x2)) }, at: x1, along: d1) < 1e-6)
    #expect(try largestDerivativeError({ try weightedSum(network.kernel(x1, $0)) }, at: x2, along: d2) < 1e-6)
    // Quadrature is not symmetric in its two inputs, and tiles below the diagonal are copied from above.
    let options = KernelOptions(executor: sample.activation is ElementwiseNumerical ? .reference : .automatic)
    #expect(
      try largestDerivativeError({ try weightedSum(network.kernel($0, options: options)) }, at: x1, along: d1) < 1e-6)
  }

  @Test(
    "derivatives in weightStd, biasStd and activation constants agree with central differences to 1e-6",
    arguments: activations)
  func hyperParameters(_ sample: ActivationSample) throws {
    for parameterization in Parameterization.allCases {
      try expectRightSlopes(network(sample.activation, parameterization: parameterization))
    }
  }

  /// Of each constant alone. Central differences come from networks made with other numbers, by way of the fused executor.
  private func expectRightSlopes(_ network: any Layer, tolerance: Double = 1e-6) throws {
    let (x1, x2) = (gaussianInputs([3, 4], seed: 1), gaussianInputs([2, 4], seed: 2))
    func f(_ constants: HyperParameters) throws -> Tensor {
      try weightedSum(network.kernel(x1, x2, hyperParameters: constants))
    }
    let constants = network.hyperParameters
    let slopes = try valueAndGradient(of: f)(constants)
    let value = slopes.value.scalar(as: Double.self)
    let direction = gaussianInputs([constants.entries.count], seed: 3)
    let tangents = constants.replacingLeaves(constants.entries.indices.map { direction[$0] })
    let tangent = try jvp(f, at: constants, along: tangents).tangent.scalar(as: Double.self)
    var sum = 0.0
    for (index, entry) in constants.entries.enumerated() {
      func shifted(_ step: Double) throws -> Double {
        var leaves = constants.leaves
        leaves[index] = leaves[index] + step
        return try f(constants.replacingLeaves(leaves)).scalar(as: Double.self)
      }
      let expected = (try shifted(1e-5) - shifted(-1e-5)) / 2e-5
      let found = slopes.gradient.entries[index].value.scalar(as: Double.self)
      #expect(abs(found - expected) < tolerance * max(1, abs(expected), abs(value)), "\(entry.path)")
      sum += found * direction[index].scalar(as: Double.self)
    }
    #expect(abs(tangent - sum) < 1e-10 * max(1, abs(sum), abs(value)))
  }

  @Test("random networks with branches, normalisation and dropout have right derivatives", arguments: 0..<20)
  func randomNetworks(seed: Int) throws {
    var generator = RandomNetwork(seed: seed)
    let network = generator.network()
    let (x1, x2) = (gaussianInputs([3, 4], seed: seed), gaussianInputs([2, 4], seed: seed + 100))
    let direction = gaussianInputs([3, 4], seed: seed + 200)
    #expect(try largestDerivativeError({ try weightedSum(network.kernel($0, x2)) }, at: x1, along: direction) < 1e-6)
    #expect(try largestDerivativeError({ try weightedSum(network.kernel($0)) }, at: x1, along: direction) < 1e-6)
    try expectRightSlopes(network)
  }

  @Test("normalisation over the batch and concatenation of inputs have right derivatives")
  func batch() throws {
    let network = Serial {
      Dense(8, weightStd: 1.2, biasStd: 0.3)
      LayerNorm(axes: [0, 1], epsilon: 1e-3)
      Gelu()
      FanOut(2)
      Parallel {
        Dense(8)
        Dense(8, biasStd: 0.7)
      }
      FanInConcat(axis: 0)
      Erf()
      Dense(1)
    }
    let x = gaussianInputs([3, 4], seed: 5)
    let direction = gaussianInputs([3, 4], seed: 6)
    #expect(try largestDerivativeError({ try weightedSum(network.kernel($0)) }, at: x, along: direction) < 1e-6)
  }

  @Test("depth does not spoil derivatives", arguments: [0, 1, 2, 5, 12])
  func depth(_ depth: Int) throws {
    let network = Serial {
      Repeat(depth) {
        Dense(4, weightStd: 1.4, biasStd: 0.2)
        Relu()
      }
      Dense(1, weightStd: 1.2)
    }
    let (x1, x2) = (gaussianInputs([3, 4], seed: 7), gaussianInputs([2, 4], seed: 8))
    let direction = gaussianInputs([3, 4], seed: 9)
    #expect(try largestDerivativeError({ try weightedSum(network.kernel($0, x2)) }, at: x1, along: direction) < 1e-6)
    try expectRightSlopes(network)
  }

  @Test("gradients are those of the Python library", arguments: GradientFixture.all)
  private func peer(_ fixture: GradientFixture) throws {
    let network = fixture.network.network
    let (x1, x2) = (FixtureInput.sine([3, 4]), FixtureInput.cosine([2, 4]))
    let constants = network.hyperParameters
    func value(_ inputs: [Tensor], _ constants: HyperParameters) throws -> Tensor {
      try weightedSum(network.kernel(inputs[0], inputs[1], hyperParameters: constants))
    }
    let found = try valueAndGradient(of: value)([x1, x2], constants)
    let largest = (fixture.x1 + fixture.x2).map { abs($0) }.max() ?? 0
    #expect(abs(found.value.scalar(as: Double.self) - fixture.value) < 1e-11 * max(1, abs(fixture.value)))
    #expect(largestError(found.gradient[0], fixture.x1, scale: fixture.x1.map { _ in largest }) < 1e-10)
    #expect(largestError(found.gradient[1], fixture.x2, scale: fixture.x2.map { _ in largest }) < 1e-10)
    let slopes = try gradient(of: { (constants: HyperParameters) in try value([x1, x2], constants) })(constants)
    for (name, expected) in [("weightStd", fixture.weightStd), ("biasStd", fixture.biasStd)] {
      let sum = slopes.entries.filter { $0.path.hasSuffix(name) }.reduce(0) { $0 + $1.value.scalar(as: Double.self) }
      #expect(abs(sum - expected) < 1e-10 * max(1, abs(expected)), "\(name)")
    }
  }

  @Test("second derivatives of smooth kernels agree with differences of gradients")
  func secondDerivatives() throws {
    let (x, y) = (gaussianInputs([3, 4], seed: 11), gaussianInputs([2, 4], seed: 12))
    let (u, v) = (gaussianInputs([3, 4], seed: 13), gaussianInputs([3, 4], seed: 14))
    let smooth: [any Activation] = [
      Erf(), Gelu(), Sin(), Rbf(), Gaussian(), Gabor(), Polynomial([0.3, 1, -0.2]), Relu(),
      ElementwiseNumerical(.tanh, degree: 6),
    ]
    for activation in smooth {
      let network = network(activation)
      let slope = gradient(of: { (x: Tensor) in try weightedSum(network.kernel(x, y)) })
      let error = try largestDerivativeError({ (try slope($0) * u).sum() }, at: x, along: v)
      #expect(error < 1e-6, "\(activation.nodeName)")
    }
  }
}
