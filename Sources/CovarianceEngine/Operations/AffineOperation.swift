import Tensors

/// Weights and bias that all positions share: K ← σw² K + σb²; Θ ← σw² Θ + inputScale·K + outputScale·(new K) + constant.
///
/// NTK parameterization: Θ ← σw² Θ + (new K). Standard parameterization: Θ ← σw² Θ + fan-in·K + 1 (the 1 with a bias).
/// *Source:* Jacot et al. 2018 (arXiv 1806.07572); Sohl-Dickstein et al. 2020 (arXiv 2001.07301).
public struct AffineOperation: CovarianceOperation {
  /// σw².
  public var weightVariance: HyperParameter
  /// σb².
  public var biasVariance: HyperParameter
  /// What the old covariance counts in Θ.
  public var inputScale: Double
  /// What the new covariance counts in Θ.
  public var outputScale: Double
  /// What is added to Θ.
  public var constant: Double

  public init(
    weightVariance: HyperParameter, biasVariance: HyperParameter = HyperParameter(0), inputScale: Double = 0,
    outputScale: Double = 1, constant: Double = 0
  ) {
    (self.weightVariance, self.biasVariance) = (weightVariance, biasVariance)
    (self.inputScale, self.outputScale, self.constant) = (inputScale, outputScale, constant)
  }

  public var description: String {
    "affine(\(weightVariance), \(biasVariance), theta: \(inputScale), \(outputScale), \(constant))"
  }

  public var drawsWeights: Bool { true }

  public func withLearningRate(_ rate: Double) -> AffineOperation? {
    var result = self
    result.inputScale *= rate
    result.outputScale *= rate
    result.constant *= rate
    return result
  }

  public func isLocal(_ operandsAreLocal: [Bool]) -> Bool {
    operandsAreLocal[0] && biasVariance.isExactly(0) && constant == 0
  }

  public var keepsEntriesApart: Bool { true }
  public var isHomogeneous: Bool { biasVariance.isExactly(0) && constant == 0 }

  public func evaluate(_ operands: [CovarianceState], _ context: CovarianceContext) -> CovarianceState {
    let input = operands[0]
    func map(_ k: Tensor) -> Tensor { k * weightVariance + biasVariance }
    var result = input
    result.k12 = map(input.k12)
    (result.k11, result.k22) = (map(input.k11), map(input.k22))
    if case .absent = input.theta { return result }
    var change = Tensor.zeros([], dtype: result.k12.dtype)
    if inputScale != 0 { change = change + input.k12 * inputScale }
    if outputScale != 0 { change = change + result.k12 * outputScale }
    if constant != 0 { change = change + constant }
    if case .matrix(let matrix) = input.theta { change = change + matrix * weightVariance }
    result.theta = .matrix(change.rank == 0 ? change.broadcast(to: result.k12.shape) : change)
    return result
  }

  public func features(_ operands: [FeatureState], _ random: FeatureRandomness) throws(NetworkError) -> FeatureState {
    let input = operands[0]
    guard !weightVariance.isTensor, !biasVariance.isTensor, inputScale >= 0, outputScale >= 0, constant >= 0 else {
      throw NetworkError(expected: "numbers for weights and biases", found: description)
    }
    let (weights, biases) = (weightVariance.wrappedValue, biasVariance.wrappedValue)
    /// A column of the same number everywhere.
    func column(_ variance: Double) -> Tensor {
      .ones(Array(input.nngp.shape.dropLast()) + [1], dtype: input.nngp.dtype) * variance.squareRoot()
    }
    let scaled = input.nngp * weights.squareRoot()
    var result = FeatureState(
      nngp: biases == 0 ? scaled : concatenate([scaled, column(biases)], axis: scaled.rank - 1), ntk: input.ntk)
    result.variances = input.variances.map { $0 * weights + biases }
    if case .absent = input.ntk { return result }
    var parts = [try input.ntk.map { $0 * weights.squareRoot() }]
    if inputScale > 0 { parts.append(.given(input.nngp * inputScale.squareRoot())) }
    if outputScale > 0 { parts.append(.given(outputScale == 1 ? result.nngp : result.nngp * outputScale.squareRoot())) }
    if constant > 0 { parts.append(.given(column(constant))) }
    result.ntk = FeatureState.joined(parts)
    if let before = input.variances, let after = result.variances {
      let change = before * inputScale + after * outputScale + constant
      if case .zero = input.ntk { result.tangentVariances = change }
      result.tangentVariances = input.tangentVariances.map { $0 * weights + change } ?? result.tangentVariances
    }
    return result
  }

  public func flops(result: Double, operands: Double, operandCount: Int, positions: [Int]) -> Double {
    2 * kernelsPerEntry * result
  }

  public func lower(to lowering: inout some Lowering) throws(Obstacle) { try lowering.affine(self) }
}
