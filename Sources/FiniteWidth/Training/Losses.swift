import CovarianceEngine
import Networks
import Tensors

// Losses of a batch as functions that can be differentiated: scalars, means over the batch.

/// Half the mean square of the differences: the loss whose gradient flow `GradientFlow` solves.
public func halfMeanSquaredError(_ outputs: Tensor, _ targets: Tensor) -> Tensor {
  0.5 * square(outputs - targets).mean()
}

/// The mean over the batch of −Σ p log softmax(z).
///
/// - Parameters:
///   - logits: z, shape (batch, classes).
///   - probabilities: p, of the same shape; ones and zeros for known classes.
public func softmaxCrossEntropy(_ logits: Tensor, _ probabilities: Tensor) -> Tensor {
  -(probabilities * logSoftmax(logits)).sum(axis: -1).mean()
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
