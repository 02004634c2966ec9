import Tensors

/// Dropout at training time: the variances, and the covariance of an input with itself at one position, are divided by
/// the keep rate.
package struct DropoutOperation: CovarianceOperation {
  /// The part of the entries that is kept.
  package let keepRate: Double

  package init(keepRate: Double) {
    self.keepRate = keepRate
  }

  package var isHomogeneous: Bool { true }

  package var description: String { "dropout(keepRate: \(keepRate))" }

  package func mean(of operands: [CovarianceValue.Mean]) -> CovarianceValue.Mean { operands[0] }
  package func isLocal(_ operandsAreLocal: [Bool]) -> Bool { operandsAreLocal[0] }
  package func needsMeans(forResult: Bool) -> Bool { forResult }
  package var keepsEntriesApart: Bool { true }

  package func evaluate(_ operands: [CovarianceState], _ context: CovarianceContext) -> CovarianceState {
    let input = operands[0]
    let layout = input.layout
    /// An input meets itself under the same mask, at one position.
    func scaled(_ k: Tensor, batchAxes: Int, sameInput: Bool) -> Tensor {
      var isSame: Tensor?
      if !layout.isDiagonal { isSame = input.identity(of: layout.positions, batchAxes: batchAxes) }
      if sameInput {
        let identity = CovarianceState.inputIdentity(k)
        isSame = isSame.map { $0 .& identity } ?? identity
      }
      return isSame.map { select($0, k / keepRate, k) } ?? k / keepRate
    }
    var result = input
    let (axes, isFull) = (layout.selfBatchAxes, layout.hasFullBatch)
    result.k11 = scaled(input.k11, batchAxes: axes, sameInput: isFull)
    result.k22 = scaled(input.k22, batchAxes: axes, sameInput: isFull)
    if context.isSymmetric, let matrix = input.theta.matrix {
      result.theta = .matrix(scaled(matrix, batchAxes: 2, sameInput: true))
    }
    // The entries of K12 of an input with itself follow K11, which the executor sees to.
    return result
  }

  package func mean(_ means: [Tensor?], of operands: [CovarianceState], _ dataSet: DataSet) -> Tensor? { means[0] }

  package func lower(to lowering: inout some Lowering) throws(Obstacle) { try lowering.dropout(keepRate: keepRate) }
}
