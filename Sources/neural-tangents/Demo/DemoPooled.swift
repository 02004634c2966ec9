import NeuralTangents
import Tensors

/// All digits, all pairs: a pooled convolutional kernel of Myrtle's kind and exact inference with it, in cross-validation.
struct DemoPooled {
  private static let folds = 10

  func run(_ report: inout DemoReport, key: RandomKey) throws {
    let data = try DemoData(.digits)
    let all = Split(train: Array(0..<data.count), test: [])
    let images = try data.inputs(all).train.reshaped([data.count, 8, 8, 1])
    let network = Myrtle(depth: 5, biasStd: 0.1)
    report.progress.begin("kernel of \(data.count)x\(data.count)")
    let start = ContinuousClock.now
    let kernel = try GramJob(
      network, images,
      options: KernelOptions(
        precision: .float32, accumulation: .float64, progress: report.progress.kernelProgress)
    ).run()
    let kernelSeconds = (ContinuousClock.now - start) / .seconds(1)

    let pairs = data.count * (data.count + 1) / 2
    report.write(
      "Digits: \(data.count) images of 8x8, \(pairs) pairs, NNGP and NTK of Myrtle-5 with "
        + "\(Threads.count) threads: \(format(kernelSeconds, 1)) s, "
        + "\(format(1e6 * kernelSeconds / Double(pairs), 1)) microseconds a pair\n")
    let classifier = try DemoClassifier(data, noise: .relative(1e-4))
    let order = key.permutation(data.count)
    var table = TextTable(["kernel", "test accuracy (%)", "errors", "seconds of inference"])
    var rows: [[String]] = []
    for (name, matrix) in [("NNGP", kernel.nngp), ("NTK", kernel.ntk ?? kernel.nngp)] {
      report.progress.begin("\(Self.folds) folds with the \(name)")
      let began = ContinuousClock.now
      var accuracies: [Double] = []
      var errors = 0
      for fold in 0..<Self.folds {
        let test = (fold * data.count / Self.folds..<(fold + 1) * data.count / Self.folds).map { order[$0] }
        let held = Set(test)
        let split = Split(train: order.filter { !held.contains($0) }, test: test)
        let columns = matrix.taking(split.train, axis: 1)
        let accuracy = try classifier.accuracy(
          trainTrain: columns.taking(split.train, axis: 0), testTrain: columns.taking(split.test, axis: 0), split: split
        )
        accuracies.append(accuracy)
        errors += Int(((1 - accuracy) * Double(test.count)).rounded())
      }
      let result = MeanWithError(accuracies)
      let seconds = (ContinuousClock.now - began) / .seconds(1)
      table.add([name, "\(result)", "\(errors) of \(data.count)", format(seconds, 1)])
      rows.append([name, format(100 * result.mean, 2), format(100 * result.error, 2), "\(errors)"])
    }
    report.write(table)
    report.writeEmptyLine()
    report.write("Mean and standard error of \(Self.folds) folds, each predicted from all other images.")
    try report.writeTable(
      header: ["kernel", "accuracy_percent", "standard_error", "errors"], rows: rows, name: "pooled")
  }
}
