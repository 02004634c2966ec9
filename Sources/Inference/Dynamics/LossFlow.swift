import CovarianceEngine
import Platform
import Tensors

/// Training one network of infinite (or linearized) width by gradient flow on any loss, with or without momentum: numerically,
/// since only the mean squared error has a closed form (see `GradientFlow`).
///
/// Outputs follow f′ = −Θ ∇L(f). They are f₀ + Θ a with weights a of the training points, a′ = −∇L(f₀ + Θ_dd a), which is what
/// is solved for: outputs of any number of test points then cost a product. With momentum m and q = b the velocity of a in the
/// time √η t: a′ = b, b′ = −(1 − m)/√η b − ∇L, from rest.
///
/// An explicit method of order 5 follows the flow while its steps are bounded by its errors, an implicit one of order 4 from
/// where they are bounded by stability. At infinite time the minimum of the loss takes their place.
///
/// ```swift
/// let flow = try LossFlow(kTrainTrain: ntk, outputShape: y.shape, learningRate: 0.1) { f in
///   softmaxCrossEntropy(f, y)
/// }
/// let outputs = try flow.testOutputs(at: [1, 10, 100], kTestTrain: testNTK)
/// ```
///
/// *Source:* Lee et al. 2019 (arXiv 1902.06720), section 2.2.
public final class LossFlow: Sendable {
  /// A loss of the outputs at all training points, a scalar that can be differentiated.
  public typealias Loss = @Sendable (_ outputs: Tensor) throws -> Tensor

  /// Where training has come to; it can be kept and gone on from.
  public struct State: Sendable {
    /// In gradient steps, each of which advances the flow by the learning rate; infinity at its end.
    public var time: Double
    /// a, with the shape of the outputs.
    public var weights: Tensor
    /// b; nil without momentum.
    public var velocity: Tensor?

    public init(time: Double, weights: Tensor, velocity: Tensor? = nil) {
      (self.time, self.weights, self.velocity) = (time, weights, velocity)
    }
  }

  /// How exactly the flow is followed, and for how long.
  public struct Accuracy: Sendable, Hashable {
    /// Of a step, relative to the weights.
    public var relativeTolerance: Double
    /// Of a step, for small weights.
    public var absoluteTolerance: Double
    /// Steps of the solver before it gives up.
    public var maximumSteps: Int

    public init(relativeTolerance: Double = 1e-8, absoluteTolerance: Double = 1e-10, maximumSteps: Int = 100_000) {
      (self.relativeTolerance, self.absoluteTolerance, self.maximumSteps) =
        (relativeTolerance, absoluteTolerance, maximumSteps)
    }
  }

  let layout: OutputLayout
  /// Regularized.
  let kernel: Tensor
  /// Shape (rows, outputs).
  let initial: Tensor
  let learningRate: Double
  let momentum: Double?
  let accuracy: Accuracy
  let outputLoss: OutputLoss
  private let lazyRoot = Lazily<KernelRoot>()

  /// - Parameters:
  ///   - kTrainTrain: shape (N, N); with output axes that are not trace axes, a pair of axes for each behind those.
  ///   - outputShape: that of the outputs at the training points: (N, outputs…) or (N).
  ///   - initial: outputs before training, of that shape; nil: zero.
  ///   - learningRate: η, flow time per unit of time.
  ///   - momentum: m, from 0 up to 1; nil for the flow without.
  ///   - regularizer: added to the diagonal of the kernel; a number literal is relative to its mean.
  ///   - traceAxes: output axes that the kernel has not, as they are independent under it.
  ///   - accuracy: how exactly the flow is followed.
  ///   - loss: a function of outputs of `outputShape`.
  /// - Throws: `PredictionError`, and what `loss` throws.
  public init(
    kTrainTrain: Tensor, outputShape: [Int], initial: Tensor? = nil, learningRate: Double = 1, momentum: Double? = nil,
    regularizer: DiagonalRegularizer = .none, traceAxes: [Int] = [-1], accuracy: Accuracy = Accuracy(),
    loss: @escaping Loss
  ) throws {
    try requirePositive(learningRate, "learningRate")
    try requirePositive(accuracy.relativeTolerance, "relativeTolerance")
    try requirePositive(accuracy.absoluteTolerance, "absoluteTolerance")
    if let momentum { try TrainingDynamics.momentumFlow(momentum: momentum).check() }
    guard accuracy.maximumSteps > 0 else {
      throw PredictionError.invalidValue(
        argument: "maximumSteps", expected: "a positive number", found: "\(accuracy.maximumSteps)")
    }
    layout = try OutputLayout(targetShape: outputShape, traceAxes: traceAxes)
    let regularized = try RegularizedKernel(
      layout.trainMatrix(kTrainTrain, "kTrainTrain").asType(.float64), regularizer: regularizer,
      argument: "kTrainTrain")
    kernel = try regularized.shifted()
    if let initial {
      try requireFinite(initial, "initial")
      self.initial = try layout.matrix(fromOutputs: initial, rowSizes: layout.trainSizes, "initial").asType(.float64)
    } else {
      self.initial = Tensor.zeros(OutputLoss.matrixShape(layout), dtype: .float64)
    }
    (self.learningRate, self.momentum, self.accuracy) = (learningRate, momentum, accuracy)
    outputLoss = try OutputLoss(layout: layout, loss: loss)
    try requireFinite(Tensor(outputLoss.value(self.initial)), "loss of the initial outputs")
  }

