import CVectorKernels

/// A covariance program as nodes that work on slices and know how to go back: what the reverse pass of a kernel is made of.
///
/// A slice is K[p, p + Δ] for all positions p and one Δ. Most nodes make a slice of the slice of one other node.
struct GradientGraph: @unchecked Sendable {
  struct Node {
    var kind: Kind
    var sources: [Int]
    /// Sizes of the positions of the result.
    var sizes: PositionAxes
    /// That of the result.
    var tangent: Tangent
  }

  enum Kind {
    case input(Int)
    case affine(nt_affine)
    /// The variances of its source are the set `variances` of numbers of inputs.
    case dual(UnsafePointer<nt_dual>, variances: Int)
    /// K and Θ times 1/√(v + ε) of either input, v the variance averaged over the axes along which `kept` has one position.
    case normalize(epsilon: Double, kept: PositionAxes, factors: Int)
    case scale(Double)
    /// The window sum of a convolution along one axis.
    case window(SliceStep.Window)
    /// An input with itself at one position.
    case dropout(keepRate: Double)
    /// Slices along one axis are made of others.
    case table(axis: Int, DisplacementMap)
    case combine(BranchCombination)
    /// The mean over the positions of the slice of displacement zero.
    case flatten
    /// The sum over all slices times `scale`.
    case globalPool(scale: Double)

    /// Whether it makes one slice of one slice.
    var isInChains: Bool {
      switch self {
      case .affine, .dual, .normalize, .scale, .window, .dropout: true
      case .input, .table, .combine, .flatten, .globalPool: false
      }
    }

    /// Whether it is enough to hand it slices one by one.
    var isSink: Bool {
      switch self {
      case .table, .flatten, .globalPool: true
      default: false
      }
    }

    /// Whether the way back needs what it started from.
    var isNonlinear: Bool {
      switch self {
      case .dual, .normalize, .combine(.product): true
      default: false
      }
    }

    /// Its numbers of inputs.
    var numberSet: Int? {
      switch self {
      case .dual(_, let set), .normalize(_, _, let set): set
      default: nil
      }
    }
  }

  var nodes: [Node] = []
  /// The node that is the output.
  var output = 0
  let inputCount: Int
  /// Per set of numbers of inputs, one per position: the sizes of the positions.
  var numberSets: [PositionAxes] = []
  /// What the nodes' pointers point to.
  var descriptions = DualDescriptions(.long)

  init(inputCount: Int) { self.inputCount = inputCount }

  /// Where every set of numbers starts among those of an input, in numbers, and at last how many there are.
  var numberOffsets: [Int] { numberSets.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.product) } }
}

/// Compiles covariance programs to graphs.
struct GradientGraphBuilder: Lowering {
  private var graph: GradientGraph
  private let tangent: Tangent
  private var nodeOf: [Int?]
  private var step: CovarianceProgram.Step!
  private var ranks: [Int]
  /// What has been made of the step so far; nil before its first verb.
  private var current: Int?

  /// - Throws: `Obstacle` for a program with an operation whose reverse is not known here.
  static func build(_ goal: CovarianceGoal) throws(Obstacle) -> GradientGraph {
    let program = goal.program
    var builder = GradientGraphBuilder(program, goal.tangent)
    for input in 0..<program.inputCount {
      builder.nodeOf[input] = builder.add(
        .input(input), [], sizes: PositionAxes(sizes: program.positions[input]), tangent: min(.zero, goal.tangent))
    }
    for step in program.steps where goal.demand.isNeeded(step.result) { try builder.compile(step) }
    guard let output = builder.nodeOf[goal.outputs[0]] else { throw Obstacle("an output that nothing makes") }
    builder.graph.output = output
    return builder.graph
  }

  /// - Throws: `Obstacle` where the reverse of what is not in the program, its inputs and outputs, is not known here.
  static func check(_ goal: CovarianceGoal) throws(Obstacle) {
    guard goal.outputs.count == 1 else { throw Obstacle("several outputs") }
    if !goal.program.positions[goal.outputs[0]].isEmpty { throw Obstacle("outputs with positions") }
    if goal.inputs.contains(where: \.hasMask) { throw Obstacle("masks") }
    if goal.inputs.contains(where: { $0.tangent == .given }) { throw Obstacle("kernels as inputs") }
  }

  private init(_ program: CovarianceProgram, _ tangent: Tangent) {
    graph = GradientGraph(inputCount: program.inputCount)
    self.tangent = tangent
    nodeOf = Array(repeating: nil, count: program.valueCount)
    ranks = program.positions.map(\.count)
  }

  private mutating func compile(_ step: CovarianceProgram.Step) throws(Obstacle) {
    if step.operation.inputMixing != .apart { throw Obstacle(step.operation.name) }
    for value in [step.result] + step.operands where ranks[value] > PositionAxes.axisCount {
      throw Obstacle("more than \(PositionAxes.axisCount) axes of positions")
    }
    self.step = step
    current = nil
    try step.operation.lower(to: &self)
    nodeOf[step.result] = source
  }

