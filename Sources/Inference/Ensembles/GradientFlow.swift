import CovarianceEngine
import Tensors

/// Training one network of infinite (or linearized) width on the mean squared error, in closed form: by gradient flow, by
/// momentum's flow, or by steps of gradient descent.
///
/// The loss is ½ · mean over all |y| entries of (f − y)². For the flow, with the regularized train-train kernel M̃ (of the trained
/// parameters: the NTK, or the NNGP when only the last layer is trained), initial outputs f₀, and the scaled time
/// s = learningRate · t / |y|:
///
/// - at train points f(t) = f₀ + (1 − e^{−M̃ s}) (y − f₀), which is y at t = ∞;
/// - at test points f(t) = f₀ + K_td M̃⁻¹ (1 − e^{−M̃ s}) (y − f₀).
///
/// Infinite time uses one Cholesky factorisation, finite times one eigendecomposition; both are kept for later calls.
///
/// *Source:* Lee et al. 2019 (arXiv 1902.06720), equations 8 to 11.
public final class GradientFlow: Sendable {
  private let layout: OutputLayout
  private let system: TrainingSystem
  private let progress: TrainingProgress

  /// - Parameters:
  ///   - kTrainTrain: shape (N, N); with output axes that are not trace axes, a pair of axes for each behind those.
  ///   - yTrain: targets, shape (N, outputs…) or (N).
  ///   - learningRate: flow time per unit of `time`, or of a step.
  ///   - dynamics: how the gradient is followed.
  ///   - regularizer: added to the diagonal of the kernel; a number literal is relative to the mean diagonal.
  ///   - traceAxes: output axes of the targets that the kernel has not, as they are independent under it.
  ///   - precision: element type to compute in and return; nil: that of the kernel.
  ///   - solver: how systems with the kernel are solved.
  ///   - solverOptions: for solvers that iterate or keep files.
  public init(
    kTrainTrain: Tensor, yTrain: Tensor, learningRate: Double = 1, dynamics: TrainingDynamics = .flow,
    regularizer: DiagonalRegularizer = .none, traceAxes: [Int] = [-1], precision: DType? = nil,
    solver: SolverChoice = .automatic, solverOptions: SolverOptions = SolverOptions()
  ) throws(PredictionError) {
    try requirePositive(learningRate, "learningRate")
    try dynamics.check()
    progress = TrainingProgress(
      dynamics: dynamics, learningRate: learningRate, targetCount: yTrain.shape.product)
    layout = try OutputLayout(targetShape: yTrain.shape, traceAxes: traceAxes)
    system = try TrainingSystem(
      layout: layout, kTrainTrain, yTrain, regularizer: regularizer, precision: precision, solver: solver,
      options: solverOptions, argument: "kTrainTrain")
  }

  /// How systems with the kernel are solved, and why so.
  public var solverDescription: String { system.solverDescription }

  /// Outputs at the train points, shape (t…) and that of the targets.
  ///
  /// - Parameters:
  ///   - initial: outputs before training, with the shape of the targets; nil: zero.
  ///   - time: one time, infinity, or an array of times whose shape leads the shape of the result.
  public func trainOutputs(
    at time: TrainingTime = .infinity, initial: Tensor? = nil
  ) throws(PredictionError) -> Tensor {
    let start = try outputs(initial, rowSizes: layout.trainSizes, "initial train outputs")
    let residual = start.map { system.targets - $0 } ?? system.targets
    let flat = try checked(time).map { (t) throws(PredictionError) in
      if t == .infinity { return [system.targets] }
      let basis = try system.solver.eigenbasis()
      let progress = basis.map(t, progress.progress).reshaped([-1, 1])
      let step = dotGeneral(
        basis.rows, progress * basis.coordinates(ofColumns: residual), contracting: ([0], [0]))
      return [start.map { $0 + step } ?? step]
    }
    return layout.outputs(flat[0] ?? system.targets, rowSizes: layout.trainSizes)
  }

  /// Outputs at test points, shape (t…) and that of the targets with the sizes of the test points.
  ///
  /// - Parameters:
  ///   - kTestTrain: shape (N_t, N).
  ///   - initialTrain: outputs at the train points before training; nil: zero.
  ///   - initialTest: outputs at the test points before training; nil: zero.
  ///   - time: one time, infinity, or an array of times whose shape leads the shape of the result.
  public func testOutputs(
    at time: TrainingTime = .infinity, kTestTrain: Tensor, initialTrain: Tensor? = nil, initialTest: Tensor? = nil
  ) throws(PredictionError) -> Tensor {
    try requireFinite(kTestTrain, "kTestTrain")
    let (matrix, rowSizes) = try layout.testTrainMatrix(kTestTrain, "kTestTrain")
    let testTrain = matrix.asType(system.dtype)
    let start = try outputs(initialTest, rowSizes: rowSizes, "initial test outputs")
    let startTrain = try outputs(initialTrain, rowSizes: layout.trainSizes, "initial train outputs")
    let residual = startTrain.map { system.targets - $0 } ?? system.targets
    let coordinates = Lazily<(test: Tensor, residual: Tensor)>()
    let flat = try checked(time).map { (t) throws(PredictionError) in
      let step: Tensor
      if t == .infinity {
        step = matmul(testTrain, startTrain == nil ? try system.weights() : try system.solver.solve(residual))
      } else {
        let basis = try system.solver.eigenbasis()
        let (test, residual) = coordinates {
          (basis.coordinates(ofRows: testTrain), basis.coordinates(ofColumns: residual))
        }
        step = matmul(test, basis.map(t, progress.gain).reshaped([-1, 1]) * residual)
      }
      return [start.map { $0 + step } ?? step]
    }
    return layout.outputs(flat[0] ?? system.targets, rowSizes: rowSizes)
  }

  private func checked(_ time: TrainingTime) throws(PredictionError) -> TrainingTime {
    try progress.check(time) { () throws(PredictionError) in try system.largestEigenvalue() }
    return try time.checked()
  }

  private func outputs(_ tensor: Tensor?, rowSizes: [Int], _ argument: String) throws(PredictionError) -> Tensor? {
    guard let tensor else { return nil }
    try requireFinite(tensor, argument)
    return try layout.matrix(fromOutputs: tensor, rowSizes: rowSizes, argument).asType(system.dtype)
  }
}
