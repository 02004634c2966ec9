import Foundation
import NeuralTangents
import Tensors

/// A random network or its data with one mistake in it, of which there are many kinds.
struct NetworkMistake {
  /// What to try; it must throw.
  let attempt: () throws -> Void
  let description: String

  /// - Parameter seed: of the network; kinds of mistakes take turns.
  init(seed: Int) throws {
    var random = RandomSpatialNetwork(seed: seed)
    let sample = try random.sample(layers: 6)
    var builder = MistakeBuilder(sample: sample, random: random)
    let makers = MistakeBuilder.inFiles + MistakeBuilder.inLayers + MistakeBuilder.inData
    let index = seed % makers.count
    attempt = try makers[index](&builder)()
    description = "seed \(seed), mistake \(index), inputs \(sample.inputs.shape): \(builder.text)"
  }
}

struct MistakeBuilder {
  typealias Attempt = () throws -> Void
  /// Curried, so that a list can hold functions that change the builder.
  typealias Maker = @Sendable (inout MistakeBuilder) throws -> () throws -> Attempt

  var sample: RandomSpatialNetwork.Sample
  var random: RandomSpatialNetwork
  /// The network that was tried last.
  var text = ""

  private var inputs: RandomSpatialNetwork.State { sample.inputs }
  private var outputs: RandomSpatialNetwork.State { sample.outputs }
  private var x: Tensor { RandomKey(seed: 3).normal(inputs.shape, dtype: .float64) }

  /// Tries the kernel of the network that `text` describes.
  private mutating func kernel(_ text: String, _ x1: Tensor? = nil, _ x2: Tensor? = nil) -> () throws -> Attempt {
    self.text = text
    let (x1, graphs) = (x1 ?? x, sample.graphs(seed: 1).map { GraphPatterns($0) })
    return {
      { _ = try NetworkFile(json: text).network.kernel(x1, x2, patterns: graphs) }
    }
  }

  private mutating func kernel(_ layers: [NodeValue], _ x1: Tensor? = nil, _ x2: Tensor? = nil) -> () throws -> Attempt
  {
    kernel(NodeValue.object(["serial": .array(layers)]).json(), x1, x2)
  }

  private mutating func kernel(ending layers: [NodeValue]) -> () throws -> Attempt { kernel(sample.layers + layers) }

  // MARK: - Text and arguments

  static let inFiles: [Maker] = [
    { builder in
      let text = builder.sample.json
      return builder.kernel(String(text.prefix(builder.random.integer(0...(text.count - 1)))))
    },
    { $0.rewritten { name, value in .object([name + "x": value]) } },
    { $0.rewritten { name, value in .object([name: value, "other": .null]) } },
    { $0.rewritten { _, _ in .array([]) } },
    { $0.rewritten { name, _ in .object([name: .string("text")]) } },
    { builder in
      builder.rewritten { name, value in
        guard case .object(var arguments) = value else { return .object([name: .object(["layers": .array([])])]) }
        arguments["unknown"] = .integer(1)
        return .object([name: .object(arguments)])
      }
    },
    { builder in
      var random = builder.random
      return builder.rewritten { name, value in
        guard case .object(var arguments) = value, let key = arguments.keys.sorted().first else {
          return .object([name: .integer(1)])
        }
        let keys = arguments.keys.sorted()
        arguments[keys.count > 1 ? keys[random.integer(0...(keys.count - 1))] : key] = .object(["x": .integer(1)])
        return .object([name: .object(arguments)])
      }
    },
    { builder in
      builder.rewritten { name, value in
        let required = [
          "width", "channels", "window", "count", "layer", "keepRate", "alpha", "degree", "shape", "ranges", "heads",
        ]
        guard case .object(var arguments) = value, let key = required.first(where: { arguments[$0] != nil }) else {
          return .object(["dense": .object([:])])
        }
        arguments[key] = nil
        return .object([name: .object(arguments)])
      }
    },
    { builder in
      let bad = MistakeBuilder.badNodes[builder.random.integer(0...(MistakeBuilder.badNodes.count - 1))]
      guard let node = try? NodeValue(json: Array(bad.utf8)) else { return builder.kernel(bad) }
      return builder.rewritten { _, _ in node }
    },
    { builder in
      let bad = MistakeBuilder.badNodes[builder.random.integer(0...(MistakeBuilder.badNodes.count - 1))]
      guard let node = try? NodeValue(json: Array(bad.utf8)) else { return builder.kernel(bad) }
      return builder.kernel(ending: [node])
    },
  ]

