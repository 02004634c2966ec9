import CovarianceEngine
import Tensors

/// A Gaussian prediction at test points.
public struct Prediction: Sendable {
  /// Shape (t…, N_t, outputs…): the axes of the targets, behind those of the training times if there are several.
  public let mean: Tensor
  /// Shape (t…, N_t, N_t), shared by all outputs along trace axes; with other output axes, a pair of axes for each
  /// behind those of the points. Present if it was asked for.
  public let covariance: Tensor?
  /// The diagonal of the covariance, shape (t…, N_t, outputs that are not trace axes…), where rounding below zero is
  /// raised to zero. Present with the covariance, and alone when only it was asked for.
  public let variance: Tensor?
  /// Where variances come from a solver that iterates: what they are at least, while `variance` is what they are at most; shape as
  /// that.
  public let leastVariance: Tensor?

  init(mean: Tensor, covariance: Tensor?, variance: Tensor?, leastVariance: Tensor? = nil) {
    (self.mean, self.covariance, self.variance, self.leastVariance) = (mean, covariance, variance, leastVariance)
  }
}

extension Prediction {
  /// Predictions at consecutive test points as one; `axis` is that of the points. A covariance there is only of all
  /// points at once.
  init(joining parts: [Prediction], axis: Int) {
    func joined(_ tensors: [Tensor?]) -> Tensor? {
      let present = tensors.compactMap(\.self)
      return present.count < parts.count ? nil : present.count == 1 ? present[0] : concatenate(present, axis: axis)
    }
    precondition(!parts.isEmpty, "a prediction of no strips")
    self.init(
      mean: joined(parts.map(\.mean)) ?? parts[0].mean, covariance: parts.count == 1 ? parts[0].covariance : nil,
      variance: joined(parts.map(\.variance)), leastVariance: joined(parts.map(\.leastVariance)))
  }
}

/// How much of a prediction's covariance to compute.
public enum CovarianceForm: Hashable, Sendable {
  case none
  /// The variances only: never forms a matrix over pairs of test points.
  case diagonal
  case full
}

/// The covariance before training, of which predictions subtract what training determines.
enum PriorCovariance: Sendable {
  case none
  case full(Tensor)
  case diagonal(Tensor)
  /// A diagonal that is known to lie between two.
  case bounded(lower: Tensor, upper: Tensor)

  /// C − w wᵀ, w of shape (points, n), which is computed only if there is a C.
  func subtractingGram(
    of w: () throws(PredictionError) -> Tensor
  ) throws(PredictionError) -> PriorCovariance {
    switch self {
    case .none: return .none
    case .full(let matrix):
      let w = try w()
      return .full(matrix - dotGeneral(w, w, contracting: ([1], [1])))
    case .diagonal(let vector):
      let w = try w()
      return .diagonal(vector - rowDots(w, w))
    case .bounded(let lower, let upper):
      let squares = rowDots(try w(), try w())
      return .bounded(lower: lower - squares, upper: upper - squares)
    }
  }

  /// C + m bᵀ + b mᵀ, m and b of shape (points, n).
  func addingSymmetric(_ m: Tensor, _ b: Tensor) -> PriorCovariance {
    switch self {
    case .none: return .none
    case .full(let matrix):
      let half = dotGeneral(m, b, contracting: ([1], [1]))
      return .full(matrix + (half + half.transposed()))
    case .diagonal(let vector):
      return .diagonal(vector + rowDots(m, b) * 2)
    case .bounded(let lower, let upper):
      let change = rowDots(m, b) * 2
      return .bounded(lower: lower + change, upper: upper + change)
    }
  }

  func asType(_ dtype: DType) -> PriorCovariance {
    switch self {
    case .none: .none
    case .full(let matrix): .full(matrix.asType(dtype))
    case .diagonal(let vector): .diagonal(vector.asType(dtype))
    case .bounded(let lower, let upper): .bounded(lower: lower.asType(dtype), upper: upper.asType(dtype))
    }
  }

  var matrix: Tensor? { if case .full(let matrix) = self { matrix } else { nil } }
  /// The largest that it may be.
  var diagonal: Tensor? {
    switch self {
    case .diagonal(let vector), .bounded(_, let vector): vector
    case .none, .full: nil
    }
  }
  /// The least that it may be; nil where it is known.
  var lowerDiagonal: Tensor? { if case .bounded(let lower, _) = self { lower } else { nil } }
  var isNone: Bool { if case .none = self { true } else { false } }
}

/// Σ_k a[i, k] b[i, k].
func rowDots(_ a: Tensor, _ b: Tensor) -> Tensor {
  dotGeneral(a, b, contracting: ([1], [1]), batch: ([0], [0]))
}

extension OutputLayout {
  /// A prediction from one or several (stacked) means and covariances over flat rows.
  func prediction(
    mean: Tensor, covariance: Tensor?, variance: Tensor?, lowerVariance: Tensor? = nil, rowSizes: [Int]
  ) -> Prediction {
    let diagonal = variance ?? covariance?.diagonal()
    return Prediction(
      mean: outputs(mean, rowSizes: rowSizes), covariance: covariance.map { self.covariance($0, rowSizes: rowSizes) },
      variance: diagonal.map { maximum(self.variance($0, rowSizes: rowSizes), 0) },
      leastVariance: lowerVariance.map { maximum(self.variance($0, rowSizes: rowSizes), 0) })
  }
}
