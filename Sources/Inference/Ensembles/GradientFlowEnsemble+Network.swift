import CovarianceEngine
import Networks
import Tensors

extension GradientFlowEnsemble {
  /// The infinite ensemble of a network's infinitely wide version.
  ///
  /// - Parameters:
  ///   - network: a network with one input and one output.
  ///   - kernels: `.nngp` where only the NNGP will predict, which saves the tangent kernel.
  ///   - prior: the network that `EnsembleKind.randomizedPriors` adds to every member; nil: another draw of `network`.
  ///   - arguments: graphs of the training inputs, and what marks missing numbers.
  ///   - precision: element type to compute in and return; nil: that of the kernels. With float64, kernels that are
  ///     computed in float32 are put together in float64.
  ///   - solver: how systems with the kernels are solved.
  ///   - solverOptions: for solvers that iterate or keep files.
  ///   - options: how kernels are computed, and whom to tell how far they have come.
  ///   - xTrain: inputs as `Layer.kernel` takes them.
  ///   - yTrain: targets, shape (N, outputs…) or (N).
  ///   - learningRate: flow time per unit of `time`, or of a step.
  ///   - dynamics: how the networks follow the gradient.
  ///   - diagonalRegularizer: added to the diagonal of each train-train kernel; a number literal is relative to its
  ///     mean diagonal.
  /// - Throws: `NetworkError` when the network does not fit the data, `PredictionError` for the rest.
  public convenience init(
    _ network: any Layer, _ xTrain: Tensor, _ yTrain: Tensor, kernels: KernelSet = .all, prior: (any Layer)? = nil,
    arguments: InputArguments = InputArguments(), learningRate: Double = 1,
    dynamics: TrainingDynamics = .flow,
    diagonalRegularizer: DiagonalRegularizer = .none, precision: DType? = nil, solver: SolverChoice = .automatic,
    solverOptions: SolverOptions = SolverOptions(), options: KernelOptions = KernelOptions()
  ) throws {
    if arguments.key != nil {
      throw PredictionError.invalidValue(
        argument: "arguments", expected: "no key: kernels of infinite networks are not random", found: "a key")
    }
    var options = options
    options.accumulation = options.accumulation ?? precision
    let (chosen, source) = (kernels, options)
    @Sendable func job(_ network: any Layer, _ x1: Points, _ x2: Points?, _ kernels: KernelSet) throws -> GramJob {
      try GramJob(
        network, x1.inputs, x2?.inputs,
        patterns: x1.arguments.patterns.map { GraphPatterns($0, x2?.arguments.patterns) },
        maskConstant: x1.arguments.maskConstant, kernels: kernels, options: source)
    }
    @Sendable func priorKernel(_ x1: Points, _ x2: Points?) throws -> Tensor? {
      try prior.map { try job($0, x1, x2, .nngp).run().nngp }
    }
    try self.init(
      trainTrain: { x in
        let kernel = try job(network, x, nil, chosen).run()
        return KernelPair(nngp: kernel.nngp, ntk: kernel.ntk, prior: try priorKernel(x, nil))
      },
      strips: { test, train, height, body in
        try job(network, test, train, chosen).forEachStrip(rows: height) { rows, kernel in
          // The variances of the rows come with them, for outputs without other axes.
          let variances = kernel.cov1.rank == 1 ? kernel.cov1 : nil
          let pair = KernelPair(
            nngp: kernel.nngp, ntk: kernel.ntk, prior: try priorKernel(test.rows(rows), train))
          try body(rows, Strip(testTrain: pair, variances: variances))
        }
      }, xTrain, yTrain, arguments: arguments, learningRate: learningRate, dynamics: dynamics,
      diagonalRegularizer: diagonalRegularizer, traceAxes: [-1], precision: precision, solver: solver,
      solverOptions: solverOptions)
  }
}
