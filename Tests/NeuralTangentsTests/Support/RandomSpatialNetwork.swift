import Foundation
import NeuralTangents
import Tensors

/// Random valid networks with positions, reproducible by their seed, as nodes of a network file.
///
/// Up to twelve layers at the top, up to three axes of positions, the axes in any order.
struct RandomSpatialNetwork {
  /// What the layers so far give.
  struct State {
    var shape: [Int]
    var batch: Int
    var channel: Int
    var isGaussian = false
    /// Whether a concatenation of channels is open, after which channels differ until a layer mixes them.
    var hasGroups = false

    var positions: [Int] { shape.indices.filter { $0 != batch && $0 != channel } }
    var channels: Int { shape[channel] }
    var positionCount: Int { positions.reduce(1) { $0 * shape[$1] } }
  }

  /// A network and inputs that fit it.
  struct Sample {
    var layers: [NodeValue]
    var inputs: State
    var outputs: State
    /// Places where the network may be cut in two: those where channels are alike.
    var cuts: [Int]
    var mixesInputs: Bool
    /// The sizes of positions that graphs are over; nil where there are none.
    var graphSizes: [Int]?
    /// Whether rounding at correlation one shows as its square root.
    var hasKinks: Bool
    /// Whether there are functions whose steps are much narrower than a standard deviation where that is large.
    var hasSeries: Bool
    /// What the positions of inputs that are masked are drawn from; nil where nothing is.
    var maskSeed: Int?

    var node: NodeValue { .object(["serial": .array(layers)]) }
    var json: String { node.json() }
  }

  var generator: SplitMix
  private var mixesInputs = false
  private var hasKinks = false
  private var hasSeries = false
  private var isLinear = false

  init(seed: Int) {
    generator = SplitMix(state: UInt64(seed) &* 0xD1B5_4A32_D192_ED03 &+ 7)
  }

  /// Networks in a chain without biases, activations or anything else that is not linear.
  init(linear seed: Int) {
    self.init(seed: seed)
    isLinear = true
  }

  /// A network of at most `layers` layers.
  mutating func sample(layers count: Int = 12) throws -> Sample {
    let positions = integer(0...3)
    var sizes: [Int] = []
    for _ in 0..<positions { sizes.append(integer(1...(positions == 3 ? 3 : 4))) }
    while sizes.reduce(1, *) > 12, let largest = sizes.max(), let index = sizes.firstIndex(of: largest) {
      sizes[index] -= 1
    }
    let rank = positions + 2
    var order = Array(0..<rank)
    if chance(0.5) { order.shuffle(using: &generator) }
    // Axis 0 is the batch, the last one the channels, before they are shuffled.
    let canonical = [integer(2...3)] + sizes + [integer(1...4)]
    var state = State(
      shape: order.map { canonical[$0] }, batch: order.firstIndex(of: 0)!, channel: order.firstIndex(of: rank - 1)!)
    let inputs = state
    let target = integer(1...count)
    var layers = try affine(&state)
    var graphSizes: [Int]?
    if LayerRegistry.names.contains("aggregate"), !isLinear, !state.positions.isEmpty, chance(0.2) {
      graphSizes = state.positions.map { state.shape[$0] }
      layers.append(node("aggregate", axes(state)))
    }
    var cuts: [Int] = []
    while layers.count < target {
      if !state.hasGroups { cuts.append(layers.count) }
      var after = state
      let next = try step(&after, depth: 0)
      if layers.count + next.count > count { break }
      layers += next
      state = after
    }
    return Sample(
      layers: layers, inputs: inputs, outputs: state, cuts: cuts.filter { $0 < layers.count }, mixesInputs: mixesInputs,
      graphSizes: graphSizes, hasKinks: hasKinks, hasSeries: hasSeries,
      maskSeed: chance(0.4) ? integer(0...1000) : nil)
  }

  // MARK: - Steps

