import CovarianceEngine
import Tensors

/// Walks through a network and writes its description.
struct NetworkDescriber {
  /// What flows between layers.
  private struct Flow {
    /// Shapes for one and for two inputs, which differ in the batch axis.
    var shape: [Int]
    var shapeOfTwo: [Int]
    /// nil without an infinite limit.
    var value: CovarianceValue?
    /// The row that it comes from; nil for the network's input.
    var source: Int?
  }

  /// What a row is known by until the whole program is there.
  private struct Notes {
    var steps: [Range<Int>] = []
    var values: [Int] = []
  }

  private let network: any Layer
  private let input: [Int]
  private var program = CovarianceProgram()
  private var rows: [NetworkDescription.Row] = []
  private var notes: [Notes] = []
  /// Where the next row goes; before the end while a repeated layer is walked through again.
  private var position = 0
  /// The containers around the layer being visited.
  private var enclosing: [Int] = []

  init(network: any Layer, input: [Int]) {
    self.network = network
    self.input = input
  }

  mutating func describe() throws(NetworkError) -> NetworkDescription {
    guard !input.isEmpty, input.allSatisfy({ $0 > 0 }) else {
      throw NetworkError(path: [.name("input")], expected: "positive sizes", found: "\(input)")
    }
    let axes = try resolvedAxes()
    func batch(of count: Int) -> [Int] {
      var shape = input
      shape.insert(count, at: min(axes.batch, shape.count))
      return shape
    }
    let flow = Flow(shape: batch(of: 1), shapeOfTwo: batch(of: 2))
    // Errors with their whole path, before anything is written down.
    _ = try network.outputShape(.single(flow.shape))
    let encoded = flow.shape + (network.tokenCount.map { [$0] } ?? [])
    let value = program.input(shape: encoded, batchAxis: axes.batch, channelAxis: axes.channel)
    var trial = program
    var infiniteError: NetworkError?
    do {
      _ = try network.append(to: &trial, .single(value))
    } catch {
      infiniteError = error
    }

    var first = flow
    first.value = infiniteError == nil ? value : nil
    let outputs = try visit(network, .single(first), level: 0)
    var description = NetworkDescription(
      input: input, rows: rows, outputRows: outputs.leaves.compactMap(\.source), infiniteError: infiniteError)
    addCosts(to: &description, outputs: outputs.leaves.compactMap(\.value), channels: value.channels)
    return description
  }

  /// Where the batch and the channels are, counted from the front.
  private func resolvedAxes() throws(NetworkError) -> DataAxes {
    do {
      return try (network.dataAxes ?? DataAxes()).resolved(
        rank: input.count + (network.tokenCount == nil ? 1 : 2))
    } catch {
      // The layer that the input does not fit says more, if it can be asked.
      _ = try network.outputShape(.single([1] + input))
      throw error.inside(.name("input"))
    }
  }

  // MARK: - The walk

  private mutating func visit(_ layer: any Layer, _ input: Branches<Flow>, level: Int) throws(NetworkError)
    -> Branches<Flow>
  {
    switch layer {
    case let serial as Serial:
      // The outermost one is the network itself.
      let inner = level == 0 && rows.isEmpty ? 0 : level + 1
      return try container(serial, input, level: level, isShown: inner > level) { (walk) throws(NetworkError) in
        var flow = input
        for layer in serial.layers { flow = try walk.visit(layer, flow, level: inner) }
        return flow
      }
    case let parallel as Parallel:
      return try container(parallel, input, level: level) { (walk) throws(NetworkError) in
        guard case .several(let branches) = input, branches.count == parallel.layers.count else { return input }
        var results: [Branches<Flow>] = []
        for (layer, branch) in zip(parallel.layers, branches) {
          results.append(try walk.visit(layer, branch, level: level + 1))
        }
        return .several(results)
      }
    case let repeated as Repeat:
      return try container(repeated, input, level: level) { (walk) throws(NetworkError) in
        var flow = input
        let start = walk.position
        for _ in 0..<repeated.count {
          walk.position = start
          flow = try walk.visit(repeated.layer, flow, level: level + 1)
        }
        return flow
      }
    case let ready as any ReadyMadeNetwork:
      return try container(ready, input, level: level) { (walk) throws(NetworkError) in
        guard case .single(let flow) = input else { return input }
        var result = input
        for layer in try ready.network(forInput: flow.shape).layers {
          result = try walk.visit(layer, result, level: level + 1)
        }
        return result
      }
    default: return try leaf(layer, input, level: level)
    }
  }

  private mutating func container(
    _ layer: any Layer, _ input: Branches<Flow>, level: Int, isShown: Bool = true,
    _ body: (inout NetworkDescriber) throws(NetworkError) -> Branches<Flow>
  ) throws(NetworkError) -> Branches<Flow> {
    guard isShown else { return try body(&self) }
    let shapes = try layer.outputShape(input.map(\.shape)).leaves
    let shapesOfTwo = try layer.outputShape(input.map(\.shapeOfTwo)).leaves
    let index = place(
      NetworkDescription.Row(
        level: level, name: layer.nodeName, arguments: try Self.arguments(of: layer), isContainer: true,
        isActivation: false, sources: [],
        outputs: zip(shapes, shapesOfTwo).map(Self.withoutBatch), parameterCount: 0, demand: nil, cost: nil))
    enclosing.append(index)
    defer { enclosing.removeLast() }
    return try body(&self)
  }

