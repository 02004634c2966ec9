import CovarianceEngine
import Networks
import Tensors

extension GradientFlowEnsemble {
  /// The infinite ensemble of a network's infinitely wide version.
  ///
  /// - Parameters:
  ///   - network: a network with one input and one output.
  ///   - kernels: `.nngp` where only the NNGP will predict, which saves the tangent kernel.
  ///   - precision: element type to compute in and return; nil: that of the kernels. With float64, kernels that are
  ///     computed in float32 are put together in float64.
  ///   - solver: how systems with the kernels are solved.
  ///   - options: how kernels are computed, and whom to tell how far they have come.
  ///   - xTrain: inputs as `Layer.kernel` takes them.
  ///   - yTrain: targets, shape (N, outputs…) or (N).
  ///   - learningRate: flow time per unit of `time`, or of a step.
  ///   - dynamics: how the networks follow the gradient.
  ///   - diagonalRegularizer: added to the diagonal of each train-train kernel; a number literal is relative to its
  ///     mean diagonal.
  /// - Throws: `NetworkError` when the network does not fit the data, `PredictionError` for the rest.
  public convenience init(
    _ network: any Layer, _ xTrain: Tensor, _ yTrain: Tensor, kernels: KernelSet = .all, learningRate: Double = 1,
    dynamics: TrainingDynamics = .flow,
    diagonalRegularizer: DiagonalRegularizer = .none, precision: DType? = nil, solver: SolverChoice = .factorized,
    options: KernelOptions = KernelOptions()
  ) throws {
    var options = options
    options.accumulation = options.accumulation ?? precision
    let (chosen, source) = (kernels, options)
    try self.init(
      trainTrain: { x in
        let kernel = try GramJob(network, x, kernels: chosen, options: source).run()
        return KernelPair(nngp: kernel.nngp, ntk: kernel.ntk)
      },
      strips: { x1, x2, height, body in
        try GramJob(network, x1, x2, kernels: chosen, options: source).forEachStrip(rows: height) { rows, kernel in
          // The variances of the rows come with them, for outputs without other axes.
          let variances = kernel.cov1.rank == 1 ? kernel.cov1 : nil
          try body(rows, Strip(testTrain: KernelPair(nngp: kernel.nngp, ntk: kernel.ntk), variances: variances))
        }
      }, xTrain, yTrain, learningRate: learningRate, dynamics: dynamics, diagonalRegularizer: diagonalRegularizer,
      traceAxes: [-1],
      precision: precision, solver: solver)
  }
}
