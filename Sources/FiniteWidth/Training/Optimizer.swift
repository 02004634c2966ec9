import CovarianceEngine
import Networks
import Tensors

/// A rule by which parameters follow the negative gradient of a loss.
///
/// Rules are functions of tensors, so a step can be compiled, mapped over an ensemble of networks, and differentiated:
///
/// ```swift
/// let rule = Adam(learningRate: 1e-3)
/// let step = compile { (state: TrainingState<Parameters>, x: Tensor, y: Tensor) in
///   rule.step(state, gradient: try gradient(of: loss)(state.parameters, x, y))
/// }
/// var state = rule.start(parameters)
/// for (x, y) in batches { state = try step(state, x, y) }
/// ```
public protocol Optimizer: Sendable {
  /// The state before the first step.
  func start<Tree: TensorTree>(_ parameters: Tree) -> TrainingState<Tree>

  /// The state after one step.
  ///
  /// - Parameters:
  ///   - gradient: of the loss in the parameters, of their structure.
  ///   - state: before the step.
  func step<Tree: TensorTree>(_ state: TrainingState<Tree>, gradient: Tree) -> TrainingState<Tree>
}

/// Parameters in training with what an optimizer remembers of earlier steps.
public struct TrainingState<Tree: TensorTree>: TensorTree {
  /// The parameters.
  public var parameters: Tree
  /// Running averages, each of the structure of the parameters.
  public var moments: [Tree]
  /// Steps taken so far: a scalar.
  public var steps: Tensor

  public init(parameters: Tree, moments: [Tree]) {
    self.init(parameters: parameters, moments: moments, steps: Tensor(0.0))
  }

  private init(parameters: Tree, moments: [Tree], steps: Tensor) {
    (self.parameters, self.moments, self.steps) = (parameters, moments, steps)
  }

  public func mapTensors<Failure: Error>(
    _ transform: (Tensor) throws(Failure) -> Tensor
  ) throws(Failure) -> TrainingState {
    TrainingState(
      parameters: try parameters.mapTensors(transform), moments: try moments.mapTensors(transform),
      steps: try transform(steps))
  }

  public var structure: [String] { parameters.structure + moments.structure }
}

/// Stochastic gradient descent with momentum: v ← μ v + g, θ ← θ − η v (with Nesterov's look ahead θ ← θ − η (μ v + g)).
public struct GradientDescent: Optimizer {
  /// η.
  public var learningRate: Double
  /// μ, from 0 up to 1.
  public var momentum: Double
  /// Whether the gradient counts as if the momentum's step had been made.
  public var isNesterov: Bool

  public init(learningRate: Double, momentum: Double = 0, isNesterov: Bool = false) {
    (self.learningRate, self.momentum, self.isNesterov) = (learningRate, momentum, isNesterov)
  }

  public func start<Tree: TensorTree>(_ parameters: Tree) -> TrainingState<Tree> {
    TrainingState(parameters: parameters, moments: momentum == 0 ? [] : [zeros(like: parameters)])
  }

  public func step<Tree: TensorTree>(_ state: TrainingState<Tree>, gradient: Tree) -> TrainingState<Tree> {
    var next = state
    var direction = gradient
    if momentum != 0 {
      next.moments[0] = state.moments[0].combined(with: gradient) { momentum * $0 + $1 }
      direction = isNesterov ? next.moments[0].combined(with: gradient) { momentum * $0 + $1 } : next.moments[0]
    }
    next.parameters = state.parameters.combined(with: direction) { $0 - learningRate * $1 }
    next.steps = state.steps + 1
    return next
  }
}

/// Adam: averages of the gradient and its square, corrected for their start at zero.
///
/// *Source:* Kingma and Ba, "Adam: a method for stochastic optimization" (2015), algorithm 1.
public struct Adam: Optimizer {
  /// The size of a step.
  public var learningRate: Double
  /// β₁ and β₂, the parts of the averages that stay.
  public var decay: (mean: Double, square: Double)
  /// Added to the root of the average square.
  public var epsilon: Double

  public init(
    learningRate: Double, decay: (mean: Double, square: Double) = (0.9, 0.999), epsilon: Double = 1e-8
  ) {
    (self.learningRate, self.decay, self.epsilon) = (learningRate, decay, epsilon)
  }

  public func start<Tree: TensorTree>(_ parameters: Tree) -> TrainingState<Tree> {
    TrainingState(parameters: parameters, moments: [zeros(like: parameters), zeros(like: parameters)])
  }

  public func step<Tree: TensorTree>(_ state: TrainingState<Tree>, gradient: Tree) -> TrainingState<Tree> {
    var next = state
    next.steps = state.steps + 1
    next.moments = [
      state.moments[0].combined(with: gradient) { decay.mean * $0 + (1 - decay.mean) * $1 },
      state.moments[1].combined(with: gradient) { decay.square * $0 + (1 - decay.square) * ($1 * $1) },
    ]
    let (meanScale, squareScale) = (1 - pow(decay.mean, next.steps), 1 - pow(decay.square, next.steps))
    let direction = next.moments[0].combined(with: next.moments[1]) { mean, square in
      (mean / meanScale.asType(mean.dtype)) / (sqrt(square / squareScale.asType(mean.dtype)) + epsilon)
    }
    next.parameters = state.parameters.combined(with: direction) { $0 - learningRate * $1 }
    return next
  }
}

private func zeros<Tree: TensorTree>(like tree: Tree) -> Tree {
  tree.mapTensors { Tensor.zeros($0.shape, dtype: $0.dtype) }
}
