import CovarianceEngine

/// Softsign: φ(x) = x/(1 + |x|).
///
/// No closed dual is known: κ and κ̇ are Hermite series with an error bound, exact to 1e-11 for variances from 1e-12 to 1e12;
/// derivatives of kernels to 1e-9 for variances up to 1,000.
///
/// *Source:* Mehler's formula for the series.
public struct Softsign: NumericalActivation {
  public static let nodeName = "softsign"

  public init() {}

  var numericalFunction: NumericalFunction { .softsign }
  var kinks: [Double] { [0] }
  static let series = SeriesSource(.softsign, kinks: [0], symmetry: .odd)

  public init(from arguments: inout LayerArguments) {}

  public func write(to arguments: inout LayerArguments) {}
}
