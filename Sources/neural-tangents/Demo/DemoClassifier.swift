import NeuralTangents
import Tensors

/// Classification by regression on one-hot targets: the class with the largest prediction.
struct DemoClassifier {
  private static let noise = DiagonalRegularizer.relative(0.01)

  let classCount: Int
  /// One-hot, each column of mean zero over all classes.
  private let targets: Tensor
  private let classes: [Int]

  init(_ data: DemoData) {
    classes = data.classIndices
    classCount = data.classes.count
    var numbers = [Double](repeating: -1 / Double(classCount), count: classes.count * classCount)
    for (row, index) in classes.enumerated() { numbers[row * classCount + index] += 1 }
    targets = Tensor(numbers, shape: [classes.count, classCount])
  }

  /// The part of test rows that get their own class.
  ///
  /// - Parameters:
  ///   - trainTrain: kernel of the training rows.
  ///   - testTrain: kernel of the test rows with the training rows.
  func accuracy(trainTrain: Tensor, testTrain: Tensor, split: Split) throws -> Double {
    let process = try GaussianProcess(
      kTrainTrain: trainTrain, yTrain: targets.taking(split.train, axis: 0), regularizer: Self.noise)
    let scores = try process.predict(kTestTrain: testTrain).mean.asType(.float64).scalars(as: Double.self)
    let right = split.test.enumerated().count { position, row in
      let rowScores = scores[position * classCount..<(position + 1) * classCount]
      return rowScores.indices.max { rowScores[$0] < rowScores[$1] } == position * classCount + classes[row]
    }
    return Double(right) / Double(split.test.count)
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
