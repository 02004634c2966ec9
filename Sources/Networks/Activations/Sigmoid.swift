import CovarianceEngine

/// Logistic sigmoid: φ(x) = 1/(1 + e^(−x)). `SigmoidLike` is close to it and has its duals in closed form.
///
/// No closed dual is known: κ and κ̇ are Hermite series with an error bound, exact to 1e-11 for variances from 1e-12 to 1e12;
/// derivatives of kernels to 1e-9 for variances up to 1,000.
///
/// *Source:* Mehler's formula for the series.
public struct Sigmoid: NumericalActivation {
  public static let nodeName = "sigmoid"

  public init() {}

  var numericalFunction: NumericalFunction { .sigmoid }
  var kinks: [Double] { [] }
  static let series = SeriesSource(.sigmoid, symmetry: .odd)

  public init(from arguments: inout LayerArguments) {}

  public func write(to arguments: inout LayerArguments) {}
}
