import CovarianceEngine

/// Hyperbolic tangent: φ(x) = tanh x.
///
/// No closed dual is known: κ and κ̇ are Hermite series with an error bound, exact to 1e-10 for variances up to 30.
///
/// *Source:* Mehler's formula for the series.
public struct Tanh: NumericalActivation {
  public static let nodeName = "tanh"

  public init() {}

  var numericalFunction: NumericalFunction { .tanh }
  var kinks: [Double] { [] }
  static let series = SeriesSource(.tanh, symmetry: .odd)

  public init(from arguments: inout LayerArguments) {}

  public func write(to arguments: inout LayerArguments) {}
}
