import NeuralTangents
import Tensors
import TestSupport
import Testing

/// Kernels of networks without activations are exact means over weights, which a finite sum gives.
@Suite("Linear networks with positions")
struct LinearNetworkTests {
  static let seeds = Array(0..<(TestSwitch.fuzz.isOn ? 2000 : 100))

  @Test("kernels of random linear networks are the means over all weights, with and without masks", arguments: seeds)
  func random(seed: Int) throws {
    var random = RandomSpatialNetwork(linear: seed)
    let sample = try random.sample(layers: 5)
    let network = try sample.network
    let x = sample.data(seed: seed, constant: 50)
    let constant = sample.isMasked ? 50.0 : nil
    let note = Comment(rawValue: "seed \(seed), inputs \(sample.inputs.shape), \(sample.json)")
    let parameters = try network.initialize(RandomKey(seed: 0), inputShape: x.shape)
    guard parameters.tensors.reduce(1, { $0 * $1.count }) <= 150 else { return }
    let kernel = try network.kernel(x, maskConstant: constant)
    let expected = try kernelByUnitWeights(
      network, x, axes: DataAxes(batch: sample.outputs.batch, channel: sample.outputs.channel), maskConstant: constant)
    let scale = expected.largestMagnitude
    #expect(largestError(kernel.nngp.flatPositions, expected, relativeTo: scale) < 1e-11, note)
    // Each of the layers with weights contributes the same to the tangent kernel.
    let depth = Double(parameters.tensors.count)
    #expect(
      largestError(try #require(kernel.ntk).flatPositions, expected * depth, relativeTo: depth * scale) < 1e-11, note)
  }

  struct Convolution: CustomTestStringConvertible, Sendable {
    var padding: Padding
    var window: Int
    var stride: Int
    var size: Int
    var testDescription: String { "\(padding), window \(window), stride \(stride), size \(size)" }
  }

  static let convolutions = Padding.allCases.flatMap { padding in
    (2...4).flatMap { window in
      (2...4).flatMap { stride in
        (2...4).map { Convolution(padding: padding, window: window, stride: stride, size: $0) }
      }
    }
  }

  private func check(_ layer: any Layer, _ shape: [Int]) throws {
    let x = FixtureInput.sine(shape)
    let kernel = try Serial([layer]).kernel(x)
    let expected = try kernelByUnitWeights(Serial([layer]), x)
    #expect(largestError(kernel.nngp.flatPositions, expected, relativeTo: expected.largestMagnitude) < 1e-12)
    let diagonal = try Serial([layer]).kernel(x, options: KernelOptions(positions: .diagonal))
    let own = einsum("nmpp->nmp", expected)
    #expect(
      largestError(diagonal.nngp.reshaped(own.shape), own, relativeTo: expected.largestMagnitude) < 1e-12)
  }

  @Test("a transposed convolution has the kernel of its weights", arguments: convolutions)
  func transposed(_ c: Convolution) throws {
    try check(ConvTranspose(1, window: [c.window], strides: [c.stride], padding: c.padding), [2, c.size, 2])
  }

  @Test("a convolution has the kernel of its weights", arguments: convolutions)
  func convolution(_ c: Convolution) throws {
    guard c.padding != .valid || c.window <= c.size else { return }
    try check(Conv(1, window: [c.window], strides: [c.stride], padding: c.padding), [2, c.size, 2])
    try check(ConvLocal(1, window: [c.window], strides: [c.stride], padding: c.padding), [2, c.size, 2])
  }

  @Test(
    "biases and standard parameterization: the tangent kernel is that of all parameters",
    arguments: Padding.allCases, Parameterization.allCases)
  func tangents(padding: Padding, parameterization: Parameterization) throws {
    let x = FixtureInput.sine([2, 3, 4, 2])
    let layers: [any Layer] = [
      Conv(
        1, window: [2, 3], strides: [1, 2], padding: padding, weightStd: 1.3, biasStd: 0.7,
        parameterization: parameterization),
      ConvTranspose(
        1, window: [2, 3], strides: [1, 2], padding: padding, weightStd: 1.3, biasStd: 0.7,
        parameterization: parameterization),
      ConvLocal(
        1, window: [2, 3], strides: [1, 2], padding: padding, weightStd: 1.3, biasStd: 0.7,
        parameterization: parameterization),
      Dense(1, weightStd: 1.3, biasStd: 0.7, parameterization: parameterization),
    ]
    for layer in layers {
      let network = Serial([layer])
      let ntk = try #require(network.kernel(x).ntk).flatPositions
      let drawn = try network.initialize(RandomKey(seed: 0), inputShape: x.shape, dtype: .float64)
      let zero = try network(drawn.mapTensors { Tensor.zeros($0.shape, dtype: .float64) }, x)
      var expected = Tensor.zeros(ntk.shape, dtype: .float64)
      for (place, tensor) in drawn.tensors.enumerated() {
        for unit in 0..<tensor.count {
          var index = 0
          let parameters = drawn.mapTensors { tensor in
            var values = [Double](repeating: 0, count: tensor.count)
            if index == place { values[unit] = 1 }
            index += 1
            return Tensor(values, shape: tensor.shape)
          }
          let y = (try network(parameters, x) - zero).reshaped([2, -1])
          expected = expected + einsum("np,mq->nmpq", y, y)
        }
      }
      #expect(largestError(ntk, expected, relativeTo: expected.largestMagnitude) < 1e-12)
    }
  }
}