  /// Nodes that no network may have.
  static let badNodes: [String] = badDense + badConvolutions + badDimensions + badPools + otherBadNodes

  private static let badDense: [String] = {
    let widths = ["0", "-3", "1.5", "1e300", "1e999", "\"3\"", "null", "[3]", "true"]
    let others = [
      "\"weightStd\": \"x\"", "\"biasStd\": []", "\"parameterization\": \"mup\"", "\"widthScales\": [1]",
      "\"widthScales\": [1, -1]", "\"widthScales\": [0, 1]", "\"batchAxis\": 0.5", "\"channelAxis\": \"last\"",
      "\"batchAxis\": 9", "\"channelAxis\": -9", "\"batchAxis\": 0, \"channelAxis\": 0",
      "\"batchAxis\": 9223372036854775807", "\"channelAxis\": -9223372036854775808",
    ]
    return widths.map { "{\"dense\": {\"width\": \($0)}}" } + others.map { "{\"dense\": {\"width\": 2, \($0)}}" }
  }()

  private static let badConvolutions: [String] = {
    let arguments = [
      "\"window\": [0]", "\"window\": [-1]", "\"window\": 3", "\"window\": [1.5]", "\"window\": [\"1\"]",
      "\"window\": null", "\"window\": [1], \"strides\": [0]", "\"window\": [1], \"strides\": [-1]",
      "\"window\": [1], \"strides\": [1, 1]", "\"window\": [1], \"strides\": []",
      "\"window\": [1], \"padding\": \"SAME\"", "\"window\": [1], \"padding\": 1",
      "\"window\": [1], \"dilation\": [0]", "\"window\": [1], \"dilation\": [1, 2]",
      "\"window\": [1, 1, 1, 1, 1, 1]",
    ]
    return ["conv", "convTranspose", "convLocal"].flatMap { name in
      ["{\"\(name)\": {\"channels\": 0, \"window\": [1]}}"]
        + arguments.map { "{\"\(name)\": {\"channels\": 2, \($0)}}" }
    }
  }()

  private static let badDimensions: [String] = [
    #"["NHC", "HIO"]"#, #"["NHC", "HIO", "NHC", "NHC"]"#, #"["NNC", "HIO", "NHC"]"#, #"["NC", "HIO", "NHC"]"#,
    #"["HC", "HIO", "NHC"]"#, #"["NHC", "HI", "NHC"]"#, #"["", "", ""]"#, #"["N", "I", "N"]"#,
    #"["NHC", "WIO", "NHC"]"#, #"["NHC", "HIO", "NHCW"]"#, #""NHWC""#, "[1, 2, 3]", #"["NHC", "HIO", null]"#,
    #"["NIC", "IIO", "NIC"]"#, #"["NOC", "OIO", "NOC"]"#, #"["NHWC", "HWIO", "NHWC"]"#,
  ].map { "{\"conv\": {\"channels\": 2, \"window\": [1], \"dimensionNumbers\": \($0)}}" }

  private static let badPools: [String] = {
    let arguments = [
      "", "\"window\": [0]", "\"window\": [-2]", "\"window\": 2", "\"window\": [1], \"strides\": [0]",
      "\"window\": [1], \"strides\": [1, 1]", "\"window\": [1], \"padding\": \"reflect\"",
      "\"window\": [1, 1, 1, 1, 1]", "\"window\": [1], \"normalizeEdges\": 1",
    ]
    return ["averagePool", "sumPool"].flatMap { name in arguments.map { "{\"\(name)\": {\($0)}}" } }
  }()

