import NeuralTangents
import Tensors

/// What knowing about images is worth: fully connected, convolutional, pooled and residual kernels on the same digits.
struct DemoArchitectures {
  // Few images, where it matters most what the network knows beforehand.
  private static let trainCount = 100
  private static let testCount = 300

  private struct Architecture {
    var name: String
    var network: any Layer
  }

  private static var architectures: [Architecture] {
    [
      Architecture(name: "fully connected", network: FullyConnected(depth: 3, biasStd: 0.1)),
      Architecture(name: "ConvVec", network: ConvVec(depth: 3, biasStd: 0.1)),
      Architecture(name: "ConvGap", network: ConvGap(depth: 3, biasStd: 0.1)),
      Architecture(name: "Myrtle", network: Myrtle(depth: 5, biasStd: 0.1)),
      Architecture(name: "wide residual", network: WideResNet(blockSize: 1, biasStd: 0.1)),
    ]
  }

  func run(_ report: inout DemoReport, key: RandomKey) throws {
    let data = try DemoData(.digits)
    // Kernels of pooled networks differ little from a constant: noise must be small beside that.
    let classifier = try DemoClassifier(data, noise: .relative(1e-4))
    let options = KernelOptions(precision: .float32)
    let order = key.permutation(data.count)
    let split = Split(
      train: Array(order[..<Self.trainCount]), test: Array(order[Self.trainCount..<Self.trainCount + Self.testCount]))
    let inputs = try data.inputs(split)
    let train = inputs.train.reshaped([Self.trainCount, 8, 8, 1])
    let test = inputs.test.reshaped([Self.testCount, 8, 8, 1])

    report.write("Digits: \(Self.trainCount) images to learn from, \(Self.testCount) to test on\n")
    var table = TextTable(["architecture", "NNGP", "NTK", "seconds"])
    var rows: [[String]] = []
    var accuracies: [(nngp: Double, ntk: Double)] = []
    for architecture in Self.architectures {
      report.progress.begin("kernels of \(architecture.name)")
      let start = ContinuousClock.now
      let square = try architecture.network.kernel(train, options: options)
      let rectangle = try architecture.network.kernel(test, train, options: options)
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      func accuracy(_ kernel: (Kernel) -> Tensor?) throws -> Double {
        guard let square = kernel(square), let rectangle = kernel(rectangle) else { return .nan }
        return try classifier.accuracy(
          trainTrain: square.asType(.float64), testTrain: rectangle.asType(.float64), split: split)
      }
      let result = (nngp: try accuracy(\.nngp), ntk: try accuracy(\.ntk))
      accuracies.append(result)
      let percent = [format(100 * result.nngp, 1), format(100 * result.ntk, 1)]
      table.add([architecture.name] + percent + [format(seconds, 1)])
      rows.append([architecture.name] + percent)
    }
    report.write(table)
    report.writeEmptyLine()
    report.write("Test accuracy in %.")
    try report.writeTable(
      header: ["architecture", "nngp_accuracy_percent", "ntk_accuracy_percent"], rows: rows, name: "architectures")
    try report.draw(figure(accuracies), name: "architectures")
  }

  private func figure(_ accuracies: [(nngp: Double, ntk: Double)]) -> Figure {
    let places = accuracies.indices.map { Double($0) }
    let width = 0.36
    let lowest = accuracies.map { 100 * min($0.nngp, $0.ntk) }.min() ?? 0
    return Figure(
      title: "Digits: accuracy over architecture, \(Self.trainCount) training images",
      x: Axis(
        "architecture", range: -0.6...Double(accuracies.count) - 0.4,
        ticks: zip(places, Self.architectures).map { Axis.Tick(position: $0, label: $1.name) }),
      y: Axis("test accuracy (%)", range: max(0, ((lowest - 5) / 5).rounded(.down) * 5)...100),
      content: .marks([
        Mark(
          label: "NNGP", x: places.map { $0 - width / 2 },
          geometry: .columns(y: accuracies.map { 100 * $0.nngp }, width: width), color: .blue),
        Mark(
          label: "NTK", x: places.map { $0 + width / 2 },
          geometry: .columns(y: accuracies.map { 100 * $0.ntk }, width: width), color: .vermilion),
      ]))
  }
}
