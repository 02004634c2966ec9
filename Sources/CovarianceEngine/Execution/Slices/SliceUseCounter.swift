/// Displacements of slices.
extension SliceExtent {
  /// Where the displacement stands among all of these sizes.
  var index: Int {
    let (place, lengths) = (displacement &+ sizes &- 1, sizes &* 2 &- 1)
    return ((place[0] * lengths[1] + place[1]) * lengths[2] + place[2]) * lengths[3] + place[3]
  }

  init(sizes: PositionAxes, index: Int) {
    let lengths = sizes &* 2 &- 1
    var (rest, displacement) = (index, PositionAxes.zero)
    for axis in (0..<PositionAxes.axisCount).reversed() {
      displacement[axis] = rest % lengths[axis] + 1 - sizes[axis]
      rest /= lengths[axis]
    }
    self.init(sizes: sizes, displacement: displacement)
  }
}

/// Counts how often every slice of every node is read for some requests.
struct SliceUseCounter {
  private let graph: SliceGraph
  private(set) var uses: [[Int: Int32]]
  /// How often the slices read a number per input, on the whole.
  private(set) var factorReads = 0.0

  init(_ graph: SliceGraph) {
    self.graph = graph
    uses = Array(repeating: [:], count: graph.nodes.count)
  }

  mutating func visit(_ first: Int, _ displacement: PositionAxes) {
    // A list instead of calls, which a network of thousands of layers would nest as deeply.
    var open = [(node: first, displacement: displacement)]
    while let (node, displacement) = open.popLast() {
      let index = SliceExtent(sizes: graph.nodes[node].sizes, displacement: displacement).index
      let count = uses[node][index] ?? 0
      uses[node][index] = count + 1
      guard count == 0 else { continue }
      switch graph.nodes[node].kind {
      case .input: break
      case .chain(let source, let stride, let steps):
        for step in steps {
          guard let set = step.factorSet else { continue }
          let extent = SliceExtent(sizes: step.resultSizes, displacement: displacement &* step.resultStride)
          factorReads += Double(graph.factorSets[set].count * extent.lengths.product)
        }
        if !graph.isChainWithoutSource(node, at: displacement) { open.append((source, displacement &* stride)) }
      case .combine(let nodes, _): for source in nodes { open.append((source, displacement)) }
      case .table(let source, let axis, let table):
        for term in table.terms(of: displacement[axis]) {
          var operand = displacement
          operand[axis] = term.displacement
          open.append((source, operand))
        }
      case .permute(let source, let order): open.append((source, displacement.unpermuted(order)))
      case .flatten(let source): open.append((source, .zero))
      case .globalPool(let source, _, _):
        // The slices of a sum over several of them are requests of their own.
        if graph.sumIndex[node] == nil { open.append((source, .zero)) }
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
