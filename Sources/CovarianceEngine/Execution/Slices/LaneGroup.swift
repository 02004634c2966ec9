import Tensors

/// As many inputs of one data set as a slice has lanes: their data and all the factors that slices need of them.
final class LaneGroup<Scalar: SliceScalar>: @unchecked Sendable {
  /// The inputs of the data set that it holds, one per lane; further lanes repeat the last of them.
  let inputs: [Int]
  /// Per input of the network: shape (positions, channels, lanes); empty for one that is a kernel.
  let data: [Scratch<Scalar>?]
  /// All factor sets, shape (numbers, lanes).
  private(set) var factors: Scratch<Scalar>
  /// The same with the numbers of every input together, shape (lanes, numbers).
  private(set) var ownFactors: Scratch<Scalar>?
  /// Numbers per input, at least one.
  let factorCount: Int
  /// Whether every set of own factors is by itself, shape (lanes, numbers of the set).
  let keepsSetsApart: Bool

  /// - Parameter masks: per factor set that is made of masks, its values for the whole data set, shape (N, positions).
  init(_ graph: SliceGraph, _ inputs: Range<Int>, data sources: [Tensor?], maskFactors: [Int: Tensor]) {
    let inputs = Array(inputs)
    factorCount = max(1, graph.factorCount)
    keepsSetsApart = graph.goesInLockStep
    self.inputs = inputs
    data = sources.map { source in
      guard let source else { return nil }
      return Self.transposed(source, inputs)
    }
    factors = Scratch(factorCount * Scalar.lanes)
    for (set, values) in maskFactors {
      let part = Self.transposed(values, inputs)
      let factor = graph.factorSets[set]
      (factors.pointer + factor.offset * Scalar.lanes)
        .update(from: part.pointer, count: factor.count * factor.sizes.product * Scalar.lanes)
    }
  }

  /// Inputs of several groups, whose factors are all there.
  init(_ graph: SliceGraph, _ inputs: [Int], of groups: [LaneGroup], data sources: [Tensor?]) {
    precondition(!graph.goesInLockStep, "factors that are made in every step")
    factorCount = max(1, graph.factorCount)
    keepsSetsApart = false
    self.inputs = inputs
    data = sources.map { source in
      guard let source else { return nil }
      return Self.transposed(source, inputs)
    }
    let (count, lanes) = (factorCount, Scalar.lanes)
    factors = Scratch(count * lanes)
    let sources = (0..<lanes).map { lane in
      let index = min(lane, inputs.count - 1)
      guard let place = groups[index].inputs.firstIndex(of: inputs[index]), let own = groups[index].ownFactors else {
        preconditionFailure("input \(inputs[index]) is not in its group")
      }
      return own.pointer + place * count
    }
    // Some at a time, because all of them together take megabytes.
    let length = 4096
    let rows = Scratch<Scalar>(length * lanes)
    for start in stride(from: 0, to: count, by: length) {
      let part = min(length, count - start)
      for lane in 0..<lanes { (rows.pointer + lane * length).update(from: sources[lane] + start, count: part) }
      Scalar.transpose(
        rows: lanes, columns: part, rows.pointer, stride: length, to: factors.pointer + start * lanes, stride: lanes)
    }
  }

  /// Rows of numbers of some inputs, one input per lane.
  private static func transposed(_ source: Tensor, _ inputs: [Int]) -> Scratch<Scalar> {
    let (size, lanes) = (source.count / max(1, source.shape[0]), Scalar.lanes)
    let result = Scratch<Scalar>(size * lanes)
    let start = source.unsafePointer(to: Scalar.self)
    for lane in 0..<lanes {
      let row = start + inputs[min(lane, inputs.count - 1)] * size
      for index in 0..<size { result.pointer[index * lanes + lane] = row[index] }
    }
    return result
  }

  /// Frees what only the second of two needs.
  func dropLanes() { factors = Scratch(1) }

  /// Makes what the group needs to be the first of two, from the factors that there are.
  func prepareAsFirst(_ graph: SliceGraph) {
    let (count, lanes) = (factorCount, Scalar.lanes)
    let result = ownFactors ?? Scratch<Scalar>(count * lanes)
    ownFactors = result
    if keepsSetsApart {
      for set in graph.keptFactorSets { prepareAsFirst(graph.factorSets[set]) }
      return
    }
    Scalar.transpose(rows: count, columns: lanes, factors.pointer, stride: lanes, to: result.pointer, stride: count)
  }

  /// The same for one set of factors.
  func prepareAsFirst(_ set: SliceGraph.FactorSet) {
    guard let ownFactors else { return }
    let (count, lanes) = (set.count * set.sizes.product, Scalar.lanes)
    let start = set.offset * lanes
    Scalar.transpose(
      rows: count, columns: lanes, factors.pointer + start, stride: lanes, to: ownFactors.pointer + start, stride: count
    )
  }

  /// Bytes that a group of inputs keeps, without what it needs to be the first.
  static func byteCount(_ graph: SliceGraph, dataSizes: [Int]) -> Int {
    (graph.factorCount + dataSizes.reduce(0, +)) * Scalar.lanes * MemoryLayout<Scalar>.stride
  }

  /// Bytes of the factors of a group in lanes and of another that is the first of two.
  static func factorBytes(_ graph: SliceGraph) -> Int { 2 * byteCount(graph, dataSizes: []) }
}
