import CovarianceEngine
import Tensors

/// Leaky rectified linear: φ(x) = x for x ≥ 0, αx for x < 0.
///
/// κ and κ̇ are those of `ABRelu` with slopes α and 1.
///
/// *Source:* Tsuchida et al., Invariance of weight distributions in rectified MLPs, ICML 2018.
public struct LeakyRelu: SpecialActivation {
  public static let nodeName = "leakyRelu"

  /// Slope for negative inputs.
  @HyperParameter public var alpha: Double
  /// See `ABRelu.stabilize`.
  public var stabilize: Bool

  public init(_ alpha: Double, stabilize: Bool = false) {
    self.alpha = alpha
    self.stabilize = stabilize
  }

  var general: ABRelu {
    var general = ABRelu(alpha, 1, stabilize: stabilize)
    general.$a = $alpha
    return general
  }

  public mutating func visitHyperParameters(_ visitor: inout HyperParameterVisitor) {
    visitor.visit("alpha", &$alpha)
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    alpha = try arguments.number("alpha")
    stabilize = try arguments.boolean("stabilize", default: false)
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("alpha", alpha)
    arguments.set("stabilize", stabilize, default: false)
  }
}
