import CovarianceEngine

/// Mish: φ(x) = x·tanh(log(1 + eˣ)).
///
/// No closed dual is known: κ and κ̇ are Hermite series with an error bound, exact to 1e-11 for variances from 1e-12 to 1e12;
/// derivatives of kernels to 1e-9 for variances up to 1,000.
///
/// *Source:* Mehler's formula for the series.
public struct Mish: NumericalActivation {
  public static let nodeName = "mish"

  public init() {}

  var numericalFunction: NumericalFunction { .mish }
  var kinks: [Double] { [] }
  static let series = SeriesSource(.mish, symmetry: .none)

  public init(from arguments: inout LayerArguments) {}

  public func write(to arguments: inout LayerArguments) {}
}
