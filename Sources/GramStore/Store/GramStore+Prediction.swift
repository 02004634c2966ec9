import CovarianceEngine
import Networks
import Tensors

/// Predictions from a store: the kernels of other inputs with those that it has.
extension GramStore {
  /// The computation of the kernels of other inputs with the first data set, in the precision of the store: rows of a prediction.
  ///
  /// ```swift
  /// let posterior = try GaussianProcess(kTrainTrain: store.matrix(.nngp), yTrain: y, regularizer: 1e-3)
  /// let prediction = try posterior.predict(store.job(of: test))
  /// ```
  ///
  /// - Parameters:
  ///   - inputs: shape (rows, …), one input as in the store.
  ///   - kernels: which; more than the store has, if need be.
  ///   - progress: called as tiles are done.
  /// - Throws: `GramStoreError` where the inputs do not fit the network, or the network needs graphs with them: a store of test and
  ///   training inputs has those.
  public func job(
    of inputs: Tensor, kernels: KernelSet = .all, progress: (@Sendable (GramProgress) -> Void)? = nil
  ) throws(GramStoreError) -> GramJob {
    guard job.data["pattern1"] == nil else {
      throw .malformed(
        path: path, expected: "a network without graphs, or a store of test and training inputs with theirs",
        found: "graphs of the training inputs only")
    }
    let x1 = try firstInputs()
    return try Self.computation(
      network(), inputs.asType(x1.dtype), x1, patterns: nil, maskConstant: job.maskConstant, kernels: kernels,
      options: KernelOptions(precision: dtype, tileSize: tileSize, progress: progress))
  }

  /// The NNGP of each of other inputs with itself, shape (rows): what no tile of a kernel of two data sets has.
  ///
  /// - Throws: `GramStoreError` where the inputs do not fit the network.
  package func variances(of inputs: Tensor) throws(GramStoreError) -> Tensor {
    let x1 = try firstInputs()
    let job = try Self.computation(
      network(), inputs.asType(x1.dtype), x1[0..<1], patterns: nil, maskConstant: job.maskConstant, kernels: .nngp,
      options: KernelOptions(precision: dtype))
    do throws(NetworkError) {
      return try job.run().cov1
    } catch {
      throw .computation(error)
    }
  }

  /// The first data set, as it was given.
  ///
  /// - Throws: `GramStoreError` where it is damaged.
  public func firstInputs() throws(GramStoreError) -> Tensor {
    guard let x1 = try dataSet("x1") else { throw .malformed(path: path, expected: "a data set x1", found: "none") }
    return x1
  }

  /// Compares a store whose rows are to be predicted with the one that has their columns: its second data set is the first of that,
  /// and both were made for the same network.
  ///
  /// - Throws: `GramStoreError.otherJob` with what differs first.
  package func requireRows(for training: GramStore) throws(GramStoreError) {
    try job.require(network: training.job.network, store: path)
    guard let there = job.data["x2"] ?? job.data["x1"], let here = training.job.data["x1"] else { return }
    if there != here {
      throw .otherJob(
        store: path, what: "data", field: "the second data set",
        there: "of shape \(there.shape), SHA-256 \(there.digest.prefix(12))…",
        here: "of shape \(here.shape), SHA-256 \(here.digest.prefix(12))… as the first of \(training.path)",
        remedy: "make it with --x2 of the training inputs")
    }
    try job.require(
      "mask constant", there: job.maskConstant.map { "\($0)" } ?? "none",
      here: training.job.maskConstant.map { "\($0)" } ?? "none", store: path)
  }
}
