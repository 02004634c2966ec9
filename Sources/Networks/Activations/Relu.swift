import CovarianceEngine
import Tensors

/// Rectified linear: φ(x) = max(x, 0).
///
/// κ = √(q11 q22) (sin θ + (π − θ) cos θ)/2π and κ̇ = (π − θ)/2π with cos θ = ρ: see `ABRelu`, with slopes 0 and 1.
///
/// *Source:* Cho and Saul, Kernel methods for deep learning, NIPS 2009, arc-cosine kernel of degree 1.
public struct Relu: SpecialActivation {
  public static let nodeName = "relu"

  /// See `ABRelu.stabilize`.
  public var stabilize: Bool

  public init(stabilize: Bool = false) {
    self.stabilize = stabilize
  }

  var general: ABRelu { ABRelu(0, 1, stabilize: stabilize) }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    stabilize = try arguments.boolean("stabilize", default: false)
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("stabilize", stabilize, default: false)
  }
}
