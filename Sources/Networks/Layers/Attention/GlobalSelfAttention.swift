import CovarianceEngine
import Tensors

/// Multi-head self-attention over all positions.
///
/// With X the inputs, shape (L, C) for L positions in row-major order, X̃ the inputs with positional embeddings, and
/// X' those of the two that values are made of: every head has scores G = σK σQ / (C̃ · keyChannels^e) · X̃ W_Q W_Kᵀ
/// X̃ᵀ, weights ζ(G) by the mechanism ζ, and values X' W_V; the output is σO σV / √(valueChannels · heads · C') ·
/// [ζ(G) X' W_V] W_out + σb b with all entries of the matrices and b standard normal. Linear scaling has e = 1 and
/// W_Q = W_K; square root scaling e = ½.
///
/// Masked keys get no weight. A causal layer's query at position p sees the keys at positions up to p only, in
/// row-major order.
///
/// Infinite heads, keys and values. With K̃ = a K + b R the covariances of X̃, where R are the correlations of
/// embeddings (see `PositionalDecay`), a = 1 and b = σpos² for a sum, and for a concatenation the same times the
/// shares of both in the channels; Θ̃ = a Θ + b R, because embeddings are trained; K' and Θ' those of X':
/// - Linear scaling, any mechanism: with A1 = ζ(σK σQ K̃11) of each input of the first data set and A2 alike,
///   K ← (σO σV)² A1 K' A2ᵀ + σb², Θ ← (σO σV)² A1 Θ' A2ᵀ + 2 (new K − σb²) + σb².
/// - Square root scaling, identity: with s = (σK σQ σO σV)² and ⟨M, M'⟩ the sum over all pairs of keys of M M' — for
///   a causal layer, of those the two queries see —, K ← s ⟨K̃, K'⟩ K̃ + σb², Θ ← s (⟨Θ̃, K'⟩ K̃ + ⟨K̃, Θ'⟩ K̃ + ⟨K̃,
///   K'⟩ Θ̃) + 4 (new K − σb²) + σb².
/// - Square root scaling with another mechanism has no closed form: its scores stay random.
///
/// *Source:* Hron, Bahri, Sohl-Dickstein & Novak 2020 (arXiv 2006.10540).
public struct GlobalSelfAttention: SingleInputLayer {
  public static let nodeName = "globalSelfAttention"

  private var settings: AttentionSettings
  /// Where inputs have the batch and the channels.
  public let axes: DataAxes

  /// Channels of the output.
  public var outputChannels: Int { settings.outputChannels }
  /// Channels of keys and queries, of all heads together.
  public var keyChannels: Int { settings.keyChannels }
  /// Channels of values, of all heads together.
  public var valueChannels: Int { settings.valueChannels }
  /// The number of heads.
  public var heads: Int { settings.heads }
  /// Whether scores are divided by the number of key channels, and queries are keys; otherwise by its square root.
  public var linearScaling: Bool { settings.linearScaling }
  /// What is made of the scores.
  public var mechanism: AttentionMechanism { settings.mechanism }
  /// How positions enter.
  public var positionalEmbedding: PositionalEmbedding { settings.embedding }
  /// Whether a query sees only keys at its own position and before.
  public var isCausal: Bool { settings.isCausal }

  /// - Parameters:
  ///   - positionalNorm: the power of the distances along single axes that add up to that of two positions.
  ///   - positionalDecay: how the correlation of embeddings falls with distance; nil for independent embeddings.
  ///   - positionalChannels: channels of the embeddings; nil for those of the input, which a sum needs.
  ///   - weightPositionalStd: standard deviation σpos of the embeddings.
  ///   - valuePositionalEmbedding: whether values are made of the embedded inputs, too.
  ///   - causal: whether a query sees only keys at its own position and before, in row-major order.
  ///   - outputChannels: channels of the output.
  ///   - keyChannels: channels of keys and queries, of all heads together.
  ///   - valueChannels: channels of values, of all heads together.
  ///   - heads: the number of heads.
  ///   - linearScaling: whether scores are divided by the channels of a head, rather than by their root.
  ///   - weightKeyStd: standard deviation of the weights of keys.
  ///   - weightValueStd: standard deviation of the weights of values.
  ///   - weightQueryStd: standard deviation of the weights of queries.
  ///   - weightOutStd: standard deviation of the weights of the output.
  ///   - biasStd: standard deviation of the biases; nil for none.
  ///   - mechanism: what is made of the scores.
  ///   - positionalEmbedding: how positions enter.
  ///   - batchAxis: where inputs have the batch.
  ///   - channelAxis: where inputs have the channels.
  /// - Precondition: the norm is positive, standard deviations are finite.
  public init(
    outputChannels: Int, keyChannels: Int, valueChannels: Int, heads: Int, linearScaling: Bool = true,
    weightKeyStd: Double = 1, weightValueStd: Double = 1, weightQueryStd: Double = 1, weightOutStd: Double = 1,
    biasStd: Double? = nil, mechanism: AttentionMechanism = .softmax, positionalEmbedding: PositionalEmbedding = .none,
    positionalNorm: Double = 2, positionalDecay: PositionalDecay? = nil, positionalChannels: Int? = nil,
    weightPositionalStd: Double = 1, valuePositionalEmbedding: Bool = false, causal: Bool = false, batchAxis: Int = 0,
    channelAxis: Int = -1
  ) {
    precondition(positionalNorm > 0 && positionalNorm.isFinite, "expected a positive norm, found \(positionalNorm)")
    precondition(
      [weightKeyStd, weightValueStd, weightQueryStd, weightOutStd, biasStd ?? 0, weightPositionalStd]
        .allSatisfy(\.isFinite), "expected finite standard deviations")
    settings = AttentionSettings(
      outputChannels: outputChannels, keyChannels: keyChannels, valueChannels: valueChannels, heads: heads,
      linearScaling: linearScaling, weightKeyStd: weightKeyStd, weightValueStd: weightValueStd,
      weightQueryStd: weightQueryStd, weightOutStd: weightOutStd, bias: biasStd.map { HyperParameter($0) },
      mechanism: mechanism, embedding: positionalEmbedding,
      correlation: PositionalCorrelation(norm: positionalNorm, decay: positionalDecay),
      positionalChannels: positionalChannels, weightPositionalStd: weightPositionalStd,
      valuePositionalEmbedding: valuePositionalEmbedding, isCausal: causal)
    axes = DataAxes(batch: batchAxis, channel: channelAxis)
  }

