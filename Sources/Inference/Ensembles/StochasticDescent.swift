import CovarianceEngine
import Foundation
import Tensors

/// Training one network of infinite (or linearized) width by stochastic gradient descent on the mean squared error: the mean and
/// the covariance of its outputs over the random batches, exactly, step for step.
///
/// Every step takes B of the N training points without replacement, anew each time, and goes down the gradient of ½ · mean over
/// the entries of the batch of (f − y)². With c = η/(B · outputs per point), the part p₁ = B/N of a point, the share
/// p₂ = B(B − 1)/(N(N − 1)) of a pair, and W = p₁ between outputs of one point and p₂ otherwise, residuals e = f − y have
///
/// - the mean of full-batch descent, m ← (I − c p₁ Θ) m;
/// - the covariance C ← (I − c p₁ Θ) C (I − c p₁ Θ) + c² Θ ((W − p₁²) ∘ (C + m mᵀ)) Θ,
///
/// and test outputs follow from the same recursion of both together. Outputs along trace axes see the same batches, but each is
/// reported with its own covariance only.
///
/// ```swift
/// let descent = try StochasticDescent(kTrainTrain: ntk, yTrain: y, learningRate: 0.5, batchSize: 8)
/// let outputs = try descent.testOutputs(after: [10, 100], kTestTrain: testNTK)
/// print(outputs.mean, outputs.variance)
/// ```
public final class StochasticDescent: Sendable {
  /// Outputs over the random batches.
  public struct Moments: Sendable {
    /// Shape (t…, N, outputs…).
    public let mean: Tensor
    /// Shape of the mean.
    public let variance: Tensor
    /// Shape (t…, outputs along trace axes…, N, N), with other output axes a pair of axes for each behind those; nil unless it
    /// was asked for.
    public let covariance: Tensor?
  }

  private let layout: OutputLayout
  /// Regularized, shape (rows, rows).
  private let kernel: Tensor
  /// Shape (rows, outputs).
  private let targets: Tensor
  private let learningRate: Double
  /// c p₁, what a full-batch step multiplies Θ by.
  private let meanRate: Double
  /// c.
  private let batchRate: Double
  /// W − p₁², shape (rows, rows).
  private let batchCovariance: Tensor

  /// - Parameters:
  ///   - kTrainTrain: shape (N, N); with output axes that are not trace axes, a pair of axes for each behind those.
  ///   - yTrain: targets, shape (N, outputs…) or (N).
  ///   - learningRate: of a step.
  ///   - batchSize: training points of a step, from 1 to N; N is full-batch descent, without any variance.
  ///   - regularizer: added to the diagonal of the kernel; a number literal is relative to its mean.
  ///   - traceAxes: output axes of the targets that the kernel has not, as they are independent under it.
  /// - Throws: `PredictionError`, also where the mean diverges with this learning rate.
  public init(
    kTrainTrain: Tensor, yTrain: Tensor, learningRate: Double, batchSize: Int,
    regularizer: DiagonalRegularizer = .none, traceAxes: [Int] = [-1]
  ) throws(PredictionError) {
    try requirePositive(learningRate, "learningRate")
    layout = try OutputLayout(targetShape: yTrain.shape, traceAxes: traceAxes)
    let points = yTrain.shape[0]
    guard (1...max(1, points)).contains(batchSize) else {
      throw .invalidValue(
        argument: "batchSize", expected: "from 1 to the \(points) training points", found: "\(batchSize)")
    }
    let regularized = try RegularizedKernel(
      layout.trainMatrix(kTrainTrain, "kTrainTrain").asType(.float64), regularizer: regularizer,
      argument: "kTrainTrain")
    let kernel = try regularized.shifted()
    self.kernel = kernel
    try requireFinite(yTrain, "yTrain")
    targets = try layout.matrix(fromOutputs: yTrain, rowSizes: layout.trainSizes, "yTrain").asType(.float64)
    self.learningRate = learningRate
    let outputs = Double(Array(yTrain.shape.dropFirst()).product)
    let (n, b) = (Double(points), Double(batchSize))
    let part = b / n
    batchRate = learningRate / (b * outputs)
    meanRate = learningRate / (n * outputs)
    // Rows of one training point lie together: points are the first axis.
    let size = max(1, layout.trainSizes.product / max(1, points))
    let point = Tensor((0..<layout.trainSizes.product).map { Int32($0 / size) })
    let isSame = (point.expandedDims(1) .== point.expandedDims(0)).asType(.float64)
    let pair = points > 1 ? b * (b - 1) / (n * (n - 1)) : part
    batchCovariance = isSame * (part - pair) + (pair - part * part)
    let largest = try onBehalf(of: "kTrainTrain") { () throws(TensorError) in try largestEigenvalue(kernel) }
    let limit = 2 * n * outputs / largest
    guard learningRate < limit else {
      throw .invalidValue(
        argument: "learningRate", expected: "less than \(limit), beyond which the mean diverges for this kernel",
        found: "\(learningRate)")
    }
  }

