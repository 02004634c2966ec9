import CovarianceEngine
import Tensors

/// Scaled exponential linear unit: φ(x) = λx for x > 0, else λα(eˣ − 1), with the λ = 1.0507 and α = 1.6733 that keep mean
/// 0 and variance 1.
///
/// κ and κ̇ are λ² times those of `Elu`.
///
/// *Source:* Klambauer et al., Self-normalizing neural networks, NIPS 2017 (arXiv 1706.02515).
public struct Selu: Activation {
  public static let nodeName = "selu"

  private static let elu = Elu(alpha: NumericalFunction.seluAlpha)
  private static let square = NumericalFunction.seluScale * NumericalFunction.seluScale

  public init() {}

  public func function(_ x: Tensor) -> Tensor { NumericalFunction.selu.function(x) }

  public func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    Self.square * Self.elu.dual(q12, q11, q22)
  }

  public func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    Self.square * Self.elu.derivativeDual(q12, q11, q22)
  }

  private static let series = SeriesSource(elu, scale: NumericalFunction.seluScale)

  public var vectorDual: VectorDual? { VectorDual(Self.series) }

  public init(from arguments: inout LayerArguments) {}

  public func write(to arguments: inout LayerArguments) {}
}
