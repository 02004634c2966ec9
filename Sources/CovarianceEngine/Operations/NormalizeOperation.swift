import Tensors

/// Layer normalisation: K12 ← K12 / √((v1 + ε)(v2 + ε)), Θ alike, where v is the variance, or its mean over some axes of
/// positions, over those that are not masked, and over the inputs of a data set.
///
/// A second operand, where there is one, gives the variances: those of all channels together.
public struct NormalizeOperation: CovarianceOperation {
  /// What is added to variances before they divide.
  public var epsilon: Double
  /// Axes of positions to average over, counted among positions.
  public var positionAxes: [Int]
  /// Whether variances are means over the inputs of a data set, too.
  public var overBatch: Bool
  /// Whether a second operand gives the variances.
  public var hasSourceOfVariances: Bool

  public init(epsilon: Double, positionAxes: [Int], overBatch: Bool, hasSourceOfVariances: Bool = false) {
    (self.epsilon, self.positionAxes) = (epsilon, positionAxes)
    (self.overBatch, self.hasSourceOfVariances) = (overBatch, hasSourceOfVariances)
  }

  public var name: String { "a layer normalisation" }

  public var description: String {
    "normalize(\(epsilon), over: \(positionAxes)\(overBatch ? ", batch" : "")\(hasSourceOfVariances ? ", of all" : ""))"
  }

  public func isLocal(_ operandsAreLocal: [Bool]) -> Bool { operandsAreLocal.allSatisfy { $0 } }

  public var inputMixing: InputMixing { overBatch ? .together : .apart }
  public var keepsEntriesApart: Bool { true }

  public func evaluate(_ operands: [CovarianceState], _ context: CovarianceContext) throws(NetworkError)
    -> CovarianceState
  {
    let input = operands[0]
    let source = hasSourceOfVariances ? operands[1] : input
    // A variance of zero, as of what is masked, divides nothing but zeros.
    return try input.mapScaled(factor(source, .first), factor(source, .second)) { k, rows, columns in
      let scaled = k * (rows * columns)
      return epsilon == 0 ? select(k .== 0, 0, scaled) : scaled
    }
  }

  /// 1 / √(v + ε), shape (N, P…).
  private func factor(_ source: CovarianceState, _ dataSet: DataSet) -> Tensor {
    let isMasked = (dataSet == .first ? source.mask1 : source.mask2) != nil
    return factor(
      source.variances(dataSet), mask: isMasked ? source.mask(dataSet) : nil,
      axes: (overBatch ? [0] : []) + positionAxes.map { $0 + 1 })
  }

  private func factor(_ variances: Tensor, mask: Tensor?, axes: [Int]) -> Tensor {
    guard !axes.isEmpty else { return rsqrt(variances + epsilon) }
    let mean: Tensor
    if let mask {
      let visible = (.!mask).asType(variances.dtype)
      mean = (variances * visible).sum(axes: axes, keepDims: true) / maximum(visible.sum(axes: axes, keepDims: true), 1)
    } else {
      mean = variances.mean(axes: axes, keepDims: true)
    }
    return rsqrt(mean + epsilon).broadcast(to: variances.shape)
  }

  public func features(_ operands: [FeatureState], _ random: FeatureRandomness) throws(NetworkError) -> FeatureState {
    let input = operands[0]
    if overBatch { throw NetworkError(expected: "features of single inputs", found: "a normalisation over the inputs") }
    let source = hasSourceOfVariances ? operands[1] : input
    let factor = factor(source.knownVariances(), mask: source.mask, axes: positionAxes.map { $0 + 1 })
    let finite = select(factor .< Double.infinity, factor, 0)
    var result = input.scaled(by: finite)
    result.variances = input.variances.map { $0 * finite * finite }
    result.tangentVariances = input.tangentVariances.map { $0 * finite * finite }
    return result
  }

  public func flops(result: Double, operands: Double, operandCount: Int, positions: [Int]) -> Double {
    2 * kernelsPerEntry * result
  }

  public func lower(to lowering: inout some Lowering) throws(Obstacle) {
    if hasSourceOfVariances { throw Obstacle("a layer normalisation of several kinds of channels") }
    try lowering.normalize(epsilon: epsilon, positionAxes: positionAxes, overBatch: overBatch)
  }
}