  public var dataAxes: DataAxes? { axes }

  public func outputShape(_ input: [Int]) throws(NetworkError) -> [Int] {
    let axes = try checked(input)
    var shape = input
    shape[axes.channel] = outputChannels
    return shape
  }

  public func outputMask(_ mask: Tensor, input: [Int]) throws(NetworkError) -> Tensor {
    mask.all(axis: try checked(input).channel, keepDims: true)
  }

  public func append(to program: inout CovarianceProgram, _ input: CovarianceValue) throws(NetworkError)
    -> CovarianceValue
  {
    let axes = try checked(input.shape)
    try input.require(axes)
    guard linearScaling || mechanism == .identity else {
      throw NetworkError(
        path: [.name("attentionMechanism")],
        expected: "identity, the only mechanism with a closed form under square root scaling (or set linearScaling)",
        found: mechanism.rawValue)
    }
    return program.append(
      AttentionOperation(settings: settings, channels: input.channels), input, shape: try outputShape(input.shape),
      isGaussian: true)
  }

  /// The axes counted from the front.
  private func checked(_ input: [Int]) throws(NetworkError) -> DataAxes {
    for (name, value) in [
      ("outputChannels", outputChannels), ("keyChannels", keyChannels), ("valueChannels", valueChannels),
      ("heads", heads), ("positionalChannels", settings.positionalChannels ?? 1),
    ] { try requireSize(name, value) }
    let axes = try axes.resolved(for: input)
    guard !input.indices.contains(where: { $0 != axes.batch && input[$0] < 1 }) else {
      throw NetworkError(expected: "at least one position and channel", found: "shape \(input)")
    }
    _ = try settings.embeddingChannels(input[axes.channel])
    return axes
  }

  public mutating func visitHyperParameters(_ visitor: inout HyperParameterVisitor) {
    settings.visit(&visitor)
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    settings = try AttentionSettings(from: &arguments)
    axes = try DataAxes(from: &arguments)
  }

  public func write(to arguments: inout LayerArguments) throws(NetworkError) {
    try settings.write(to: &arguments)
    axes.write(to: &arguments)
  }
}

// MARK: - The finite network

extension GlobalSelfAttention {
  /// Which parameters there are, and their shapes.
  private struct Shapes {
    var query: [Int]?
    var key: [Int]
    var value: [Int]
    var output: [Int]
    var bias: [Int]?
    var embedding: [Int]?

    /// In the order of the parameters.
    var all: [[Int]] { [query, key, value, output, bias, embedding].compactMap(\.self) }
  }

  private func shapes(_ input: [Int]) throws(NetworkError) -> Shapes {
    let axes = try checked(input)
    let channels = input[axes.channel]
    let key = [heads, try settings.keyInputChannels(channels), keyChannels]
    var shapes = Shapes(
      query: linearScaling ? nil : key, key: key,
      value: [heads, try settings.valueInputChannels(channels), valueChannels],
      output: [valueChannels * heads, outputChannels])
    if settings.bias != nil {
      var shape = [Int](repeating: 1, count: input.count)
      shape[axes.channel] = outputChannels
      shapes.bias = shape
    }
    if settings.embedding != .none {
      var shape = input
      shape[axes.batch] = 1
      shape[axes.channel] = try settings.embeddingChannels(channels)
      shapes.embedding = shape
    }
    return shapes
  }

