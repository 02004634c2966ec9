import CovarianceEngine

/// Softsign: φ(x) = x/(1 + |x|).
///
/// No closed dual is known: κ and κ̇ are Hermite series with an error bound, exact to 1e-10 for variances up to 30.
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
