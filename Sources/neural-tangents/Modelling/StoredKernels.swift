import GramStore
import Inference
import NeuralTangents
import Tensors

/// Kernels of rows to learn from, and of rows to predict, that are in stores and not computed again.
struct StoredKernels: Sendable {
  let training: GramStore
  /// Of the rows to predict with those to learn from; nil where that is computed.
  let test: GramStore?
  /// The processes that read the store together; nil for this one alone.
  let team: ClusterTeam?

  /// The kernels that predictions take: of trained networks both, one for what they become and one for what they were.
  func needed(by method: Recipe.Method) -> [StoredKernel] { method == .nngp ? [.nngp] : [.nngp, .ntk] }

  /// Whether other processes hold factors of the kernel, too.
  var isFactoredTogether: Bool { team?.factors ?? false }

  /// The matrix of a number, in every process the same.
  static func matrix(_ number: Int, of store: GramStore) throws -> any TiledMatrix {
    let kernel: StoredKernel = number == 0 ? .nngp : .ntk
    return try store.matrix(kernel, notice: { StandardError.warn("\(store.path): \($0)") })
  }

  /// The kernel of all rows to learn from.
  func matrix(_ kernel: StoredKernel) throws -> any TiledMatrix {
    let number = kernel == .nngp ? 0 : 1
    return try team.map { try $0.matrix(number) } ?? Self.matrix(number, of: training)
  }

  /// The kernels of some rows with themselves, in float64.
  func kernels(_ rows: [Int], method: Recipe.Method) throws -> KernelPair {
    func part(_ kernel: StoredKernel) throws -> Tensor {
      let number = kernel == .nngp ? 0 : 1
      return try GramOperator(Self.matrix(number, of: training)).rows(rows).taking(rows, axis: 1)
    }
    return KernelPair(nngp: try part(.nngp), ntk: method == .ntk ? try part(.ntk) : nil)
  }

  /// Calls `body` with the kernels of the rows to predict with those to learn from, some rows at a time, and with the NNGP of each of
  /// these rows with itself.
  ///
  /// - Parameter x: the rows to predict.
  func forEachStrip(
    _ x: Tensor, method: Recipe.Method, progress: ProgressReporter,
    _ body: (KernelPair, _ variances: Tensor) throws -> Void
  ) throws {
    let kernels: KernelSet = method == .nngp ? .nngp : .all
    guard let test else {
      try training.job(of: x, kernels: kernels, progress: progress.kernelProgress).forEachStrip { _, strip in
        try body(KernelPair(nngp: strip.nngp, ntk: method == .ntk ? strip.ntk : nil), strip.cov1)
      }
      return
    }
    // A kernel with a single row has the variances of all.
    let variances = try training.variances(of: x)
    var first = 0
    for row in 0..<test.stripCount {
      let nngp = try test.strip(.nngp, row: row)
      let rows = first..<first + nngp.shape[0]
      try body(KernelPair(nngp: nngp, ntk: method == .ntk ? test.strip(.ntk, row: row) : nil), variances[rows])
      first = rows.upperBound
      progress.update(Double(row + 1) / Double(test.stripCount))
    }
  }
}