  private static let otherBadNodes: [String] = [
    #"{"fanOut": {"count": 0}}"#, #"{"fanOut": {"count": -1}}"#, #"{"fanOut": {}}"#, #"{"fanOut": {"count": 2.5}}"#,
    #"{"repeat": {"count": -1, "layer": {"identity": {}}}}"#, #"{"repeat": {"count": 1}}"#,
    #"{"repeat": {"count": 1, "layer": {}}}"#, #"{"repeat": {"count": 1, "layer": []}}"#,
    #"{"repeat": {"count": 1, "layer": {"serial": []}}}"#, #"{"parallel": []}"#, #"{"serial": [1]}"#,
    #"{"serial": [null]}"#, #"{"dropout": {"keepRate": 0}}"#, #"{"dropout": {"keepRate": -0.1}}"#,
    #"{"dropout": {"keepRate": 1.01}}"#, #"{"dropout": {"keepRate": 0.5, "mode": "training"}}"#,
    #"{"layerNorm": {"axes": []}}"#, #"{"layerNorm": {"axes": ["channels"]}}"#, #"{"layerNorm": {"epsilon": -1}}"#,
    #"{"layerNorm": {"epsilon": "small"}}"#, #"{"flatten": {"batchAxisOut": 2}}"#, #"{"flatten": {"batchAxis": 9}}"#,
    #"{"flatten": {"batchAxis": []}}"#, #"{"fanInConcat": {"axis": "channels"}}"#, #"{"fanInConcat": {"axis": 1.5}}"#,
    #"{"leakyRelu": {}}"#, #"{"polynomial": {"coefficients": "x"}}"#, #"{"monomial": {"degree": -1}}"#,
    #"{"monomial": {"degree": 1000000}}"#, #"{"hermite": {"degree": -2}}"#, #"{"rbf": {"gamma": -1}}"#,
    #"{"rectifiedMonomial": {"degree": 1.5}}"#, #"{"numerical": {"function": "nothing"}}"#, #"{"elementwise": {}}"#,
    #"{"embedding": {}}"#, #"{"": {}}"#, #"{"\u0000": {}}"#, #"{"dense ": {"width": 1}}"#, "17", "[]", "\"relu\"", "",
    "{", "{\"relu\": {}", "\u{FEFF}{", "{\"relu\": NaN}", "{\"dense\": {\"width\": 99999999999999999999}}",
    String(repeating: "[", count: 5000), String(repeating: "{\"serial\":[", count: 5000),
  ]

  /// Tries the network with one of its nodes, any of them, replaced.
  private mutating func rewritten(_ transform: (String, NodeValue) -> NodeValue) -> () throws -> Attempt {
    var count = 0
    _ = MistakeBuilder.rewrite(sample.node, index: &count, target: -1, transform)
    var index = 0
    let node = MistakeBuilder.rewrite(sample.node, index: &index, target: random.integer(0...(count - 1)), transform)
    return kernel(node.json())
  }

  private static func rewrite(
    _ node: NodeValue, index: inout Int, target: Int, _ transform: (String, NodeValue) -> NodeValue
  ) -> NodeValue {
    guard case .object(let members) = node, let (name, value) = members.first else { return node }
    defer { index += 1 }
    if index == target { return transform(name, value) }
    switch value {
    case .array(let nodes):
      var result: [NodeValue] = []
      for node in nodes {
        index += 1
        result.append(rewrite(node, index: &index, target: target, transform))
        index -= 1
      }
      return .object([name: .array(result)])
    case .object(var arguments):
      if let layer = arguments["layer"] {
        index += 1
        arguments["layer"] = rewrite(layer, index: &index, target: target, transform)
        index -= 1
      }
      return .object([name: .object(arguments)])
    default: return node
    }
  }

  // MARK: - Layers that do not fit

  private mutating func dense(_ width: Int, _ state: RandomSpatialNetwork.State? = nil) -> NodeValue {
    var arguments = random.axes(state ?? outputs)
    arguments["width"] = .integer(width)
    return node("dense", arguments)
  }

  private mutating func joined(_ branches: [NodeValue], _ name: String, _ arguments: [String: NodeValue] = [:])
    -> [NodeValue]
  {
    [
      node("fanOut", ["count": .integer(branches.count)]), .object(["parallel": .array(branches)]),
      node(name, arguments),
    ]
  }

  private static let relu = node("relu", [:])

