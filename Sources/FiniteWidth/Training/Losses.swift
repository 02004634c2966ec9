import CovarianceEngine
import Networks
import Tensors

// Losses of a batch as functions that can be differentiated: scalars.

/// What a cross-entropy is a mean over; with C classes one is C times the other, and so is time in its gradient flow.
public enum LossAverage: Sendable, Hashable, CaseIterable {
  /// Over the inputs of the batch: what most training loops do.
  case rows
  /// Over all entries of the outputs: what the examples of the Python library neural-tangents do, and like
  /// `halfMeanSquaredError`.
  case entries
}

/// Half the mean square of the differences: the loss whose gradient flow `GradientFlow` solves.
public func halfMeanSquaredError(_ outputs: Tensor, _ targets: Tensor) -> Tensor {
  0.5 * square(outputs - targets).mean()
}

/// −Σ p log softmax(z) over all entries, divided by the number of rows or of entries.
///
/// - Parameters:
///   - logits: z, shape (batch, classes).
///   - probabilities: p, of the same shape; ones and zeros for known classes.
///   - average: what it is a mean over.
public func softmaxCrossEntropy(
  _ logits: Tensor, _ probabilities: Tensor, over average: LossAverage = .rows
) -> Tensor {
  let terms = probabilities * logSoftmax(logits)
  return average == .rows ? -terms.sum(axis: -1).mean() : -terms.mean()
}

/// log(exp zᵢ / Σ exp zⱼ) along the last axis, without overflow.
public func logSoftmax(_ logits: Tensor) -> Tensor {
  let shifted = logits - stopGradient(logits.max(axis: -1, keepDims: true))
  return shifted - log(exp(shifted).sum(axis: -1, keepDims: true))
}

/// Ones where the class is, shape (…, classes).
///
/// - Parameters:
///   - classes: int32, from 0 up to before `count`; others give zeros only.
///   - count: the number of classes.
///   - dtype: of the result.
public func oneHot(_ classes: Tensor, count: Int, dtype: DType = .float32) -> Tensor {
  (classes.expandedDims(-1) .== Tensor.arange(count)).asType(dtype)
}
