import CovarianceEngine
import Networks
import Tensors

/// Many finite networks of one architecture, each with random parameters of its own, trained side by side by full-batch
/// gradient descent on the half mean squared error: what the infinite ensemble of `GradientFlowEnsemble` is the limit of.
///
/// Step k of a network's training is time k of the flow with the same learning rate, up to the error of finite steps.
public struct FiniteEnsemble {
  /// The parameters of all networks: every tensor has a first axis that counts the networks.
  public private(set) var parameters: Parameters
  private let evaluate: CompiledFunction<Parameters, Tensor, Tensor>
  private let step: CompiledFunction<Parameters, Tensor, Tensor, Parameters>

  /// - Parameters:
  ///   - members: the parameters of each network.
  ///   - learningRate: of gradient descent.
  ///   - network: the architecture of all members.
  /// - Precondition: there is at least one member, and all have parameters of one structure.
  public init(_ network: any Layer, members: [Parameters], learningRate: Double) {
    parameters = stacked(members)
    let outputs = { (parameters: Parameters, x: Tensor) in try network(parameters, x) }
    let loss = { (parameters: Parameters, x: Tensor, y: Tensor) in
      halfMeanSquaredError(try outputs(parameters, x), y)
    }
    let descend = { (parameters: Parameters, x: Tensor, y: Tensor) in
      parameters.combined(with: try gradient(of: loss)(parameters, x, y)) { $0 - learningRate * $1 }
    }
    evaluate = compile(vmap(outputs, inAxes: [0, nil]))
    step = compile(vmap(descend, inAxes: [0, nil, nil]))
  }

  /// The outputs of all networks: shape (networks, inputs, outputs).
  ///
  /// - Throws: `NetworkError` when the inputs do not fit.
  public func callAsFunction(_ x: Tensor) throws -> Tensor { try evaluate(parameters, x) }

  /// Takes steps of gradient descent.
  ///
  /// - Throws: `NetworkError` when the inputs do not fit or the number of steps is negative.
  public mutating func train(_ x: Tensor, _ y: Tensor, steps: Int) throws {
    try requireSize("steps", steps, atLeast: 0, atMost: .max)
    for _ in 0..<steps {
      // The old parameters are given up first, so that the new ones can take their memory.
      let current = parameters
      parameters = .none
      parameters = try step(current, x, y)
    }
  }
}
