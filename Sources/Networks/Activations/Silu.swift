import CovarianceEngine

/// Sigmoid linear unit, also known as swish: φ(x) = x/(1 + e^(−x)). Network files may say `swish`.
///
/// No closed dual is known: κ and κ̇ are Hermite series with an error bound, exact to 1e-11 for variances from 1e-12 to 1e12;
/// derivatives of kernels to 1e-9 for variances up to 1,000.
///
/// *Source:* Mehler's formula for the series.
public struct Silu: NumericalActivation {
  public static let nodeName = "silu"

  public init() {}

  var numericalFunction: NumericalFunction { .silu }
  var kinks: [Double] { [] }
  static let series = SeriesSource(.silu, symmetry: .even)

  public init(from arguments: inout LayerArguments) {}

  public func write(to arguments: inout LayerArguments) {}
}
