import CovarianceEngine
import CVectorKernels
import Tensors

/// Gabor wavelet: φ(x) = e^(−x²) sin x.
///
/// With E = det(I + 2Σ) = (1 + 2q11)(1 + 2q22) − 4q12² and M = q11 + q22 + 4(q11 q22 − q12²):
/// κ = [e^(−(M − 2q12)/2E) − e^(−(M + 2q12)/2E)] / 2√E, and κ̇ = ∂κ/∂q12.
///
/// *Source:* the integral of a Gaussian with a complex linear term, e^(−x²) sin x = Im e^(−x² + ix).
public struct Gabor: Activation {
  public static let nodeName = "gabor"

  public init() {}

  public func function(_ x: Tensor) -> Tensor {
    exp(-(x * x)) * sin(x)
  }

  public func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    let parts = Parts(q12, q11, q22)
    let half = parts.decay * parts.difference / (2 * parts.root)
    return select(parts.isNonnegative, half, -half)
  }

  public func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    // ½ E^(−3/2) e₊ [(T/E)(1 + e₋/e₊) + (U/E)(1 − e₋/e₊)] with T/E = 1 + 8 q12²/E and U/E = 4|q12| (1 + (1 + S)/E),
    // where e₊ ≥ e₋ are the two exponentials of κ and S = q11 + q22: a sum of positive terms.
    let parts = Parts(q12, q11, q22)
    let ratio = parts.magnitude / parts.root
    let even = (1 + 8 * (ratio * ratio)) * (2 - parts.difference)
    let odd = 4 * parts.magnitude * (1 + (1 + (q11 + q22)) / parts.root / parts.root) * parts.difference
    return 0.5 * (parts.decay * (even + odd)) / parts.root / parts.root / parts.root
  }

  private struct Parts {
    let isNonnegative: Tensor
    let magnitude: Tensor
    /// √E.
    let root: Tensor
    /// The larger exponential, e^(−(M − 2|q12|)/2E).
    let decay: Tensor
    /// 1 − e^(−2|q12|/E): one less the ratio of the two exponentials.
    let difference: Tensor

    init(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) {
      let determinant = ShiftedDeterminant(2, q12, q11, q22)
      isNonnegative = determinant.correlation.isNonnegative
      magnitude = determinant.correlation.magnitude
      root = determinant.root
      // M − 2|q12| from differences that are exact where the three covariances are near each other.
      let gap = determinant.correlation.gap(over: root)
      let linear = ((q11 - magnitude) + (q22 - magnitude)) / root / root
      decay = exp(-0.5 * (linear + 4 * gap))
      difference = -expm1(-2 * (magnitude / root / root))
    }
  }

  public var vectorDual: VectorDual? { VectorDual(nt_dual_gabor) }

  public init(from arguments: inout LayerArguments) {}

  public func write(to arguments: inout LayerArguments) {}
}
