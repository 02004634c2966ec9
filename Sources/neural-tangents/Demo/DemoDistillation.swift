import NeuralTangents
import Tensors

/// Ten images that stand for a whole training set: pixels are learned by the gradient of the infinite network's predictions in them.
///
/// *Source:* Nguyen, Chen and Lee 2021 (arXiv 2011.00050), kernel inducing points.
struct DemoDistillation {
  struct Settings {
    var trainCount = 1400
    var batchSize = 700
    var steps = 300
    var draws = 20
    /// Of the finite networks that are trained on the images, in ensembles.
    var width = 256
    var members = 8
    var finiteSteps = 300
    var finiteDraws = 5
  }

  struct Result {
    var random: MeanWithError
    var learned: Double
  }

  /// Relative to the mean diagonal of the kernel.
  private static let noise = 1e-4

  private let settings: Settings
  private let key: RandomKey
  private let x: Tensor
  private let xTest: Tensor
  private let y: Tensor
  private let labels: [Int]
  private let testLabels: [Int]
  private let network = FullyConnectedErf.network(width: 1)

  init(key: RandomKey, settings: Settings = Settings()) throws {
    self.settings = settings
    let keys = key.split()
    self.key = keys[1]
    let data = try DemoData(.digits)
    let split = Split.random(count: data.count, trainCount: settings.trainCount, key: keys[0])
    (x, xTest) = try data.inputs(split)
    let classes = try data.target.classIndices(of: data.table)
    (labels, testLabels) = (split.train.map { classes[$0] }, split.test.map { classes[$0] })
    y = try data.target.outputs(of: data.table).taking(split.train, axis: 0)
  }

  @discardableResult
  func run(_ report: inout DemoReport) throws -> Result {
    let keys = key.split(into: 3)
    let starts = keys[0].split(into: settings.draws).map(oneOfEach)
    let random = try starts.map { try accuracy(x.taking($0, axis: 0)) }
    let learned = try distill(from: starts[0], key: keys[1], report.progress)
    let result = Result(random: MeanWithError(random), learned: try accuracy(learned.images))
    report.progress.begin("finite networks")
    let finite = try keys[2].split(into: settings.finiteDraws).enumerated().map { index, key in
      (
        random: try finiteAccuracy(x.taking(starts[index % starts.count], axis: 0), key: key),
        learned: try finiteAccuracy(learned.images, key: key)
      )
    }
    let all = try predictor(x, y, try network.ntk(x))
    let whole = try classificationAccuracy(scores: all(try network.ntk(xTest, x)), labels: testLabels)

    report.write(
      "Digits: ten images, one of each, that teach a network with two hidden layers (erf, NTK); "
        + "\(settings.trainCount) images to learn them from\n")
    var table = TextTable(["learn from", "infinite network", "ensembles of \(settings.members) networks"])
    table.add(["10 random images", "\(result.random)", "\(MeanWithError(finite.map(\.random)))"])
    table.add(["10 learned images", format(100 * result.learned, 1), "\(MeanWithError(finite.map(\.learned)))"])
    table.add(["all \(settings.trainCount) images", format(100 * whole, 1), "–"])
    report.write(table)
    report.writeEmptyLine()
    report.write(
      "Accuracy in % on \(testLabels.count) test images, with its standard error over \(settings.draws) draws of images; of networks of width "
        + "\(settings.width), over \(settings.finiteDraws) ensembles.")
    report.write(
      "Loss over all training images: \(significant(learned.losses[0])) with the random images at the start, "
        + "\(significant(learned.losses[learned.losses.count - 1])) with the learned ones.")
    try report.draw(images(x.taking(starts[0], axis: 0), learned.images, result), name: "distillation")
    return result
  }

  /// The first image of each digit in a random order.
  private func oneOfEach(_ key: RandomKey) -> [Int] {
    let order = key.permutation(labels.count)
    return (0..<10).map { digit in order.first { labels[$0] == digit } ?? 0 }
  }

  /// One-hot, less a tenth.
  private var targets: Tensor { Tensor.eye(10, dtype: .float64) - 0.1 }

  /// Outputs of the infinite network trained on images, as a function of the kernel with them.
  private func predictor(_ images: Tensor, _ targets: Tensor, _ kernel: Tensor) throws -> (Tensor) throws -> Tensor {
    let process = try GaussianProcess(kTrainTrain: kernel, yTrain: targets, regularizer: .relative(Self.noise))
    return { try process.predict(kTestTrain: $0).mean }
  }

