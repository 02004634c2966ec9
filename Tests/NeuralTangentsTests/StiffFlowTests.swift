import Foundation
import NeuralTangents
import Tensors
import Testing

@Suite("Stiff flows, and where flows end")
struct StiffFlowTests {
  private static let network = Serial {
    for _ in 0..<3 {
      Dense(1, weightStd: 1.4)
      Relu()
    }
    Dense(1)
  }
  private static let inputs = RandomKey(seed: 5).normal([18, 6], dtype: .float64)
  private static let testInputs = RandomKey(seed: 6).normal([4, 6], dtype: .float64)

  private let kernel: Tensor

  init() throws { kernel = try Self.network.ntk(Self.inputs) }

  private static func labels(smoothedBy part: Double) -> Tensor {
    let classes = Tensor((0..<18).map { Int32($0 * $0 % 7 % 3) })
    return oneHot(classes, count: 3, dtype: .float64) * (1 - part) + part / 3
  }

  private func flow(
    smoothing: Double, momentum: Double? = nil, accuracy: LossFlow.Accuracy = .init(maximumSteps: 3000)
  ) throws -> LossFlow {
    let labels = Self.labels(smoothedBy: smoothing)
    return try LossFlow(
      kTrainTrain: kernel, outputShape: [18, 3], learningRate: 1, momentum: momentum, accuracy: accuracy
    ) { softmaxCrossEntropy($0, labels) }
  }

  private func difference(_ a: Tensor, _ b: Tensor) -> Double {
    guard a.shape == b.shape else { return .infinity }
    return zip(a.scalars(as: Double.self), b.scalars(as: Double.self)).map { abs($0 - $1) }.max() ?? 0
  }

  private func softmax(_ f: Tensor) -> Tensor {
    let powers = exp(f - f.max(axis: 1, keepDims: true))
    return powers / powers.sum(axis: 1, keepDims: true)
  }

  /// The flow by an explicit method of order 4 with small steps.
  private func followed(
    _ kernel: Tensor, friction: Double?, until time: Double, step: Double, _ gradient: (Tensor) -> Tensor
  ) -> Tensor {
    var (a, b) = (Tensor.zeros([18, 3], dtype: .float64), Tensor.zeros([18, 3], dtype: .float64))
    func slope(_ a: Tensor, _ b: Tensor) -> (Tensor, Tensor) {
      let force = gradient(matmul(kernel, a))
      return friction.map { (b, -(b * $0) - force) } ?? (-force, b)
    }
    let count = Int((time / step).rounded())
    for _ in 0..<count {
      let k1 = slope(a, b)
      let k2 = slope(a + k1.0 * (step / 2), b + k1.1 * (step / 2))
      let k3 = slope(a + k2.0 * (step / 2), b + k2.1 * (step / 2))
      let k4 = slope(a + k3.0 * step, b + k3.1 * step)
      a = a + (k1.0 + k2.0 * 2 + k3.0 * 2 + k4.0) * (step / 6)
      if friction != nil { b = b + (k1.1 + k2.1 * 2 + k3.1 * 2 + k4.1) * (step / 6) }
    }
    return a
  }

  @Test("a linear flow with rates of many orders of magnitude is followed in few steps", arguments: [nil, 0.9])
  func linear(_ momentum: Double?) throws {
    // With momentum large rates oscillate, which has to be followed.
    let rates = momentum == nil ? [1e-2, 1, 1e3, 1e7] : [1e-4, 1e-3, 0.1, 2]
    let kernel = (Tensor.eye(4, dtype: .float64) * Tensor(rates)).asType(.float64)
    let flow = try LossFlow(
      kTrainTrain: kernel, outputShape: [4], momentum: momentum,
      accuracy: .init(relativeTolerance: 1e-9, maximumSteps: 3000)
    ) { 0.5 * square($0 - 1).mean() }
    let closed = try GradientFlow(
      kTrainTrain: kernel, yTrain: Tensor.ones([4], dtype: .float64),
      dynamics: momentum.map { .momentumFlow(momentum: $0) } ?? .flow)
    let times = TrainingTime([0.3, 11, 40, 500, 501, 1e5])
    #expect(difference(try flow.trainOutputs(at: times), try closed.trainOutputs(at: times)) < 3e-7)
  }

  @Test("softened labels, whose curvature stays, are followed to times that no explicit method reaches")
  func softened() throws {
    let flow = try flow(smoothing: 0.1)
    let labels = Self.labels(smoothedBy: 0.1)
    let found = try flow.states(at: [20, 2000, 1e4, 1e6, 1e9])
    for (index, time) in [20.0, 2000].enumerated() {
      let expected = followed(kernel, friction: nil, until: time, step: 0.25) { f in
        (softmax(f) - labels) / 18
      }
      #expect(difference(try flow.trainOutputs(found[index]), matmul(kernel, expected)) < 1e-7)
    }
    let end = try flow.trainOutputs(at: .infinity)
    let distances = try found.map { difference(try flow.trainOutputs($0), end) }
    #expect(zip(distances, distances[1..<4]).allSatisfy { $0 > $1 }, "\(distances)")
    #expect(distances[3] < 1e-6 && distances[4] < 1e-6, "\(distances)")
  }