  /// Of the regularized kernel; an eigendecomposition, where it is first needed.
  func parameterFlow() throws(PredictionError) -> ParameterFlow {
    let root = try lazyRoot { () throws(PredictionError) in try KernelRoot(kernel, argument: "kTrainTrain") }
    return ParameterFlow(root: root, loss: outputLoss, initial: initial)
  }

  /// Before training.
  public var initialState: State {
    let weights = tensor(initial * 0)
    return State(time: 0, weights: weights, velocity: momentum == nil ? nil : weights)
  }

  /// Outputs at the training points.
  public func trainOutputs(_ state: State) throws(PredictionError) -> Tensor {
    tensor(initial + matmul(kernel, try matrix(state.weights, "weights")))
  }

  /// Outputs at test points, of the shape of the outputs with the sizes of the test points.
  ///
  /// - Parameters:
  ///   - state: of the training.
  ///   - kTestTrain: shape (N_t, N).
  ///   - initial: outputs before training; nil: zero.
  public func testOutputs(
    _ state: State, kTestTrain: Tensor, initial: Tensor? = nil
  ) throws(PredictionError) -> Tensor {
    try requireFinite(kTestTrain, "kTestTrain")
    let (rows, rowSizes) = try layout.testTrainMatrix(kTestTrain, "kTestTrain")
    let step = matmul(rows.asType(.float64), try matrix(state.weights, "weights"))
    guard let initial else { return layout.outputs(step, rowSizes: rowSizes) }
    try requireFinite(initial, "initial test outputs")
    let start = try layout.matrix(fromOutputs: initial, rowSizes: rowSizes, "initial test outputs").asType(.float64)
    return layout.outputs(start + step, rowSizes: rowSizes)
  }

  /// Outputs at the training points, shape (t…) and that of the outputs.
  ///
  /// - Parameter time: one time, infinity, or an array of times whose shape leads the shape of the result.
  /// - Throws: as `states(at:from:)`.
  public func trainOutputs(at time: TrainingTime) throws -> Tensor {
    try stacked(states(at: time), time) { (state) throws(PredictionError) in try trainOutputs(state) }
  }

  /// Outputs at test points, shape (t…) and that of the outputs with the sizes of the test points.
  ///
  /// - Parameters:
  ///   - time: one time, infinity, or an array of times whose shape leads the shape of the result.
  ///   - kTestTrain: shape (N_t, N).
  ///   - initial: outputs at the test points before training; nil: zero.
  /// - Throws: as `states(at:from:)`.
  public func testOutputs(at time: TrainingTime, kTestTrain: Tensor, initial: Tensor? = nil) throws -> Tensor {
    try stacked(states(at: time), time) { (state) throws(PredictionError) in
      try testOutputs(state, kTestTrain: kTestTrain, initial: initial)
    }
  }

  private func stacked(
    _ states: [State], _ time: TrainingTime, _ outputs: (State) throws(PredictionError) -> Tensor
  ) throws(PredictionError) -> Tensor {
    var (rest, start) = (states[...], initialState)
    let results = try time.map { (_) throws(PredictionError) in
      // No times: the shape is that of any state.
      start = rest.popFirst() ?? start
      return [try outputs(start)]
    }
    return results[0] ?? initial
  }

  /// The loss at the training points.
  public func loss(_ state: State) throws -> Double {
    try outputLoss.value(initial + matmul(kernel, matrix(state.weights, "weights")))
  }

  // MARK: - Matrices of shape (rows, outputs) and tensors of the shape of the outputs

  func matrix(_ outputs: Tensor, _ argument: String) throws(PredictionError) -> Tensor {
    try requireFinite(outputs, argument)
    return try layout.matrix(fromOutputs: outputs, rowSizes: layout.trainSizes, argument).asType(.float64)
  }

  func tensor(_ matrix: Tensor) -> Tensor { layout.outputs(matrix, rowSizes: layout.trainSizes) }
}
