import Testing

@testable import Tensors

/// The largest difference of two tensors, relative to the largest entry of the second or to 1; 0 for equal integers and
/// Booleans, infinity where types differ or one is not finite where the other is.
func largestDifference(_ a: Tensor, _ b: Tensor) -> Double {
  guard a.type == b.type else { return .infinity }
  let (x, y) = (a.asType(.float64).scalars(as: Double.self), b.asType(.float64).scalars(as: Double.self))
  let scale = max(1, y.lazy.filter(\.isFinite).map(abs).max() ?? 1)
  var result = 0.0
  for (p, q) in zip(x, y) where p != q && !(p.isNaN && q.isNaN) {
    if !p.isFinite || !q.isFinite { return .infinity }
    result = max(result, abs(p - q) / scale)
  }
  return result
}

extension Tensor {
  /// The same in float32, where it has fractions.
  func rounded(to dtype: DType) -> Tensor { self.dtype == .float64 ? asType(dtype) : self }
}