  @Test("one tolerance and another agree on both sides of the switch", arguments: [nil, 0.9])
  func tolerances(_ momentum: Double?) throws {
    let coarse = try flow(smoothing: 0.1, momentum: momentum)
    let fine = try flow(
      smoothing: 0.1, momentum: momentum,
      accuracy: .init(relativeTolerance: 1e-10, absoluteTolerance: 1e-12, maximumSteps: 20_000))
    let times = TrainingTime([1, 30, 1000, 1e5])
    let (a, b) = (try coarse.trainOutputs(at: times), try fine.trainOutputs(at: times))
    #expect(difference(a, b) < 1e-5, "\(difference(a, b))")
  }

  @Test("a flow of any loss ends at its minimum, where the gradient is zero and the flow leads")
  func ends() throws {
    let soft = try flow(smoothing: 0.1)
    let end = try soft.states(at: .infinity)[0]
    #expect(end.time == .infinity)
    let outputs = try soft.trainOutputs(end)
    // Logits of softened labels, free in a number per row, which the flow leaves zero in sum.
    let labels = Self.labels(smoothedBy: 0.1)
    #expect(difference(softmax(outputs), labels) < 1e-10)
    #expect(largest(outputs.sum(axis: 1)) < 1e-9)
    // At test points, too, the flow comes there.
    let testKernel = try Self.network.ntk(Self.testInputs, Self.inputs)
    let late = try soft.testOutputs(at: 1e8, kTestTrain: testKernel)
    #expect(difference(try soft.testOutputs(end, kTestTrain: testKernel), late) < 1e-5)
    // Huber's loss, from beyond its quadratic part.
    let y = RandomKey(seed: 8).normal([18, 2], dtype: .float64) * 10
    let huber = try LossFlow(kTrainTrain: kernel, outputShape: [18, 2], momentum: 0.5) { f in
      (sqrt(1 + square(f - y)) - 1).sum()
    }
    #expect(difference(try huber.trainOutputs(at: .infinity), y) < 1e-8)
  }

  @Test("labels that contradict each other have an end: the frequencies of the classes")
  func contradicting() throws {
    let x = concatenate([Self.inputs[0..<6], Self.inputs[0..<6], Self.inputs[0..<6]], axis: 0)
    let network = Serial {
      Dense(1)
      Erf()
      Dense(1)
    }
    let classes = Tensor((0..<18).map { Int32($0 < 6 ? 0 : ($0 < 12 ? $0 % 2 : 1)) })
    let labels = oneHot(classes, count: 2, dtype: .float64)
    let flow = try LossFlow(kTrainTrain: network.ntk(x), outputShape: [18, 2]) { softmaxCrossEntropy($0, labels) }
    let found = softmax(try flow.trainOutputs(at: .infinity))
    for row in 0..<6 {
      let expected = Double(row % 2 + 1) / 3
      #expect(abs(found[row, 1].scalar(as: Double.self) - expected) < 1e-9)
    }
  }

  @Test("separable classes have no end, which the error says with the last finite time")
  func separable() throws {
    let flow = try flow(smoothing: 0)
    let error = try #require(throws: PredictionError.self) { try flow.states(at: [3, .infinity, 250]) }
    guard case .notReached(let time, let reached, let reason) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(time == .infinity && reached == 250 && reason.contains("no minimum"))
    #expect("\(error)".contains("reached time 250.0"))
    // Finite times go on as before.
    let late = try flow.trainOutputs(at: [1e3, 1e5])
    #expect(largest(late[1]) > largest(late[0]))
    let flat = try LossFlow(kTrainTrain: kernel, outputShape: [18]) { maximum(1 - $0, 0).sum() }
    #expect(throws: PredictionError.self) { try flat.states(at: .infinity) }
    let indefinite = try LossFlow(kTrainTrain: Tensor(rows: [[1, 2], [2, 1.0]]), outputShape: [2]) {
      square($0 - 1).sum()
    }
    let mistake = try #require(throws: PredictionError.self) { try indefinite.states(at: .infinity) }
    #expect("\(mistake)".contains("kTrainTrain: expected a positive semidefinite kernel"))
    // Nothing can be learned with a kernel of zeros.
    let dead = try LossFlow(kTrainTrain: Tensor.zeros([2, 2], dtype: .float64), outputShape: [2]) {
      square($0 - 1).sum()
    }
    #expect(try dead.trainOutputs(at: [1, .infinity]) == Tensor.zeros([2, 2], dtype: .float64))
  }

  @Test("a loss that is not convex ends in a minimum near its flow")
  func notConvex() throws {
    let flow = try LossFlow(
      kTrainTrain: Tensor.eye(2, dtype: .float64), outputShape: [2], initial: Tensor([0.1, -0.1])
    ) { f in (square(square(f) - 1)).sum() }
    #expect(difference(try flow.trainOutputs(at: .infinity), Tensor([1.0, -1.0])) < 1e-9)
    #expect(difference(try flow.trainOutputs(at: 50), Tensor([1.0, -1.0])) < 1e-7)
  }

  private func largest(_ a: Tensor) -> Double { a.scalars(as: Double.self).map { abs($0) }.max() ?? 0 }
}
