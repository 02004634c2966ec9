import Foundation
import NeuralTangents
import Tensors

/// A wide network in training is nearly its linearization at the start: their losses side by side, the distance over width, and
/// the closed form that predicts the linearization step for step.
struct DemoLinearization {
  struct Settings {
    var width = 512
    var epochs = 10
    var batchSize = 128
    var trainCount = 1400
    /// Of the sweep over widths.
    var sweepWidths = [32, 64, 128, 256, 512, 1024]
    var sweepCount = 40
    var sweepSeeds = 6
    var sweepSteps = 40
    var exactWidth = 64
    var exactSteps = 1000
  }

  struct Result {
    /// The largest difference between the closed form and the trained linearization, per rule.
    var exactness: [Double]
    /// The slope of log distance over log width, per rule, and that of the distance from what the infinite network's kernel predicts.
    var slopes: [Double]
    var infiniteSlope: Double
    /// Of test outputs after the last epoch from the network's: of its linearization and of its expansion to second order.
    var distances: [Double]
  }

  /// Rules whose steps go equally far in the long run.
  struct Rule {
    var name: String
    var momentum: Double
    var isNesterov: Bool
    var color: Color

    /// - Parameter rate: of gradient descent that goes as far.
    func optimizer(_ rate: Double) -> GradientDescent {
      GradientDescent(learningRate: learningRate(rate), momentum: momentum, isNesterov: isNesterov)
    }

    func learningRate(_ rate: Double) -> Double { (1 - momentum) * rate }

    var dynamics: TrainingDynamics { .steps(momentum: momentum, isNesterov: isNesterov) }

    static let all = [
      Rule(name: "gradient descent", momentum: 0, isNesterov: false, color: .blue),
      Rule(name: "heavy ball", momentum: 0.9, isNesterov: false, color: .vermilion),
      Rule(name: "Nesterov", momentum: 0.9, isNesterov: true, color: .green),
    ]
  }

  /// Of a loss over entries, so a tenth of it over images.
  private static let batchRate = 10.0

  private let settings: Settings
  private let data: DemoData
  private let key: RandomKey

  init(key: RandomKey, settings: Settings = Settings()) throws {
    (self.key, self.settings) = (key, settings)
    data = try DemoData(.digits)
  }

  @discardableResult
  func run(_ report: inout DemoReport) throws -> Result {
    let distances = try train(&report)
    report.writeEmptyLine()
    let exactness = try compareExactly(&report)
    report.writeEmptyLine()
    let slopes = try sweep(&report)
    return Result(
      exactness: exactness, slopes: slopes.dropLast(), infiniteSlope: slopes[slopes.count - 1], distances: distances)
  }

  // MARK: - Training in batches

  private typealias Function = (Parameters, Tensor) throws -> Tensor

  private struct Model {
    var name: String
    var color: Color
    var isDashed: Bool
    var state: TrainingState<Parameters>
    let step: CompiledFunction<TrainingState<Parameters>, Tensor, Tensor, TrainingState<Parameters>>
    let outputs: CompiledFunction<Parameters, Tensor, Tensor>
    var trainLoss: [Double] = []
    var testLoss: [Double] = []
    var accuracy: [Double] = []
    /// Root mean square distance of test outputs from the network's.
    var distance: [Double] = []

    init(
      _ name: String, _ color: Color, isDashed: Bool, _ f: @escaping Function, _ parameters: Parameters,
      _ rule: GradientDescent
    ) {
      (self.name, self.color, self.isDashed) = (name, color, isDashed)
      let loss = { (parameters: Parameters, x: Tensor, y: Tensor) in
        softmaxCrossEntropy(try f(parameters, x), y, over: .entries)
      }
      step = compile { (state: TrainingState<Parameters>, x: Tensor, y: Tensor) in
        rule.step(state, gradient: try gradient(of: loss)(state.parameters, x, y))
      }
      outputs = compile(f)
      state = rule.start(parameters)
    }
  }

