import Tensors

/// xⁿ by repeated squaring, exact signs included.
///
/// - Precondition: `exponent` is not negative.
package func integerPower(_ x: Tensor, _ exponent: Int) -> Tensor {
  precondition(exponent >= 0, "negative exponent \(exponent)")
  guard exponent > 0 else { return .ones(x.shape, dtype: x.dtype) }
  if exponent == 1 { return x }
  let half = integerPower(x, exponent / 2)
  return exponent.isMultiple(of: 2) ? half * half : half * half * x
}