  private func accuracy(_ images: Tensor) throws -> Double {
    let outputs = try predictor(images, targets, network.ntk(images))(network.ntk(xTest, images))
    return try classificationAccuracy(scores: outputs, labels: testLabels)
  }

  // MARK: - Learning the images

  /// Half the mean square error on images of the training set, as a function of the ten images' pixels: they are the logistic
  /// function of what is learned, so that they stay between white and black.
  private func loss(_ pixels: Tensor, _ x: Tensor, _ y: Tensor) throws -> Tensor {
    let images = 1 / (1 + exp(-pixels))
    let square = try network.ntk(images)
    let ridge = Self.noise * square.diagonal().mean()
    let weights = try solve(square + ridge * Tensor.eye(10, dtype: .float64), targets)
    return halfMeanSquaredError(matmul(try network.ntk(x, images), weights), y)
  }

  private func distill(
    from start: [Int], key: RandomKey, _ progress: ProgressReporter
  ) throws -> (images: Tensor, losses: [Double]) {
    progress.begin("learning images")
    let images = clip(x.taking(start, axis: 0), 0.02, 0.98)
    let rule = Adam(learningRate: 0.1)
    let step = compile { (state: TrainingState<Tensor>, x: Tensor, y: Tensor) in
      rule.step(state, gradient: try gradient(of: { try loss($0, x, y) })(state.parameters))
    }
    var state = rule.start(log(images / (1 - images)))
    var losses = [try loss(state.parameters, x, y).scalar(as: Double.self)]
    for index in 0..<settings.steps {
      let rows = Array(key.folding(in: UInt32(index)).permutation(labels.count).prefix(settings.batchSize))
      state = try step(state, x.taking(rows, axis: 0), y.taking(rows, axis: 0))
      progress.update(Double(index + 1) / Double(settings.steps))
    }
    losses.append(try loss(state.parameters, x, y).scalar(as: Double.self))
    return (1 / (1 + exp(-state.parameters)), losses)
  }

  /// Of the mean of finite networks that gradient descent has trained on ten images.
  private func finiteAccuracy(_ images: Tensor, key: RandomKey) throws -> Double {
    let network = FullyConnectedErf.network(width: settings.width, outputs: 10)
    let members = try key.split(into: settings.members).map { try network.initialize($0, inputShape: images.shape) }
    let rate = 0.5 * (try maximumLearningRate(ntkTrainTrain: network.ntk(images), outputCount: 100))
    var ensemble = FiniteEnsemble(network, members: members, learningRate: rate)
    try ensemble.train(images.asType(.float32), targets.asType(.float32), steps: settings.finiteSteps)
    return try classificationAccuracy(scores: ensemble(xTest.asType(.float32)).mean(axis: 0), labels: testLabels)
  }

  // MARK: - What is shown

  /// Both tens of images, with empty lines between them.
  private func images(_ random: Tensor, _ learned: Tensor, _ result: Result) -> Figure {
    var values = [[Double]](repeating: [Double](repeating: .nan, count: 89), count: 17)
    for (block, images) in [(0, learned), (1, random)] {
      let pixels = images.scalars(as: Double.self)
      for image in 0..<10 {
        for row in 0..<8 {
          for column in 0..<8 {
            // Rows of an image go down, the axis up.
            values[9 * block + 7 - row][9 * image + column] = pixels[64 * image + 8 * row + column]
          }
        }
      }
    }
    return Figure(
      title: "Digits: ten random images teach \(format(100 * result.random.mean, 0)) %, ten learned images "
        + "\(format(100 * result.learned, 0)) %",
      x: Axis("digit", ticks: (0..<10).map { Axis.Tick(position: 9 * Double($0) + 3.5, label: "\($0)") }),
      y: Axis("", ticks: [Axis.Tick(position: 3.5, label: "learned"), Axis.Tick(position: 12.5, label: "random")]),
      content: .gridMap(
        GridMap(
          x: (0..<89).map(Double.init), y: (0..<17).map(Double.init), values: values, colorLabel: nil,
          colorRange: 0...1,
          palette: .ink, hasSquareCells: true)), shape: .strip)
  }
}

/// The network of the figure.
private enum FullyConnectedErf {
  static func network(width: Int, outputs: Int = 1) -> Serial {
    Serial {
      Dense(width, weightStd: 1.5, biasStd: 0.1)
      Erf()
      Dense(width, weightStd: 1.5, biasStd: 0.1)
      Erf()
      Dense(outputs, weightStd: 1.5, biasStd: 0.1)
    }
  }
}