  private func train(_ report: inout DemoReport) throws -> [Double] {
    let keys = key.split(into: 3)
    let split = Split.random(count: data.count, trainCount: settings.trainCount, key: keys[0])
    let inputs = try data.inputs(split)
    let (x, xTest) = (inputs.train.asType(.float32), inputs.test.asType(.float32))
    let classes = try data.target.classIndices(of: data.table)
    func targets(_ rows: [Int]) -> Tensor { oneHot(Tensor(rows.map { Int32(classes[$0]) }), count: 10) }
    let (y, yTest) = (targets(split.train), targets(split.test))
    let network = Serial {
      Dense(settings.width, weightStd: 1, biasStd: 0.05)
      Erf()
      Dense(10, weightStd: 1, biasStd: 0.05)
    }
    let parameters = try network.initialize(keys[1], inputShape: x.shape)
    let rule = GradientDescent(learningRate: Self.batchRate, momentum: 0.9, isNesterov: true)
    let f: Function = { try network($0, $1) }
    var models = [
      Model("network", .black, isDashed: false, f, parameters, rule),
      Model("linearization", .vermilion, isDashed: true, linearize(f, at: parameters), parameters, rule),
      Model("second order", .blue, isDashed: true, taylorExpand(f, at: parameters, order: 2), parameters, rule),
    ]
    func measure() throws {
      var reference: Tensor?
      for index in models.indices {
        let model = models[index]
        let (train, test) = (
          try model.outputs(model.state.parameters, x), try model.outputs(model.state.parameters, xTest)
        )
        models[index].trainLoss.append(softmaxCrossEntropy(train, y, over: .entries).asType(.float64).scalar())
        models[index].testLoss.append(softmaxCrossEntropy(test, yTest, over: .entries).asType(.float64).scalar())
        models[index].accuracy.append(
          try classificationAccuracy(scores: test, labels: split.test.map { classes[$0] }))
        let difference = reference.map { square(test - $0).mean().asType(.float64).scalar(as: Double.self) } ?? 0
        models[index].distance.append(difference.squareRoot())
        reference = reference ?? test
      }
    }
    try measure()
    for epoch in 0..<settings.epochs {
      report.progress.begin("epoch \(epoch + 1) of \(settings.epochs)")
      let order = keys[2].folding(in: UInt32(epoch)).permutation(split.train.count)
      for start in stride(from: 0, through: order.count - settings.batchSize, by: settings.batchSize) {
        let rows = Array(order[start..<start + settings.batchSize])
        let (xBatch, yBatch) = (x.taking(rows, axis: 0), y.taking(rows, axis: 0))
        for index in models.indices {
          models[index].state = try models[index].step(models[index].state, xBatch, yBatch)
        }
      }
      try measure()
    }
    write(models, &report)
    try report.draw(panels(models), name: "linearization")
    return models.dropFirst().map { $0.distance[settings.epochs] }
  }

  private func write(_ models: [Model], _ report: inout DemoReport) {
    report.write(
      "Digits: 64–\(settings.width) (erf)–10, Nesterov's momentum 0.9, rate \(format(Self.batchRate, 0)), \(settings.trainCount) images in batches of "
        + "\(settings.batchSize)\n")
    var table = TextTable(
      ["epoch"] + models.map { "loss, \($0.name)" }
        + models.map { "accuracy" + ($0.name == "network" ? ", \($0.name)" : "") }
        + ["distance, linear", "second order"])
    for epoch in 0...settings.epochs {
      var cells = ["\(epoch)"]
      cells += models.map { format($0.trainLoss[epoch], 4) }
      cells += models.map { format(100 * $0.accuracy[epoch], 1) }
      cells += models.dropFirst().map { significant($0.distance[epoch]) }
      table.add(cells)
    }
    report.write(table)
    report.writeEmptyLine()
    report.write(
      "Loss: cross-entropy over training entries; accuracy in % on \(data.count - settings.trainCount) test images,")
    report.write("in the order of the losses; distance: RMSE of test outputs from the network's.")
  }

  private func panels(_ models: [Model]) -> Panels {
    let epochs = (0...settings.epochs).map(Double.init)
    let axis = Axis("epoch", range: 0...Double(settings.epochs))
    func lines(_ models: [Model], _ values: (Model) -> [Double]) -> Figure.Content {
      .marks(
        models.map {
          Mark(label: $0.name, x: epochs, geometry: .line(y: values($0)), color: $0.color, isDashed: $0.isDashed)
        })
    }
    return Panels(
      title: "Digits: a network of width \(settings.width) and its Taylor expansions in training",
      figures: [
        Figure(
          title: "cross-entropy", x: axis,
          y: Axis(
            "loss over training images", range: 0.04...0.3, isLogarithmic: true,
            ticks: [0.04, 0.06, 0.1, 0.15, 0.2, 0.3].map { Axis.Tick(position: $0, label: significant($0)) }),
          content: lines(models, \.trainLoss), legend: .topRight),
        Figure(
          title: "accuracy", x: axis, y: Axis("test accuracy (%)", range: 0...100),
          content: lines(models) { $0.accuracy.map { 100 * $0 } }, legend: .bottomRight),
        Figure(
          title: "distance", x: axis, y: Axis("RMSE of test outputs from the network's"),
          content: lines(Array(models.dropFirst()), \.distance), legend: .topLeft),
      ], columns: 3)
  }

  // MARK: - Step for step

