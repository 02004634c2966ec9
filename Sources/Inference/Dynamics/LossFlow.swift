import CovarianceEngine
import Foundation
import Tensors

/// Training one network of infinite (or linearized) width by gradient flow on any loss, with or without momentum: numerically,
/// since only the mean squared error has a closed form (see `GradientFlow`).
///
/// Outputs follow f′ = −Θ ∇L(f). They are f₀ + Θ a with weights a of the training points, a′ = −∇L(f₀ + Θ_dd a), which is what
/// is solved for: outputs of any number of test points then cost a product. With momentum m and q = b the velocity of a in the
/// time √η t: a′ = b, b′ = −(1 − m)/√η b − ∇L, from rest.
///
/// ```swift
/// let flow = try LossFlow(kTrainTrain: ntk, outputShape: y.shape, learningRate: 0.1) { f in
///   softmaxCrossEntropy(f, y)
/// }
/// let states = try flow.states(at: [1, 10, 100])
/// let outputs = try states.map { try flow.testOutputs($0, kTestTrain: testNTK) }
/// ```
///
/// *Source:* Lee et al. 2019 (arXiv 1902.06720), section 2.2.
public final class LossFlow: Sendable {
  /// A loss of the outputs at all training points, a scalar that can be differentiated.
  public typealias Loss = @Sendable (_ outputs: Tensor) throws -> Tensor

  /// Where training has come to; it can be kept and gone on from.
  public struct State: Sendable {
    /// In gradient steps, each of which advances the flow by the learning rate.
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

  private let layout: OutputLayout
  private let kernel: Tensor
  private let initial: Tensor?
  private let learningRate: Double
  private let momentum: Double?
  private let accuracy: Accuracy
  /// Of the outputs: the loss, and its gradient.
  private let program: Program

  /// - Parameters:
  ///   - kTrainTrain: shape (N, N); with output axes that are not trace axes, a pair of axes for each behind those.
  ///   - outputShape: that of the outputs at the training points: (N, outputs…) or (N).
  ///   - initial: outputs before training, of that shape; nil: zero.
  ///   - learningRate: η, flow time per unit of time.
  ///   - momentum: m, from 0 up to 1; nil for the flow without.
  ///   - traceAxes: output axes that the kernel has not, as they are independent under it.
  ///   - accuracy: how exactly the flow is followed.
  ///   - loss: a function of outputs of `outputShape`.
  /// - Throws: `PredictionError`, and what `loss` throws.
  public init(
    kTrainTrain: Tensor, outputShape: [Int], initial: Tensor? = nil, learningRate: Double = 1, momentum: Double? = nil,
    traceAxes: [Int] = [-1], accuracy: Accuracy = Accuracy(), loss: @escaping Loss
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
    try requireFinite(kTrainTrain, "kTrainTrain")
    kernel = try layout.trainMatrix(kTrainTrain, "kTrainTrain").asType(.float64)
    if let initial {
      try requireFinite(initial, "initial")
      self.initial = try layout.matrix(fromOutputs: initial, rowSizes: layout.trainSizes, "initial").asType(.float64)
    } else {
      self.initial = nil
    }
    (self.learningRate, self.momentum, self.accuracy) = (learningRate, momentum, accuracy)
    let start =
      self.initial ?? Tensor.zeros([layout.trainSizes.product, layout.traceSizes.product], dtype: .float64)
    program = try trace(
      { (outputs: Tensor) throws -> [Tensor] in
        let value = try loss(outputs)
        guard value.count == 1 else {
          throw PredictionError.shapeMismatch(argument: "loss", expected: "a scalar", found: "shape \(value.shape)")
        }
        let found = try valueAndGradient(of: { (outputs: Tensor) in try loss(outputs).reshaped([]) }, at: outputs)
        return [found.value, found.gradient]
      }, at: layout.outputs(start, rowSizes: layout.trainSizes))
    try requireFinite(program([layout.outputs(start, rowSizes: layout.trainSizes)])[0], "loss of the initial outputs")
  }

  private var start: Tensor {
    initial ?? Tensor.zeros([layout.trainSizes.product, layout.traceSizes.product], dtype: .float64)
  }

  /// Before training.
  public var initialState: State {
    let weights = layout.outputs(start * 0, rowSizes: layout.trainSizes)
    return State(time: 0, weights: weights, velocity: momentum == nil ? nil : weights)
  }

