import CovarianceEngine
import Tensors

extension Layer {
  /// The shape of the outputs for inputs of shape `input`.
  public func outputShape(forInput input: [Int]) throws(NetworkError) -> [Int] {
    try single(outputShape(.single(input)))
  }

  /// Random parameters of the finite network.
  ///
  /// - Parameters:
  ///   - inputShape: shape of the inputs; its size along the batch axis is of no importance.
  ///   - key: the same key gives the same parameters on every machine.
  ///   - dtype: float32 or float64.
  public func initialize(_ key: RandomKey, inputShape: [Int], dtype: DType = .float32) throws(NetworkError)
    -> Parameters
  {
    try initialize(key, .single(inputShape), dtype: dtype)
  }

  /// Outputs of the finite network.
  ///
  /// A function of two trees, to be differentiated, mapped, compiled or expanded:
  /// `linearize(network.callAsFunction, at: parameters)`.
  public func callAsFunction(_ parameters: Parameters, _ x: Tensor) throws(NetworkError) -> Tensor {
    try self(parameters, x, key: nil)
  }

  /// Outputs of the finite network; those masked are zero.
  ///
  /// - Parameters:
  ///   - key: randomness for layers such as `Dropout`; they throw without it.
  ///   - pattern: the graphs of the inputs, for `Aggregate`.
  ///   - maskConstant: inputs equal to it (or NaN, if it is NaN) are missing; nil when none is.
  ///   - parameters: of the structure that `initialize` gives.
  ///   - x: inputs, of the shape that the network was initialised for but for their number.
  public func callAsFunction(
    _ parameters: Parameters, _ x: Tensor, key: RandomKey? = nil, pattern: Tensor? = nil, maskConstant: Double? = nil
  ) throws(NetworkError) -> Tensor {
    try masked(parameters, x, key: key, pattern: pattern, maskConstant: maskConstant).values
  }

  /// Outputs of the finite network and which of them are masked.
  public func masked(
    _ parameters: Parameters, _ x: Tensor, key: RandomKey? = nil, pattern: Tensor? = nil, maskConstant: Double? = nil
  ) throws(NetworkError) -> MaskedTensor {
    try single(
      apply(
        parameters, .single(MaskedTensor(x, maskConstant: maskConstant)), ApplyContext(key: key, pattern: pattern)))
  }

  private func single<Leaf>(_ output: Branches<Leaf>) throws(NetworkError) -> Leaf {
    guard case .single(let leaf) = output else {
      throw NetworkError(
        expected: "a network with one output (use apply for several)", found: "\(output.leaves.count) outputs")
    }
    return leaf
  }
}
