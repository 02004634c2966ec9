import Tensors

/// E[f(u) f(v)] for zero-mean Gaussian (u, v) and any function f that is smooth between given kinks.
///
/// Two ways, chosen entry by entry. The Mehler series Σ aₙ(q11) aₙ(q22) ρⁿ costs two operations per term and entry.
/// After N terms it is off by at most |ρ|ᴺ √(R(q11) R(q22)), where R(q) = E[f(√q z)²] − Σ aₙ(q)² is known: where that
/// is below `tolerance` · √(E[f(u)²] E[f(v)²]), the series is used. Elsewhere, which is near |ρ| = 1 for functions with
/// kinks or with steps much narrower than √q, `PlanarExpectation` integrates in both variables.
///
/// Computed in float64 whatever the inputs' type is.
package struct GaussianExpectation {
  package static let mostTerms = 160

  package let f: (Tensor) throws(NetworkError) -> Tensor
  /// Where f, its derivative or its second derivative jumps.
  package let kinks: [Double]

  /// How large the error bound of the series may be, relative to √(E[f(u)²] E[f(v)²]).
  package static func tolerance(_ dtype: DType) -> Double { dtype == .float32 ? 1e-9 : 1e-12 }

  package static func terms(_ dtype: DType) -> Int { dtype == .float32 ? 96 : mostTerms }

  package init(_ f: @escaping (Tensor) throws(NetworkError) -> Tensor, kinks: [Double]) {
    self.f = f
    self.kinks = kinks
  }

  /// E[f(u)²]; equal to the expectation of equal inputs to the last bit.
  package func meanSquare(_ q: Tensor) throws(NetworkError) -> Tensor {
    try HermiteSeries.meanSquare(f, kinks: kinks, variances: q.asType(.float64)).asType(q.dtype)
  }

  package func callAsFunction(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) throws(NetworkError) -> Tensor {
    let dtype = q12.dtype
    let (q12, q11, q22) = (q12.asType(.float64), q11.asType(.float64), q22.asType(.float64))
    let (first, second) = (try series(q11, dtype), try series(q22, dtype))
    let correlation = Correlation(q12, q11, q22)
    let magnitude = 1 - correlation.distance
    let rho = select(correlation.isNonnegative, magnitude, -magnitude)

    let sum = HermiteSeries.sum(first, second, rho)
    let left = sqrt(stopGradient(first.remainder)) * sqrt(stopGradient(second.remainder))
    let size = sqrt(stopGradient(first.meanSquare)) * sqrt(stopGradient(second.meanSquare))
    let bound = integerPower(stopGradient(magnitude), first.terms) * left
    let isConverged = bound .<= Self.tolerance(dtype) * size

    let isEqual = (q12 .== q11) .& (q11 .== q22)
    if sum.isTraced && LeftOutIntegrals.isTracing {
      let known = select(isConverged, sum, Double.nan)
      return select(isEqual, first.meanSquare.broadcast(to: sum.shape), known).asType(dtype)
    }
    let total = try completed(sum, sum.isTraced ? isConverged : isConverged .| isEqual, q12, q11, q22)
    return replacing(total, with: first.meanSquare, where: isEqual).asType(dtype)
  }

  /// The value for equal inputs with the derivatives of the general one, which differs from it by rounding.
  private func replacing(_ total: Tensor, with value: Tensor, where mask: Tensor) -> Tensor {
    total.isTraced
      ? total + stopGradient(select(mask, value - total, 0)) : select(mask, value.broadcast(to: total.shape), total)
  }

  private func series(_ q: Tensor, _ dtype: DType) throws(NetworkError) -> HermiteSeries {
    try HermiteSeries(f, kinks: kinks, variances: q, terms: Self.terms(dtype))
  }

  /// The sum where it has converged, the integral elsewhere.
  private func completed(
    _ sum: Tensor, _ isConverged: Tensor, _ q12: Tensor, _ q11: Tensor, _ q22: Tensor
  ) throws(NetworkError) -> Tensor {
    func flat(_ x: Tensor) -> Tensor { x.broadcast(to: sum.shape).reshaped([-1]) }
    if sum.isTraced {
      let integral = try PlanarExpectation.traced(f, kinks: kinks, flat(q12), flat(q11), flat(q22))
      return select(isConverged, sum, integral.reshaped(sum.shape))
    }
    let mask = flat(isConverged.asType(.float64)).scalars(as: Double.self)
    let places = mask.indices.filter { mask[$0] == 0 }
    guard !places.isEmpty else { return sum }
    var values = sum.scalars(as: Double.self)
    let chosen = [q12, q11, q22].map { flat($0).taking(places, axis: 0) }
    let integrals = try PlanarExpectation.byEntry(f, kinks: kinks, chosen[0], chosen[1], chosen[2])
    for (place, integral) in zip(places, integrals.scalars(as: Double.self)) { values[place] = integral }
    return Tensor(values, shape: sum.shape)
  }
}
