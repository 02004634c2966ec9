import CovarianceEngine
import Tensors

/// Absolute value: φ(x) = |x|.
///
/// κ = (2/π) (√(q11 q22 − q12²) + q12 asin ρ) and κ̇ = (2/π) asin ρ: see `ABRelu`, with slopes −1 and 1.
///
/// *Source:* Tsuchida et al., Invariance of weight distributions in rectified MLPs, ICML 2018.
public struct Abs: SpecialActivation {
  public static let nodeName = "abs"

  /// See `ABRelu.stabilize`.
  public var stabilize: Bool

  public init(stabilize: Bool = false) {
    self.stabilize = stabilize
  }

  var general: ABRelu { ABRelu(-1, 1, stabilize: stabilize) }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    stabilize = try arguments.boolean("stabilize", default: false)
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("stabilize", stabilize, default: false)
  }
}
