import Platform
import Synchronization
import Tensors

/// Runs a graph for slices over all pairs of inputs on all cores.
///
/// The work is cut by `SliceTasks`. What slices need of single inputs is computed once per group of them. Every pair of inputs
/// is computed by the same operations whatever the tiles and the threads are. When both data sets are one, only pairs above
/// the diagonal are computed, and the diagonal is the inputs with themselves.
struct SliceRun<Scalar: SliceScalar>: @unchecked Sendable {
  let graph: SliceGraph
  let inputs: [SliceInput]
  let tangent: Tangent
  let isSymmetric: Bool
  let n1: Int
  let n2: Int
  private let maskFactors: (first: [Int: Tensor], second: [Int: Tensor])
  /// What is masked in every output.
  private let outputMasks: [(first: Tensor?, second: Tensor?)]
  private let wanted: SelfCovarianceSet
  /// Where the first entry is in the Gram matrix.
  private let origin: (row: Int, column: Int)
  private let isExchanged: Bool

  init(_ graph: SliceGraph, _ block: BlockRequest, tangent: Tangent) throws(NetworkError) {
    let (inputs, program) = (block.inputs, graph.program)
    self.graph = graph
    self.tangent = tangent
    wanted = block.selfCovariances
    origin = (block.rows.lowerBound, block.columns.lowerBound)
    isExchanged = block.isExchanged
    let isSymmetric = inputs.allSatisfy(\.isSymmetric)
    self.isSymmetric = isSymmetric
    (n1, n2) = inputs[0].counts
    self.inputs = inputs.map { SliceInput($0) }
    let first = ValueMasks(program, inputs: inputs.map { $0.mask(of: .first) })
    let second = isSymmetric ? first : ValueMasks(program, inputs: inputs.map { $0.mask(of: .second) })
    maskFactors = (
      Self.maskFactors(graph, program, first, count: n1),
      isSymmetric ? [:] : Self.maskFactors(graph, program, second, count: n2)
    )
    outputMasks = graph.outputValues.map { (first[$0], second[$0]) }
  }

  /// The values of all factor sets made of masks, shape (N, positions).
  private static func maskFactors(_ graph: SliceGraph, _ program: CovarianceProgram, _ masks: ValueMasks, count: Int)
    -> [Int: Tensor]
  {
    var result: [Int: Tensor] = [:]
    for (index, set) in graph.factorSets.enumerated() {
      switch set.source {
      case .mask(let value):
        let size = set.sizes.product
        let visible = masks[value].map { (.!$0).asType(Scalar.dtype).reshaped([count, size]) }
        result[index] = visible ?? .ones([count, size], dtype: Scalar.dtype)
      case .visible(let value):
        if let mask = masks[value] {
          let visible = (.!mask).asType(Scalar.dtype).reshaped([count, mask.count / max(1, count)])
          result[index] = (1 / maximum(visible.sum(axis: 1), 1)).reshaped([count, 1])
        } else {
          let size = program.positions[value].reduce(1, *)
          result[index] = Tensor.ones([count, 1], dtype: Scalar.dtype) / Double(size)
        }
      default: break
      }
    }
    return result
  }

  /// The diagonal of a symmetric matrix comes from there.
  private var wantsFirst: Bool { isSymmetric || wanted.contains(.first) }
  private var wantsSecond: Bool { !isSymmetric && wanted.contains(.second) }

  // MARK: - Running

  func run() throws(NetworkError) -> [CovarianceBlock] {
    let results = graph.outputs.map {
      SliceResult<Scalar>(
        $0, tangent: graph.nodes[$0.node].tangent, n1: n1, n2: n2, isSymmetric: isSymmetric,
        origin: origin, isExchanged: isExchanged)
    }
    let shape = SliceBlockShape(
      n1: n1, n2: n2, isSymmetric: isSymmetric, wantsFirst: wantsFirst, wantsSecond: wantsSecond,
      dataSizes: inputs.map(\.dataSize))
    let tasks = SliceTasks<Scalar>(graph, shape, threads: Threads.count)
    let store = LaneGroupStore<Scalar>(keepsAll: tasks.keepsGroups || tasks.sharesTasks)
    if tasks.sharesTasks {
      try runShared(tasks.tasks, shape, store, results)
    } else {
      try forEach(tasks.tasks, store, results) { (worker, task) throws(NetworkError) in try worker.compute(task) }
    }
    return zip(results, outputMasks).map { result, masks in
      CovarianceBlock(
        k12: result.k12, theta: result.theta, k11: wantsFirst ? result.k11 : nil,
        k22: wantsSecond ? result.k22 : nil,
        layout: CovarianceLayout(
          positions: result.output.positions, isDiagonal: !result.output.wantsAllPositions, hasFullBatch: false),
        mask1: masks.first, mask2: masks.second)
    }
  }