  private var source: Int { current ?? nodeOf[step.operands[0]]! }
  private var node: GradientGraph.Node { graph.nodes[source] }

  private mutating func add(
    _ kind: GradientGraph.Kind, _ sources: [Int], sizes: PositionAxes, tangent: Tangent
  ) -> Int {
    graph.nodes.append(GradientGraph.Node(kind: kind, sources: sources, sizes: sizes, tangent: tangent))
    return graph.nodes.count - 1
  }

  private mutating func extend(_ kind: GradientGraph.Kind, sizes: PositionAxes? = nil, tangent: Tangent? = nil) {
    current = add(kind, [source], sizes: sizes ?? node.sizes, tangent: tangent ?? node.tangent)
  }

  private mutating func addNumbers(_ sizes: PositionAxes) -> Int {
    graph.numberSets.append(sizes)
    return graph.numberSets.count - 1
  }

  // MARK: - Verbs

  mutating func affine(_ rule: AffineOperation) {
    var affine = rule.loopDescription
    // The mean over a window, which comes before its weights, goes into these.
    if case .scale(let factor) = node.kind {
      affine.weight_variance *= factor
      affine.theta_from_input *= factor
      current = node.sources[0]
    }
    extend(.affine(affine), tangent: tangent)
  }

  mutating func dual(_ dual: any Dual) throws(Obstacle) {
    guard let vector = dual.vectorDual else { throw Obstacle("an activation without a vector kernel") }
    let pointer = graph.descriptions.description(of: vector).pointer
    guard nt_has_gradient(pointer) != 0 else {
      throw Obstacle("an activation without a vector kernel for derivatives: \(dual.fingerprint)")
    }
    extend(.dual(pointer, variances: addNumbers(node.sizes)))
  }

  mutating func normalize(epsilon: Double, positionAxes: [Int], overBatch: Bool) throws(Obstacle) {
    if overBatch { throw Obstacle("a normalisation over the inputs of a data set") }
    var kept = node.sizes
    for axis in positionAxes { kept[PositionAxes.axisCount - ranks[step.operands[0]] + axis] = 1 }
    extend(.normalize(epsilon: epsilon, kept: kept, factors: addNumbers(node.sizes)))
  }

  mutating func dropout(keepRate: Double) { extend(.dropout(keepRate: keepRate)) }
  mutating func scale(_ factor: Double) { extend(.scale(factor)) }
  func localize() throws(Obstacle) { throw Obstacle("weights of its own at every position") }

  mutating func combine(_ combination: BranchCombination) throws(Obstacle) {
    let sources = step.operands.map { nodeOf[$0]! }
    if Set(sources).count < sources.count { throw Obstacle("a branch taken twice") }
    func combined(_ sources: [Int]) -> Int {
      add(
        .combine(combination), sources, sizes: graph.nodes[sources[0]].sizes,
        tangent: sources.map { graph.nodes[$0].tangent }.max() ?? .absent)
    }
    // Products of two, one after another.
    current =
      combination == .product
      ? sources.dropFirst().reduce(sources[0]) { combined([$0, $1]) } : combined(sources)
  }

  mutating func flatten() { extend(.flatten, sizes: PositionAxes(repeating: 1)) }

  mutating func globalPool(isMean: Bool) {
    let count = Double(node.sizes.product)
    extend(.globalPool(scale: isMean ? 1 / (count * count) : 1), sizes: PositionAxes(repeating: 1))
  }

  mutating func windows(_ axes: [PatchAxis]) {
    let first = PositionAxes.axisCount - axes.count
    for (index, axis) in axes.enumerated() where !axis.isIdentity {
      var sizes = node.sizes
      sizes[first + index] = axis.outputSize
      if axis.wraps || axis.spread > 1 || (axis.outputSize - 1) * axis.stride >= axis.size {
        extend(.table(axis: first + index, DisplacementMap(axis)), sizes: sizes)
      } else {
        let window = SliceStep.Window(
          axis: first + index, size: axis.window, stride: axis.stride, dilation: axis.dilation, low: axis.paddingLow)
        extend(.window(window), sizes: sizes)
      }
    }
  }

  mutating func map(_ axes: [PositionMapOperation.Axis]) throws(Obstacle) {
    let last = axes.lastIndex { if case .removed = $0 { true } else { false } }
    // Axes of one position that come first are like axes that are not there.
    if let last, axes[...last].contains(where: { if case .removed = $0 { false } else { true } }) {
      throw Obstacle("an axis of positions between others that is removed")
    }
    let first = PositionAxes.axisCount - axes.count
    for (index, axis) in axes.enumerated() {
      guard let map = DisplacementMap(axis) else { continue }
      var sizes = node.sizes
      sizes[first + index] = map.size
      extend(.table(axis: first + index, map), sizes: sizes)
    }
  }

  func permute(_ order: [Int]) throws(Obstacle) {
    if order != Array(order.indices) { throw Obstacle("positions in another order") }
  }
}
