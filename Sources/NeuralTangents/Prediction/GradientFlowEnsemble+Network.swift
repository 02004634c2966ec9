import Tensors

extension GradientFlowEnsemble {
  /// The infinite ensemble of a network's infinitely wide version.
  ///
  /// - Parameters:
  ///   - network: a network with one input and one output.
  ///   - kernels: `.nngp` where only the NNGP will predict, which saves the tangent kernel.
  /// - Throws: `NetworkError` when the network does not fit the data, `PredictionError` for the rest.
  public convenience init(
    _ network: any Layer, _ xTrain: Tensor, _ yTrain: Tensor, kernels: KernelSet = .all, learningRate: Double = 1,
    diagonalRegularizer: DiagonalRegularizer = .none, precision: DType? = nil,
    options: KernelOptions = KernelOptions()
  ) throws {
    try self.init(
      kernel: { x1, x2 in
        let kernel = try network.kernel(x1, x2, kernels: kernels, options: options)
        return (kernel.nngp, kernel.ntk)
      }, xTrain, yTrain, learningRate: learningRate, diagonalRegularizer: diagonalRegularizer, precision: precision)
  }
}
