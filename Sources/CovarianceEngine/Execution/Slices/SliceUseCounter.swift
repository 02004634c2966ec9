/// Displacements of slices.
extension SliceScheduler {
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

/// Counts how often every slice of every node is read.
struct SliceUseCounter {
  private let graph: SliceGraph
  private let isOfItself: Bool
  private(set) var uses: [[Int32]]
  private(set) var factorReads = 0.0

  init(_ graph: SliceGraph, isOfItself: Bool) {
    self.graph = graph
    self.isOfItself = isOfItself
    uses = graph.nodes.map { Array(repeating: 0, count: ($0.sizes &* 2 &- 1).product) }
  }

  mutating func visit(_ node: Int, _ displacement: PositionAxes) {
    let index = SliceScheduler.index(displacement, graph.nodes[node].sizes)
    uses[node][index] += 1
    guard uses[node][index] == 1 else { return }
    switch graph.nodes[node].kind {
    case .input: break
    case .chain(let source, let stride, let steps):
      for step in steps {
        guard let set = step.factorSet else { continue }
        let extent = SliceExtent(sizes: step.resultSizes, displacement: displacement &* step.resultStride)
        factorReads += Double(graph.factorSets[set].count * extent.lengths.product)
      }
      if !graph.isChainWithoutSource(node, at: displacement) { visit(source, displacement &* stride) }
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
      SliceScheduler.forEachPooled(graph.nodes[source].sizes, isOfItself: isOfItself && graph.halvesPools) {
        displacement, _ in
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