  private mutating func leaf(_ layer: any Layer, _ input: Branches<Flow>, level: Int) throws(NetworkError)
    -> Branches<Flow>
  {
    let shapes = input.map(\.shape)
    let firstStep = program.steps.count
    var values: [CovarianceValue?] = []
    let outputs = try layer.outputShape(shapes)
    let outputsOfTwo = try layer.outputShape(input.map(\.shapeOfTwo)).leaves
    if let operands = input.map(\.value).compactLeaves() {
      values = try layer.append(to: &program, operands).leaves
    }
    let count = try Self.parameterCount(layer, shapes)
    let index = place(
      NetworkDescription.Row(
        level: level, name: layer.nodeName, arguments: try Self.arguments(of: layer), isContainer: false,
        isActivation: layer is any Activation, sources: input.leaves.compactMap(\.source),
        outputs: zip(outputs.leaves, outputsOfTwo).map(Self.withoutBatch), parameterCount: 0, demand: nil, cost: nil))
    for row in enclosing + [index] { rows[row].parameterCount += count }
    notes[index].steps.append(firstStep..<program.steps.count)
    notes[index].values += values.flatMap { $0?.groups.map(\.id) ?? [] }
    var leaf = -1
    return outputs.map { shape in
      leaf += 1
      return Flow(
        shape: shape, shapeOfTwo: outputsOfTwo[leaf], value: leaf < values.count ? values[leaf] : nil, source: index)
    }
  }

  /// Adds a row, or finds the one there already where a layer is repeated.
  private mutating func place(_ row: NetworkDescription.Row) -> Int {
    if position == rows.count {
      rows.append(row)
      notes.append(Notes())
    }
    position += 1
    return position - 1
  }

  // MARK: - What rows say

  private static func parameterCount(_ layer: any Layer, _ input: Branches<[Int]>) throws(NetworkError) -> Int {
    do {
      return try typesOfDraws { try layer.initialize(RandomKey(seed: 0), input, dtype: .float32) }
        .reduce(0) { $0 + $1.shape.product }
    } catch let error as NetworkError {
      throw error
    } catch {
      throw NetworkError(path: [.name(layer.nodeName)], expected: "parameters", found: "\(error)")
    }
  }

  private static func withoutBatch(_ shapes: (one: [Int], two: [Int])) -> [Int?] {
    zip(shapes.one, shapes.two).map { $0 == $1 ? $0 : nil }
  }

  private static func arguments(of layer: any Layer) throws(NetworkError) -> [(name: String, value: String)] {
    // Functions of one's own have no node in a file, but a name.
    guard case .object(let node)? = try? layer.node(), case .object(let members)? = node.values.first
    else { return [] }
    return members.keys.sorted().compactMap { name in
      members[name].flatMap { value in value.shortText.map { (name, $0) } }
    }
  }

  /// Which executor computes what, and why.
  private func addObstacles(
    to description: inout NetworkDescription, _ program: CovarianceProgram, outputs: [Int], channels: Int
  ) {
    let inputs = (0..<program.inputCount).map { input in
      CovarianceGoal.Input(isMatrix: program.positions[input].isEmpty, channels: channels)
    }
    let goal = CovarianceGoal(
      program, outputs: outputs, inputs: inputs, tangent: .given, wantsAllPositions: true, dtype: .float32)
    guard let choice = try? ExecutorChoice(goal, options: KernelOptions()) else { return }
    description.executor = choice.executor.name
    if choice.isReference { description.obstacle = choice.reason?.description }
    for index in description.rows.indices where !description.rows[index].isContainer {
      let obstacles = notes[index].steps.joined().compactMap { choice.obstacle(of: program.steps[$0]) }
      description.rows[index].obstacle = description.obstacle ?? obstacles.first?.description
    }
  }

  private func addCosts(to description: inout NetworkDescription, outputs: [CovarianceValue], channels: Int) {
    guard description.infiniteError == nil else { return }
    var program = program
    let ids = outputs.map { program.merged($0) }
    let demand = CovarianceDemand(program, outputs: ids, wantsAllPositions: KernelOptions().positions == .all)
    let costs = CovarianceCost(program: program, demand: demand)
    addObstacles(to: &description, program, outputs: ids, channels: channels)
    description.inputDemand = demand.values[0]
    description.inputCost = costs.input(0, channels: channels)
    for index in description.rows.indices where !description.rows[index].isContainer {
      let values = notes[index].values.compactMap { demand.values[$0] }
      if let first = values.first, values.allSatisfy({ $0.positions == first.positions }) {
        description.rows[index].demand = values.dropFirst().reduce(first) { $0.union($1) }
      }
      description.rows[index].cost = notes[index].steps.joined().reduce(Cost.zero) {
        $0 + costs.step(program.steps[$1])
      }
    }
  }
}

extension Branches {
  /// The same structure of values that are there; nil when one is missing.
  fileprivate func compactLeaves<Value>() -> Branches<Value>? where Leaf == Value? {
    switch self {
    case .single(let leaf): return leaf.map { .single($0) }
    case .several(let branches):
      let present = branches.compactMap { $0.compactLeaves() }
      return present.count == branches.count ? .several(present) : nil
    }
  }
}

extension NodeValue {
  /// A number, a word or a list of them in few characters; nil for layers and long lists.
  fileprivate var shortText: String? {
    switch self {
    case .null: return nil
    case .boolean(let value): return "\(value)"
    case .integer(let value): return "\(value)"
    case .number(let value):
      let rounded = (value * 1e4).rounded() / 1e4
      return abs(value) < 1e6 && rounded != 0 ? "\(rounded)" : "\(value)"
    case .string(let value): return value
    case .array(let values):
      let texts = values.compactMap(\.shortText)
      return texts.count == values.count && texts.count <= 6 ? texts.joined(separator: "x") : nil
    case .object: return nil
    }
  }
}
