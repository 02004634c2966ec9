import NeuralTangents
import Tensors

/// Classification by regression on one-hot targets: the class with the largest prediction.
struct DemoClassifier {
  private let noise: DiagonalRegularizer
  private let target: TargetEncoder
  private let targets: Tensor
  let classes: [Int]

  init(_ data: DemoData, noise: DiagonalRegularizer = .relative(0.01)) throws {
    self.noise = noise
    target = data.target
    targets = try target.outputs(of: data.table)
    classes = try target.classIndices(of: data.table)
  }

  /// The part of test rows that get their own class.
  ///
  /// - Parameters:
  ///   - trainTrain: kernel of the training rows.
  ///   - testTrain: kernel of the test rows with the training rows.
  func accuracy(trainTrain: Tensor, testTrain: Tensor, split: Split) throws -> Double {
    let process = try GaussianProcess(
      kTrainTrain: trainTrain, yTrain: targets.taking(split.train, axis: 0), regularizer: noise)
    let scores = try process.predict(kTestTrain: testTrain).mean
    return try classificationAccuracy(scores: scores, labels: split.test.map { classes[$0] })
  }
}

/// A mean with its standard error.
struct MeanWithError: CustomStringConvertible {
  let mean: Double
  let error: Double

  init(_ values: [Double]) {
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    self.mean = mean
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    error = count > 1 ? (squares / (count - 1) / count).squareRoot() : 0
  }

  /// In percent.
  var description: String { "\(format(100 * mean, 1)) ± \(format(100 * error, 1))" }
}