  private mutating func step(_ state: inout State, depth: Int) throws -> [NodeValue] {
    if isLinear {
      switch integer(0...5) {
      case 0: return try affine(&state)
      case 1, 2: return try state.positions.isEmpty ? affine(&state) : pool(&state)
      case 3: return try state.positions.isEmpty || chance(0.6) ? affine(&state) : globalPool(&state)
      case 4: return chance(0.7) ? [node("identity", [:])] : try flatten(&state)
      default: return try map(&state)
      }
    }
    switch integer(0...19) {
    case 0, 1, 2: return try affine(&state)
    case 3, 4, 5, 6: return try state.isGaussian ? activation(&state) : affine(&state)
    case 7, 8: return try state.positions.isEmpty ? affine(&state) : pool(&state)
    case 9: return try state.isGaussian ? normalization(&state) : affine(&state)
    case 10: return try dropout(&state)
    case 11: return [node("identity", [:])]
    case 12, 13: return try branches(&state, depth: depth)
    case 14: return try repetition(&state, depth: depth)
    case 15:
      guard depth == 0, chance(0.5), !state.positions.isEmpty else { return try affine(&state) }
      return try globalPool(&state)
    case 16:
      guard depth == 0, chance(0.5) else { return try affine(&state) }
      return try flatten(&state)
    default: return try map(&state)
    }
  }

  /// Advances the shape by the layer, which must be valid.
  private func advance(_ state: inout State, _ layer: NodeValue) throws {
    state.shape = try LayerRegistry.layer(from: layer).outputShape(forInput: state.shape)
  }

  private mutating func affine(_ state: inout State, channels: Int? = nil, keepsShape: Bool = false) throws
    -> [NodeValue]
  {
    let layer: NodeValue
    var after = state
    switch integer(0...6) {
    case 0, 1, 2:
      var arguments = axes(state)
      arguments["width"] = .integer(channels ?? integer(1...(isLinear ? 2 : 4)))
      layer = node("dense", weights(arguments))
    case 3, 4: layer = convolution("conv", &after, channels, keepsShape)
    case 5: layer = convolution(keepsShape ? "conv" : "convTranspose", &after, channels, keepsShape)
    default: layer = convolution("convLocal", &after, channels, keepsShape)
    }
    try advance(&after, layer)
    guard after.positionCount <= 16 else { return try affine(&state, channels: channels, keepsShape: keepsShape) }
    state = after
    (state.isGaussian, state.hasGroups) = (true, false)
    return [layer]
  }

  private mutating func convolution(_ name: String, _ state: inout State, _ channels: Int?, _ keepsShape: Bool)
    -> NodeValue
  {
    let letters = Array("HWD".prefix(state.positions.count))
    var input = [Character](repeating: "N", count: state.shape.count)
    input[state.channel] = "C"
    for (letter, axis) in zip(letters, state.positions) { input[axis] = letter }
    var filter = letters + ["I", "O"]
    var output = input
    let isDefault = state.batch == 0 && state.channel == state.shape.count - 1 && chance(0.5)
    if !isDefault {
      filter.shuffle(using: &generator)
      if !keepsShape { output.shuffle(using: &generator) }
    }
    // Windows are in the order of the filter's letters.
    let sizes = filter.filter { !"IO".contains($0) }.map { state.shape[input.firstIndex(of: $0)!] }
    let padding = keepsShape ? choose(["same", "circular"]) : choose(["valid", "same", "circular"])
    var (window, strides, dilation) = ([Int](), [Int](), [Int]())
    for size in sizes {
      let fits = name == "convTranspose" ? 3 : padding == "valid" ? min(size, 3) : 3
      window.append(integer(1...fits))
      strides.append(keepsShape ? 1 : integer(1...2))
      let most = padding == "valid" && window.last! > 1 ? (size - 1) / (window.last! - 1) : 2
      dilation.append(name == "conv" ? integer(1...max(1, min(2, most))) : 1)
    }
    var arguments: [String: NodeValue] = [
      "channels": .integer(channels ?? integer(1...(isLinear ? 2 : 4))), "window": integers(window),
      "padding": .string(padding),
    ]
    if strides.contains(where: { $0 != 1 }) { arguments["strides"] = integers(strides) }
    if dilation.contains(where: { $0 != 1 }) { arguments["dilation"] = integers(dilation) }
    if !isDefault {
      arguments["dimensionNumbers"] = .array([input, filter, output].map { .string(String($0)) })
      state.batch = output.firstIndex(of: "N")!
      state.channel = output.firstIndex(of: "C")!
    }
    return node(name, weights(arguments))
  }