  /// Odd and even digits as ±1: one output, so that its kernel is a matrix.
  private func parity(count: Int, key: RandomKey) throws -> (x: Tensor, y: Tensor, xTest: Tensor) {
    let order = key.permutation(data.count)
    let split = Split(train: Array(order[..<count]), test: Array(order[count..<2 * count]))
    let inputs = try data.inputs(split)
    let classes = try data.target.classIndices(of: data.table)
    let y = Tensor(split.train.map { classes[$0] % 2 == 0 ? 1.0 : -1.0 }, shape: [count, 1])
    return (inputs.train, y, inputs.test)
  }

  private static func network(width: Int) -> Serial {
    Serial {
      Dense(width, weightStd: 1.5, biasStd: 0.1)
      Erf()
      Dense(width, weightStd: 1.5, biasStd: 0.1)
      Erf()
      Dense(1, weightStd: 1.5, biasStd: 0.1)
    }
  }

  /// A rate that is stable at all widths.
  private static func learningRate(_ x: Tensor) throws -> Double {
    try 0.4 * maximumLearningRate(ntkTrainTrain: network(width: 1).ntk(x))
  }

  /// Everything that predicts the training of one network: a tangent kernel, and outputs at the start.
  private struct Predictor {
    var kernel: Tensor
    var testKernel: Tensor
    var initial: Tensor
    var initialTest: Tensor

    /// - Parameter isInfinite: whether to take the kernel of the infinite network instead of the network's own.
    init(_ network: Serial, _ parameters: Parameters, x: Tensor, xTest: Tensor, isInfinite: Bool = false) throws {
      let square = try isInfinite ? network.ntk(x) : empiricalKernel(of: network, at: parameters, x).ntk
      let rectangle =
        try isInfinite ? network.ntk(xTest, x) : empiricalKernel(of: network, at: parameters, xTest, x).ntk
      guard let square, let rectangle else { preconditionFailure("a kernel without its tangent kernel") }
      (kernel, testKernel) = (square, rectangle)
      (initial, initialTest) = (try network(parameters, x), try network(parameters, xTest))
    }

    /// Outputs after steps of the linearized network, in closed form.
    func outputs(_ rule: Rule, rate: Double, steps: Int, y: Tensor) throws -> (train: Tensor, test: Tensor) {
      let flow = try GradientFlow(
        kTrainTrain: kernel, yTrain: y, learningRate: rule.learningRate(rate), dynamics: rule.dynamics)
      let time = TrainingTime(Double(steps))
      return (
        try flow.trainOutputs(at: time, initial: initial),
        try flow.testOutputs(at: time, kTestTrain: testKernel, initialTrain: initial, initialTest: initialTest)
      )
    }
  }

  private func compareExactly(_ report: inout DemoReport) throws -> [Double] {
    let keys = key.folding(in: 1).split()
    let (x, y, xTest) = try parity(count: settings.sweepCount, key: keys[0])
    let network = Self.network(width: settings.exactWidth)
    let parameters = try network.initialize(keys[1], inputShape: x.shape, dtype: .float64)
    let rate = try Self.learningRate(x)
    let linear = linearize({ (p: Parameters, x: Tensor) in try network(p, x) }, at: parameters)
    let outputs = compile(linear)
    let predictor = try Predictor(network, parameters, x: x, xTest: xTest)
    report.write(
      "Digits, odd or even: a linearized network of width \(settings.exactWidth) after \(settings.exactSteps) steps, trained "
        + "and in closed form\n")
    var table = TextTable(["rule", "training loss", "largest difference on training images", "on test images"])
    var worst: [Double] = []
    for rule in Rule.all {
      report.progress.begin("\(settings.exactSteps) steps of \(rule.name)")
      let optimizer = rule.optimizer(rate)
      let step = compile { (state: TrainingState<Parameters>, x: Tensor, y: Tensor) in
        optimizer.step(
          state,
          gradient: try gradient(of: { (p: Parameters) in halfMeanSquaredError(try linear(p, x), y) })(
            state.parameters))
      }
      var state = optimizer.start(parameters)
      for _ in 0..<settings.exactSteps { state = try step(state, x, y) }
      let predicted = try predictor.outputs(rule, rate: rate, steps: settings.exactSteps, y: y)
      let trained = try outputs(state.parameters, x)
      let differences = [
        abs(predicted.train - trained), abs(predicted.test - (try outputs(state.parameters, xTest))),
      ].map { $0.max().scalar(as: Double.self) }
      worst.append(differences.max() ?? .nan)
      table.add(
        [rule.name, significant(halfMeanSquaredError(trained, y).scalar())]
          + differences.map { String(format: "%.1e", $0) })
    }
    report.write(table)
    return worst
  }

  // MARK: - Over width

