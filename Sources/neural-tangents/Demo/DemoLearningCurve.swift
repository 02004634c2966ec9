import NeuralTangents
import Tensors

/// Test error against the number of training rows.
struct DemoLearningCurve {
  private static let sizes = [10, 20, 50, 100, 200, 500, 1000]
  private static let repetitions = 5
  private static let testCount = 797

  func run(_ report: inout DemoReport, key: RandomKey) throws {
    let data = try DemoData(.digits)
    let classifier = try DemoClassifier(data)
    let keys = key.split(into: Self.repetitions)
    let deep = DemoNetwork(depth: 3, nonlinearity: .relu)
    let linear = DemoNetwork(depth: 0, nonlinearity: .relu)
    var errors: [String: [[Double]]] = [:]
    for size in Self.sizes {
      report.progress.begin("learning curve, \(size) rows")
      var here: [String: [Double]] = [:]
      for key in keys {
        // Nested: the first rows of one order, so that curves show more rows and not other rows.
        let order = key.permutation(data.count)
        let split = Split(train: Array(order[..<size]), test: Array(order[(data.count - Self.testCount)...]))
        let (train, test) = try data.inputs(split)
        for (network, isLinear) in [(deep.network, false), (linear.network, true)] {
          let (square, rectangle) = (try network.kernel(train), try network.kernel(test, train))
          let choices: [(String, Tensor?, Tensor?)] =
            isLinear
            ? [("linear", square.nngp, rectangle.nngp)]
            : [("NNGP", square.nngp, rectangle.nngp), ("NTK", square.ntk, rectangle.ntk)]
          for case (let name, let square?, let rectangle?) in choices {
            let accuracy = try classifier.accuracy(trainTrain: square, testTrain: rectangle, split: split)
            here[name, default: []].append(1 - accuracy)
          }
        }
      }
      for (name, values) in here { errors[name, default: []].append(values) }
    }

    report.write(
      "Digits: test error in % on \(Self.testCount) images, mean and standard error of \(Self.repetitions) draws\n")
    let names = ["linear", "NNGP", "NTK"]
    let labels = ["linear", "\(deep.name), NNGP", "\(deep.name), NTK"]
    var table = TextTable(["training images"] + labels)
    for (index, size) in Self.sizes.enumerated() {
      table.add(["\(size)"] + names.map { errors[$0].map { "\(MeanWithError($0[index]))" } ?? "-" })
    }
    report.write(table)
    try report.draw(figure(names: names, labels: labels, errors: errors), name: "learning-curve")
  }

  private func figure(names: [String], labels: [String], errors: [String: [[Double]]]) -> Figure {
    let x = Self.sizes.map(Double.init)
    var (bands, lines) = ([Mark](), [Mark]())
    for ((name, label), color) in zip(zip(names, labels), [Color.gray, .blue, .vermilion]) {
      let values = errors[name, default: []]
      bands.append(
        Mark(
          x: x,
          geometry: .band(
            lower: values.map { 100 * ($0.min() ?? 0) }, upper: values.map { 100 * ($0.max() ?? 0) }), color: color))
      lines.append(
        Mark(label: label, x: x, geometry: .linePoints(y: values.map { 100 * MeanWithError($0).mean }), color: color))
    }
    return Figure(
      title: "Digits: test error over training images (mean and range of \(Self.repetitions) draws)",
      x: Axis(
        "training images", range: 8...1250, isLogarithmic: true,
        ticks: Self.sizes.map { Axis.Tick(position: Double($0), label: "\($0)") }),
      y: Axis("test error (%)", range: 0.5...100, isLogarithmic: true, ticks: [0.5, 1, 2, 5, 10, 20, 50, 100].map {
        Axis.Tick(position: $0, label: significant($0))
      }),
      content: .marks(bands + lines), legend: .topRight)
  }
}
