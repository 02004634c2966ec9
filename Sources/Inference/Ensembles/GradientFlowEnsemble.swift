import CovarianceEngine
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

  /// The kernels of some test points, with which they are predicted.
  struct Strip {
    var testTrain: KernelPair
    /// The NNGP of each test point with itself, where it is known.
    var variances: Tensor?
  }

  typealias TrainKernel = @Sendable (_ x: Tensor) throws -> KernelPair
  /// Calls its last argument with ranges of test points and their kernels with the train points, from first to last, about
  /// as many points at a time as it is told.
  typealias Strips =
    @Sendable (
      _ xTest: Tensor, _ xTrain: Tensor, _ height: Int, _ body: (Range<Int>, Strip) throws -> Void
    ) throws -> Void

  /// Test points whose kernel with each other is computed at a time when only its diagonal is wanted.
  private static let diagonalBlock = 16
  /// Entries of the test-train kernel that are computed at a time where no covariance between test points is wanted.
  private static let stripEntries = 1 << 22

  private let trainTrain: TrainKernel
  private let strips: Strips
  private let xTrain: Tensor
  private let ensemble: KernelEnsemble

  /// - Parameters:
  ///   - kernel: called once here, for the training set.
  ///   - xTrain: training inputs, one per index of the first axis.
  ///   - yTrain: targets, shape (N, outputs…) or (N).
  ///   - learningRate: flow time per unit of `time`, or of a step.
  ///   - dynamics: how the networks follow the gradient.
  ///   - diagonalRegularizer: added to the diagonal of each train-train kernel; a number literal is relative to its
  ///     mean diagonal.
  ///   - traceAxes: output axes of the targets that the kernels have not, as they are independent under them.
  ///   - precision: element type to compute in and return; nil: that of the kernels.
  ///   - solver: how systems with the kernels are solved.
  /// - Throws: `PredictionError`, and what `kernel` throws.
  public convenience init(
    kernel: @escaping KernelFunction, _ xTrain: Tensor, _ yTrain: Tensor, learningRate: Double = 1,
    dynamics: TrainingDynamics = .flow, diagonalRegularizer: DiagonalRegularizer = .none, traceAxes: [Int] = [-1],
    precision: DType? = nil,
    solver: SolverChoice = .factorized
  ) throws {
    @Sendable func pair(_ kernels: (nngp: Tensor?, ntk: Tensor?)) -> KernelPair {
      KernelPair(nngp: kernels.nngp, ntk: kernels.ntk)
    }
    try self.init(
      trainTrain: { try pair(kernel($0, nil)) },
      strips: { xTest, xTrain, height, body in
        for start in stride(from: 0, to: max(1, xTest.shape[0]), by: height) {
          let rows = start..<min(start + height, xTest.shape[0])
          try body(rows, Strip(testTrain: pair(kernel(xTest.sliced(axis: 0, rows), xTrain))))
        }
      }, xTrain, yTrain, learningRate: learningRate, dynamics: dynamics, diagonalRegularizer: diagonalRegularizer,
      traceAxes: traceAxes,
      precision: precision, solver: solver)
  }

  /// The same from two functions: the kernel of points with themselves, and kernels of test points strip by strip.
  init(
    trainTrain: @escaping TrainKernel, strips: @escaping Strips, _ xTrain: Tensor, _ yTrain: Tensor,
    learningRate: Double, dynamics: TrainingDynamics, diagonalRegularizer: DiagonalRegularizer, traceAxes: [Int],
    precision: DType?,
    solver: SolverChoice
  ) throws {
    guard let points = xTrain.shape.first, points == yTrain.shape.first else {
      throw PredictionError.shapeMismatch(
        argument: "xTrain and yTrain", expected: "as many inputs as targets",
        found: "shapes \(xTrain.shape) and \(yTrain.shape)")
    }
    (self.trainTrain, self.strips, self.xTrain) = (trainTrain, strips, xTrain)
    ensemble = try KernelEnsemble(
      trainTrain: trainTrain(xTrain), yTrain: yTrain, learningRate: learningRate, dynamics: dynamics,
      diagonalRegularizer: diagonalRegularizer, traceAxes: traceAxes, precision: precision, solver: solver)
  }

  /// The prediction at test points, or at the train points.
  ///
  /// Test points are predicted some at a time, so that memory does not grow with their number, unless their covariance
  /// with each other is wanted.
  ///
  /// - Parameters:
  ///   - xTest: test inputs; nil: the train points (where infinite training gives back the targets).
  ///   - kind: which ensemble predicts.
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
    let points = max(1, xTest.shape[0])
    let height = covariance == .full ? points : min(points, max(256, Self.stripEntries / max(1, xTrain.shape[0])))
    var parts: [Prediction] = []
    try strips(xTest, xTrain, height) { rows, strip in
      let testTrain = strip.testTrain
      switch covariance {
      case .none: parts.append(try ensemble.predict(testTrain: testTrain, kernel: kind, time: time))
      case .full:
        parts.append(
          try ensemble.predict(testTrain: testTrain, testTest: trainTrain(xTest), kernel: kind, time: time))
      case .diagonal:
        let known = kind == .ntkGaussianProcess ? nil : strip.variances.map { KernelPair(nngp: $0) }
        let prior = try known ?? diagonal(xTest.sliced(axis: 0, rows))
        parts.append(
          try ensemble.predict(testTrain: testTrain, testTestDiagonal: prior, kernel: kind, time: time))
      }
    }
    return Prediction(joining: parts, axis: time.shape.count)
  }

  private func diagonal(_ xTest: Tensor) throws -> KernelPair {
    var blocks: [KernelPair] = []
    let points = xTest.shape[0]
    for start in stride(from: 0, to: max(points, 1), by: Self.diagonalBlock) {
      let block = xTest.sliced(axis: 0, start..<min(points, start + Self.diagonalBlock))
      let kernels = try trainTrain(block)
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
