extension Tensor: Equatable {
  /// Whether element type, shape and all elements are equal; NaN equals nothing. Elementwise comparison is `.==`.
  public static func == (x: Tensor, y: Tensor) -> Bool {
    x.dtype == y.dtype && x.shape == y.shape && (x .== y).all().scalar(as: Bool.self)
  }
}

extension Tensor {
  /// Whether both have one shape and the same elements to the last bit, those of different floating-point types the same
  /// numbers; a traced tensor is the same as itself only. Nothing is copied.
  package func hasSameElements(as other: Tensor) -> Bool {
    if isIdentical(to: other) { return true }
    guard shape == other.shape, !isTraced, !other.isTraced else { return false }
    if dtype == other.dtype { return storage.hasSameBytes(as: other.storage) }
    guard dtype.isFloatingPoint, other.dtype.isFloatingPoint else { return false }
    let (single, double) = dtype == .float32 ? (self, other) : (other, self)
    return single.withUnsafeBuffer(of: Float.self) { single in
      double.withUnsafeBuffer(of: Double.self) { double in zip(single, double).allSatisfy { Double($0) == $1 } }
    }
  }
}

/// Whether shapes broadcast and |x - y| <= absoluteTolerance + relativeTolerance * |y| for all elements; infinities are
/// close to themselves, NaN to nothing unless `equalNaN`.
public func allClose(
  _ x: Tensor, _ y: Tensor, relativeTolerance: Double = 1e-5, absoluteTolerance: Double = 1e-8, equalNaN: Bool = false
) -> Bool {
  guard x.shape.broadcasts(to: y.shape) || y.shape.broadcasts(to: x.shape) else { return false }
  let (a, b) = (x.asType(.float64), y.asType(.float64))
  var close = (abs(a - b) .<= multiplyAdd(abs(b), relativeTolerance, absoluteTolerance)) .& isFinite(b)
  close = close .| (a .== b)
  if equalNaN { close = close .| (isNaN(a) .& isNaN(b)) }
  return close.all().scalar(as: Bool.self)
}
