import CovarianceEngine
import Tensors

/// The largest learning rate with which gradient descent on the mean squared error converges:
/// 2 (1 + momentum) |y| / (λ_max + ε), λ_max the largest eigenvalue of the train-train NTK.
///
/// - Parameters:
///   - ntkTrainTrain: shape (N, N); with output axes that are not trace axes, a pair of axes for each behind those.
///   - outputCount: |y|, the number of entries of the targets (N · outputs); nil: the size of the kernel as a matrix.
///   - momentum: from 0 up to, but not including, 1.
///   - epsilon: keeps the result finite for a kernel of zeros.
/// - Complexity: some dozens of matrix-vector products.
public func maximumLearningRate(
  ntkTrainTrain: Tensor, outputCount: Int? = nil, momentum: Double = 0, epsilon: Double = 1e-12
) throws(PredictionError) -> Double {
  let shape = ntkTrainTrain.shape
  let sizes = stride(from: 0, to: shape.count, by: 2).map { shape[$0] }
  guard !shape.isEmpty, shape == sizes.flatMap({ [$0, $0] }), sizes.product > 0 else {
    throw .shapeMismatch(
      argument: "ntkTrainTrain", expected: "pairs of axes of equal sizes, not empty", found: "\(shape)")
  }
  guard (0..<1).contains(momentum) else {
    throw .invalidValue(argument: "momentum", expected: "a number from 0 up to 1", found: "\(momentum)")
  }
  guard ntkTrainTrain.dtype.isFloatingPoint else {
    throw .invalidValue(
      argument: "ntkTrainTrain", expected: "float32 or float64 elements", found: "\(ntkTrainTrain.dtype)")
  }
  if let outputCount, outputCount <= 0 {
    throw .invalidValue(argument: "outputCount", expected: "a positive number", found: "\(outputCount)")
  }
  try requireFinite(ntkTrainTrain, "ntkTrainTrain")
  let layout = try OutputLayout(targetShape: sizes, traceAxes: [])
  let matrix = try layout.trainMatrix(ntkTrainTrain, "ntkTrainTrain")
  let largest = try onBehalf(of: "ntkTrainTrain") { () throws(TensorError) in try largestEigenvalue(matrix) }
  return 2 * (1 + momentum) * Double(outputCount ?? sizes.product) / (largest + epsilon)
}