  /// Calls `body` for all elements on all threads.
  private func forEach<Element>(
    _ elements: [Element], _ store: LaneGroupStore<Scalar>, _ results: [SliceResult<Scalar>],
    _ body: @Sendable (SliceWorker<Scalar>, Element) throws(NetworkError) -> Void
  ) throws(NetworkError) {
    let failure = Mutex<NetworkError?>(nil)
    let elements = UncheckedSendable(elements)
    Threads.forEachWorker(elements.value.count) { next in
      let worker = SliceWorker(self, store, results)
      while let index = next() {
        if failure.withLock({ $0 != nil }) { break }
        do throws(NetworkError) {
          try body(worker, elements.value[index])
        } catch {
          failure.withLock { $0 = $0 ?? error }
        }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
  }

  /// Tasks whose slices several threads share: first the factors of all groups, then chunks of all tasks, at last what comes
  /// after global pools, which the chunks' sums and the factors there are needed for.
  private func runShared(
    _ tasks: [SliceTasks<Scalar>.Task], _ shape: SliceBlockShape, _ store: LaneGroupStore<Scalar>,
    _ results: [SliceResult<Scalar>]
  ) throws(NetworkError) {
    typealias Unit = SliceWorker<Scalar>.Unit
    var keys = (0..<SliceBlockShape.groups(n1, Scalar.lanes)).map { key($0, of: .first) }
    if !isSymmetric { keys += (0..<SliceBlockShape.groups(n2, Scalar.lanes)).map { key($0, of: .second) } }
    try forEach(keys, store, results) { (worker, key) throws(NetworkError) in
      let group = self.group(key)
      try worker.play([.head], worker.itselfUnit(key, group, .factors))
      _ = store.keep(group, key, graph)
    }
    let worker = SliceWorker(self, store, results)
    var itself: [Unit] = []
    for key in keys {
      guard let group = store.kept(key) else { continue }
      let isWanted = key.dataSet == .first ? wantsFirst : wantsSecond
      guard isWanted || !graph.tailFactorNodes.isEmpty else { continue }
      itself.append(worker.itselfUnit(key, group, isWanted ? .itself : .factors))
    }
    func crossUnits() throws(NetworkError) -> [Unit] {
      var units: [Unit] = []
      for task in tasks {
        switch task {
        case .itself: break
        case .tile(let rows, let index): units.append(try worker.unit(rows, group: index))
        case .pairs(let pairs): units.append(try worker.unit(pairs))
        }
      }
      return units
    }
    var cross = try crossUnits()
    try forEach(parts(itself + cross), store, results) { (worker, part) throws(NetworkError) in
      try worker.play(graph.bodySections(part.unit.purpose, part.chunks), part.unit)
    }
    try forEach(itself, store, results) { (worker, unit) throws(NetworkError) in try worker.play([.tail], unit) }
    if !graph.tailFactorNodes.isEmpty {
      for key in keys { store.kept(key)?.prepareAsFirst(graph) }
      // Lanes that were packed from groups have no factors yet of what comes after global pools.
      cross = zip(cross, try crossUnits()).map { $0.taking($1) }
    }
    try forEach(cross, store, results) { (worker, unit) throws(NetworkError) in try worker.play([.tail], unit) }
  }

  private struct Part {
    var unit: SliceWorker<Scalar>.Unit
    var chunks: Range<Int>
    var cost: Int
  }

  /// Chunks of units for threads to take, the dearest first, so that threads finish together.
  private func parts(_ units: [SliceWorker<Scalar>.Unit]) -> [Part] {
    let plan = graph.plan
    // Where parts compute what their neighbours do, too, they should be few.
    let isMixed = graph.nodes.contains { if case .table = $0.kind { true } else { false } }
    let count = max(1, ((isMixed ? 4 : 8) * Threads.count + units.count - 1) / max(1, units.count))
    return units.flatMap { unit in
      let traversal = plan.traversal(unit.purpose)
      return traversal.parts(count).map { Part(unit: unit, chunks: $0, cost: traversal.cost($0) * unit.jobs.count) }
    }.sorted { $0.cost > $1.cost }
  }

  // MARK: - Groups

  func key(_ index: Int, of dataSet: DataSet, comesFirst: Bool = false) -> LaneGroupStore<Scalar>.Key {
    LaneGroupStore.Key(index: index, dataSet: isSymmetric ? .first : dataSet, comesFirst: comesFirst)
  }

  func pair(of group: LaneGroup<Scalar>, _ key: LaneGroupStore<Scalar>.Key, tangent: Tangent = .given) -> LanePair<
    Scalar
  > {
    LanePair(itself: group, of: key.dataSet, selfTangent: isSymmetric ? tangent : .absent, inputCount: n2)
  }

  func group(_ key: LaneGroupStore<Scalar>.Key) -> LaneGroup<Scalar> {
    let lanes = Scalar.lanes
    let count = key.dataSet == .first ? n1 : n2
    return LaneGroup(
      graph, key.index * lanes..<min((key.index + 1) * lanes, count),
      data: inputs.map { $0.rows(of: key.dataSet) },
      maskFactors: key.dataSet == .first ? maskFactors.first : maskFactors.second)
  }
}

/// What threads only read.
private struct UncheckedSendable<Value>: @unchecked Sendable {
  let value: Value

  init(_ value: Value) { self.value = value }
}

extension SliceInput {
  /// The numbers of a data set; nil for a kernel.
  func rows(of dataSet: DataSet) -> Tensor? {
    if case .data(let first, let second, _) = self { return dataSet == .first ? first : second }
    return nil
  }

  /// The numbers of one input of the first data set.
  func row<Scalar: TensorScalar>(_ index: Int) -> UnsafePointer<Scalar>? {
    guard case .data(let first, _, _) = self else { return nil }
    return first.unsafePointer(to: Scalar.self) + index * dataSize
  }
}
