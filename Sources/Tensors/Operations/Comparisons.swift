// Comparisons give bool tensors; operands broadcast and are promoted as in arithmetic. NaN is unequal to everything.

private func compare(_ comparison: Comparison, _ x: consuming Tensor, _ y: consuming Tensor) -> Tensor {
  let dtype = x.dtype.promoted(with: y.dtype)
  return apply(.compare(comparison), [x.asType(dtype), y.asType(dtype)])
}

/// A fraction has no place in an integer tensor's element type, so integers are compared with it as float64.
private func compare(_ comparison: Comparison, _ x: consuming Tensor, _ y: Double) -> Tensor {
  let dtype = x.dtype.isFloatingPoint ? x.dtype : DType.float64
  return apply(.compare(comparison), [x.asType(dtype), .constant(y, dtype: dtype)])
}

extension Tensor {
  /// Where an element is smaller: bool; false where either is NaN.
  public static func .< (x: consuming Tensor, y: consuming Tensor) -> Tensor { compare(.less, x, y) }
  /// Where an element is smaller: bool; false where either is NaN.
  public static func .< (x: consuming Tensor, y: Double) -> Tensor { compare(.less, x, y) }

  /// Where an element is smaller or equal: bool; false where either is NaN.
  public static func .<= (x: consuming Tensor, y: consuming Tensor) -> Tensor { compare(.lessOrEqual, x, y) }
  /// Where an element is smaller or equal: bool; false where either is NaN.
  public static func .<= (x: consuming Tensor, y: Double) -> Tensor { compare(.lessOrEqual, x, y) }

  /// Where elements are equal: bool; NaN equals nothing.
  public static func .== (x: consuming Tensor, y: consuming Tensor) -> Tensor { compare(.equal, x, y) }
  /// Where elements are equal: bool; NaN equals nothing.
  public static func .== (x: consuming Tensor, y: Double) -> Tensor { compare(.equal, x, y) }

  /// Where elements differ: bool; NaN differs from everything.
  public static func .!= (x: consuming Tensor, y: consuming Tensor) -> Tensor { compare(.notEqual, x, y) }
  /// Where elements differ: bool; NaN differs from everything.
  public static func .!= (x: consuming Tensor, y: Double) -> Tensor { compare(.notEqual, x, y) }

  /// Where an element is larger or equal: bool; false where either is NaN.
  public static func .>= (x: consuming Tensor, y: consuming Tensor) -> Tensor { compare(.greaterOrEqual, x, y) }
  /// Where an element is larger or equal: bool; false where either is NaN.
  public static func .>= (x: consuming Tensor, y: Double) -> Tensor { compare(.greaterOrEqual, x, y) }

  /// Where an element is larger: bool; false where either is NaN.
  public static func .> (x: consuming Tensor, y: consuming Tensor) -> Tensor { compare(.greater, x, y) }
  /// Where an element is larger: bool; false where either is NaN.
  public static func .> (x: consuming Tensor, y: Double) -> Tensor { compare(.greater, x, y) }

  /// Whether both are true (of bool tensors).
  public static func .& (x: consuming Tensor, y: consuming Tensor) -> Tensor { logical(.and, x, y) }
  /// Whether one or both are true (of bool tensors).
  public static func .| (x: consuming Tensor, y: consuming Tensor) -> Tensor { logical(.or, x, y) }
  /// Whether exactly one is true (of bool tensors).
  public static func .^ (x: consuming Tensor, y: consuming Tensor) -> Tensor { logical(.xor, x, y) }
  /// Whether false (of a bool tensor).
  public static prefix func .! (x: consuming Tensor) -> Tensor { apply(.unary(.not), [x]) }
}

private func logical(_ function: BinaryFunction, _ x: consuming Tensor, _ y: consuming Tensor) -> Tensor {
  apply(.binary(function), [x, y])
}

/// Where `mask` is true the element of `x`, elsewhere that of `y`; all three broadcast.
public func select(_ mask: consuming Tensor, _ x: consuming Tensor, _ y: consuming Tensor) -> Tensor {
  let dtype = x.dtype.promoted(with: y.dtype)
  return apply(.select, [mask.asType(.bool), x.asType(dtype), y.asType(dtype)])
}

/// Where `mask` is true the element of `x`, elsewhere a number.
public func select(_ mask: consuming Tensor, _ x: consuming Tensor, _ y: Double) -> Tensor {
  let dtype = x.dtype
  return apply(.select, [mask.asType(.bool), x, .constant(y, dtype: dtype)])
}

/// Where `mask` is true a number, elsewhere the element of `y`.
public func select(_ mask: consuming Tensor, _ x: Double, _ y: consuming Tensor) -> Tensor {
  let dtype = y.dtype
  return apply(.select, [mask.asType(.bool), .constant(x, dtype: dtype), y])
}

/// Whether each element is NaN; never of an integer.
public func isNaN(_ x: Tensor) -> Tensor { x .!= x }

/// Whether each element is neither NaN nor infinite; always of an integer.
public func isFinite(_ x: Tensor) -> Tensor {
  x.dtype.isFloatingPoint ? abs(x) .< Double.infinity : x .== x
}

/// Whether each element is infinite; never of an integer.
public func isInfinite(_ x: Tensor) -> Tensor {
  x.dtype.isFloatingPoint ? abs(x) .== Double.infinity : x .!= x
}
