import CovarianceEngine
import Tensors

/// The infinite-width rule of `GlobalSelfAttention`; the formulas are with the layer.
struct AttentionOperation: CovarianceOperation {
  var settings: AttentionSettings
  /// Channels of the finite network's input, which weigh inputs against concatenated embeddings.
  var channels: Int
  /// What the covariances that the layer's own parameters add to Θ are multiplied by.
  var learningRate = 1.0

  var name: String { GlobalSelfAttention.nodeName }

  var description: String {
    let rate = learningRate == 1 ? "" : ", learning rate: \(learningRate)"
    return "attention(\(settings.fingerprint), channels: \(channels)\(rate))"
  }
  var drawsWeights: Bool { true }

  func withLearningRate(_ rate: Double) -> AttentionOperation? {
    var result = self
    result.learningRate *= rate
    return result
  }

  func demand(for result: DisplacementDemand, ofOperandWith positions: [Int], operandsAreLocal: Bool)
    -> DisplacementDemand
  { .all(positions) }

  func flops(result: Double, operands: Double, operandCount: Int, positions: [Int]) -> Double {
    positionProductFlops(result: result, operands: operands, positions: positions)
  }

  func evaluate(_ operands: [CovarianceState], _ context: CovarianceContext) throws(NetworkError) -> CovarianceState {
    let input = try Flat(operands[0])
    let embedded = try embedded(operands[0]).map { (state: CovarianceState) throws(NetworkError) in try Flat(state) }
    let keys = embedded ?? input
    let values = settings.embedsValues ? keys : input
    let parts =
      settings.linearScaling
      ? averaged(values, weights1: weights(keys, .first), weights2: weights(keys, .second))
      : multiplied(keys, values)
    var result = operands[0]
    result.k12 = withBias(parts.k12).reshaped(result.k12.shape)
    result.k11 = withBias(parts.k11).reshaped(result.k11.shape)
    result.k22 = withBias(parts.k22).reshaped(result.k22.shape)
    result.theta = try parts.theta.map { withBias($0, rate: learningRate).reshaped(result.k12.shape) }
    return result
  }

  private func withBias(_ k: Tensor, rate: Double = 1) -> Tensor { settings.bias.map { k + rate * ($0 * $0) } ?? k }

  // MARK: - Positional embeddings

  /// Inputs together with their positional embeddings; nil without embeddings.
  private func embedded(_ input: CovarianceState) throws(NetworkError) -> CovarianceState? {
    guard settings.embedding != .none else { return nil }
    let (width, all) = (try settings.embeddingChannels(channels), try settings.keyInputChannels(channels))
    let isConcatenated = settings.embedding == .concat
    let inputWeight = isConcatenated ? Double(channels) / Double(all) : 1
    let variance = settings.$weightPositionalStd * settings.$weightPositionalStd
    let weight = isConcatenated ? variance * HyperParameter(Double(width) / Double(all)) : variance
    let positions = input.layout.positions
    let correlations =
      weight
      * (try settings.correlation.matrix(positions)).reshaped(positions + positions).asType(input.k12.dtype)
    var result = try input.map { k, _ in inputWeight * k + correlations }
    // The embeddings are parameters, too.
    switch result.theta {
    case .absent: break
    case .zero: result.theta = .matrix((learningRate * correlations).broadcast(to: result.k12.shape))
    case .matrix(let matrix):
      if learningRate != 1 { result.theta = .matrix(matrix + (learningRate - 1) * correlations) }
    }
    return try result.maskedToZero()
  }

  // MARK: - Linear scaling

  /// The weights that every input of a data set gives its positions, shape (N, L, L).
  private func weights(_ keys: Flat, _ dataSet: DataSet) -> Tensor {
    let isFirst = dataSet == .first
    let scores = settings.scoreScale * keys.ofItself(isFirst ? keys.k11 : keys.k22)
    return settings.mechanism.weights(
      scores,
      hidden: AttentionMechanism.hiddenKeys(
        mask: isFirst ? keys.mask1 : keys.mask2, count: keys.count, isCausal: settings.isCausal))
  }