  /// The matrices of queries (square root scaling only), keys, values and outputs, the bias if there is one, and the
  /// positional embeddings if there are any.
  public func initialize(_ key: RandomKey, _ input: [Int], dtype: DType) throws(NetworkError) -> Parameters {
    let shapes = try shapes(input)
    let keys = key.split(into: 6)
    var drawn: [Tensor] = []
    for (shape, key) in zip(
      [shapes.query, shapes.key, shapes.value, shapes.output, shapes.bias, shapes.embedding], keys)
    {
      if let shape { drawn.append(try key.normalParameters(shape, dtype: dtype)) }
    }
    return .tensors(drawn)
  }

  public func apply(_ parameters: Parameters, _ input: Tensor, _ context: ApplyContext) throws(NetworkError) -> Tensor {
    try outputs(parameters, MaskedTensor(input))
  }

  public func apply(_ parameters: Parameters, masked input: MaskedTensor, _ context: ApplyContext)
    throws(NetworkError) -> MaskedTensor
  {
    MaskedTensor(
      try outputs(parameters, input),
      mask: try input.mask.map { (mask: Tensor) throws(NetworkError) in try outputMask(mask, input: input.shape) })
  }

  private func outputs(_ parameters: Parameters, _ input: MaskedTensor) throws(NetworkError) -> Tensor {
    let axes = try checked(input.shape)
    let shapes = try shapes(input.shape)
    var rest = try parameters.leaf(shapes: shapes.all)[...]
    let query = linearScaling ? nil : rest.removeFirst()
    let (key, value, output) = (rest.removeFirst(), rest.removeFirst(), rest.removeFirst())
    let bias = settings.bias == nil ? nil : rest.removeFirst()

    let positionAxes = axes.positionAxes(rank: input.shape.count)
    let order = [axes.batch] + positionAxes + [axes.channel]
    let positions = positionAxes.map { input.shape[$0] }
    func flat(_ x: Tensor) -> Tensor {
      x.transposed(order).reshaped([x.shape[axes.batch], positions.product, x.shape[axes.channel]])
    }
    let x = flat(input.values)
    /// Shape (N, L).
    let mask = input.mask.map { flat($0.broadcast(to: input.shape)).all(axis: 2) }
    let embedded =
      try rest.first.map { (embedding: Tensor) throws(NetworkError) in
        try self.embedded(x, mask: mask, embedding: flat(embedding), positions: positions)
      } ?? x

    let heads = headOutputs(
      embedded, values: settings.embedsValues ? embedded : x, mask: mask, query: query ?? key, key: key, value: value)
    let fanIn = Double(valueChannels * self.heads * (settings.embedsValues ? embedded : x).shape[2])
    let flatOutput = matmul(heads, output) * (settings.outputScale / fanIn.squareRoot())
    let result = flatOutput.reshaped([x.shape[0]] + positions + [outputChannels]).transposed(order.inversePermutation)
    guard let bias, let std = settings.bias else { return result }
    return result + bias * std
  }

  /// Inputs with their positional embeddings, shape (N, L, C̃).
  private func embedded(_ x: Tensor, mask: Tensor?, embedding: Tensor, positions: [Int]) throws(NetworkError) -> Tensor
  {
    var vectors = embedding
    if let factor = try settings.correlation.factor(positions) {
      vectors = matmul(factor.asType(vectors.dtype), vectors)
    }
    vectors = (vectors * settings.$weightPositionalStd).broadcast(to: x.shape.prefix(2) + [vectors.shape[2]])
    if let mask { vectors = select(mask.expandedDims(2), 0, vectors) }
    return settings.embedding == .sum ? x + vectors : concatenate([x, vectors], axis: 2)
  }

  /// The values of all heads, weighted, shape (N, L, valueChannels · heads); the heads are the inner axis.
  private func headOutputs(_ x: Tensor, values: Tensor, mask: Tensor?, query: Tensor, key: Tensor, value: Tensor)
    -> Tensor
  {
    // Shapes (N, L, heads, channels).
    func perHead(_ x: Tensor, _ matrices: Tensor) -> Tensor { dotGeneral(x, matrices, contracting: ([2], [1])) }
    let (queries, keys) = (perHead(x, query), perHead(x, key))
    let width = Double(keyChannels)
    let norm = Double(x.shape[2]) * (linearScaling ? width : width.squareRoot())
    let products = dotGeneral(queries, keys, contracting: ([3], [3]), batch: ([0, 2], [0, 2]))
    var hidden = AttentionMechanism.hiddenKeys(mask: mask, count: x.shape[1], isCausal: isCausal)
    // All heads alike.
    if let each = hidden, each.rank == 3 { hidden = each.expandedDims(1) }
    let weights = mechanism.weights(products * (settings.scoreScale / norm), hidden: hidden)
    let outputs = dotGeneral(weights, perHead(values, value), contracting: ([3], [1]), batch: ([0, 1], [0, 2]))
    return outputs.transposed(0, 2, 3, 1).reshaped([x.shape[0], x.shape[1], valueChannels * heads])
  }
}
