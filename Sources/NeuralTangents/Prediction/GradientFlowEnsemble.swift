import Tensors

/// The infinite ensemble of networks trained by gradient flow, from a function that computes kernels: `KernelEnsemble`
/// which makes its own kernels and keeps those of the training set.
///
/// ```swift
/// let ensemble = try GradientFlowEnsemble(
///   kernel: { x1, x2 in (nngp, ntk) }, xTrain, yTrain, diagonalRegularizer: 1e-4)
/// let posterior = try ensemble.predict(xTest, kernel: .ntk, time: [1, 10, .infinity])
/// ```
public final class GradientFlowEnsemble: Sendable {
  /// The NNGP and NTK between two sets of points, along the first axis of each; the second set is nil when it is the
  /// first, so that symmetry can save work.
  public typealias KernelFunction = @Sendable (_ x1: Tensor, _ x2: Tensor?) throws -> (nngp: Tensor?, ntk: Tensor?)

  /// Test points whose kernel with each other is computed at a time when only its diagonal is wanted.
  private static let diagonalBlock = 16

  private let kernel: KernelFunction
  private let xTrain: Tensor
  private let ensemble: KernelEnsemble

  /// - Parameters:
  ///   - kernel: called once here, for the training set.
  ///   - xTrain: training inputs, one per index of the first axis.
  ///   - yTrain: targets, shape (N, outputs…) or (N).
  ///   - learningRate: flow time per unit of `time`.
  ///   - diagonalRegularizer: added to the diagonal of each train-train kernel; a number literal is relative to its
  ///     mean diagonal.
  ///   - traceAxes: output axes of the targets that the kernels have not, as they are independent under them.
  ///   - precision: element type to compute in and return; nil: that of the kernels.
  /// - Throws: `PredictionError`, and what `kernel` throws.
  public init(
    kernel: @escaping KernelFunction, _ xTrain: Tensor, _ yTrain: Tensor, learningRate: Double = 1,
    diagonalRegularizer: DiagonalRegularizer = .none, traceAxes: [Int] = [-1], precision: DType? = nil
  ) throws {
    guard let points = xTrain.shape.first, points == yTrain.shape.first else {
      throw PredictionError.shapeMismatch(
        argument: "xTrain and yTrain", expected: "as many inputs as targets",
        found: "shapes \(xTrain.shape) and \(yTrain.shape)")
    }
    self.kernel = kernel
    self.xTrain = xTrain
    let trainTrain = try kernel(xTrain, nil)
    ensemble = try KernelEnsemble(
      trainTrain: KernelPair(nngp: trainTrain.nngp, ntk: trainTrain.ntk), yTrain: yTrain, learningRate: learningRate,
      diagonalRegularizer: diagonalRegularizer, traceAxes: traceAxes, precision: precision)
  }

  /// The prediction at test points, or at the train points.
  ///
  /// - Parameters:
  ///   - xTest: test inputs; nil: the train points (where infinite training gives back the targets).
  ///   - kernel: which ensemble predicts.
  ///   - time: one time, infinity, or an array of times whose shape leads the shapes of the result.
  ///   - covariance: what to compute beside the mean.
  /// - Throws: `PredictionError`, and what the kernel function throws.
  public func predict(
    _ xTest: Tensor? = nil, kernel kind: EnsembleKind = .ntk, time: TrainingTime = .infinity,
    covariance: CovarianceForm = .full
  ) throws -> Prediction {
    guard let xTest else { return try ensemble.predictTrain(kernel: kind, time: time, covariance: covariance) }
    guard xTest.rank == xTrain.rank, xTest.shape.dropFirst() == xTrain.shape.dropFirst() else {
      throw PredictionError.shapeMismatch(
        argument: "xTest", expected: "inputs like those of shape \(xTrain.shape)", found: "\(xTest.shape)")
    }
    let testTrain = try pair(kernel(xTest, xTrain))
    switch covariance {
    case .none: return try ensemble.predict(testTrain: testTrain, kernel: kind, time: time)
    case .full:
      return try ensemble.predict(
        testTrain: testTrain, testTest: pair(kernel(xTest, nil)), kernel: kind, time: time)
    case .diagonal:
      return try ensemble.predict(
        testTrain: testTrain, testTestDiagonal: diagonal(xTest), kernel: kind, time: time)
    }
  }

  private func pair(_ kernels: (nngp: Tensor?, ntk: Tensor?)) -> KernelPair {
    KernelPair(nngp: kernels.nngp, ntk: kernels.ntk)
  }

  private func diagonal(_ xTest: Tensor) throws -> KernelPair {
    var blocks: [KernelPair] = []
    let points = xTest.shape[0]
    for start in stride(from: 0, to: max(points, 1), by: Self.diagonalBlock) {
      let block = xTest.sliced(axis: 0, start..<min(points, start + Self.diagonalBlock))
      let kernels = try kernel(block, nil)
      blocks.append(
        KernelPair(nngp: kernels.nngp.map(diagonalOfPairs), ntk: kernels.ntk.map(diagonalOfPairs)))
    }
    func joined(_ parts: [Tensor]) -> Tensor? { parts.count == blocks.count ? concatenate(parts, axis: 0) : nil }
    return KernelPair(nngp: joined(blocks.compactMap(\.nngp)), ntk: joined(blocks.compactMap(\.ntk)))
  }

  /// The diagonal over every pair (n, n), (o, o), …, of axes.
  private func diagonalOfPairs(_ kernel: Tensor) -> Tensor {
    var result = kernel
    // Each diagonal goes to the end, so the pairs come up in order.
    for _ in 0..<kernel.rank / 2 { result = result.diagonal(0, 1) }
    return result
  }
}
