import NeuralTangents
import Tensors
import Testing

@Suite("Training finite networks")
struct TrainingTests {
  struct Fixture: Decodable, Sendable, CustomTestStringConvertible {
    struct Array: Decodable, Sendable {
      let shape: [Int]
      let values: [Double]
    }

    let name: String
    let dtype: DType
    let parameters: [Array]

    var testDescription: String { "\(name), \(dtype)" }

    static let all: (key: UInt64, cases: [Fixture]) = {
      struct File: Decodable {
        let key: UInt64
        let cases: [Fixture]
      }
      guard let file = try? loadFixture("training", as: File.self) else { return (0, []) }
      return (file.key, file.cases)
    }()
  }

  @Test("there are reference runs of two networks in both precisions")
  func count() {
    #expect(Fixture.all.cases.count == 6)
  }

  @Test("ten steps of gradient descent from the same key end at JAX's parameters", arguments: Fixture.all.cases)
  func peer(_ fixture: Fixture) throws {
    let found =
      switch fixture.name {
      case "mlp": try Self.trainedPerceptron(fixture.dtype)
      case "cnn": try Self.trainedConvolutions(fixture.dtype, GradientDescent(learningRate: 0.1, momentum: 0.9))
      default: try Self.trainedConvolutions(fixture.dtype, Adam(learningRate: 0.01))
      }
    try #require(found.map(\.shape) == fixture.parameters.map(\.shape))
    let tolerance = fixture.dtype == .float32 ? 1e-5 : 1e-12
    for (found, expected) in zip(found, fixture.parameters) {
      #expect(
        largestError(found, expected.values, scale: expected.values.map { Swift.max(1, Swift.abs($0)) }) < tolerance)
    }
  }

  private static func trainedPerceptron(_ dtype: DType) throws -> [Tensor] {
    let network = Serial {
      Dense(16, weightStd: 1.5, biasStd: 0.1)
      Relu()
      Dense(3)
    }
    let (x, y) = (FixtureInput.sine([8, 5], dtype: dtype), FixtureInput.cosine([8, 3], dtype: dtype))
    let start = try network.initialize(RandomKey(seed: Fixture.all.key), inputShape: x.shape, dtype: dtype)
    return try train(start, GradientDescent(learningRate: 0.1, momentum: 0.9)) { parameters in
      halfMeanSquaredError(try network(parameters, x), y)
    }.leaves
  }

  private static func trainedConvolutions(_ dtype: DType, _ rule: some Optimizer) throws -> [Tensor] {
    let keys = RandomKey(seed: Fixture.all.key).split(into: 3)
    let shapes: [([Int], Double)] = [([3, 3, 2, 4], 4), ([3, 3, 4, 6], 6), ([6, 3], 2)]
    let start = zip(keys, shapes).map { key, entry in key.normal(entry.0, dtype: dtype) / entry.1 }
    let x = FixtureInput.sine([4, 6, 6, 2], dtype: dtype)
    let y = oneHot(Tensor([Int32(0), 1, 2, 0]), count: 3, dtype: dtype)
    return try train(start, rule) { (parameters: [Tensor]) in
      softmaxCrossEntropy(convolutionalOutputs(parameters, x), y)
    }
  }

  private static func convolutionalOutputs(_ parameters: [Tensor], _ x: Tensor) -> Tensor {
    let window = [3, 3]
    let first = ConvolutionGeometry.same(inputSize: [6, 6], window: window)
    let second = ConvolutionGeometry.same(inputSize: [6, 6], window: window, strides: [2, 2])
    let hidden = maximum(convolution(x, parameters[0], first), 0)
    return matmul(maximum(convolution(hidden, parameters[1], second), 0).mean(axes: [1, 2]), parameters[2])
  }

  private static func train<Tree: TensorTree>(
    _ start: Tree, _ rule: some Optimizer, _ loss: @escaping (Tree) throws -> Tensor
  ) throws -> Tree {
    let step = compile { (state: TrainingState<Tree>) in
      rule.step(state, gradient: try gradient(of: loss)(state.parameters))
    }
    var state = rule.start(start)
    for _ in 0..<10 { state = try step(state) }
    #expect(state.steps.scalar(as: Double.self) == 10)
    return state.parameters
  }

  @Test("a network is a function that can be transformed")
  func transformed() throws {
    let network = Serial {
      Dense(8, weightStd: 1.5, biasStd: 0.05)
      Erf()
      Dense(2)
    }
    let x = FixtureInput.sine([5, 3])
    let keys = RandomKey(seed: 6).split()
    let parameters = try network.initialize(keys[0], inputShape: x.shape, dtype: .float64)
    let direction = try network.initialize(keys[1], inputShape: x.shape, dtype: .float64)
    let moved = parameters.combined(with: direction) { $0 + 1e-3 * $1 }
    let linear = linearize(network.callAsFunction, at: parameters)
    let exact = try network(moved, x)
    #expect(allClose(try linear(moved, x), exact, absoluteTolerance: 1e-4))
    let cubic = taylorExpand(network.callAsFunction, at: parameters, order: 3)
    #expect(allClose(try cubic(moved, x), exact, relativeTolerance: 1e-9, absoluteTolerance: 1e-10))
    let (value, pullback) = try vjp(network.callAsFunction, at: parameters, x)
    let cotangents = try pullback(value)
    #expect(value.shape == [5, 2] && cotangents.1.shape == x.shape)
    let rows = vmap(network.callAsFunction, inAxes: [nil, 0])
    #expect(allClose(try rows(parameters, x.expandedDims(1)).squeezed(1), value, relativeTolerance: 1e-13))
  }

  @Test("Nesterov's momentum looks ahead by one step of the velocity")
  func nesterov() {
    let rule = GradientDescent(learningRate: 0.1, momentum: 0.5, isNesterov: true)
    var state = rule.start(Tensor([1.0, 2.0]))
    state = rule.step(state, gradient: Tensor([1.0, -2.0]))
    #expect(allClose(state.parameters, Tensor([1 - 0.1 * 1.5, 2 + 0.1 * 3]), relativeTolerance: 1e-15))
    state = rule.step(state, gradient: Tensor([0.0, 0.0]))
    #expect(allClose(state.moments[0], Tensor([0.5, -1]), relativeTolerance: 1e-15))
    #expect(allClose(state.parameters, Tensor([0.85 - 0.1 * 0.25, 2.3 + 0.1 * 0.5]), relativeTolerance: 1e-15))
  }

  @Test("losses of logits that are large or equal are finite and right")
  func crossEntropy() throws {
    let logits = Tensor(rows: [[1e4, -1e4, 0.0], [0, 0, 0]])
    let classes = oneHot(Tensor([Int32(0), 2]), count: 3, dtype: .float64)
    let loss = softmaxCrossEntropy(logits, classes).scalar(as: Double.self)
    #expect(Swift.abs(loss - 0.5 * 1.0986122886681098) < 1e-15)
    let slope = try gradient(of: { (z: Tensor) in softmaxCrossEntropy(z, classes) })(logits)
    let third = 1 / 6.0
    #expect(allClose(slope, Tensor(rows: [[0, 0, 0], [third, third, third - 0.5]]), absoluteTolerance: 1e-15))
  }

  @Test("an ensemble takes the same steps as its members one by one")
  func ensemble() throws {
    let network = Serial {
      Dense(8, weightStd: 1.5, biasStd: 0.05)
      Erf()
      Dense(2)
    }
    let (x, y) = (FixtureInput.sine([5, 3]), FixtureInput.cosine([5, 2]))
    let members = try RandomKey(seed: 2).split(into: 3).map {
      try network.initialize($0, inputShape: x.shape, dtype: .float64)
    }
    var together = FiniteEnsemble(network, members: members, learningRate: 0.5)
    try together.train(x, y, steps: 7)
    let outputs = try together(x)
    #expect(outputs.shape == [3, 5, 2])
    for (index, member) in members.enumerated() {
      var alone = FiniteEnsemble(network, members: [member], learningRate: 0.5)
      try alone.train(x, y, steps: 7)
      #expect(allClose(outputs[index], try alone(x)[0], relativeTolerance: 1e-12, absoluteTolerance: 1e-13))
      #expect(!allClose(outputs[index], try network(member, x), relativeTolerance: 1e-2))
    }
  }

  @Test("a wide network trained by small steps follows its gradient flow")
  func flow() throws {
    let network = Serial {
      Dense(512, weightStd: 1.5, biasStd: 0.1)
      Erf()
      Dense(1)
    }
    let (x, y) = (FixtureInput.sine([4, 2]), FixtureInput.cosine([4, 1]))
    let members = try RandomKey(seed: 3).split(into: 20).map {
      try network.initialize($0, inputShape: x.shape, dtype: .float64)
    }
    var finite = FiniteEnsemble(network, members: members, learningRate: 0.1)
    try finite.train(x, y, steps: 100)
    let infinite = try GradientFlowEnsemble(network, x, y, learningRate: 0.1).predict(kernel: .ntk, time: 100)
    let outputs = try finite(x)
    let deviation = outputs.variance(axis: 0, correction: 1).mean().scalar(as: Double.self).squareRoot()
    let distance = square(outputs.mean(axis: 0) - infinite.mean).mean().scalar(as: Double.self).squareRoot()
    // Four standard errors of the mean of 20 networks.
    #expect(distance < 4 * deviation / 20.0.squareRoot())
  }
}
