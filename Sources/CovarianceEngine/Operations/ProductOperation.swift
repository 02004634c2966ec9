import Tensors

/// Elementwise product of independent branches: K ← Π Kᵢ, Θ by the product rule.
public struct ProductOperation: CovarianceOperation {
  public init() {}

  public var description: String { "product" }

  public func mean(of operands: [CovarianceValue.Mean]) -> CovarianceValue.Mean {
    operands.contains(.zero)
      ? .zero : operands.contains(.unknown) ? .unknown : operands.contains(.varying) ? .varying : .uniform
  }

  public func isLocal(_ operandsAreLocal: [Bool]) -> Bool { operandsAreLocal.contains(true) }
  public func needsMeans(forResult: Bool) -> Bool { forResult }
  public func mask(_ operands: [Tensor?], shapes: [[Int]]) -> Tensor? { CovarianceState.maskedInAll(operands) }

  public func evaluate(_ operands: [CovarianceState], _ context: CovarianceContext) -> CovarianceState {
    operands.dropFirst().reduce(operands[0]) { a, b in
      var result = a
      result.k12 = a.k12 * b.k12
      var (fromA, fromB) = (a.theta, b.theta)
      if case .matrix(let matrix) = a.theta { fromA = .matrix(matrix * b.k12) }
      if case .matrix(let matrix) = b.theta { fromB = .matrix(a.k12 * matrix) }
      result.theta = fromA.adding(fromB)
      (result.k11, result.k22) = (a.k11 * b.k11, a.k22 * b.k22)
      return result
    }
  }

  /// The mean of a product of independent factors; one of zero mean makes it zero.
  public func mean(_ means: [Tensor?], of operands: [CovarianceState], _ dataSet: DataSet) -> Tensor? {
    let factors = means.compactMap { $0 }
    return factors.count == means.count ? factors.dropFirst().reduce(factors[0]) { $0 * $1 } : nil
  }

  public func features(_ operands: [FeatureState], _ random: FeatureRandomness) throws(NetworkError) -> FeatureState {
    let scale = 1 / Double(random.width).squareRoot()
    var a = operands[0]
    for (place, b) in operands.dropFirst().enumerated() {
      let index = UInt32(place)
      /// Features whose products are those of `x` times those of `y`.
      func product(_ x: Tensor, _ y: Tensor, _ number: UInt32) -> Tensor {
        let place = 6 * index + 2 * number
        return random.directions(x, place) * random.directions(y, place + 1) * scale
      }
      var result = FeatureState(nngp: product(a.nngp, b.nngp, 0), ntk: a.ntk)
      result.ntk = FeatureState.joined([
        try a.ntk.map { product($0, b.nngp, 1) }, try b.ntk.map { product(a.nngp, $0, 2) },
      ])
      if let first = a.variances, let second = b.variances {
        result.variances = first * second
        result.tangentVariances = FeatureState.sum([
          a.knownTangentVariances.map { $0 * second }, b.knownTangentVariances.map { first * $0 },
        ])
      }
      result.nngp = random.rescaled(result.nngp, result.variances)
      let lengths = result.tangentVariances
      result.ntk = try result.ntk.map { random.rescaled($0, lengths) }
      a = result
    }
    return a
  }

  /// Θ has one product of `operandCount` factors per branch.
  public func flops(result: Double, operands: Double, operandCount: Int, positions: [Int]) -> Double {
    Double((operandCount - 1) * (2 + operandCount)) * result
  }

  public func lower(to lowering: inout some Lowering) throws(Obstacle) { try lowering.combine(.product) }
}
