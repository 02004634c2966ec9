import NeuralTangents
import Tensors

/// How predictions are made: everything but the data.
struct Recipe: Sendable {
  enum Method: String, Sendable, CaseIterable {
    /// The Bayesian network: the posterior of its prior at initialisation.
    case nngp
    /// The infinite ensemble of networks trained by gradient descent.
    case ntk

    var kind: EnsembleKind { self == .nngp ? .nngp : .ntk }
  }

  enum Regularizer: Sendable {
    /// The one that predicts left-out training rows best.
    case automatic
    case fixed(DiagonalRegularizer)
  }

  var network: any Layer
  var method = Method.nngp
  var regularizer = Regularizer.automatic
  /// Infinity for training to the end.
  var time = Double.infinity
  var learningRate = 1.0
  /// Of kernels; linear algebra is done in float64, as rounding in the kernel is noise but rounding in solving is not.
  var precision = DType.float64
  /// Rows and columns of a kernel that are computed at once; nil for a good number.
  var tileSize: Int?

  /// The computation of a kernel of two data sets, or of one with itself, put together in float64.
  func job(_ x1: Tensor, _ x2: Tensor? = nil, progress: ProgressReporter) throws -> GramJob {
    try GramJob(
      network, x1, x2, kernels: method == .ntk ? .all : .nngp,
      options: KernelOptions(
        precision: precision, accumulation: .float64, tileSize: tileSize, progress: progress.kernelProgress))
  }
}