  static let inLayers: [Maker] = [
    { $0.kernel([relu] + $0.sample.layers) },
    { $0.kernel(ending: [$0.dense(2), relu, relu]) },
    { $0.kernel(ending: [$0.dense(2), node("dropout", ["keepRate": .number(0.5)]), relu]) },
    { $0.kernel(ending: [$0.dense(2)] + $0.joined([relu, relu], "fanInSum")) },
    { $0.kernel(ending: [node($0.random.choose(["fanInSum", "fanInProduct", "fanInConcat"]), [:])]) },
    { $0.kernel(ending: [node("fanOut", ["count": .integer(2)])]) },
    { $0.kernel(ending: [node("fanOut", ["count": .integer(1)]), $0.dense(2)]) },
    { builder in
      builder.kernel(
        ending: [
          node("fanOut", ["count": .integer(2)]),
          .object(["parallel": .array([builder.dense(1), builder.dense(1), builder.dense(1)])]), node("fanInSum", [:]),
        ])
    },
    { builder in
      let name = builder.random.choose(["fanInSum", "fanInProduct"])
      return builder.kernel(ending: builder.joined([builder.dense(2), builder.dense(3)], name))
    },
    { builder in
      let axis = builder.random.choose(builder.outputs.positions + [builder.outputs.batch])
      return builder.kernel(
        ending: builder.joined([builder.dense(2), builder.dense(3)], "fanInConcat", ["axis": .integer(axis)]))
    },
    { builder in
      let rank = builder.outputs.shape.count
      let axis = builder.random.choose([rank, -rank - 1, Int.max, Int.min])
      return builder.kernel(
        ending: builder.joined([builder.dense(2), builder.dense(2)], "fanInConcat", ["axis": .integer(axis)]))
    },
    { builder in
      // Branches of different ranks.
      builder.kernel(
        ending: builder.joined(
          [
            builder.dense(2),
            node("averagePool", ["window": .array([.integer(1), .integer(1), .integer(1), .integer(1)])]),
          ],
          "fanInSum"))
    },
    { builder in
      let count = builder.random.integer(0...3)
      let layer = builder.dense(builder.outputs.channels + 1)
      return builder.kernel(ending: [node("repeat", ["count": .integer(count), "layer": layer])])
    },
    { builder in
      // Windows that are larger than the input.
      var arguments = builder.random.axes(builder.outputs)
      let positions = builder.outputs.positions
      arguments["window"] = .array(
        positions.isEmpty ? [.integer(1)] : positions.map { .integer(builder.outputs.shape[$0] + 1) })
      return builder.kernel(ending: [node(builder.random.choose(["averagePool", "sumPool"]), arguments)])
    },
    { builder in
      // A window with one axis too many.
      var arguments = builder.random.axes(builder.outputs)
      arguments["window"] = .array(builder.outputs.positions.map { _ in .integer(1) } + [.integer(1)])
      return builder.kernel(ending: [node(builder.random.choose(["averagePool", "sumPool"]), arguments)])
    },
    { builder in
      let window = builder.inputs.positions.map { _ in NodeValue.integer(1) } + [.integer(1)]
      return builder.kernel(
        [
          node(
            builder.random.choose(["conv", "convTranspose", "convLocal"]),
            ["channels": .integer(2), "window": .array(window)])
        ] + builder.sample.layers)
    },
    { builder in
      var other = builder.outputs
      swap(&other.batch, &other.channel)
      return builder.kernel(ending: [builder.dense(2, other)])
    },
    { builder in
      builder.kernel(ending: [builder.dense(2), node("layerNorm", ["axes": .array([.integer(builder.outputs.batch)])])])
    },
    { builder in
      var arguments = builder.random.axes(builder.outputs)
      arguments["axes"] = .array([.integer(builder.outputs.channel), .integer(builder.outputs.shape.count)])
      return builder.kernel(ending: [builder.dense(2), node("layerNorm", arguments)])
    },
    { builder in
      var arguments = builder.random.axes(builder.outputs)
      arguments["axes"] = .array([.integer(builder.outputs.channel)])
      return builder.kernel(
        ending: [builder.dense(2), node("dropout", ["keepRate": .number(0.5)]), node("layerNorm", arguments)])
    },
    { $0.kernel(ending: [node("flatten", ["batchAxis": .integer($0.outputs.channel)])]) },
  ]

