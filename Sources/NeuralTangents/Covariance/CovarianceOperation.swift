/// The operations of covariance programs: all the mathematics of infinitely wide fully connected networks.
public enum CovarianceOperation: Sendable {
  /// Fully connected weights and bias.
  case affine(AffineRule)
  /// An activation: K ← κ(K11, K, K22), Θ ← Θ κ̇.
  case dual(any Activation)
  /// Layer normalisation: K ← K / √((v1+ε)(v2+ε)), Θ alike, where v is the variance, or its mean over the inputs of a
  /// data set when the batch axis is normalised too.
  case normalize(epsilon: Double, overBatch: Bool)
  /// Dropout at training time: the variances, and the covariance of an input with itself, are divided by the keep rate.
  case dropout(keepRate: Double)
  /// Sum of independent branches.
  case sum
  /// Elementwise product of branches: K ← Π Kᵢ, Θ by the product rule.
  case product
  /// Concatenation of branches along channels: the mean weighted by their widths.
  case weightedMean([Double])
  /// Concatenation of independent branches along the batch axis: block diagonal.
  case concatenateBatch
}

/// K ← σw² K + σb²; Θ ← σw² Θ + inputScale·K + outputScale·(new K) + constant.
///
/// NTK parameterization: Θ ← σw² Θ + (new K). Standard parameterization: Θ ← σw² Θ + fan-in·K + 1 (the 1 with a bias).
/// *Source:* Jacot et al. 2018 (arXiv 1806.07572); Sohl-Dickstein et al. 2020 (arXiv 2001.07301).
public struct AffineRule: Sendable {
  public var weightVariance: HyperParameter
  public var biasVariance: HyperParameter
  public var inputScale: Double
  public var outputScale: Double
  public var constant: Double
}
