import Foundation
import NeuralTangents
import Tensors
import Testing

@Suite("Mean and covariance of stochastic gradient descent")
struct StochasticDescentTests {
  typealias Oracle = PredictionOracle

  private let train = Oracle.points(4, phase: 0.2)
  private let test = Oracle.points(2, phase: 1.1)
  private let y = Oracle.targets(4, outputs: 2)
  private let start = Oracle.targets(4, outputs: 2).map { $0.map { 0.3 * $0 - 0.1 } }
  private let startTest = Oracle.targets(2, outputs: 2).map { $0.map { 0.2 - $0 } }
  private var kernel: Oracle.Matrix { Oracle.matrix(Oracle.ntk, train, train) }
  private var testKernel: Oracle.Matrix { Oracle.matrix(Oracle.ntk, test, train) }

  /// Outputs at train and test points after a step with each of some batches in turn.
  private func descended(_ batches: [[Int]], _ rate: Double) -> (train: Oracle.Matrix, test: Oracle.Matrix) {
    var (f, g) = (start, startTest)
    for batch in batches {
      let entries = Double(batch.count * 2)
      let old = f
      func step(_ outputs: inout Oracle.Matrix, _ kernel: Oracle.Matrix) {
        for row in outputs.indices {
          for column in 0..<2 {
            for point in batch {
              outputs[row][column] -= rate / entries * kernel[row][point] * (old[point][column] - y[point][column])
            }
          }
        }
      }
      step(&f, kernel)
      step(&g, testKernel)
    }
    return (f, g)
  }

  /// All subsets of 0..<4 of a size.
  private func subsets(_ size: Int) -> [[Int]] {
    (0..<16).map { bits in (0..<4).filter { bits >> $0 & 1 == 1 } }.filter { $0.count == size }
  }

  @Test("moments are those over all sequences of batches", arguments: 1...4, [0, 1, 3])
  func exhaustive(_ batchSize: Int, _ steps: Int) throws {
    let rate = 0.7
    var sequences: [[[Int]]] = [[]]
    for _ in 0..<steps { sequences = sequences.flatMap { head in subsets(batchSize).map { head + [$0] } } }
    let all = sequences.map { descended($0, rate) }
    let descent = try StochasticDescent(
      kTrainTrain: Oracle.tensor(kernel), yTrain: Oracle.tensor(y), learningRate: rate, batchSize: batchSize)
    let time = TrainingTime(Double(steps))
    let atTrain = try descent.trainOutputs(after: time, initial: Oracle.tensor(start), covariance: .full)
    let atTest = try descent.testOutputs(
      after: time, kTestTrain: Oracle.tensor(testKernel), initialTrain: Oracle.tensor(start),
      initialTest: Oracle.tensor(startTest), covariance: .full)
    let alone = try descent.testOutputs(
      after: time, kTestTrain: Oracle.tensor(testKernel), initialTrain: Oracle.tensor(start),
      initialTest: Oracle.tensor(startTest))
    #expect(alone.covariance == nil && largest(alone.variance - atTest.variance) < 1e-14)
    for (found, outputs) in [(atTrain, all.map(\.train)), (atTest, all.map(\.test))] {
      let points = outputs[0].count
      let covariance = try #require(found.covariance)
      #expect(covariance.shape == [2, points, points] && found.variance.shape == [points, 2])
      for column in 0..<2 {
        let values = outputs.map { $0.map { $0[column] } }
        let mean = (0..<points).map { point in values.reduce(0) { $0 + $1[point] } / Double(values.count) }
        for i in 0..<points {
          #expect(abs(found.mean[i, column].scalar(as: Double.self) - mean[i]) < 1e-12)
          for j in 0..<points {
            let expected = values.reduce(0) { $0 + ($1[i] - mean[i]) * ($1[j] - mean[j]) } / Double(values.count)
            #expect(abs(covariance[column, i, j].scalar(as: Double.self) - expected) < 1e-12)
          }
        }
      }
    }
  }