  private mutating func activation(_ state: inout State) throws -> [NodeValue] {
    let activations: [(String, [String: NodeValue])] = [
      ("relu", [:]), ("abs", [:]), ("leakyRelu", ["alpha": .number(0.1)]), ("erf", ["b": .number(0.8)]),
      ("sigmoidLike", [:]), ("gelu", [:]), ("sin", ["c": .number(0.3)]), ("cos", [:]), ("rbf", ["gamma": .number(0.4)]),
      ("gaussian", ["b": .number(-0.5)]), ("gabor", [:]), ("sign", [:]), ("rectifiedMonomial", ["degree": .integer(1)]),
      ("tanh", [:]), ("softplus", [:]), ("elu", [:]),
    ]
    let (name, arguments) = choose(activations)
    hasKinks = hasKinks || ["relu", "abs", "leakyRelu", "sign", "rectifiedMonomial", "elu"].contains(name)
    hasSeries = hasSeries || ["tanh", "softplus", "elu"].contains(name)
    state.isGaussian = false
    return [node(name, arguments)]
  }

  private mutating func pool(_ state: inout State) throws -> [NodeValue] {
    let padding = choose(["valid", "same", "circular"])
    var arguments = axes(state)
    arguments["padding"] = .string(padding)
    arguments["window"] = integers(
      state.positions.map { integer(1...(padding == "valid" ? min(3, state.shape[$0]) : 3)) })
    if chance(0.5) { arguments["strides"] = integers(state.positions.map { _ in integer(1...2) }) }
    let isMean = chance(0.6)
    if isMean && chance(0.5) { arguments["normalizeEdges"] = .boolean(true) }
    let layer = node(isMean ? "averagePool" : "sumPool", arguments)
    try advance(&state, layer)
    return [layer]
  }

  private mutating func globalPool(_ state: inout State) throws -> [NodeValue] {
    let layer = node(chance(0.6) ? "globalAveragePool" : "globalSumPool", axes(state))
    try advance(&state, layer)
    (state.batch, state.channel) = state.batch < state.channel ? (0, 1) : (1, 0)
    return [layer]
  }

  private mutating func flatten(_ state: inout State) throws -> [NodeValue] {
    let out = integer(0...1)
    let layer = node("flatten", ["batchAxis": .integer(state.batch), "batchAxisOut": .integer(out)])
    if !state.positions.isEmpty { (state.isGaussian, state.hasGroups) = (false, false) }
    try advance(&state, layer)
    (state.batch, state.channel) = (out, 1 - out)
    return [layer]
  }

  private mutating func normalization(_ state: inout State) throws -> [NodeValue] {
    var normalized = [state.channel] + state.positions.filter { _ in chance(0.3) }
    if chance(0.1) {
      normalized.append(state.batch)
      mixesInputs = true
    }
    var arguments = axes(state)
    arguments["axes"] = integers(normalized.map { chance(0.5) ? $0 : $0 - state.shape.count })
    arguments["epsilon"] = .number(0.01)
    return [node("layerNorm", arguments)]
  }

  private mutating func dropout(_ state: inout State) throws -> [NodeValue] {
    if chance(0.2) { return [node("dropout", ["keepRate": .number(0.5), "mode": .string("test")])] }
    state.isGaussian = false
    return [node("dropout", ["keepRate": .number(0.5 + number() / 2)])]
  }

  private mutating func branches(_ state: inout State, depth: Int) throws -> [NodeValue] {
    guard depth < 2 else { return try affine(&state) }
    let count = integer(1...3)
    var list: [NodeValue] = []
    let name: String
    var arguments: [String: NodeValue] = [:]
    switch integer(0...3) {
    case 0:
      name = "fanInSum"
      for index in 0..<count { list.append(try gaussianBranch(state, depth: depth, isFirst: index == 0)) }
      state.isGaussian = true
    case 1:
      name = "fanInProduct"
      for index in 0..<count {
        list.append(
          index == 0 ? try anyBranch(state, depth: depth) : try gaussianBranch(state, depth: depth, isFirst: false))
      }
      state.isGaussian = false
    case 2:
      name = "fanInConcat"
      arguments["axis"] = .integer(chance(0.5) ? state.channel : state.channel - state.shape.count)
      var channels = 0
      for _ in 0..<count {
        var branch = state
        if chance(0.5) {
          list.append(.object(["serial": .array(try affine(&branch, channels: integer(1...3), keepsShape: true))]))
        } else {
          list.append(try anyBranch(branch, depth: depth))
        }
        channels += branch.channels
      }
      state.shape[state.channel] = channels
      (state.isGaussian, state.hasGroups) = (false, true)
    default:
      let axis = choose(state.positions + [state.batch])
      guard state.positionCount * count <= 16 else { return try affine(&state) }
      name = "fanInConcat"
      arguments["axis"] = .integer(chance(0.5) ? axis : axis - state.shape.count)
      for index in 0..<count { list.append(try gaussianBranch(state, depth: depth, isFirst: index == 0)) }
      if axis == state.batch {
        guard state.shape[axis] * count <= 6 else { return try affine(&state) }
        mixesInputs = true
      }
      state.shape[axis] *= count
      state.isGaussian = true
    }
    return [
      node("fanOut", ["count": .integer(count)]), .object(["parallel": .array(list)]), node(name, arguments),
    ]
  }