  /// Outputs at the training points.
  ///
  /// - Parameters:
  ///   - steps: whole numbers, of any shape and in any order; their shape leads those of the results.
  ///   - initial: outputs before training, with the shape of the targets; nil: zero.
  ///   - covariance: `.full` for that between points, too.
  /// - Throws: `PredictionError`, also where the variance grows beyond all numbers.
  /// - Complexity: O(rows³) a step and output.
  public func trainOutputs(
    after steps: TrainingTime, initial: Tensor? = nil, covariance: CovarianceForm = .diagonal
  ) throws(PredictionError) -> Moments {
    try outputs(after: steps, initialTrain: initial, test: nil, covariance)
  }

  /// Outputs at test points.
  ///
  /// - Parameters:
  ///   - steps: whole numbers, of any shape and in any order; their shape leads those of the results.
  ///   - kTestTrain: shape (N_t, N).
  ///   - initialTrain: outputs at the train points before training; nil: zero.
  ///   - initialTest: outputs at the test points before training; nil: zero.
  ///   - covariance: `.full` for that between points, too.
  /// - Throws: `PredictionError`, also where the variance grows beyond all numbers.
  /// - Complexity: O(rows² · (rows + test rows)) a step and output.
  public func testOutputs(
    after steps: TrainingTime, kTestTrain: Tensor, initialTrain: Tensor? = nil, initialTest: Tensor? = nil,
    covariance: CovarianceForm = .diagonal
  ) throws(PredictionError) -> Moments {
    try requireFinite(kTestTrain, "kTestTrain")
    let (rows, rowSizes) = try layout.testTrainMatrix(kTestTrain, "kTestTrain")
    let start = try matrix(initialTest, rowSizes, "initial test outputs")
    return try outputs(
      after: steps, initialTrain: initialTrain,
      test: Test(kernel: rows.asType(.float64), sizes: rowSizes, start: start),
      covariance)
  }

  // MARK: - The recursion

  private struct Test {
    /// Shape (test rows, rows).
    var kernel: Tensor
    var sizes: [Int]
    /// Shape (test rows, outputs).
    var start: Tensor
  }

  /// The moments of residuals at train points and outputs at test points for one output along the trace axes.
  private struct Column {
    /// m, shape (rows, 1).
    var residual: Tensor
    var trainTrain: Tensor
    /// Shape (test rows, 1), (test rows, rows), and (test rows, test rows) or (test rows).
    var test: Tensor?
    var testTrain: Tensor?
    var testTest: Tensor?
  }

  private func matrix(_ tensor: Tensor?, _ rowSizes: [Int], _ argument: String) throws(PredictionError) -> Tensor {
    guard let tensor else { return Tensor.zeros([rowSizes.product, targets.shape[1]], dtype: .float64) }
    try requireFinite(tensor, argument)
    return try layout.matrix(fromOutputs: tensor, rowSizes: rowSizes, argument).asType(.float64)
  }

