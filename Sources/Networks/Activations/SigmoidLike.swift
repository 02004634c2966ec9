import CovarianceEngine

/// Close to the logistic sigmoid, with a dual in closed form: φ(x) = (1 + erf(x / 2.4020563531719796)) / 2.
///
/// κ and κ̇ are those of `Erf` with a = c = 1/2 and b = 1/2.4020563531719796, the b for which φ is nearest to the
/// sigmoid.
///
/// *Source:* Williams, Computing with infinite networks, NIPS 1996, for the dual.
public struct SigmoidLike: SpecialActivation {
  public static let nodeName = "sigmoidLike"

  public init() {}

  var general: Erf { Erf(a: 0.5, b: 1 / 2.4020563531719796, c: 0.5) }

  public init(from arguments: inout LayerArguments) {}

  public func write(to arguments: inout LayerArguments) {}
}
