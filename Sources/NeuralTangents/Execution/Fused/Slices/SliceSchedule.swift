/// Which slices of which nodes are needed, and how often each is read: found by walking from the outputs to the inputs.
///
/// Slices that are read once flow on at once; the others are kept until they have been read for the last time.
struct SliceSchedule: Sendable {
  enum Purpose {
    /// Covariances between inputs of different data sets, or different inputs of one.
    case cross
    /// The factors of every input, from its covariances with itself.
    case factors
    /// These, and the covariances of the outputs of every input with itself.
    case itself
  }

  let purpose: Purpose
  /// For every node how often its slices are read, by `index`; nil where none is read more than once.
  let uses: [[Int32]?]
  /// What is asked for, in order.
  let requests: [Request]
  /// How often the slices of a pair of inputs read a number per input, on the whole.
  let factorReads: Double

  struct Request: Sendable {
    var node: Int
    var displacement: PositionAxes
    /// The output that it belongs to; nil for what only makes factors.
    var output: Int?
  }

  var isOfItself: Bool { purpose != .cross }

  init(_ plan: SlicePlan, _ purpose: Purpose) {
    self.purpose = purpose
    var requests: [Request] = []
    if purpose != .cross {
      for node in plan.factorNodes { requests.append(Request(node: node, displacement: .zero)) }
    }
    if purpose != .factors {
      for (index, output) in plan.outputs.enumerated() {
        if output.wantsAllPositions {
          Self.forEachDisplacement(plan.nodes[output.node].sizes) {
            requests.append(Request(node: output.node, displacement: $0, output: index))
          }
        } else {
          requests.append(Request(node: output.node, displacement: .zero, output: index))
        }
      }
    }
    self.requests = requests
    var counter = UseCounter(plan, isOfItself: purpose != .cross)
    for request in requests { counter.visit(request.node, request.displacement) }
    uses = counter.uses.map { counts in counts.contains { $0 > 1 } ? counts : nil }
    factorReads = counter.factorReads
  }

  /// Where a displacement stands among all of a node.
  static func index(_ displacement: PositionAxes, _ sizes: PositionAxes) -> Int {
    let (place, lengths) = (displacement &+ sizes &- 1, sizes &* 2 &- 1)
    return ((place[0] * lengths[1] + place[1]) * lengths[2] + place[2]) * lengths[3] + place[3]
  }

  static func forEachDisplacement<Failure: Error>(
    _ sizes: PositionAxes, _ body: (PositionAxes) throws(Failure) -> Void
  ) throws(Failure) {
    for a in 1 - sizes[0]..<sizes[0] {
      for b in 1 - sizes[1]..<sizes[1] {
        for c in 1 - sizes[2]..<sizes[2] {
          for d in 1 - sizes[3]..<sizes[3] { try body(PositionAxes(a, b, c, d)) }
        }
      }
    }
  }

  /// The slices that a sum over all of them reads, and how often each counts: of an input with itself the slice of −Δ is that
  /// of Δ, so half of them is enough.
  static func forEachPooled<Failure: Error>(
    _ sizes: PositionAxes, isOfItself: Bool, _ body: (PositionAxes, _ weight: Double) throws(Failure) -> Void
  ) throws(Failure) {
    try forEachDisplacement(sizes) { (displacement) throws(Failure) in
      guard isOfItself else { return try body(displacement, 1) }
      var first = 0
      for axis in 0..<PositionAxes.axisCount where first == 0 { first = displacement[axis] }
      if first >= 0 { try body(displacement, first == 0 ? 1 : 2) }
    }
  }
}

private struct UseCounter {
  private let plan: SlicePlan
  private let isOfItself: Bool
  private(set) var uses: [[Int32]]
  private(set) var factorReads = 0.0

  init(_ plan: SlicePlan, isOfItself: Bool) {
    self.plan = plan
    self.isOfItself = isOfItself
    uses = plan.nodes.map { Array(repeating: 0, count: ($0.sizes &* 2 &- 1).product) }
  }

  mutating func visit(_ node: Int, _ displacement: PositionAxes) {
    let index = SliceSchedule.index(displacement, plan.nodes[node].sizes)
    uses[node][index] += 1
    guard uses[node][index] == 1 else { return }
    switch plan.nodes[node].kind {
    case .input: break
    case .chain(let source, let stride, let steps):
      for step in steps {
        guard let set = step.factorSet else { continue }
        let box = SliceBox(sizes: step.resultSizes, displacement: displacement &* step.resultStride)
        factorReads += Double(plan.factorSets[set].count * box.lengths.product)
      }
      if !plan.isChainWithoutSource(node, at: displacement) { visit(source, displacement &* stride) }
    case .combine(let nodes, _): for source in nodes { visit(source, displacement) }
    case .table(let source, let axis, let table):
      for term in table.terms(of: displacement[axis]) {
        var operand = displacement
        operand[axis] = term.displacement
        visit(source, operand)
      }
    case .permute(let source, let order): visit(source, displacement.unpermuted(order))
    case .flatten(let source): visit(source, .zero)
    case .globalPool(let source, _, _):
      SliceSchedule.forEachPooled(plan.nodes[source].sizes, isOfItself: isOfItself) { displacement, _ in
        visit(source, displacement)
      }
    }
  }
}

extension SIMD4<Int> {
  /// The axes of the operand of a permutation whose result has these: axis k of the result is axis `order[k]`.
  func unpermuted(_ order: [Int]) -> PositionAxes {
    var result = self
    for (axis, source) in order.enumerated() { result[source] = self[axis] }
    return result
  }
}
