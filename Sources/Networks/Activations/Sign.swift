import CovarianceEngine
import CVectorKernels
import Tensors

/// Sign: φ(x) = −1, 0 or 1.
///
/// κ = (2/π) asin ρ. The derivative φ' is taken as 0, and so is κ̇: gradient descent does not see through a step. At a
/// zero variance κ = 0, as φ(0) is.
///
/// *Source:* Cho and Saul, Kernel methods for deep learning, NIPS 2009, arc-cosine kernel of degree 0.
public struct Sign: Activation {
  public static let nodeName = "sign"

  public init() {}

  public func function(_ x: Tensor) -> Tensor { sign(x) }

  public func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    let correlation = Correlation(q12, q11, q22)
    let acute = AcuteAngle(correlation)
    let arc = atan2(acute.cosine, acute.sine)
    return select(correlation.isNonnegative, arc, -arc) / (.pi / 2)
  }

  public func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    .zeros(q12.shape, dtype: q12.dtype)
  }

  public var vectorDual: VectorDual? { VectorDual(nt_dual_sign) }

  public init(from arguments: inout LayerArguments) {}

  public func write(to arguments: inout LayerArguments) {}
}
