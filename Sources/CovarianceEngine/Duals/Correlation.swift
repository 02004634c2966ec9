import Tensors

/// How two zero-mean Gaussian variables are correlated, kept accurate where activations are sensitive to it.
///
/// Near correlation ±1 the duals depend on √(1 − |ρ|), so a rounding error in ρ would cost half of the digits. The
/// distance 1 − |ρ| therefore comes from s − |q12|, exact when the two are near each other, with s = √(q11 q22) formed
/// so that it is exactly q for equal variances q. No product of two variances is formed: it would leave float32's range
/// for ordinary data.
///
/// A zero variance counts as correlation zero. Derivatives are finite: the square roots have derivative 0 at 0.
package struct Correlation {
  /// s = √(q11 q22).
  package let scale: Tensor
  /// |q12|.
  package let magnitude: Tensor
  /// Where q12 ≥ 0. `select` on it keeps the derivative of a function that is smooth at ρ = 0, as |ρ| would not.
  package let isNonnegative: Tensor
  private let smallerVariance: Tensor
  private let q12: Tensor
  private let q11: Tensor
  private let q22: Tensor

  package init(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) {
    // One mask for both keeps the derivative right where the variances are equal.
    let isLarger = q11 .>= q22
    let larger = select(isLarger, q11, q22)
    smallerVariance = select(isLarger, q22, q11)
    scale = larger * (squareRoot(smallerVariance) / sqrt(select(larger .<= 0, 1, larger)))
    isNonnegative = q12 .>= 0
    magnitude = select(isNonnegative, q12, -q12)
    (self.q12, self.q11, self.q22) = (q12, q11, q22)
  }

  /// 1 − |ρ|, never negative.
  package var distance: Tensor {
    let isZero = scale .<= 0
    return select(isZero, 1, nonnegative((scale - magnitude) / select(isZero, 1, scale)))
  }

  /// (q11 q22 − q12²) / n², never negative; smooth also where a variance is zero.
  package func gap(over n: Tensor) -> Tensor {
    let factored = ((scale - magnitude) / n) * ((scale + magnitude) / n)
    let ratio = q12 / n
    return nonnegative(select(smallerVariance .<= 0, (q11 / n) * (q22 / n) - ratio * ratio, factored))
  }
}

/// The angle θ' in [0, π/2] whose cosine is |ρ|.
package struct AcuteAngle {
  package let sine: Tensor
  package let cosine: Tensor
  package let angle: Tensor

  package init(_ correlation: Correlation) {
    let distance = correlation.distance
    sine = squareRoot(distance * (2 - distance))
    cosine = 1 - distance
    angle = atan2(sine, cosine)
  }
}

/// The determinant of I + kΣ, of which the duals of functions with a Gaussian factor are made.
///
/// det(I + kΣ) = (1 + k q11)(1 + k q22) − k² q12² = n² g², split into the root n of the product and the ratio g² in
/// (0, 1], a sum of positive terms for k > 0: neither cancels nor leaves the range of the element type.
package struct ShiftedDeterminant {
  package let correlation: Correlation
  /// n = √((1 + k q11)(1 + k q22)).
  package let norm: Tensor
  /// g = √(1 − (k q12 / n)²).
  package let ratio: Tensor

  package init(_ k: HyperParameter, _ q12: Tensor, _ q11: Tensor, _ q22: Tensor) {
    correlation = Correlation(q12, q11, q22)
    norm = sqrt(1 + k * q11) * sqrt(1 + k * q22)
    ratio = sqrt((1 + k * (q11 + q22)) / norm / norm + (k * k) * correlation.gap(over: norm))
  }

  package init(_ k: Double, _ q12: Tensor, _ q11: Tensor, _ q22: Tensor) {
    self.init(HyperParameter(k), q12, q11, q22)
  }

  /// √det(I + kΣ).
  package var root: Tensor { norm * ratio }
}

/// √x where x > 0, elsewhere 0 with derivative 0; NaN stays NaN.
package func squareRoot(_ x: Tensor) -> Tensor {
  let isZero = x .<= 0
  return select(isZero, 0, sqrt(select(isZero, 1, x)))
}

/// x where x ≥ 0, elsewhere 0, with the derivative of x everywhere, unlike `maximum`: for what only rounding makes
/// negative.
package func nonnegative(_ x: Tensor) -> Tensor {
  // Rounding below 0 must not take the derivative away.
  x.isTraced ? x + stopGradient(select(x .< 0, -x, 0)) : select(x .< 0, 0, x)
}
