import Foundation
import NeuralTangents
import Tensors
import Testing

@Suite("Gradient flows of any loss")
struct LossFlowTests {
  typealias Oracle = PredictionOracle

  private let golden: GradientFlowGolden

  init() throws { golden = try loadFixture("gradient-flows") }

  private func flow(_ example: GradientFlowGolden.Case, accuracy: LossFlow.Accuracy = .init()) throws -> LossFlow {
    let (classes, numbers) = (Oracle.tensor(golden.yClasses), Oracle.tensor(golden.yReal))
    let isClasses = example.loss == "crossEntropy"
    return try LossFlow(
      kTrainTrain: Oracle.tensor(golden.kTrainTrain), outputShape: [5, 3], initial: Oracle.tensor(golden.fTrain0),
      learningRate: example.learningRate, momentum: example.momentum, accuracy: accuracy
    ) { outputs in
      isClasses ? softmaxCrossEntropy(outputs, classes, over: .entries) : halfMeanSquaredError(outputs, numbers)
    }
  }

  @Test("outputs at train and test points are those of an independent solver at 1e-12")
  func goldens() throws {
    #expect(golden.cases.count == 8)
    for example in golden.cases {
      let flow = try flow(example)
      let states = try flow.states(at: TrainingTime(example.t))
      for (index, state) in states.enumerated() {
        let atTrain = try flow.trainOutputs(state)
        let atTest = try flow.testOutputs(
          state, kTestTrain: Oracle.tensor(golden.kTestTrain), initial: Oracle.tensor(golden.fTest0))
        for (found, expected) in [(atTrain, example.fTrain[index]), (atTest, example.fTest[index])] {
          let pairs = zip(found.scalars(as: Double.self), expected.flatMap { $0 })
          let largest = pairs.map { abs($0 - $1) / max(1, abs($1)) }.max() ?? .infinity
          #expect(
            largest < 2e-6,
            "\(example.loss) \(example.learningRate) \(example.momentum ?? 0) \(example.t[index]): \(largest)")
        }
      }
    }
  }

  @Test("a tighter tolerance comes nearer, and the closed form is met for the mean squared error")
  func accuracy() throws {
    let example = try #require(golden.cases.first { $0.loss == "mse" && $0.momentum != nil })
    let tight = LossFlow.Accuracy(relativeTolerance: 1e-12, absoluteTolerance: 1e-13)
    let flow = try flow(example, accuracy: tight)
    let closed = try GradientFlow(
      kTrainTrain: Oracle.tensor(golden.kTrainTrain), yTrain: Oracle.tensor(golden.yReal),
      learningRate: example.learningRate, dynamics: .momentumFlow(momentum: try #require(example.momentum)))
    for state in try flow.states(at: [0.3, 3, 30, 300]) {
      let expected = try closed.trainOutputs(at: TrainingTime(state.time), initial: Oracle.tensor(golden.fTrain0))
      let pairs = zip(try flow.trainOutputs(state).scalars(as: Double.self), expected.scalars(as: Double.self))
      #expect(pairs.allSatisfy { abs($0 - $1) < 1e-9 })
    }
  }

  @Test("times may come in any order and twice, and a state can be gone on from")
  func states() throws {
    for example in golden.cases.prefix(4) {
      let flow = try flow(example)
      let states = try flow.states(at: [10, 0, 10, 0.5])
      #expect(states.map(\.time) == [10, 0, 10, 0.5])
      #expect(states[0].weights.scalars(as: Double.self) == states[2].weights.scalars(as: Double.self))
      #expect(states[1].weights.scalars(as: Double.self).allSatisfy { $0 == 0 })
      let later = try flow.states(at: [10], from: states[3])[0]
      let pairs = zip(later.weights.scalars(as: Double.self), states[0].weights.scalars(as: Double.self))
      #expect(pairs.allSatisfy { abs($0 - $1) < 1e-6 })
      #expect(try flow.loss(states[0]) < flow.loss(states[3]) && flow.loss(states[3]) < flow.loss(states[1]))
      #expect(try flow.states(at: []).isEmpty)
    }
  }

  @Test("a mean over entries takes as many times the time of one over rows as there are classes")
  func averages() throws {
    let classes = Oracle.tensor(golden.yClasses)
    let f = Oracle.tensor(golden.fTrain0)
    let (rows, entries) = (softmaxCrossEntropy(f, classes), softmaxCrossEntropy(f, classes, over: .entries))
    #expect(abs(rows.scalar(as: Double.self) - 3 * entries.scalar(as: Double.self)) < 1e-14)
    func outputs(_ average: LossAverage, at time: Double) throws -> [Double] {
      let flow = try LossFlow(kTrainTrain: Oracle.tensor(golden.kTrainTrain), outputShape: [5, 3], initial: f) {
        softmaxCrossEntropy($0, classes, over: average)
      }
      return try flow.trainOutputs(flow.states(at: TrainingTime(time))[0]).scalars(as: Double.self)
    }
    #expect(zip(try outputs(.rows, at: 4), try outputs(.entries, at: 12)).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test("outputs without trace axes are one vector")
  func noTraceAxes() throws {
    let example = golden.cases[0]
    let traced = try flow(example)
    let kernel = Oracle.tensor(golden.kTrainTrain)
    let full = kernel.reshaped([5, 5, 1, 1]) * Tensor.eye(3, dtype: .float64)
    let classes = Oracle.tensor(golden.yClasses)
    let whole = try LossFlow(
      kTrainTrain: full, outputShape: [5, 3], initial: Oracle.tensor(golden.fTrain0),
      learningRate: example.learningRate, traceAxes: []
    ) { softmaxCrossEntropy($0, classes) / 3 }
    let (a, b) = (try traced.states(at: [20])[0], try whole.states(at: [20])[0])
    let pairs = zip(
      try traced.trainOutputs(a).scalars(as: Double.self), try whole.trainOutputs(b).scalars(as: Double.self))
    #expect(pairs.allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test("what cannot be followed says how far it came, and what makes no sense is refused")
  func mistakes() throws {
    let example = golden.cases[0]
    func message(_ body: () throws -> Any) -> String {
      do {
        _ = try body()
        return "no error"
      } catch {
        return "\(error)"
      }
    }
    let few = message { try flow(example, accuracy: .init(maximumSteps: 5)).states(at: [1000]) }
    #expect(few.contains("expected the flow at time 1000.0, reached time") && few.contains("5 steps were not enough"))
    let kernel = Tensor([1.0, 0, 0, 1e7], shape: [2, 2])
    let exploding = try LossFlow(kTrainTrain: kernel, outputShape: [2]) { -exp($0).sum() }
    #expect(message { try exploding.states(at: [1000]) }.contains("reached time"))
    let plain = try flow(example)
    #expect(message { try plain.states(at: [-1]) }.contains("time: expected numbers of at least 0.0, found -1.0"))
    #expect(message { try plain.states(at: [.nan]) }.contains("time: expected numbers"))
    let late = try plain.states(at: 5)[0]
    #expect(message { try plain.states(at: 4, from: late) }.contains("at least 5.0, found 4.0"))
    var state = plain.initialState
    state.velocity = state.weights
    #expect(message { try plain.states(at: [1], from: state) }.contains("a velocity without momentum"))
    let moving = try LossFlow(kTrainTrain: kernel, outputShape: [2], momentum: 0.9) { square($0 - 1).sum() }
    state = LossFlow.State(time: 0, weights: Tensor.zeros([2], dtype: .float64))
    #expect(message { try moving.states(at: [1], from: state) }.contains("state: expected one with a velocity"))
    state.weights = Tensor.zeros([3], dtype: .float64)
    state.velocity = state.weights
    #expect(message { try moving.states(at: [1], from: state) }.contains("weights: expected shape [2], found [3]"))
    #expect(message { try LossFlow(kTrainTrain: kernel, outputShape: [3]) { $0.sum() } }.contains("kTrainTrain"))
    #expect(message { try LossFlow(kTrainTrain: kernel, outputShape: [2]) { $0 } }.contains("loss: expected a scalar"))
    #expect(
      message { try LossFlow(kTrainTrain: kernel, outputShape: [2], momentum: 1) { $0.sum() } }.contains("momentum"))
    #expect(message { try LossFlow(kTrainTrain: kernel, outputShape: [2]) { log($0 - 1).sum() } }.contains("loss"))
  }
}
