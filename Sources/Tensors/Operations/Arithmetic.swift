// Arithmetic broadcasts by NumPy's rule: shapes are aligned at the last axis; sizes are equal, or 1 and then repeated.
// Operands of different element types are promoted, bool < int32 < float32 < float64, and bool counts as int32. A
// Double operand takes the tensor's element type. Integers wrap around.

extension Tensor {
  /// The sum of the elements; shapes broadcast, and types are promoted.
  public static func + (x: consuming Tensor, y: consuming Tensor) -> Tensor { elementwise(.add, x, y) }
  /// Adds a number to every element.
  public static func + (x: consuming Tensor, y: Double) -> Tensor { elementwise(.add, x, y) }
  /// Adds every element to a number.
  public static func + (x: Double, y: consuming Tensor) -> Tensor { elementwise(.add, x, y) }

  /// The difference of the elements; shapes broadcast, and types are promoted.
  public static func - (x: consuming Tensor, y: consuming Tensor) -> Tensor { elementwise(.subtract, x, y) }
  /// Subtracts a number from every element.
  public static func - (x: consuming Tensor, y: Double) -> Tensor { elementwise(.subtract, x, y) }
  /// Subtracts every element from a number.
  public static func - (x: Double, y: consuming Tensor) -> Tensor { elementwise(.subtract, x, y) }

  /// The product of the elements, one by one; shapes broadcast, and types are promoted. For matrices see `matmul`.
  public static func * (x: consuming Tensor, y: consuming Tensor) -> Tensor { elementwise(.multiply, x, y) }
  /// Every element times a number.
  public static func * (x: consuming Tensor, y: Double) -> Tensor { elementwise(.multiply, x, y) }
  /// A number times every element.
  public static func * (x: Double, y: consuming Tensor) -> Tensor { elementwise(.multiply, x, y) }

  /// The quotient; of integers as float32.
  public static func / (x: consuming Tensor, y: consuming Tensor) -> Tensor {
    elementwise(.divide, x, y, least: .float32)
  }
  /// The quotient; of integers as float32.
  public static func / (x: consuming Tensor, y: Double) -> Tensor { elementwise(.divide, x, y, least: .float32) }
  /// The quotient; of integers as float32.
  public static func / (x: Double, y: consuming Tensor) -> Tensor { elementwise(.divide, x, y, least: .float32) }

  /// Every element with the other sign; bool counts as int32.
  public static prefix func - (x: consuming Tensor) -> Tensor { apply(.unary(.negate), [x.raised(to: .int32)]) }
  /// The tensor itself.
  public static prefix func + (x: consuming Tensor) -> Tensor { x }

  /// Adds in place; the shape and element type of `x` stay.
  public static func += (x: inout Tensor, y: consuming Tensor) {
    let type = x.type
    x = (x.take() + y).inPlace(of: type)
  }
  /// Adds a number in place; the element type of `x` stays.
  public static func += (x: inout Tensor, y: Double) {
    let type = x.type
    x = (x.take() + y).inPlace(of: type)
  }
  /// Subtracts in place; the shape and element type of `x` stay.
  public static func -= (x: inout Tensor, y: consuming Tensor) {
    let type = x.type
    x = (x.take() - y).inPlace(of: type)
  }
  /// Subtracts a number in place; the element type of `x` stays.
  public static func -= (x: inout Tensor, y: Double) {
    let type = x.type
    x = (x.take() - y).inPlace(of: type)
  }
  /// Multiplies in place; the shape and element type of `x` stay.
  public static func *= (x: inout Tensor, y: consuming Tensor) {
    let type = x.type
    x = (x.take() * y).inPlace(of: type)
  }
  /// Multiplies by a number in place; the element type of `x` stays.
  public static func *= (x: inout Tensor, y: Double) {
    let type = x.type
    x = (x.take() * y).inPlace(of: type)
  }
  /// Divides in place; the shape and element type of `x` stay.
  public static func /= (x: inout Tensor, y: consuming Tensor) {
    let type = x.type
    x = (x.take() / y).inPlace(of: type)
  }
  /// Divides by a number in place; the element type of `x` stays.
  public static func /= (x: inout Tensor, y: Double) {
    let type = x.type
    x = (x.take() / y).inPlace(of: type)
  }

  private consuming func inPlace(of type: TensorType) -> Tensor {
    precondition(shape == type.shape, "the result of shape \(shape) has no place in shape \(type.shape)")
    return asType(type.dtype)
  }
}

/// x * y + z in one pass, rounded once where the processor can.
public func multiplyAdd(_ x: consuming Tensor, _ y: consuming Tensor, _ z: consuming Tensor) -> Tensor {
  let dtype = x.dtype.promoted(with: y.dtype).promoted(with: z.dtype).promoted(with: .int32)
  return apply(.multiplyAdd, [x.asType(dtype), y.asType(dtype), z.asType(dtype)])
}

/// x * y + z in one pass, for numbers y and z.
public func multiplyAdd(_ x: consuming Tensor, _ y: Double, _ z: Double) -> Tensor {
  let dtype = x.dtype.promoted(with: .int32)
  return apply(.multiplyAdd, [x.asType(dtype), .constant(y, dtype: dtype), .constant(z, dtype: dtype)])
}

/// The smaller of two elements; NaN if either is.
public func minimum(_ x: consuming Tensor, _ y: consuming Tensor) -> Tensor {
  elementwise(.minimum, x, y, least: .bool)
}
/// The smaller of an element and a number; NaN if either is.
public func minimum(_ x: consuming Tensor, _ y: Double) -> Tensor { elementwise(.minimum, x, y, least: .bool) }

/// The larger of two elements; NaN if either is.
public func maximum(_ x: consuming Tensor, _ y: consuming Tensor) -> Tensor {
  elementwise(.maximum, x, y, least: .bool)
}
/// The larger of an element and a number; NaN if either is.
public func maximum(_ x: consuming Tensor, _ y: Double) -> Tensor { elementwise(.maximum, x, y, least: .bool) }

/// Elements limited to `least ... most`; NaN stays.
public func clip(_ x: consuming Tensor, _ least: Double, _ most: Double) -> Tensor {
  minimum(maximum(x, least), most)
}

/// x to the power of y; integers to an integer, wrapping around, and 0 for a fraction.
public func pow(_ x: consuming Tensor, _ y: consuming Tensor) -> Tensor { elementwise(.power, x, y) }

/// x to the power of a number, by multiplication or a root where that is as accurate.
public func pow(_ x: consuming Tensor, _ y: Double) -> Tensor {
  switch y {
  case 1: x.raised(to: .int32)
  case 2: square(x)
  case -1 where x.dtype.isFloatingPoint: reciprocal(x)
  default: elementwise(.power, x, y)
  }
}

/// A number to the power of y.
public func pow(_ x: Double, _ y: consuming Tensor) -> Tensor { elementwise(.power, x, y) }

/// The angle of the point (x, y), from -pi to pi.
public func atan2(_ y: consuming Tensor, _ x: consuming Tensor) -> Tensor {
  elementwise(.atan2, y, x, least: .float32)
}
