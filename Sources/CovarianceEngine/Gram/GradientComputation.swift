import Tensors

/// The gradient of a scalar function of a kernel in the inputs, before it is computed: a covariance program with what is known of
/// the function.
package struct GradientComputation: Sendable {
  private let goal: CovarianceGoal
  private let inputs: [ProgramInput]
  private let cotangents: KernelCotangents
  private let hints: GradientHints
  package let choice: GradientChoice

  /// - Parameter output: the one output.
  /// - Throws: where cotangents do not fit the kernel, or the options demand fused executors and they cannot.
  package init(
    _ program: CovarianceProgram, output: CovarianceValue, inputs: [ProgramInput], cotangents: KernelCotangents,
    patterns: GraphPatterns?, options: KernelOptions, hints: GradientHints = GradientHints()
  ) throws(NetworkError) {
    try options.check()
    var program = program
    let id = program.merged(output)
    let dtype = options.precision ?? inputs.map(\.dtype).reduce(.float32) { $0.promoted(with: $1) }
    goal = CovarianceGoal(
      program, outputs: [id], inputs: inputs.map(\.goalInput), tangent: Tangent(isWanted: cotangents.ntk != nil),
      wantsAllPositions: options.positions == .all, dtype: dtype)
    (self.inputs, self.cotangents, self.hints) = (inputs, cotangents, hints)
    choice = try GradientChoice(goal, options: options, patterns: patterns)
    let counts = inputs[0].counts
    if choice.reason == nil { try cotangents.check(counts: counts, isSymmetric: !inputs[0].hasTwoDataSets) }
    if let products = hints.products, products.shape != [counts.n1, counts.n2] {
      throw NetworkError(
        path: [.name("products")], expected: "shape \([counts.n1, counts.n2])", found: "\(products.shape)")
    }
  }

  /// The gradients in x1 and x2 of every input of the program; nil where tensor operations have to compute them.
  package func run() throws(NetworkError) -> [(x1: Tensor, x2: Tensor?)]? {
    let data = inputs.compactMap { input in if case .data(let data) = input { data } else { nil } }
    return try choice.run(goal, data, cotangents, hints)
  }
}

extension KernelCotangents {
  /// - Throws: where they are not of the shapes of a kernel without positions.
  fileprivate func check(counts: (n1: Int, n2: Int), isSymmetric: Bool) throws(NetworkError) {
    let matrix = [counts.n1, counts.n2]
    for (name, tensor, shape) in [
      ("nngp", nngp, matrix), ("ntk", ntk, matrix), ("cov1", cov1, [counts.n1]), ("cov2", cov2, [counts.n2]),
    ] {
      guard let tensor else { continue }
      if name == "cov2" && isSymmetric {
        throw NetworkError(
          path: [.name("cotangents"), .name(name)], expected: "none for one data set", found: "an array")
      }
      guard tensor.shape == shape else {
        throw NetworkError(
          path: [.name("cotangents"), .name(name)], expected: "shape \(shape)", found: "\(tensor.shape)")
      }
    }
  }
}
