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
}
