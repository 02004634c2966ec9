import Foundation
import NeuralTangents
import Tensors

/// Accuracy over depth and activation, NNGP beside NTK, on three data sets.
struct DemoClassification {
  private static let depths = [1, 2, 4, 8]

  private struct Task {
    var name: DemoData.Name
    var trainCount: Int
    var repetitions: Int
  }

  private static let tasks = [
    Task(name: .wine, trainCount: 100, repetitions: 20),
    Task(name: .breastCancer, trainCount: 300, repetitions: 10),
    Task(name: .digits, trainCount: 200, repetitions: 10),
  ]

  func run(_ report: inout DemoReport, key: RandomKey) throws {
    for (task, key) in zip(Self.tasks, key.split(into: Self.tasks.count)) {
      try run(task, &report, key: key)
    }
    report.write("Accuracy in % with its standard error over random splits; in each cell NNGP | NTK.")
  }

  private func run(_ task: Task, _ report: inout DemoReport, key: RandomKey) throws {
    let data = try DemoData(task.name)
    let classifier = try DemoClassifier(data)
    let splits = key.split(into: task.repetitions).map {
      Split.random(count: data.count, trainCount: task.trainCount, key: $0)
    }
    let inputs = try splits.map(data.inputs)
    report.write(
      "\(task.name.rawValue): \(data.target.width) classes, \(task.trainCount) rows to learn from, "
        + "\(data.count - task.trainCount) to test on, \(task.repetitions) splits\n")
    var table = TextTable(["activation"] + Self.depths.map { "\($0) hidden" })
    var curves: [Mark] = []
    for (nonlinearity, color) in zip(DemoNetwork.Nonlinearity.allCases, [Color.blue, .vermilion, .green]) {
      var (cells, nngp, ntk) = ([nonlinearity.rawValue], [MeanWithError](), [MeanWithError]())
      for depth in Self.depths {
        report.progress.begin("\(task.name.rawValue), \(depth) x \(nonlinearity.rawValue)")
        let network = DemoNetwork(depth: depth, nonlinearity: nonlinearity).network
        let accuracies = try zip(splits, inputs).map { split, inputs in
          try self.accuracies(network, inputs.train, inputs.test, split, classifier)
        }
        nngp.append(MeanWithError(accuracies.map(\.nngp)))
        ntk.append(MeanWithError(accuracies.map(\.ntk)))
        cells.append("\(nngp[nngp.count - 1]) | \(ntk[ntk.count - 1])")
      }
      table.add(cells)
      for (name, values, isDashed) in [("NNGP", nngp, false), ("NTK", ntk, true)] {
        // Side by side, so that bars do not hide each other.
        let shift = pow(1.025, Double(curves.count / 2) - 2.5)
        let x = Self.depths.map { Double($0) * shift }
        curves.append(
          Mark(
            x: x,
            geometry: .bars(
              lower: values.map { 100 * ($0.mean - $0.error) }, upper: values.map { 100 * ($0.mean + $0.error) }),
            color: color))
        curves.append(
          Mark(
            label: "\(nonlinearity.rawValue), \(name)", x: x, geometry: .linePoints(y: values.map { 100 * $0.mean }),
            color: color, isDashed: isDashed))
      }
    }
    report.write(table)
    report.writeEmptyLine()
    guard task.name == .digits else { return }
    try report.draw(
      Figure(
        title:
          "Digits: accuracy over depth, \(task.trainCount) training images "
          + "(mean of \(task.repetitions) splits ± standard error)",
        x: Axis(
          "hidden layers", range: 0.85...9.5, isLogarithmic: true,
          ticks: Self.depths.map { Axis.Tick(position: Double($0), label: "\($0)") }),
        y: Axis("test accuracy (%)"), content: .marks(curves), legend: .outside),
      name: "accuracy-by-depth")
  }

  private func accuracies(
    _ network: Serial, _ train: Tensor, _ test: Tensor, _ split: Split, _ classifier: DemoClassifier
  ) throws -> (nngp: Double, ntk: Double) {
    let trainTrain = try network.kernel(train)
    let testTrain = try network.kernel(test, train)
    func accuracy(_ kernel: (Kernel) -> Tensor?) throws -> Double {
      guard let square = kernel(trainTrain), let rectangle = kernel(testTrain) else { return .nan }
      return try classifier.accuracy(trainTrain: square, testTrain: rectangle, split: split)
    }
    return (try accuracy(\.nngp), try accuracy(\.ntk))
  }
}
