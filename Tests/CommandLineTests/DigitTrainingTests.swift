import NeuralTangents
import Tensors
import Testing

@testable import neural_tangents

/// Networks trained from Swift on the digits that come with the program.
@Suite("Training on digits")
struct DigitTrainingTests {
  private static let trainCount = 1400
  private static let batchSize = 100

  @Test("a perceptron trained by gradient descent with momentum names 97 % of unseen digits")
  func perceptron() throws {
    let network = Serial {
      Dense(256, weightStd: 1.4, biasStd: 0.1)
      Relu()
      Dense(256, weightStd: 1.4, biasStd: 0.1)
      Relu()
      Dense(10, weightStd: 1, biasStd: 0.1)
    }
    let digits = try Digits()
    let start = try network.initialize(RandomKey(seed: 1), inputShape: [1, 64])
    let accuracy = try digits.accuracy(
      start, GradientDescent(learningRate: 2, momentum: 0.9), epochs: 24
    ) { (parameters: Parameters, x: Tensor) in try network(parameters, x) }
    print("perceptron: \(100 * accuracy) % of unseen digits")
    #expect(accuracy >= 0.97)
  }

  @Test("a convolutional network trained by Adam names 97 % of unseen digits")
  func convolutional() throws {
    let digits = try Digits()
    let keys = RandomKey(seed: 2).split(into: 3)
    let start = [
      keys[0].normal([3, 3, 1, 16]) * 0.4, Tensor.zeros([16]), keys[1].normal([3, 3, 16, 32]) * 0.1,
      Tensor.zeros([32]), keys[2].normal([4 * 4 * 32, 10]) * 0.05, Tensor.zeros([10]),
    ]
    let first = ConvolutionGeometry.same(inputSize: [8, 8], window: [3, 3])
    let second = ConvolutionGeometry.same(inputSize: [8, 8], window: [3, 3], strides: [2, 2])
    let accuracy = try digits.accuracy(start, Adam(learningRate: 2e-3), epochs: 24) {
      (parameters: [Tensor], x: Tensor) in
      var hidden = x.reshaped(-1, 8, 8, 1)
      hidden = maximum(convolution(hidden, parameters[0], first) + parameters[1], 0)
      hidden = maximum(convolution(hidden, parameters[2], second) + parameters[3], 0)
      return matmul(hidden.reshaped(-1, 4 * 4 * 32), parameters[4]) + parameters[5]
    }
    print("convolutional network: \(100 * accuracy) % of unseen digits")
    #expect(accuracy >= 0.97)
  }

  private struct Digits {
    let train: (x: Tensor, y: Tensor)
    let test: (x: Tensor, y: Tensor)

    init() throws {
      let data = try DemoData(.digits)
      let split = Split.random(count: data.count, trainCount: trainCount, key: RandomKey(seed: 0))
      let inputs = try data.inputs(split)
      let classes = try #require(data.table.columns.last?.numbers).map { Int32($0) }
      func labels(_ rows: [Int]) -> Tensor { Tensor(rows.map { classes[$0] }) }
      train = (inputs.train.asType(.float32), labels(split.train))
      test = (inputs.test.asType(.float32), labels(split.test))
    }

    func accuracy<Tree: TensorTree>(
      _ start: Tree, _ rule: some Optimizer, epochs: Int, _ network: @escaping (Tree, Tensor) throws -> Tensor
    ) throws -> Double {
      let loss = { (parameters: Tree, x: Tensor, y: Tensor) in
        softmaxCrossEntropy(try network(parameters, x), oneHot(y, count: 10))
      }
      let step = compile { (state: TrainingState<Tree>, x: Tensor, y: Tensor) in
        rule.step(state, gradient: try gradient(of: loss)(state.parameters, x, y))
      }
      var state = rule.start(start)
      for key in RandomKey(seed: 9).split(into: epochs) {
        let order = key.permutation(trainCount)
        for first in stride(from: 0, to: trainCount, by: batchSize) {
          let rows = Array(order[first..<first + batchSize])
          state = try step(state, train.x.taking(rows, axis: 0), train.y.taking(rows, axis: 0))
        }
      }
      let named = try network(state.parameters, test.x).argMax(axis: -1)
      return (named .== test.y).asType(.float64).mean().scalar(as: Double.self)
    }
  }
}