  private func outputs(
    after steps: TrainingTime, initialTrain: Tensor?, test: Test?, _ form: CovarianceForm
  ) throws(PredictionError) -> Moments {
    for value in steps.values where !(value >= 0 && value == value.rounded() && value <= 0x1p53) {
      throw .invalidValue(argument: "steps", expected: "whole numbers of steps", found: "\(value)")
    }
    let residuals = try matrix(initialTrain, layout.trainSizes, "initial train outputs") - targets
    let rows = kernel.shape[0]
    func column(_ tensor: Tensor, _ index: Int) -> Tensor { tensor.sliced(axis: 1, index..<index + 1) }
    var columns = (0..<targets.shape[1]).map { index in
      var result = Column(
        residual: column(residuals, index), trainTrain: Tensor.zeros([rows, rows], dtype: .float64))
      if let test {
        let count = test.kernel.shape[0]
        result.test = column(test.start, index)
        result.testTrain = Tensor.zeros([count, rows], dtype: .float64)
        result.testTest = Tensor.zeros(form == .full ? [count, count] : [count], dtype: .float64)
      }
      return result
    }
    var results = [Double: [Column]]()
    var done = 0.0
    for value in Set(steps.values).sorted() {
      while done < value {
        columns = columns.map { stepped($0, test) }
        done += 1
      }
      for column in columns where firstNonFinite(column.trainTrain) != nil {
        throw .invalidValue(
          argument: "learningRate",
          expected: "a smaller one: with batches of this size the variance grows without bound",
          found: "\(learningRate), infinite variance after \(Int(value)) steps")
      }
      results[value] = columns
    }
    if steps.values.isEmpty { results[.infinity] = columns }
    let sizes = test?.sizes ?? layout.trainSizes
    let parts = try steps.map { (time) throws(PredictionError) in
      let columns = results[time] ?? columns
      let covariances = columns.map { test == nil ? $0.trainTrain : $0.testTest ?? $0.trainTrain }
      let means = concatenate(columns.map { $0.test ?? $0.residual }, axis: 1)
      let variances = stack(covariances.map { $0.rank == 2 ? $0.diagonal() : $0 }, axis: 1)
      return [
        test == nil ? means + targets : means, maximum(variances, 0), form == .full ? stack(covariances) : nil,
      ]
    }
    guard let mean = parts[0], let variance = parts[1] else { preconditionFailure("moments of no columns") }
    let full = parts[2].map { stacked in
      layout.covariance(stacked, rowSizes: sizes)
        .reshaped(steps.shape + layout.traceSizes + sizes.flatMap { [$0, $0] })
    }
    return Moments(
      mean: layout.outputs(mean, rowSizes: sizes), variance: layout.outputs(variance, rowSizes: sizes), covariance: full
    )
  }

  private func stepped(_ column: Column, _ test: Test?) -> Column {
    var next = column
    let m = column.residual
    let c = column.trainTrain
    // c² ((W − p₁²) ∘ (C + m mᵀ)), the noise of a step's gradient.
    let noise = batchCovariance * (c + m * m.transposed()) * (batchRate * batchRate)
    let moved = c - matmul(kernel, c) * meanRate
    let train = moved - matmul(moved, kernel) * meanRate + matmul(kernel, matmul(noise, kernel))
    // Equal to its transpose but for rounding.
    next.trainTrain = (train + train.transposed()) * 0.5
    next.residual = m - matmul(kernel, m) * meanRate
    guard let test, let mean = column.test, let between = column.testTrain, let own = column.testTest else {
      return next
    }
    next.test = mean - matmul(test.kernel, m) * meanRate
    let shifted = between - matmul(test.kernel, c) * meanRate
    next.testTrain = shifted - matmul(shifted, kernel) * meanRate + matmul(matmul(test.kernel, noise), kernel)
    // Of K_t e with u: −c p₁ (K_t C_dt + C_td K_tᵀ) + K_t (c² p₁² C_dd + noise) K_tᵀ.
    let square = c * (meanRate * meanRate) + noise
    let half = matmul(test.kernel, square) * 0.5 - between * meanRate
    if own.rank == 1 {
      next.testTest = own + rowDots(half, test.kernel) * 2
    } else {
      let product = dotGeneral(half, test.kernel, contracting: ([1], [1]))
      next.testTest = own + (product + product.transposed())
    }
    return next
  }
}
