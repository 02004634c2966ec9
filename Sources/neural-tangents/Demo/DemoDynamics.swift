import Foundation
import NeuralTangents
import Tensors

/// One network in full-batch training, and what its tangent kernel at the start predicts of it: by flows, and step for step.
struct DemoDynamics {
  struct Settings {
    var width = 256
    var count = 64
    var steps = 1000
  }

  /// Losses over time of one way to train.
  struct Curves {
    var name: String
    var lossName: String
    var rate: Double
    /// Of the network, the flow and the steps.
    var train: [[Double]] = [[], [], []]
    var test: [[Double]] = [[], [], []]
  }

  private static let names = ["network", "flow", "steps"]

  private let settings: Settings
  private let network: Serial
  private let parameters: Parameters
  private let x: Tensor
  private let xTest: Tensor
  /// One-hot.
  private let y: Tensor
  private let yTest: Tensor
  private let kernel: Tensor
  private let testKernel: Tensor
  private let initial: Tensor
  private let initialTest: Tensor

  init(key: RandomKey, settings: Settings = Settings()) throws {
    self.settings = settings
    let keys = key.split()
    let data = try DemoData(.digits)
    let order = keys[0].permutation(data.count)
    let split = Split(
      train: Array(order[..<settings.count]), test: Array(order[settings.count..<2 * settings.count]))
    (x, xTest) = try data.inputs(split)
    let classes = try data.target.classIndices(of: data.table)
    func targets(_ rows: [Int]) -> Tensor {
      oneHot(Tensor(rows.map { Int32(classes[$0]) }), count: 10, dtype: .float64)
    }
    (y, yTest) = (targets(split.train), targets(split.test))
    let network = Serial {
      Dense(settings.width, weightStd: 1.5, biasStd: 0.05)
      Erf()
      Dense(10, weightStd: 1.5, biasStd: 0.05)
    }
    self.network = network
    parameters = try network.initialize(keys[1], inputShape: x.shape, dtype: .float64)
    // With all pairs of outputs: that of the linearized network, and not of the infinite one.
    let f = { (p: Parameters, x: Tensor) in try network(p, x) }
    let tangents = EmpiricalKernelFunction(of: f, options: EmpiricalOptions(axes: OutputAxes(trace: [])))
    kernel = try tangents.ntk(at: parameters, x)
    testKernel = try tangents.ntk(at: parameters, xTest, x)
    (initial, initialTest) = (try network(parameters, x), try network(parameters, xTest))
  }

  @discardableResult
  func run(_ report: inout DemoReport) throws -> [Curves] {
    let times = Self.times(upTo: settings.steps)
    let stable = try maximumLearningRate(ntkTrainTrain: kernel)
    report.write(
      "Digits: \(settings.count) training and \(settings.count) test images, 64–\(settings.width) (erf)–10, full batches;"
    )
    report.write("predicted by the network's own tangent kernel at the start, as a flow and step for step\n")
    var all: [Curves] = []
    for (name, rate, momentum) in [
      ("mean squared error", 0.25 * stable, 0.0), ("cross-entropy", stable, 0),
      ("mean squared error, momentum 0.9", 0.05 * stable, 0.9),
    ] {
      report.progress.begin(name)
      let curves =
        try name == "cross-entropy"
        ? crossEntropy(name, rate: rate, times) : squares(name, rate: rate, momentum: momentum, times)
      write(curves, times, &report)
      all.append(curves)
    }
    try report.draw(panels(all, times), name: "dynamics")
    return all
  }

  /// 0, then steps at growing distances, and every hundredth of a thousand.
  private static func times(upTo last: Int) -> [Int] {
    var times = Set([0, 1, last])
    var time = 1
    while time < last {
      time = max(time + 1, time * 5 / 4)
      times.insert(min(time, last))
    }
    for tenth in 1...10 { times.insert(last * tenth / 10) }
    return times.sorted()
  }

  // MARK: - Three ways to train

  private typealias Loss = @Sendable (Tensor, Tensor) -> Tensor

  private func squares(_ name: String, rate: Double, momentum: Double, _ times: [Int]) throws -> Curves {
    var curves = Curves(name: name, lossName: "half mean squared error", rate: rate)
    let loss: Loss = { halfMeanSquaredError($0, $1) }
    try train(&curves, loss, rate: rate, momentum: momentum, times)
    let clock = TrainingTime(times.map(Double.init))
    let kinds: [TrainingDynamics] = [
      momentum == 0 ? .flow : .momentumFlow(momentum: momentum), .steps(momentum: momentum),
    ]
    for (index, dynamics) in kinds.enumerated() {
      let flow = try GradientFlow(
        kTrainTrain: kernel, yTrain: y, learningRate: rate, dynamics: dynamics, traceAxes: [])
      let outputs = try flow.trainOutputs(at: clock, initial: initial)
      let testOutputs = try flow.testOutputs(
        at: clock, kTestTrain: testKernel, initialTrain: initial, initialTest: initialTest)
      for time in times.indices { curves.add(index + 1, loss, outputs[time], y, testOutputs[time], yTest) }
    }
    return curves
  }

