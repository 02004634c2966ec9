// Elementary functions, elementwise. Integers and bools are taken as float32. Results are within 1 ulp of the exact
// ones (erfc 1.5, rsqrt 1.5, erfInverse 3), and infinities and NaN are treated as IEEE 754 recommends.

private func elementary(_ function: UnaryFunction, _ x: consuming Tensor) -> Tensor {
  apply(.unary(function), [x.raised(to: .float32)])
}

/// e to the power of x.
public func exp(_ x: consuming Tensor) -> Tensor { elementary(.exp, x) }

/// exp(x) - 1, accurate near 0.
public func expm1(_ x: consuming Tensor) -> Tensor { elementary(.expm1, x) }

/// The natural logarithm.
public func log(_ x: consuming Tensor) -> Tensor { elementary(.log, x) }

/// log(1 + x), accurate near 0.
public func log1p(_ x: consuming Tensor) -> Tensor { elementary(.log1p, x) }

/// The sine of x radians.
public func sin(_ x: consuming Tensor) -> Tensor { elementary(.sin, x) }

/// The cosine of x radians.
public func cos(_ x: consuming Tensor) -> Tensor { elementary(.cos, x) }

/// The tangent of x radians.
public func tan(_ x: consuming Tensor) -> Tensor { elementary(.tan, x) }

/// The arcsine, from -pi/2 to pi/2; NaN outside of [-1, 1].
public func asin(_ x: consuming Tensor) -> Tensor { elementary(.asin, x) }

/// The arccosine, from 0 to pi; NaN outside of [-1, 1].
public func acos(_ x: consuming Tensor) -> Tensor { elementary(.acos, x) }

/// The arctangent, from -pi/2 to pi/2.
public func atan(_ x: consuming Tensor) -> Tensor { elementary(.atan, x) }

/// The hyperbolic sine.
public func sinh(_ x: consuming Tensor) -> Tensor { elementary(.sinh, x) }

/// The hyperbolic cosine.
public func cosh(_ x: consuming Tensor) -> Tensor { elementary(.cosh, x) }

/// The hyperbolic tangent.
public func tanh(_ x: consuming Tensor) -> Tensor { elementary(.tanh, x) }

/// The inverse hyperbolic sine.
public func asinh(_ x: consuming Tensor) -> Tensor { elementary(.asinh, x) }

/// The inverse hyperbolic cosine; NaN below 1.
public func acosh(_ x: consuming Tensor) -> Tensor { elementary(.acosh, x) }

/// The inverse hyperbolic tangent; NaN outside of [-1, 1].
public func atanh(_ x: consuming Tensor) -> Tensor { elementary(.atanh, x) }

/// The error function.
public func erf(_ x: consuming Tensor) -> Tensor { elementary(.erf, x) }

/// 1 - erf(x), accurate where erf(x) is near 1.
public func erfc(_ x: consuming Tensor) -> Tensor { elementary(.erfc, x) }

/// The inverse of the error function; infinite at -1 and 1, NaN outside of them.
public func erfInverse(_ x: consuming Tensor) -> Tensor { elementary(.erfInverse, x) }

/// The square root; NaN below 0.
public func sqrt(_ x: consuming Tensor) -> Tensor { elementary(.sqrt, x) }

/// 1 / sqrt(x).
public func rsqrt(_ x: consuming Tensor) -> Tensor { elementary(.rsqrt, x) }

/// The cube root.
public func cbrt(_ x: consuming Tensor) -> Tensor { elementary(.cbrt, x) }

/// 1 / x.
public func reciprocal(_ x: consuming Tensor) -> Tensor { elementary(.reciprocal, x) }

/// x * x.
public func square(_ x: consuming Tensor) -> Tensor { apply(.unary(.square), [x.raised(to: .int32)]) }

/// The absolute value.
public func abs(_ x: consuming Tensor) -> Tensor { apply(.unary(.absolute), [x.raised(to: .int32)]) }

/// -1, 0 or 1; NaN for NaN.
public func sign(_ x: consuming Tensor) -> Tensor { apply(.unary(.sign), [x.raised(to: .int32)]) }

/// The largest integer that is not larger than x.
public func floor(_ x: consuming Tensor) -> Tensor { rounded(.floor, x) }

/// The smallest integer that is not smaller than x.
public func ceil(_ x: consuming Tensor) -> Tensor { rounded(.ceil, x) }

/// The nearest integer, the even one of two.
public func round(_ x: consuming Tensor) -> Tensor { rounded(.round, x) }

private func rounded(_ function: UnaryFunction, _ x: consuming Tensor) -> Tensor {
  x.dtype.isFloatingPoint ? apply(.unary(function), [x]) : x
}
