import CovarianceEngine
import Platform
import Tensors

/// The standard normal density.
func normalDensity(_ z: Double) -> Double {
  Platform.exp(-z * z / 2) * (0.5 / Double.pi).squareRoot()
}

/// e^(t²/2) P(z < −t) for standard normal z and t ≥ 0, in float64, exact to 1e-14: it neither overflows nor underflows.
///
/// Beyond t = 6 by Laplace's continued fraction 1/(t + 1/(t + 2/(t + 3/(t + …)))) times the density at 0, whose 16th
/// approximant is within 3e-15 there.
///
/// *Source:* Abramowitz and Stegun 26.2.14.
func scaledTail(_ t: Tensor) -> Tensor {
  let (near, far) = (minimum(t, 6), maximum(t, 6))
  var fraction = far
  for k in (1...16).reversed() { fraction = far + Double(k) / fraction }
  return select(
    t .< 6, 0.5 * exp(0.5 * (near * near)) * erfc(0.5.squareRoot() * near),
    (0.5 / Double.pi).squareRoot() / fraction)
}