  /// A branch of the same shape whose output is Gaussian; only the first may have no weights of its own.
  private mutating func gaussianBranch(_ state: State, depth: Int, isFirst: Bool = true) throws -> NodeValue {
    if isFirst && state.isGaussian && chance(0.3) { return node("identity", [:]) }
    return .object(["serial": .array(try preserving(state, depth: depth + 1))])
  }

  private mutating func anyBranch(_ state: State, depth: Int) throws -> NodeValue {
    var branch = state
    if state.isGaussian && chance(0.4) { return try activation(&branch)[0] }
    return chance(0.2) ? node("identity", [:]) : try gaussianBranch(state, depth: depth)
  }

  /// Layers that keep the shape and give Gaussian outputs.
  private mutating func preserving(_ state: State, depth: Int) throws -> [NodeValue] {
    var state = state
    let channels = state.channels
    var layers: [NodeValue] = []
    if chance(0.2) && depth < 2 {
      let before = state
      let next = try branches(&state, depth: depth)
      if state.shape == before.shape { layers += next } else { state = before }
    }
    if state.isGaussian && chance(0.3) { layers += try normalization(&state) }
    if state.isGaussian && chance(0.6) { layers += try activation(&state) }
    if chance(0.2) { layers += try dropout(&state) }
    return layers + (try affine(&state, channels: channels, keepsShape: true))
  }

  private mutating func repetition(_ state: inout State, depth: Int) throws -> [NodeValue] {
    guard depth < 2 else { return try affine(&state) }
    let count = integer(0...3)
    let inner = NodeValue.object(["serial": .array(try preserving(state, depth: depth + 1))])
    if count > 0 { (state.isGaussian, state.hasGroups) = (true, false) }
    return [node("repeat", ["count": .integer(count), "layer": inner])]
  }

  // MARK: - Maps of positions, attention and graphs

  private mutating func map(_ state: inout State) throws -> [NodeValue] {
    let names = LayerRegistry.names
    let name = choose(["imageResize", "index", "dotGeneral"] + (isLinear ? [] : ["globalSelfAttention"]))
    guard names.contains(name), !state.positions.isEmpty else { return try affine(&state) }
    var arguments = axes(state)
    var after = state
    switch name {
    case "imageResize":
      var shape = [Int](repeating: -1, count: state.shape.count)
      for axis in state.positions where chance(0.7) { shape[axis] = integer(1...4) }
      if chance(0.15) {
        shape[state.batch] = integer(1...4)
        mixesInputs = true
      }
      arguments["shape"] = integers(shape)
      arguments["method"] = .string(choose(["nearest", "linear", "cubic", "lanczos3", "lanczos5"]))
      if chance(0.3) { arguments["antialias"] = .boolean(false) }
    case "index":
      var ranges = [NodeValue](repeating: .string(":"), count: state.shape.count)
      for axis in state.positions where chance(0.7) {
        let last = state.shape[axis] - 1
        if chance(0.3) {
          ranges[axis] = .integer(chance(0.5) ? integer(0...last) : -1)
        } else {
          ranges[axis] = .string(choose(["\(last)::-1", "\(last):", ":1", "::2", "-1:", "::-2"]))
        }
      }
      if chance(0.15) {
        ranges[state.batch] = .string(choose(["::-1", "1:", "-1:"]))
        mixesInputs = true
      }
      // Axes that disappear move those behind them to the front.
      let gone = ranges.indices.filter { if case .integer = ranges[$0] { true } else { false } }
      after.batch -= gone.count { $0 < state.batch }
      after.channel -= gone.count { $0 < state.channel }
      arguments["ranges"] = .array(ranges)
    case "dotGeneral":
      // The axis that replaces the contracted one is the last.
      let axis = choose(state.positions)
      let (size, out) = (state.shape[axis], integer(1...3))
      var rows: [NodeValue] = []
      for _ in 0..<size { rows.append(.array((0..<out).map { _ in .number(number() * 2 - 1) })) }
      arguments["rhs"] = .array(rows)
      arguments["contracting"] = .array([integers([axis]), integers([0])])
      if axis < state.batch { after.batch -= 1 }
      if axis < state.channel { after.channel -= 1 }
    default:
      let isLinear = chance(0.6)
      arguments["outputChannels"] = .integer(integer(1...3))
      arguments["keyChannels"] = .integer(2)
      arguments["valueChannels"] = .integer(2)
      arguments["heads"] = .integer(2)
      arguments["linearScaling"] = .boolean(isLinear)
      arguments["attentionMechanism"] = .string(isLinear ? choose(["softmax", "identity", "abs", "relu"]) : "identity")
      arguments["positionalEmbedding"] = .string(choose(["none", "sum", "concat"]))
      if chance(0.5) { arguments["positionalDecay"] = .string(choose(["linear", "exponential"])) }
      if chance(0.5) { arguments["valuePositionalEmbedding"] = .boolean(true) }
      if chance(0.3) { arguments["biasStd"] = .number(0.5) }
      (after.isGaussian, after.hasGroups) = (true, false)
    }
    let layer = node(name, arguments)
    try advance(&after, layer)
    guard after.positionCount <= 16 else { return try affine(&state) }
    state = after
    return [layer]
  }