  @Test("moments are those of sampled training runs, within their standard errors")
  func sampled() throws {
    let (rate, steps, samples) = (0.9, 12, 20_000)
    let descent = try StochasticDescent(
      kTrainTrain: Oracle.tensor(kernel), yTrain: Oracle.tensor(y), learningRate: rate, batchSize: 2)
    let found = try descent.testOutputs(
      after: TrainingTime(Double(steps)), kTestTrain: Oracle.tensor(testKernel), initialTrain: Oracle.tensor(start),
      initialTest: Oracle.tensor(startTest))
    var random = Oracle.Normals(seed: 3)
    let pairs = subsets(2)
    var (sum, squares, fourth) = (
      [Double](repeating: 0, count: 4), [Double](repeating: 0, count: 4), [Double](repeating: 0, count: 4)
    )
    let mean = found.mean.scalars(as: Double.self)
    for _ in 0..<samples {
      let batches = (0..<steps).map { _ in pairs[Int(random.uniform() * 6)] }
      for (index, value) in descended(batches, rate).test.flatMap({ $0 }).enumerated() {
        let deviation = value - mean[index]
        sum[index] += deviation
        squares[index] += deviation * deviation
        fourth[index] += deviation * deviation * deviation * deviation
      }
    }
    let count = Double(samples)
    for (index, variance) in found.variance.scalars(as: Double.self).enumerated() {
      #expect(variance > 0)
      #expect(abs(sum[index] / count) < 4.5 * (variance / count).squareRoot())
      let error = (fourth[index] / count - variance * variance).squareRoot() / count.squareRoot()
      #expect(abs(squares[index] / count - variance) < 4.5 * error)
    }
  }

  @Test("batches of all points are gradient descent, and the mean always is")
  func fullBatch() throws {
    let (k, t) = (Oracle.tensor(kernel), Oracle.tensor(testKernel))
    let flow = try GradientFlow(
      kTrainTrain: k, yTrain: Oracle.tensor(y), learningRate: 0.9, dynamics: .steps(), regularizer: 0.1)
    let times = TrainingTime([7, 0, 100, 7], shape: [2, 2])
    let expected = try flow.testOutputs(at: times, kTestTrain: t)
    for batchSize in 1...4 {
      let found = try StochasticDescent(
        kTrainTrain: k, yTrain: Oracle.tensor(y), learningRate: 0.9, batchSize: batchSize, regularizer: 0.1
      ).testOutputs(after: times, kTestTrain: t, covariance: .full)
      #expect(found.mean.shape == [2, 2, 2, 2] && found.covariance?.shape == [2, 2, 2, 2, 2])
      #expect(largest(found.mean - expected) < 1e-12)
      #expect(batchSize < 4 ? largest(found.variance) > 1e-4 : largest(found.variance) == 0)
    }
  }

  @Test("outputs without trace axes see one batch of points together")
  func traceAxes() throws {
    let full = Oracle.tensor(kernel).reshaped([4, 4, 1, 1]) * Tensor.eye(2, dtype: .float64)
    let a = try StochasticDescent(
      kTrainTrain: Oracle.tensor(kernel), yTrain: Oracle.tensor(y), learningRate: 0.7, batchSize: 2
    ).trainOutputs(after: [2, 5], covariance: .full)
    let b = try StochasticDescent(
      kTrainTrain: full, yTrain: Oracle.tensor(y), learningRate: 0.7, batchSize: 2, traceAxes: []
    ).trainOutputs(after: [2, 5], covariance: .full)
    #expect(largest(a.mean - b.mean) < 1e-13 && largest(a.variance - b.variance) < 1e-13)
    let (x, z) = (try #require(a.covariance), try #require(b.covariance))
    #expect(z.shape == [2, 4, 4, 2, 2])
    for output in 0..<2 { #expect(largest(x[.all, output] - z[.all, .all, .all, output, output]) < 1e-13) }
  }

  @Test("what cannot be computed says why")
  func mistakes() throws {
    func message(_ body: () throws -> Any) -> String {
      do {
        _ = try body()
        return "no error"
      } catch {
        return "\(error)"
      }
    }
    func descent(_ rate: Double = 0.5, _ size: Int = 2) throws -> StochasticDescent {
      try StochasticDescent(
        kTrainTrain: Oracle.tensor(kernel), yTrain: Oracle.tensor(y), learningRate: rate, batchSize: size)
    }
    #expect(message { try descent(0.5, 5) }.contains("batchSize: expected from 1 to the 4 training points, found 5"))
    #expect(message { try descent(0.5, 0) }.contains("batchSize"))
    #expect(message { try descent(100) }.contains("learningRate: expected less than"))
    #expect(message { try descent().trainOutputs(after: 1.5) }.contains("steps: expected whole numbers"))
    #expect(message { try descent().trainOutputs(after: .infinity) }.contains("steps"))
    let limit = try maximumLearningRate(ntkTrainTrain: Oracle.tensor(kernel), outputCount: 8)
    #expect(
      message { try descent(0.99 * limit, 1).trainOutputs(after: 20_000) }.contains("variance grows without bound"))
  }

  private func largest(_ a: Tensor) -> Double { a.scalars(as: Double.self).map { abs($0) }.max() ?? 0 }
}