  private func crossEntropy(_ name: String, rate: Double, _ times: [Int]) throws -> Curves {
    var curves = Curves(name: name, lossName: "cross-entropy over entries", rate: rate)
    let loss: Loss = { softmaxCrossEntropy($0, $1, over: .entries) }
    try train(&curves, loss, rate: rate, momentum: 0, times)
    let targets = y
    let flow = try LossFlow(
      kTrainTrain: kernel, outputShape: y.shape, initial: initial, learningRate: rate, traceAxes: []
    ) { loss($0, targets) }
    for state in try flow.states(at: TrainingTime(times.map(Double.init))) {
      curves.add(
        1, loss, try flow.trainOutputs(state), y,
        try flow.testOutputs(state, kTestTrain: testKernel, initial: initialTest), yTest)
    }
    // Step for step: f = f₀ + Θ a, a ← a − η ∇L(f), which is gradient descent on the linearized network.
    let slope = compile { (outputs: Tensor) in try gradient(of: { loss($0, targets) })(outputs) }
    var state = LossFlow.State(time: 0, weights: 0 * y)
    for time in 0...settings.steps {
      let outputs = try flow.trainOutputs(state)
      if times.contains(time) {
        curves.add(
          2, loss, outputs, y, try flow.testOutputs(state, kTestTrain: testKernel, initial: initialTest), yTest)
      }
      state.weights = state.weights - rate * (try slope(outputs))
    }
    return curves
  }

  private func train(
    _ curves: inout Curves, _ loss: @escaping Loss, rate: Double, momentum: Double, _ times: [Int]
  ) throws {
    let rule = GradientDescent(learningRate: rate, momentum: momentum)
    let step = compile { [network] (state: TrainingState<Parameters>, x: Tensor, y: Tensor) in
      rule.step(
        state, gradient: try gradient(of: { (p: Parameters) in loss(try network(p, x), y) })(state.parameters))
    }
    var state = rule.start(parameters)
    var done = 0
    for time in times {
      while done < time {
        state = try step(state, x, y)
        done += 1
      }
      curves.add(0, loss, try network(state.parameters, x), y, try network(state.parameters, xTest), yTest)
    }
  }

  // MARK: - What is shown

  private func write(_ curves: Curves, _ times: [Int], _ report: inout DemoReport) {
    report.writeEmptyLine()
    report.write("\(curves.name), rate \(significant(curves.rate)): \(curves.lossName)\n")
    var table = TextTable(
      ["step"] + ["training: network", "flow", "steps"] + ["test: network", "flow", "steps"])
    for (index, time) in times.enumerated() where time % max(1, settings.steps / 10) == 0 {
      table.add(["\(time)"] + (curves.train + curves.test).map { significant($0[index]) })
    }
    report.write(table)
  }

  private func panels(_ all: [Curves], _ times: [Int]) -> Panels {
    // A logarithmic axis has no zero: half a step stands for the time before the first.
    let x = times.map { max(0.5, Double($0)) }
    let ticks = [(0.5, "0"), (1, "1"), (10, "10"), (100, "100"), (1000, "1000")].map {
      Axis.Tick(position: $0.0, label: $0.1)
    }
    return Panels(
      title: "Digits: a network of width \(settings.width) in training, and predictions from its kernel at the start",
      figures: all.map { curves in
        var marks: [Mark] = []
        for (values, name, color) in [(curves.test, "test", Color.vermilion), (curves.train, "training", .blue)] {
          marks += [
            Mark(label: "\(name): network", x: x, geometry: .line(y: values[0]), color: color),
            Mark(label: "\(name): flow", x: x, geometry: .line(y: values[1]), color: .black, isDashed: true),
            Mark(label: "\(name): steps", x: x, geometry: .points(y: values[2]), color: color),
          ]
        }
        return Figure(
          title: curves.name,
          x: Axis("gradient steps", range: 0.5...Double(settings.steps), isLogarithmic: true, ticks: ticks),
          y: Axis(curves.lossName, isLogarithmic: true), content: .marks(marks), legend: .bottomLeft)
      }, columns: 3)
  }
}

extension DemoDynamics.Curves {
  fileprivate mutating func add(
    _ kind: Int, _ loss: (Tensor, Tensor) -> Tensor, _ outputs: Tensor, _ y: Tensor, _ testOutputs: Tensor,
    _ yTest: Tensor
  ) {
    train[kind].append(loss(outputs, y).scalar())
    test[kind].append(loss(testOutputs, yTest).scalar())
  }
}
