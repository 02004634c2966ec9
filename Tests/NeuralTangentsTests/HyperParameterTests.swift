import NeuralTangents
import Tensors
import Testing

@Suite("Continuous constants of networks")
struct HyperParameterTests {
  let network = Serial {
    Dense(8, weightStd: 1.5, biasStd: 0.1)
    LeakyRelu(0.2)
    FanOut(2)
    Parallel {
      Serial {
        Dense(8)
        Sin(a: 2, b: 3, c: 4)
        Dense(8)
      }
      Serial {
        Repeat(3, Serial([Dense(8, weightStd: 0.7), Rbf(gamma: 0.4)]))
        Dense(8)
      }
    }
    FanInSum()
    Dense(1, weightStd: 1.1, biasStd: 0.3)
  }

  @Test("they are listed with their places, and an absent bias is absent")
  func list() {
    let constants = network.hyperParameters
    #expect(
      constants.paths == [
        "serial[0].dense.weightStd", "serial[0].dense.biasStd", "serial[1].leakyRelu.alpha",
        "serial[3].parallel[0].serial[0].dense.weightStd", "serial[3].parallel[0].serial[1].sin.a",
        "serial[3].parallel[0].serial[1].sin.b", "serial[3].parallel[0].serial[1].sin.c",
        "serial[3].parallel[0].serial[2].dense.weightStd",
        "serial[3].parallel[1].serial[0].repeat.layer.serial[0].dense.weightStd",
        "serial[3].parallel[1].serial[0].repeat.layer.serial[1].rbf.gamma",
        "serial[3].parallel[1].serial[1].dense.weightStd", "serial[5].dense.weightStd", "serial[5].dense.biasStd",
      ])
    #expect(
      constants.leaves.map { $0.scalar(as: Double.self) } == [1.5, 0.1, 0.2, 1, 2, 3, 4, 1, 0.7, 0.4, 1, 1.1, 0.3])
  }

  @Test("a network with other numbers is the network written with them")
  func replacement() throws {
    var constants = network.hyperParameters
    constants["serial[0].dense.weightStd"] = Tensor(2.5)
    constants["serial[3].parallel[1].serial[0].repeat.layer.serial[1].rbf.gamma"] = Tensor(0.9)
    let found = try NetworkFile(network.replacing(constants)).json()
    let expected = try NetworkFile(network).json().replacing("1.5", with: "2.5").replacing("0.4", with: "0.9")
    #expect(found == expected)
    let x = gaussianInputs([4, 3], seed: 1)
    #expect(try network.kernel(x, hyperParameters: constants).nngp == network.replacing(constants).kernel(x).nngp)
    #expect(try NetworkFile(network.replacing(network.hyperParameters)).json() == NetworkFile(network).json())
  }

  @Test("a number that the layer cannot have, and constants of another network, are errors that say where")
  func errors() throws {
    let path = "serial[3].parallel[1].serial[0].repeat.layer.serial[1].rbf.gamma"
    for (place, value) in [(path, -1.0), ("serial[0].dense.weightStd", .infinity)] {
      var constants = network.hyperParameters
      constants[place] = Tensor(value)
      let error = #expect(throws: NetworkError.self) { try network.replacing(constants) }
      #expect(error?.description.hasPrefix(place + ":") == true)
    }
    var constants = network.hyperParameters
    constants[path] = Tensor([1.0, 2.0])
    #expect(throws: NetworkError.self) { try network.replacing(constants) }
    let other = #expect(throws: NetworkError.self) { try Dense(3).replacing(network.hyperParameters) }
    #expect(other?.description.contains("dense.weightStd") == true)
  }

  @Test("setting a number drops the tensor in its place")
  func wrapper() {
    var activation = Rbf(gamma: 2)
    #expect(activation.gamma == 2)
    activation.gamma = 3
    #expect(activation.$gamma.asTensor.scalar(as: Double.self) == 3)
  }

  @Test("the dual of an elementwise layer gives its derivative dual")
  func elementwise() throws {
    let cube = Elementwise(dual: { q12, q11, q22 in 6 * q12 * q12 * q12 + 9 * q12 * q11 * q22 })
    let covariances = [Covariance(q12: 0.3, q11: 0.9, q22: 1.7), Covariance(q12: -1.1, q11: 1.5, q22: 2)]
    let (found, expected) = (try cube.duals(covariances), try Monomial(degree: 3).duals(covariances))
    for index in covariances.indices {
      #expect(abs(found.kappaDot[index] - expected.kappaDot[index]) < 1e-13 * abs(expected.kappaDot[index]))
    }
    func network(_ activation: any Activation) -> Serial {
      Serial {
        Dense(4, biasStd: 0.3)
        activation
        Dense(4)
        activation
        Dense(1)
      }
    }
    let (x1, x2) = (gaussianInputs([20, 3], seed: 2), gaussianInputs([7, 3], seed: 3))
    for executor in [KernelOptions.Executor.reference, .fused] {
      let options = KernelOptions(executor: executor)
      let ntk = try network(cube).ntk(x1, x2, options: options)
      let exact = try network(Monomial(degree: 3)).ntk(x1, x2, options: options)
      #expect(allClose(ntk, exact, relativeTolerance: 1e-12))
    }
    // Its derivatives are those of a derived function.
    let direction = gaussianInputs([20, 3], seed: 4)
    let own = network(cube)
    #expect(try largestDerivativeError({ try weightedSum(own.kernel($0, x2)) }, at: x1, along: direction) < 1e-6)
  }

  @Test("finite networks have right derivatives in their parameters and their constants", arguments: 0..<12)
  func finite(seed: Int) throws {
    var generator = RandomNetwork(seed: seed)
    let network = generator.network()
    let x = gaussianInputs([3, 4], seed: seed)
    guard let parameters = try? network.initialize(RandomKey(seed: seed), inputShape: [3, 4], dtype: .float64) else {
      return
    }
    let key = RandomKey(seed: 9)
    // Layers with a kernel only have no finite network.
    guard (try? network(parameters, x, key: key)) != nil else { return }
    func loss(_ parameters: Parameters, _ constants: HyperParameters) throws -> Tensor {
      let outputs = try network.replacing(constants)(parameters, x, key: key)
      return (FixtureInput.sine(outputs.shape) * outputs).sum()
    }
    let constants = network.hyperParameters
    let slopes = try gradient(of: loss)(parameters, constants)
    let direction = parameters.mapTensors { gaussianInputs($0.shape, seed: seed + 1) }
    let step = 1e-6
    let above = try loss(parameters.combined(with: direction) { $0 + step * $1 }, constants)
    let below = try loss(parameters.combined(with: direction) { $0 - step * $1 }, constants)
    let expected = (above - below).scalar(as: Double.self) / (2 * step)
    let found = zip(slopes.leaves, direction.leaves).reduce(0) { $0 + ($1.0 * $1.1).sum().scalar(as: Double.self) }
    #expect(abs(found - expected) < 1e-6 * max(1, abs(expected)))
    for (index, entry) in constants.entries.enumerated() where entry.kind == .standardDeviation {
      let error = try largestDerivativeError(
        { value in
          var leaves = constants.leaves
          leaves[index] = value
          return try loss(parameters, constants.replacingLeaves(leaves))
        }, at: entry.value, along: Tensor(1.0))
      #expect(error < 1e-6, "\(entry.path)")
    }
  }
}

extension String {
  fileprivate func replacing(_ text: String, with other: String) -> String {
    split(separator: text, omittingEmptySubsequences: false).joined(separator: other)
  }
}