  /// The root mean square distances over test images between trained networks and the closed form of their linearizations, of
  /// several networks the geometric mean, which one that starts far off does not decide; last that of gradient descent from the closed form with the infinite network's kernel. Returns their slopes.
  private func sweep(_ report: inout DemoReport) throws -> [Double] {
    let keys = key.folding(in: 2).split()
    let (x, y, xTest) = try parity(count: settings.sweepCount, key: keys[0])
    let rate = try Self.learningRate(x)
    let single = [x, y, xTest].map { $0.asType(.float32) }
    var distances = Self.sweepNames.map { _ in [Double]() }
    for width in settings.sweepWidths {
      report.progress.begin("networks of width \(width)")
      let network = Self.network(width: width)
      var logarithms = Self.sweepNames.map { _ in 0.0 }
      let steps = Rule.all.map { rule in
        let optimizer = rule.optimizer(rate)
        return compile { (state: TrainingState<Parameters>, x: Tensor, y: Tensor) in
          optimizer.step(
            state,
            gradient: try gradient(of: { (p: Parameters) in halfMeanSquaredError(try network(p, x), y) })(
              state.parameters))
        }
      }
      for seed in keys[1].folding(in: UInt32(width)).split(into: settings.sweepSeeds) {
        let parameters = try network.initialize(seed, inputShape: x.shape, dtype: .float64)
        let predictor = try Predictor(network, parameters, x: x, xTest: xTest)
        let infinite = try Predictor(network, parameters, x: x, xTest: xTest, isInfinite: true)
        for (index, rule) in Rule.all.enumerated() {
          var state = rule.optimizer(rate).start(parameters.mapTensors { $0.asType(.float32) })
          for _ in 0..<settings.sweepSteps { state = try steps[index](state, single[0], single[1]) }
          let outputs = try network(state.parameters, single[2]).asType(.float64)
          func logarithmOfDistance(_ predictor: Predictor) throws -> Double {
            let predicted = try predictor.outputs(rule, rate: rate, steps: settings.sweepSteps, y: y)
            return 0.5 * log(square(outputs - predicted.test).mean().scalar(as: Double.self))
          }
          logarithms[index] += try logarithmOfDistance(predictor)
          if index == 0 { logarithms[Rule.all.count] += try logarithmOfDistance(infinite) }
        }
      }
      for index in distances.indices {
        distances[index].append(exp(logarithms[index] / Double(settings.sweepSeeds)))
      }
    }
    let slopes = distances.map { Self.slope(settings.sweepWidths.map { log(Double($0)) }, $0.map { log($0) }) }
    report.write(
      "Distance of real networks from the closed form after \(settings.sweepSteps) steps: RMSE on test images, "
        + "geometric mean of \(settings.sweepSeeds) networks\n")
    var table = TextTable(["width"] + Self.sweepNames)
    for (index, width) in settings.sweepWidths.enumerated() {
      table.add(["\(width)"] + distances.map { significant($0[index]) })
    }
    table.add(["slope"] + slopes.map { format($0, 2) })
    report.write(table)
    report.writeEmptyLine()
    report.write("Slope: of the logarithms; −1/2 is 1/√width. A network's own kernel is off its mean by 1/√width, but")
    report.write(
      "moves in training by 1/width only: its linearization comes nearer than theory warrants, which is 1/√width.")
    try report.draw(widths(distances), name: "linearization-width")
    return slopes
  }

  private static let sweepNames = Rule.all.map(\.name) + ["with the infinite kernel"]

  private static func slope(_ x: [Double], _ y: [Double]) -> Double {
    let count = Double(x.count)
    let (meanX, meanY) = (x.reduce(0, +) / count, y.reduce(0, +) / count)
    let products = zip(x, y).reduce(0) { $0 + ($1.0 - meanX) * ($1.1 - meanY) }
    return products / x.reduce(0) { $0 + ($1 - meanX) * ($1 - meanX) }
  }

  private func widths(_ distances: [[Double]]) -> Figure {
    let x = settings.sweepWidths.map(Double.init)
    let (narrowest, widest) = (x.first ?? 1, x.last ?? 1)
    func law(_ label: String, _ exponent: Double, from start: Double) -> Mark {
      Mark(
        label: label, x: x, geometry: .line(y: x.map { start * pow($0 / narrowest, exponent) }), color: .gray,
        isDashed: true)
    }
    let colors = Rule.all.map(\.color) + [.black]
    return Figure(
      title: "Distance of trained networks from closed forms after \(settings.sweepSteps) steps",
      x: Axis(
        "width", range: narrowest / 1.25...widest * 1.25, isLogarithmic: true,
        ticks: settings.sweepWidths.map { Axis.Tick(position: Double($0), label: "\($0)") }),
      y: Axis("RMSE on test images", isLogarithmic: true),
      content: .marks(
        [
          law("1/√width", -0.5, from: distances[Rule.all.count][0]), law("1/width", -1, from: distances[0][0]),
        ]
          + zip(zip(Self.sweepNames, colors), distances).map {
            Mark(label: $0.0, x: x, geometry: .linePoints(y: $1), color: $0.1)
          }), legend: .bottomLeft)
  }
}