  /// The states at some times, in their order; times may come in any order and more than once.
  ///
  /// - Parameters:
  ///   - times: finite, none before that of `state`.
  ///   - state: where to go on from; nil for the start.
  /// - Throws: `PredictionError.notReached` with the time that was reached when the steps run out, and what the loss throws.
  public func states(at times: [Double], from state: State? = nil) throws -> [State] {
    let origin = state ?? initialState
    if let time = times.first(where: { !($0 >= origin.time && $0.isFinite) }) {
      throw PredictionError.invalidValue(
        argument: "times", expected: "finite numbers of at least \(origin.time)", found: "\(time)")
    }
    guard (origin.velocity == nil) == (momentum == nil) else {
      throw PredictionError.invalidValue(
        argument: "state", expected: momentum == nil ? "none with a velocity" : "one with a velocity",
        found: momentum == nil ? "a velocity without momentum" : "none")
    }
    let rate = momentum == nil ? learningRate : learningRate.squareRoot()
    let order = times.indices.sorted { times[$0] < times[$1] }
    var results = [State](repeating: origin, count: times.count)
    let solver = DormandPrince(
      relativeTolerance: accuracy.relativeTolerance, absoluteTolerance: accuracy.absoluteTolerance,
      maximumSteps: accuracy.maximumSteps)
    do {
      try solver.solve(
        from: try packed(origin), start: rate * origin.time, times: order.map { rate * times[$0] }, slope
      ) { index, values in
        let place = order[index]
        results[place] = unpacked(values, time: times[place])
      }
    } catch DormandPrince.Failure.tooManySteps(let time, let isStiff) {
      throw PredictionError.notReached(
        time: times.max() ?? 0, reached: time / rate,
        reason: isStiff
          ? "the flow is stiff: its learning rates differ by orders of magnitude"
          : "\(accuracy.maximumSteps) steps were not enough")
    } catch DormandPrince.Failure.stuck(let time) {
      throw PredictionError.notReached(
        time: times.max() ?? 0, reached: time / rate, reason: "the gradient of the loss is not finite beyond")
    }
    return results
  }

  /// Outputs at the training points.
  public func trainOutputs(_ state: State) throws(PredictionError) -> Tensor {
    let weights = try layout.matrix(fromOutputs: state.weights, rowSizes: layout.trainSizes, "weights")
    return layout.outputs(outputs(weights), rowSizes: layout.trainSizes)
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
    let (matrix, rowSizes) = try layout.testTrainMatrix(kTestTrain, "kTestTrain")
    let weights = try layout.matrix(fromOutputs: state.weights, rowSizes: layout.trainSizes, "weights")
    let step = matmul(matrix.asType(.float64), weights.asType(.float64))
    guard let initial else { return layout.outputs(step, rowSizes: rowSizes) }
    try requireFinite(initial, "initial test outputs")
    let start = try layout.matrix(fromOutputs: initial, rowSizes: rowSizes, "initial test outputs").asType(.float64)
    return layout.outputs(start + step, rowSizes: rowSizes)
  }

  /// The loss at the training points.
  public func loss(_ state: State) throws -> Double {
    try program([trainOutputs(state)])[0].asType(.float64).scalar(as: Double.self)
  }

  // MARK: - The differential equation

  private func outputs(_ weights: Tensor) -> Tensor {
    let step = matmul(kernel, weights.asType(.float64))
    return initial.map { $0 + step } ?? step
  }

  /// Shapes (rows, outputs) of a, and of b with momentum.
  private func slope(_ values: [Double]) throws -> [Double] {
    let count = momentum == nil ? values.count : values.count / 2
    let weights = Tensor(Array(values[..<count]), shape: [layout.trainSizes.product, layout.traceSizes.product])
    let found = try program([layout.outputs(outputs(weights), rowSizes: layout.trainSizes)])[1]
    let force = try layout.matrix(fromOutputs: found, rowSizes: layout.trainSizes, "gradient").asType(.float64)
      .scalars(as: Double.self)
    guard let momentum else { return force.map { -$0 } }
    let friction = (1 - momentum) / learningRate.squareRoot()
    let velocity = values[count...]
    return Array(velocity) + zip(velocity, force).map { -friction * $0 - $1 }
  }

  private func packed(_ state: State) throws(PredictionError) -> [Double] {
    func numbers(_ tensor: Tensor, _ name: String) throws(PredictionError) -> [Double] {
      try requireFinite(tensor, name)
      return try layout.matrix(fromOutputs: tensor, rowSizes: layout.trainSizes, name).asType(.float64)
        .scalars(as: Double.self)
    }
    return try numbers(state.weights, "weights")
      + (state.velocity.map { tensor throws(PredictionError) in
        try numbers(tensor, "velocity")
      } ?? [])
  }

  private func unpacked(_ values: [Double], time: Double) -> State {
    let count = momentum == nil ? values.count : values.count / 2
    func tensor(_ numbers: ArraySlice<Double>) -> Tensor {
      layout.outputs(
        Tensor(Array(numbers), shape: [layout.trainSizes.product, layout.traceSizes.product]),
        rowSizes: layout.trainSizes)
    }
    return State(
      time: time, weights: tensor(values[..<count]), velocity: momentum == nil ? nil : tensor(values[count...]))
  }
}
