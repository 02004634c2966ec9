import Tensors

/// The operations of covariance programs: all the mathematics of infinitely wide networks.
public enum CovarianceOperation: Sendable {
  /// Weights and bias that all positions share.
  case affine(AffineRule)
  /// An activation: K ← κ(K11, K, K22), Θ ← Θ κ̇.
  case dual(any Dual)
  /// Layer normalisation. The variances come from a second operand where there is one.
  case normalize(NormalizationRule)
  /// Dropout at training time: the variances, and the covariance of an input with itself at one position, are divided by
  /// the keep rate.
  case dropout(keepRate: Double)
  /// Sum of independent branches; with means where several of them are not zero, which adds the products of their means
  /// to K.
  case sum(hasMeans: Bool)
  /// Elementwise product of branches: K ← Π Kᵢ, Θ by the product rule.
  case product
  /// Covariances averaged over groups of channels: the mean weighted by their widths.
  case weightedMean([Double])
  /// Concatenation of independent branches along the batch axis or an axis of positions: block diagonal, but for the
  /// products of means where several of them are not zero.
  case concatenate(ConcatenationAxis, hasMeans: Bool)
  /// Patches of a convolution: K[p, p'] ← mean over the window's offsets δ of K[sp + δ, sp' + δ].
  case patches(PatchRule)
  /// Weights of its own at every position: K[p, p'] ← 0 for p ≠ p'.
  case localize
  /// Linear maps of positions, one axis at a time: K ← A K Aᵀ. Pools, resizing, indexing.
  case positions(PositionMap)
  /// Positions become channels: K ← mean over p of K[p, p].
  case flatten
  /// Sum over all positions of both inputs, or the mean over those that are not masked.
  case globalPool(isMean: Bool)
  /// Positions in another order: axis k of the result is axis `order[k]` of the operand.
  case permutePositions([Int])
  /// What only one kind of layer does.
  case rule(any CovarianceRule)
}

/// K ← σw² K + σb²; Θ ← σw² Θ + inputScale·K + outputScale·(new K) + constant.
///
/// NTK parameterization: Θ ← σw² Θ + (new K). Standard parameterization: Θ ← σw² Θ + fan-in·K + 1 (the 1 with a bias).
/// *Source:* Jacot et al. 2018 (arXiv 1806.07572); Sohl-Dickstein et al. 2020 (arXiv 2001.07301).
public struct AffineRule: Sendable {
  /// σw².
  public var weightVariance: HyperParameter
  /// σb².
  public var biasVariance: HyperParameter
  /// What the old Θ is multiplied by, besides σw².
  public var inputScale: Double
  /// What the new covariance counts in Θ.
  public var outputScale: Double
  /// What is added to Θ, of the bias.
  public var constant: Double

  public init(
    weightVariance: HyperParameter, biasVariance: HyperParameter, inputScale: Double, outputScale: Double,
    constant: Double
  ) {
    (self.weightVariance, self.biasVariance) = (weightVariance, biasVariance)
    (self.inputScale, self.outputScale, self.constant) = (inputScale, outputScale, constant)
  }
}

/// K12 ← K12 / √((v1 + ε)(v2 + ε)), Θ alike, where v is the variance, or its mean over some axes of positions, over those
/// that are not masked, and over the inputs of a data set.
public struct NormalizationRule: Sendable {
  /// What is added to variances before they divide.
  public var epsilon: Double
  /// Axes of positions to average over, counted among positions.
  public var positionAxes: [Int]
  /// Whether variances are means over the inputs of a data set, too.
  public var overBatch: Bool

  public init(epsilon: Double, positionAxes: [Int], overBatch: Bool) {
    (self.epsilon, self.positionAxes, self.overBatch) = (epsilon, positionAxes, overBatch)
  }
}

/// Along what independent branches are concatenated.
public enum ConcatenationAxis: Sendable, Hashable {
  case batch
  /// Counted among axes of positions.
  case position(Int)
}

/// A rule that no other operation covers, kept with its layer.
public protocol CovarianceRule: Sendable {
  /// For error messages and descriptions.
  var name: String { get }
  /// Whether the rule needs the covariances of its operands between all positions, given whether those of its result are
  /// wanted.
  func needsAllPositions(forResult isFull: Bool) -> Bool
  /// Whether the covariances between different inputs of one data set are needed or made.
  var mixesBatch: Bool { get }
  /// Whether the rule treats inputs by their place in the data set, so that it cannot be applied to some of them.
  var needsWholeBatch: Bool { get }
  func evaluate(_ operands: [CovarianceState], _ context: CovarianceContext) throws(NetworkError) -> CovarianceState
}

extension CovarianceRule {
  public var mixesBatch: Bool { false }
  public var needsWholeBatch: Bool { mixesBatch }
}

/// What a rule may need besides its operands.
public struct CovarianceContext: Sendable {
  /// Whether both data sets are the same.
  public var isSymmetric: Bool
  /// The graphs of the first data set; nil when there are none.
  public var pattern1: Tensor?
  /// The graphs of the second data set; nil when there are none.
  public var pattern2: Tensor?
}