  // MARK: - Data and parameters that do not fit

  static let inData: [Maker] = [
    { $0.kernel($0.sample.layers, $0.x.replacing([0], by: .nan)) },
    { $0.kernel($0.sample.layers, $0.x.replacing([$0.x.count - 1], by: -.infinity)) },
    { $0.kernel($0.sample.layers, $0.x, $0.x.replacing([0], by: .infinity)) },
    { $0.kernel($0.sample.layers, Tensor.ones([$0.random.integer(0...4)])) },
    { $0.kernel($0.sample.layers, Tensor(1.0)) },
    { builder in
      var shape = builder.inputs.shape
      shape[builder.random.integer(0...(shape.count - 1))] = 0
      return builder.kernel(builder.sample.layers, Tensor.zeros(shape))
    },
    { builder in
      var shape = builder.inputs.shape
      let axis = builder.random.choose(shape.indices.filter { $0 != builder.inputs.batch })
      shape[axis] += 1
      return builder.kernel(builder.sample.layers, builder.x, Tensor.ones(shape))
    },
    { $0.kernel($0.sample.layers, $0.x, Tensor.ones($0.inputs.shape + [1])) },
    { builder in
      // Data with one axis too many, for layers that say how many there are.
      var arguments = builder.random.axes(builder.inputs)
      arguments["window"] = .array(builder.inputs.positions.map { _ in .integer(1) })
      return builder.kernel([node("averagePool", arguments)], Tensor.ones(builder.inputs.shape + [1]))
    },
    { builder in
      let (sample, x) = (builder.sample, builder.x)
      let count = x.shape[sample.inputs.batch] + 1
      return { { _ = try sample.network.kernel(x, patterns: GraphPatterns(.ones([count, 2, 2]))) } }
    },
    { builder in
      // Parameters for another number of channels.
      let (sample, x) = (builder.sample, builder.x)
      var shape = x.shape
      shape[sample.inputs.channel] += 1
      return {
        let parameters = try sample.network.initialize(RandomKey(seed: 1), inputShape: shape)
        return {
          _ = try sample.network(
            parameters, x.asType(.float32), key: RandomKey(seed: 2), pattern: sample.graphs(seed: 1)?.asType(.float32))
        }
      }
    },
    { builder in
      let (sample, x) = (builder.sample, builder.x)
      return { { _ = try sample.network(.list([]), x, key: RandomKey(seed: 2)) } }
    },
    { builder in
      let (sample, x) = (builder.sample, builder.x)
      return { { _ = try sample.network(.tensors([x]), x, key: RandomKey(seed: 2)) } }
    },
    { builder in
      // Nothing random to draw from.
      let (sample, x) = (builder.sample, builder.x)
      return {
        let network = try sample.serial(sample.layers + [node("dropout", ["keepRate": .number(0.5)])])
        let parameters = try network.initialize(RandomKey(seed: 1), inputShape: x.shape)
        return {
          _ = try network(parameters, x.asType(.float32), pattern: sample.graphs(seed: 1)?.asType(.float32))
        }
      }
    },
    { builder in
      // Kernels between different numbers of inputs.
      let (sample, x) = (builder.sample, builder.x)
      return {
        let patterns = sample.graphs(seed: 1).map { GraphPatterns($0) }
        let one = try sample.network.kernel(x, patterns: patterns)
        var other = one
        other.nngp = Tensor.ones([1, 1] + Array(one.nngp.shape[2...]), dtype: .float64)
        return { _ = try Parallel([Identity(), Identity()]).kernels(of: .several([.single(one), .single(other)])) }
      }
    },
    { builder in
      // A network of one input for two data sets of other structures.
      let (sample, x) = (builder.sample, builder.x)
      return { { _ = try sample.network.kernels(.single(x), .several([.single(x)])) } }
    },
    { builder in
      let (sample, x) = (builder.sample, builder.x)
      return { { _ = try sample.network.kernels(.several([.single(x), .single(x)])) } }
    },
  ]
}
