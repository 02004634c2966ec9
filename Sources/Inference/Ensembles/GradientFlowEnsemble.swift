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

  /// The same of kernels that need more than inputs, given in the order of the sets; the second is that of the first when its set
  /// is.
  public typealias ArgumentKernelFunction =
    @Sendable (_ x1: Tensor, _ x2: Tensor?, _ arguments1: InputArguments, _ arguments2: InputArguments) throws
    -> (nngp: Tensor?, ntk: Tensor?)

  /// A data set.
  struct Points: Sendable {
    var inputs: Tensor
    var arguments: InputArguments

    var count: Int { inputs.shape.first ?? 0 }

    func rows(_ range: Range<Int>) -> Points {
      Points(inputs: inputs.sliced(axis: 0, range), arguments: arguments.rows(range))
    }
  }

  /// The kernels of some test points, with which they are predicted.
  struct Strip {
    var testTrain: KernelPair
    /// The NNGP of each test point with itself, where it is known.
    var variances: Tensor?
  }

  typealias TrainKernel = @Sendable (_ x: Points) throws -> KernelPair
  /// Calls its last argument with ranges of test points and their kernels with the train points, from first to last, about
  /// as many points at a time as it is told.
  typealias Strips =
    @Sendable (
      _ test: Points, _ train: Points, _ height: Int, _ body: (Range<Int>, Strip) throws -> Void
    ) throws -> Void

  /// Test points whose kernel with each other is computed at a time when only its diagonal is wanted.
  private static let diagonalBlock = 16
  /// Entries of the test-train kernel that are computed at a time where no covariance between test points is wanted.
  private static let stripEntries = 1 << 22

  private let trainTrain: TrainKernel
  private let strips: Strips
  private let train: Points
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
  ///   - solverOptions: for solvers that iterate or keep files.
  /// - Throws: `PredictionError`, and what `kernel` throws.
  public convenience init(
    kernel: @escaping KernelFunction, _ xTrain: Tensor, _ yTrain: Tensor, learningRate: Double = 1,
    dynamics: TrainingDynamics = .flow, diagonalRegularizer: DiagonalRegularizer = .none, traceAxes: [Int] = [-1],
    precision: DType? = nil,
    solver: SolverChoice = .automatic, solverOptions: SolverOptions = SolverOptions()
  ) throws {
    try self.init(
      argumentKernel: { x1, x2, _, _ in try kernel(x1, x2) }, xTrain, yTrain, learningRate: learningRate,
      dynamics: dynamics, diagonalRegularizer: diagonalRegularizer, traceAxes: traceAxes, precision: precision,
      solver: solver, solverOptions: solverOptions)
  }

  /// The ensemble of a kernel that needs more than inputs: graphs, what is missing, or a random key, of each data set its own.
  ///
  /// - Parameters:
  ///   - argumentKernel: called once here, for the training set.
  ///   - xTrain: training inputs, one per index of the first axis.
  ///   - yTrain: targets, shape (N, outputs…) or (N).
  ///   - arguments: of the training set.
  ///   - learningRate: flow time per unit of `time`, or of a step.
  ///   - dynamics: how the networks follow the gradient.
  ///   - diagonalRegularizer: added to the diagonal of each train-train kernel; a number literal is relative to its
  ///     mean diagonal.
  ///   - traceAxes: output axes of the targets that the kernels have not, as they are independent under them.
  ///   - precision: element type to compute in and return; nil: that of the kernels.
  ///   - solver: how systems with the kernels are solved.
  ///   - solverOptions: for solvers that iterate or keep files.
  /// - Throws: `PredictionError`, and what `argumentKernel` throws.
  public convenience init(
    argumentKernel kernel: @escaping ArgumentKernelFunction, _ xTrain: Tensor, _ yTrain: Tensor,
    arguments: InputArguments = InputArguments(), learningRate: Double = 1,
    dynamics: TrainingDynamics = .flow, diagonalRegularizer: DiagonalRegularizer = .none, traceAxes: [Int] = [-1],
    precision: DType? = nil, solver: SolverChoice = .automatic, solverOptions: SolverOptions = SolverOptions()
  ) throws {
    @Sendable func pair(_ x1: Points, _ x2: Points?) throws -> KernelPair {
      let kernels = try kernel(x1.inputs, x2?.inputs, x1.arguments, (x2 ?? x1).arguments)
      return KernelPair(nngp: kernels.nngp, ntk: kernels.ntk)
    }
    try self.init(
      trainTrain: { try pair($0, nil) },
      strips: { test, train, height, body in
        for start in stride(from: 0, to: max(1, test.count), by: height) {
          let rows = start..<min(start + height, test.count)
          try body(rows, Strip(testTrain: pair(test.rows(rows), train)))
        }
      }, xTrain, yTrain, arguments: arguments, learningRate: learningRate, dynamics: dynamics,
      diagonalRegularizer: diagonalRegularizer, traceAxes: traceAxes, precision: precision, solver: solver,
      solverOptions: solverOptions)
  }

  /// The same from two functions: the kernel of points with themselves, and kernels of test points strip by strip.
  init(
    trainTrain: @escaping TrainKernel, strips: @escaping Strips, _ xTrain: Tensor, _ yTrain: Tensor,
    arguments: InputArguments, learningRate: Double, dynamics: TrainingDynamics,
    diagonalRegularizer: DiagonalRegularizer, traceAxes: [Int], precision: DType?, solver: SolverChoice,
    solverOptions: SolverOptions
  ) throws {
    guard let points = xTrain.shape.first, points == yTrain.shape.first else {
      throw PredictionError.shapeMismatch(
        argument: "xTrain and yTrain", expected: "as many inputs as targets",
        found: "shapes \(xTrain.shape) and \(yTrain.shape)")
    }
    try arguments.check(points: points, "xTrain")
    train = Points(inputs: xTrain, arguments: arguments)
    (self.trainTrain, self.strips) = (trainTrain, strips)
    ensemble = try KernelEnsemble(
      trainTrain: trainTrain(train), yTrain: yTrain, learningRate: learningRate, dynamics: dynamics,
      diagonalRegularizer: diagonalRegularizer, traceAxes: traceAxes, precision: precision, solver: solver,
      solverOptions: solverOptions)
  }

  /// The prediction at test points, or at the train points: see `predict(_:arguments:kinds:time:covariance:)`.
  ///
  /// - Parameters:
  ///   - xTest: test inputs; nil: the train points (where infinite training gives back the targets).
  ///   - arguments: of the test inputs.
  ///   - kind: which ensemble predicts.
  ///   - time: one time, infinity, or an array of times whose shape leads the shapes of the result.
  ///   - covariance: what to compute beside the mean.
  /// - Throws: `PredictionError`, and what the kernel function throws.
  public func predict(
    _ xTest: Tensor? = nil, arguments: InputArguments = InputArguments(), kernel kind: EnsembleKind = .ntk,
    time: TrainingTime = .infinity, covariance: CovarianceForm = .full
  ) throws -> Prediction {
    try predict(xTest, arguments: arguments, kinds: [kind], time: time, covariance: covariance)[0]
  }

  /// The predictions of several ensembles at test points, or at the train points, in their order: kernels are computed once for
  /// all, and systems with them solved once for those that are trained alike.
  ///
  /// Test points are predicted some at a time, so that memory does not grow with their number, unless their covariance
  /// with each other is wanted.
  ///
  /// - Parameters:
  ///   - xTest: test inputs; nil: the train points (where infinite training gives back the targets).
  ///   - arguments: of the test inputs.
  ///   - kinds: which ensembles predict.
  ///   - time: one time, infinity, or an array of times whose shape leads the shapes of the result.
  ///   - covariance: what to compute beside the mean.
  /// - Throws: `PredictionError`, and what the kernel function throws.
  public func predict(
    _ xTest: Tensor? = nil, arguments: InputArguments = InputArguments(), kinds: [EnsembleKind],
    time: TrainingTime = .infinity, covariance: CovarianceForm = .full
  ) throws -> [Prediction] {
    guard let xTest else { return try ensemble.predictTrain(kinds: kinds, time: time, covariance: covariance) }
    guard xTest.rank == train.inputs.rank, xTest.shape.dropFirst() == train.inputs.shape.dropFirst() else {
      throw PredictionError.shapeMismatch(
        argument: "xTest", expected: "inputs like those of shape \(train.inputs.shape)", found: "\(xTest.shape)")
    }
    try arguments.check(points: xTest.shape[0], "xTest")
    let test = Points(inputs: xTest, arguments: try arguments.completed(from: train.arguments, inputs: train.inputs))
    let points = max(1, test.count)
    let height = covariance == .full ? points : min(points, max(256, Self.stripEntries / max(1, train.count)))
    var parts = kinds.map { _ in [Prediction]() }
    try strips(test, train, height) { rows, strip in
      let testTrain = strip.testTrain
      let predictions: [Prediction]
      switch covariance {
      case .none: predictions = try ensemble.predict(testTrain: testTrain, kinds: kinds, time: time)
      case .full:
        predictions = try ensemble.predict(
          testTrain: testTrain, testTest: trainTrain(test), kinds: kinds, time: time)
      case .diagonal:
        let needsMore = kinds.contains { kind in
          if case .withPrior = kind.initial { testTrain.prior != nil } else { kind.initial == .ntk }
        }
        let known = needsMore ? nil : strip.variances.map { KernelPair(nngp: $0) }
        predictions = try ensemble.predict(
          testTrain: testTrain, testTestDiagonal: known ?? diagonal(test.rows(rows)), kinds: kinds, time: time)
      }
      for (index, prediction) in predictions.enumerated() { parts[index].append(prediction) }
    }
    return parts.map { Prediction(joining: $0, axis: time.shape.count) }
  }

  private func diagonal(_ test: Points) throws -> KernelPair {
    var blocks: [KernelPair] = []
    for start in stride(from: 0, to: max(test.count, 1), by: Self.diagonalBlock) {
      let kernels = try trainTrain(test.rows(start..<min(test.count, start + Self.diagonalBlock)))
      blocks.append(
        KernelPair(
          nngp: kernels.nngp.map(diagonalOfPairs), ntk: kernels.ntk.map(diagonalOfPairs),
          prior: kernels.prior.map(diagonalOfPairs)))
    }
    func joined(_ parts: [Tensor]) -> Tensor? { parts.count == blocks.count ? concatenate(parts, axis: 0) : nil }
    return KernelPair(
      nngp: joined(blocks.compactMap(\.nngp)), ntk: joined(blocks.compactMap(\.ntk)),
      prior: joined(blocks.compactMap(\.prior)))
  }

  /// The diagonal over every pair (n, n), (o, o), …, of axes.
  private func diagonalOfPairs(_ kernel: Tensor) -> Tensor {
    var result = kernel
    // Each diagonal goes to the end, so the pairs come up in order.
    for _ in 0..<kernel.rank / 2 { result = result.diagonal(0, 1) }
    return result
  }
}
