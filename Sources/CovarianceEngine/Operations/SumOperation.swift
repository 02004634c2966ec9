import Tensors

/// Sum of independent branches; where several of them have means that are not zero, the products of their means are added
/// to K: E[(a + b)(a' + b')] = Kₐ + K_b + E[a] E[b'] + E[b] E[a'].
public struct SumOperation: CovarianceOperation {
  /// Whether the means of several branches are not zero.
  public let hasMeans: Bool

  public init(hasMeans: Bool) {
    self.hasMeans = hasMeans
  }

  public var isHomogeneous: Bool { true }

  public var description: String { hasMeans ? "sum(with means)" : "sum" }

  public func mean(of operands: [CovarianceValue.Mean]) -> CovarianceValue.Mean {
    CovarianceValue.Mean.combined(operands) ?? .unknown
  }

  public func isLocal(_ operandsAreLocal: [Bool]) -> Bool { operandsAreLocal.allSatisfy { $0 } }
  public func needsMeans(forResult: Bool) -> Bool { hasMeans || forResult }
  public func mask(_ operands: [Tensor?], shapes: [[Int]]) -> Tensor? { CovarianceState.maskedInAll(operands) }

  public func evaluate(_ operands: [CovarianceState], _ context: CovarianceContext) throws(NetworkError)
    -> CovarianceState
  {
    let total = operands.dropFirst().reduce(operands[0]) { $0.adding($1) }
    return hasMeans ? try total.addingProducts(ofMeans: operands) : total
  }

  public func mean(_ means: [Tensor?], of operands: [CovarianceState], _ dataSet: DataSet) -> Tensor? {
    means.compactMap { $0 }.reduce(nil) { (sum: Tensor?, next) in sum.map { $0 + next } ?? next }
  }

  public func features(_ operands: [FeatureState], _ random: FeatureRandomness) throws(NetworkError) -> FeatureState {
    if hasMeans {
      throw NetworkError(expected: "branches of zero mean", found: "a sum of others, which no features have")
    }
    let axis = operands[0].featureAxis
    var result = FeatureState(
      nngp: concatenate(operands.map(\.nngp), axis: axis), ntk: FeatureState.joined(operands.map(\.ntk)))
    result.variances = FeatureState.sum(operands.map(\.variances))
    result.tangentVariances = FeatureState.sum(operands.map(\.knownTangentVariances))
    return result
  }

  public func flops(result: Double, operands: Double, operandCount: Int, positions: [Int]) -> Double {
    kernelsPerEntry * Double(operandCount - 1) * result
  }

  public func lower(to lowering: inout some Lowering) throws(Obstacle) {
    if hasMeans { throw Obstacle("branches that do not have zero mean") }
    try lowering.combine(.sum)
  }
}