  /// K ← (σO σV)² A1 K A2ᵀ; Θ ← (σO σV)² A1 Θ A2ᵀ + 2 (new K).
  private func averaged(_ values: Flat, weights1: Tensor, weights2: Tensor) -> Parts {
    let variance = settings.outputScale * settings.outputScale
    func cross(_ k: Tensor, _ rows: Tensor, _ columns: Tensor) -> Tensor {
      variance * einsum("apq,abqr,bsr->abps", rows, k, columns)
    }
    func ofItself(_ k: Tensor, _ weights: Tensor) -> Tensor {
      values.hasFullBatch
        ? cross(k, weights, weights) : variance * einsum("apq,aqr,asr->aps", weights, k, weights)
    }
    let k12 = cross(values.k12, weights1, weights2)
    let theta: CovarianceState.Theta =
      switch values.theta {
      case .absent: .absent
      case .zero: .matrix((2 * learningRate) * k12)
      case .matrix(let matrix): .matrix(cross(matrix, weights1, weights2) + (2 * learningRate) * k12)
      }
    return Parts(
      k12: k12, theta: theta, k11: ofItself(values.k11, weights1), k22: ofItself(values.k22, weights2))
  }

  // MARK: - Square root scaling

  /// K ← s ⟨K̃, K⟩ K̃; Θ ← s ((⟨Θ̃, K⟩ + ⟨K̃, Θ⟩) K̃ + ⟨K̃, K⟩ Θ̃) + 4 (new K), where ˜ marks keys and queries, and
  /// what has no mark are the values.
  private func multiplied(_ keys: Flat, _ values: Flat) -> Parts {
    let scale = settings.scoreScale * settings.outputScale
    let variance = scale * scale
    let k12 = variance * (inner(keys.k12, values.k12) * keys.k12)
    var theta = CovarianceState.Theta.absent
    if case .absent = keys.theta {
    } else {
      var change = (4 * learningRate) * k12
      if let matrix = keys.theta.matrix {
        change = change + variance * (inner(matrix, values.k12) * keys.k12 + inner(keys.k12, values.k12) * matrix)
      }
      if let matrix = values.theta.matrix { change = change + variance * (inner(keys.k12, matrix) * keys.k12) }
      theta = .matrix(change)
    }
    return Parts(
      k12: k12, theta: theta, k11: variance * (inner(keys.k11, values.k11) * keys.k11),
      k22: variance * (inner(keys.k22, values.k22) * keys.k22))
  }

  /// Σ a[q, q'] b[q, q'] over all keys q and q' that the queries p and p' see: one sum for all queries, unless they see
  /// only keys up to themselves; then sums over all q ≤ p and q' ≤ p'.
  private func inner(_ a: Tensor, _ b: Tensor) -> Tensor {
    let products = a * b
    let (row, column) = (products.rank - 2, products.rank - 1)
    return settings.isCausal
      ? products.cumulativeSum(axis: row).cumulativeSum(axis: column)
      : products.sum(axes: [row, column], keepDims: true)
  }

  // MARK: - Layout

  private struct Parts {
    var k12: Tensor
    var theta: CovarianceState.Theta
    var k11: Tensor
    var k22: Tensor
  }

  /// Covariances with all positions in one axis: (N1, N2, L, L), and (N, L, L) or (N, N, L, L).
  private struct Flat {
    var k12: Tensor
    var theta: CovarianceState.Theta
    var k11: Tensor
    var k22: Tensor
    /// Shape (N, L).
    var mask1: Tensor?
    var mask2: Tensor?
    var count: Int
    var hasFullBatch: Bool

    init(_ state: CovarianceState) throws(NetworkError) {
      let count = state.layout.positionCount
      func flat(_ k: Tensor, batchAxes: Int) -> Tensor { k.reshaped(k.shape.prefix(batchAxes) + [count, count]) }
      k12 = flat(state.k12, batchAxes: 2)
      theta = try state.theta.map { flat($0, batchAxes: 2) }
      k11 = flat(state.k11, batchAxes: state.layout.selfBatchAxes)
      k22 = flat(state.k22, batchAxes: state.layout.selfBatchAxes)
      (mask1, mask2) = state.mapMasks { $0.reshaped([$0.shape[0], count]) }
      self.count = count
      hasFullBatch = state.layout.hasFullBatch
    }

    /// The covariances of every input with itself, shape (N, L, L).
    func ofItself(_ k: Tensor) -> Tensor { hasFullBatch ? k.diagonal(0, 1).movedAxis(from: -1, to: 0) : k }
  }
}
