import NeuralTangents
import Tensors

/// Accuracy over depth and activation, NNGP beside NTK, on three data sets.
struct DemoClassification {
  private static let depths = [1, 2, 4, 8]

  private struct Task {
    var name: DemoData.Name
    var trainCount: Int
    var repetitions: Int
    /// Pixels share one scale; other features each have their own.
    var isStandardized = true
  }

  private static let tasks = [
    Task(name: .wine, trainCount: 100, repetitions: 20),
    Task(name: .breastCancer, trainCount: 300, repetitions: 10),
    Task(name: .digits, trainCount: 1000, repetitions: 3, isStandardized: false),
  ]

  func run(_ report: inout DemoReport, key: RandomKey) throws {
    for (task, key) in zip(Self.tasks, key.split(into: Self.tasks.count)) {
      try run(task, &report, key: key)
    }
    report.write("Accuracy in % with its standard error over random splits; in each cell NNGP | NTK.")
  }

  private func run(_ task: Task, _ report: inout DemoReport, key: RandomKey) throws {
    let data = try DemoData(task.name)
    let classifier = DemoClassifier(data)
    let splits = key.split(into: task.repetitions).map {
      Split.random(count: data.count, trainCount: task.trainCount, key: $0)
    }
    let inputs = splits.map { task.isStandardized ? data.standardized(over: $0.train) : data.x / 16 }
    report.write(
      "\n\(task.name.rawValue): \(classifier.classCount) classes, \(task.trainCount) rows to learn from, "
        + "\(data.count - task.trainCount) to test on, \(task.repetitions) splits\n")
    var table = TextTable(["activation"] + Self.depths.map { "\($0) hidden" })
    var curves: [Mark] = []
    for (nonlinearity, color) in zip(DemoNetwork.Nonlinearity.allCases, [Color.blue, .vermilion, .green]) {
      var (cells, nngp, ntk) = ([nonlinearity.rawValue], [MeanWithError](), [MeanWithError]())
      for depth in Self.depths {
        report.progress.begin("\(task.name.rawValue), \(depth) x \(nonlinearity.rawValue)")
        let network = DemoNetwork(depth: depth, nonlinearity: nonlinearity).network
        let accuracies = try zip(splits, inputs).map { split, x in
          try self.accuracies(network, x, split, classifier)
        }
        nngp.append(MeanWithError(accuracies.map(\.nngp)))
        ntk.append(MeanWithError(accuracies.map(\.ntk)))
        cells.append("\(nngp[nngp.count - 1]) | \(ntk[ntk.count - 1])")
      }
      table.add(cells)
      for (name, values, isDashed) in [("NNGP", nngp, false), ("NTK", ntk, true)] {
        curves.append(
          Mark(
            label: "\(nonlinearity.rawValue), \(name)", x: Self.depths.map(Double.init),
            geometry: .linePoints(y: values.map { 100 * $0.mean }), color: color, isDashed: isDashed))
      }
    }
    report.write(table)
    try report.draw(
      Figure(
        title: "\(task.name.rawValue): accuracy over depth (\(task.trainCount) training rows, mean of \(task.repetitions) splits)",
        x: Axis(
          "hidden layers", range: 0.9...9, isLogarithmic: true,
          ticks: Self.depths.map { Axis.Tick(position: Double($0), label: "\($0)") }),
        y: Axis("test accuracy (%)"), content: .marks(curves), legend: .outside),
      name: "accuracy-\(task.name.rawValue)")
  }

  private func accuracies(
    _ network: Serial, _ x: Tensor, _ split: Split, _ classifier: DemoClassifier
  ) throws -> (nngp: Double, ntk: Double) {
    let (train, test) = (x.taking(split.train, axis: 0), x.taking(split.test, axis: 0))
    let trainTrain = try network.kernel(train)
    let testTrain = try network.kernel(test, train)
    func accuracy(_ kernel: (Kernel) -> Tensor?) throws -> Double {
      guard let square = kernel(trainTrain), let rectangle = kernel(testTrain) else { return .nan }
      return try classifier.accuracy(trainTrain: square, testTrain: rectangle, split: split)
    }
    return (try accuracy(\.nngp), try accuracy(\.ntk))
  }
}
