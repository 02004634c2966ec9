/// Where rounding hides that two inputs are equal or opposite, says so.
///
/// A matrix product gives x·x' with an error of a few units in the last place. The angle between the inputs then has an
/// error of the square root of that, which the derivative dual of a kinked activation passes on undiminished, unless the
/// covariance of equal inputs is exactly their variance. So pairs with correlation ±1 up to rounding are compared.
struct CollinearityCheck<Scalar: LoopScalar>: Sendable {
  let threshold: Scalar

  init(channels: Int) {
    threshold = 1 - Scalar.ulpOfOne * (16 + 4 * Scalar(channels).squareRoot())
  }

  /// The covariance of inputs `x1` and `x2`, whose variances are `q11` and `q22`, given that a product made it `q12`.
  @inline(__always)
  func corrected(
    _ q12: Scalar, _ q11: Scalar, _ q22: Scalar, _ root11: Scalar, _ root22: Scalar,
    _ x1: UnsafePointer<Scalar>, _ x2: UnsafePointer<Scalar>, channels: Int
  ) -> Scalar {
    if abs(q12) < threshold * root11 * root22 { return q12 }
    var (isEqual, isOpposite) = (true, true)
    for channel in 0..<channels {
      isEqual = isEqual && x1[channel] == x2[channel]
      isOpposite = isOpposite && x1[channel] == -x2[channel]
      if !isEqual && !isOpposite { return q12 }
    }
    return isEqual ? q11 : -q11
  }
}
