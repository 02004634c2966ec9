extension Tensor: Equatable {
  /// Whether element type, shape and all elements are equal; NaN equals nothing. Elementwise comparison is `.==`.
  public static func == (x: Tensor, y: Tensor) -> Bool {
    x.dtype == y.dtype && x.shape == y.shape && (x .== y).all().scalar(as: Bool.self)
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