  // MARK: - Arguments

  private mutating func weights(_ arguments: [String: NodeValue]) -> [String: NodeValue] {
    if isLinear { return arguments }
    var arguments = arguments
    arguments["weightStd"] = .number(0.6 + number())
    if chance(0.5) { arguments["biasStd"] = .number(number()) }
    if chance(0.3) { arguments["parameterization"] = .string("standard") }
    return arguments
  }

  mutating func axes(_ state: State) -> [String: NodeValue] {
    let rank = state.shape.count
    var result: [String: NodeValue] = [:]
    if state.batch != 0 || chance(0.2) {
      result["batchAxis"] = .integer(chance(0.5) ? state.batch : state.batch - rank)
    }
    if state.channel != rank - 1 || chance(0.2) {
      result["channelAxis"] = .integer(chance(0.5) ? state.channel : state.channel - rank)
    }
    return result
  }

  mutating func integer(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
  mutating func number() -> Double { (Double.random(in: 0...1, using: &generator) * 1000).rounded() / 1000 }
  mutating func chance(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &generator) < probability }
  mutating func choose<Element>(_ elements: [Element]) -> Element { elements[integer(0...(elements.count - 1))] }
}

func node(_ name: String, _ arguments: [String: NodeValue]) -> NodeValue {
  .object([name: .object(arguments)])
}

private func integers(_ values: [Int]) -> NodeValue { .array(values.map(NodeValue.integer)) }

extension RandomSpatialNetwork.Sample {
  /// The network, read from its text.
  var network: Serial {
    get throws { try serial(layers) }
  }

  func serial(_ nodes: some Sequence<NodeValue>) throws -> Serial {
    let file = try NetworkFile(json: NodeValue.object(["serial": .array(Array(nodes))]).json())
    guard let serial = file.network as? Serial else {
      throw NetworkError(expected: "a serial network", found: "another")
    }
    return serial
  }

  /// Inputs in general position; `constant` stands where a position is masked.
  func data(seed: Int, constant: Double) -> Tensor {
    let x = RandomKey(seed: seed).normal(inputs.shape, dtype: .float64)
    guard let maskSeed else { return x }
    var shape = inputs.shape
    shape[inputs.channel] = 1
    let mask = RandomKey(seed: maskSeed).bernoulli(shape, probability: 0.25, dtype: .float64)
    return select(mask, Tensor(constant), x)
  }

  var isMasked: Bool { maskSeed != nil }

  /// One graph per input.
  func graphs(seed: Int) -> Tensor? {
    graphSizes.map { sizes in
      abs(RandomKey(seed: seed).normal([inputs.shape[inputs.batch]] + sizes + sizes, dtype: .float64))
    }
  }
}
