import Tensors

/// An activation: K ← κ(K11, K, K22), Θ ← Θ κ̇(K11, K, K22).
public struct DualOperation: CovarianceOperation {
  /// What κ and κ̇ are.
  public let dual: any Dual

  public init(_ dual: any Dual) {
    self.dual = dual
  }

  public var description: String { "dual(\(dual.fingerprint))" }

  public func mean(of operands: [CovarianceValue.Mean]) -> CovarianceValue.Mean { .uniform }

  public var keepsEntriesApart: Bool { true }
  public var isHomogeneous: Bool { dual.isHomogeneous }

  public func evaluate(_ operands: [CovarianceState], _ context: CovarianceContext) throws(NetworkError)
    -> CovarianceState
  {
    let input = operands[0]
    let (v1, v2) = (input.variances(.first), input.variances(.second))
    var result = input
    let cross = input.outer(v1, v2, batchAxes: 2)
    result.k12 = try dual.dual(input.k12, cross.rows, cross.columns)
    result.theta = try input.theta.map { (matrix: Tensor) throws(NetworkError) in
      matrix * (try dual.derivativeDual(input.k12, cross.rows, cross.columns))
    }
    func ofItself(_ k: Tensor, _ variances: Tensor) throws(NetworkError) -> Tensor {
      if input.layout.isDiagonal && !input.layout.hasFullBatch { return try dual.varianceDual(k) }
      let (rows, columns) = input.outer(variances, variances, batchAxes: input.layout.selfBatchAxes)
      return try dual.dual(k, rows, columns)
    }
    result.k11 = try ofItself(input.k11, v1)
    result.k22 = try ofItself(input.k22, v2)
    return result
  }

  public func mean(_ means: [Tensor?], of operands: [CovarianceState], _ dataSet: DataSet) throws(NetworkError)
    -> Tensor?
  { try dual.mean(operands[0].variances(dataSet)) }

  public func features(_ operands: [FeatureState], _ random: FeatureRandomness) throws(NetworkError) -> FeatureState {
    let input = operands[0]
    let scale = 1 / Double(random.width).squareRoot()
    let preactivations = random.directions(input.nngp, 0)
    var result = FeatureState(nngp: preactivations, ntk: input.ntk)
    if let variances = input.variances { result.variances = try dual.varianceDual(variances) }
    guard case .given(let tangent) = input.ntk else {
      result.nngp = random.rescaled(try dual.function(preactivations) * scale, result.variances)
      return result
    }
    let passed: (value: Tensor, tangent: Tensor)
    do {
      passed = try jvp({ try dual.function($0) }, at: preactivations, along: random.directions(tangent, 1))
    } catch let error as NetworkError {
      throw error
    } catch {
      throw NetworkError(expected: "a function with a derivative", found: "\(error)")
    }
    result.nngp = random.rescaled(passed.value * scale, result.variances)
    if let variances = input.variances, let before = input.tangentVariances {
      result.tangentVariances = before * (try dual.derivativeDual(variances, variances, variances))
    }
    result.ntk = .given(random.rescaled(passed.tangent * scale, result.tangentVariances))
    return result
  }

  public func flops(result: Double, operands: Double, operandCount: Int, positions: [Int]) -> Double {
    Double(dual.flopsPerEntry) * result
  }

  public func lower(to lowering: inout some Lowering) throws(Obstacle) { try lowering.dual(dual) }
}
