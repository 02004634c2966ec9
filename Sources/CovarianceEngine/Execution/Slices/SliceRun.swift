import Foundation
import Synchronization
import Tensors

/// Runs a graph for slices over all pairs of inputs on all cores.
///
/// The unit of work is one input of the first data set with a group of as many of the second as there are lanes. What slices
/// need of single inputs is computed once per group. Every pair of inputs is computed by the same operations whatever the
/// tiles and the threads are. When both data sets are one, only pairs above the diagonal are computed, and the diagonal is the
/// inputs with themselves.
struct SliceRun<Scalar: SliceScalar>: @unchecked Sendable {
  private let graph: SliceGraph
  private let inputs: [SliceInput]
  private let withNTK: Bool
  private let isSymmetric: Bool
  private let n1: Int
  private let n2: Int
  private let maskFactors: (first: [Int: Tensor], second: [Int: Tensor])
  /// What is masked in every output.
  private let outputMasks: [(first: Tensor?, second: Tensor?)]
  private let wanted: SelfCovarianceSet
  /// Where the first entry is in the Gram matrix.
  private let origin: (row: Int, column: Int)
  private let isExchanged: Bool
  /// Bytes of groups of inputs that a thread may keep.
  private static var groupBudget: Int { 24 << 20 }

  init(_ graph: SliceGraph, _ block: BlockRequest, withNTK: Bool) throws(NetworkError) {
    let (inputs, program) = (block.inputs, graph.program)
    self.graph = graph
    self.withNTK = withNTK
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

  // MARK: - Tiles

  /// Work for one thread.
  private enum Task {
    case itself(group: Int, of: DataSet)
    case tile(rows: Range<Int>, group: Int)
    /// Any pairs, as many as there are lanes.
    case pairs([Pair])
  }

  private struct Pair {
    var row: Int
    var column: Int
  }

  /// Whether pairs that leave lanes of a group empty are put together from several groups, which takes as long as some
  /// slices.
  private var packsPairs: Bool { graph.schedule(.cross).factorReads > 16 * Double(graph.factorCount) }

  /// The diagonal of a symmetric matrix comes from there.
  private var wantsFirst: Bool { isSymmetric || wanted.contains(.first) }
  private var wantsSecond: Bool { !isSymmetric && wanted.contains(.second) }

  private func tasks() -> [Task] {
    let lanes = Scalar.lanes
    let (groups1, groups2) = ((n1 + lanes - 1) / lanes, (n2 + lanes - 1) / lanes)
    var tasks: [Task] = []
    if wantsFirst { tasks += (0..<groups1).map { Task.itself(group: $0, of: .first) } }
    if wantsSecond { tasks += (0..<groups2).map { Task.itself(group: $0, of: .second) } }
    // Enough tiles for threads to finish together; rows of a tile share what its columns need, as many as fit.
    let bytes = LaneGroup<Scalar>.byteCount(graph, dataSizes: inputs.map(\.dataSize))
    let most = max(1, min(4, Self.groupBudget / max(1, bytes)))
    let rows = min(max(1, n1 * groups2 / (16 * Threads.count)), most * lanes)
    guard packsPairs else {
      for row in stride(from: 0, to: n1, by: rows) {
        for group in 0..<groups2 where !isSymmetric || (group + 1) * lanes > row {
          tasks.append(.tile(rows: row..<min(row + rows, n1), group: group))
        }
      }
      return tasks
    }
    var pairs: [Pair] = []
    for first in 0..<groups1 {
      let block = first * lanes..<min((first + 1) * lanes, n1)
      for second in isSymmetric ? first..<groups2 : 0..<groups2 {
        let columns = second * lanes..<min((second + 1) * lanes, n2)
        if columns.count == lanes && !(isSymmetric && first == second) {
          for row in stride(from: block.lowerBound, to: block.upperBound, by: rows) {
            tasks.append(.tile(rows: row..<min(row + rows, block.upperBound), group: second))
          }
        } else {
          for row in block {
            for column in columns where !isSymmetric || column > row { pairs.append(Pair(row: row, column: column)) }
          }
        }
      }
    }
    for start in stride(from: 0, to: pairs.count, by: lanes) {
      tasks.append(.pairs(Array(pairs[start..<min(start + lanes, pairs.count)])))
    }
    return tasks
  }

  func run() throws(NetworkError) -> [CovarianceBlock] {
    let results = graph.outputs.map {
      SliceResult<Scalar>(
        $0, hasTheta: graph.nodes[$0.node].hasTheta, n1: n1, n2: n2, isSymmetric: isSymmetric, withNTK: withNTK,
        origin: origin, isExchanged: isExchanged)
    }
    let tasks = tasks()
    let store = GroupStore(self, budget: Self.groupBudget)
    let failure = Mutex<NetworkError?>(nil)
    Threads.forEachWorker(tasks.count) { next in
      let worker = TaskWorker(self, store, results)
      while let index = next() {
        if failure.withLock({ $0 != nil }) { break }
        do throws(NetworkError) {
          switch tasks[index] {
          case .itself(let group, let dataSet): try worker.computeItself(group, of: dataSet)
          case .tile(let rows, let group): try worker.compute(rows, group: group)
          case .pairs(let pairs): try worker.compute(pairs)
          }
        } catch {
          failure.withLock { $0 = $0 ?? error }
        }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
    return zip(results, outputMasks).map { result, masks in
      CovarianceBlock(
        k12: result.k12, theta: result.theta, k11: wantsFirst ? result.k11 : nil,
        k22: wantsSecond ? result.k22 : nil,
        layout: CovarianceLayout(
          positions: result.output.positions, isDiagonal: !result.output.wantsAllPositions, hasFullBatch: false),
        mask1: masks.first, mask2: masks.second)
    }
  }

  // MARK: - Groups

  /// Groups of inputs with their factors; kept for all threads if they fit.
  private final class GroupStore: @unchecked Sendable {
    private let executor: SliceRun
    private let keepsAll: Bool
    // Not a Mutex, whose locking the thread sanitizer does not see: what groups hold is published through it.
    private let lock = NSLock()
    private var groups: [Key: LaneGroup<Scalar>] = [:]

    struct Key: Hashable {
      var index: Int
      var dataSet: DataSet
      /// Whether its inputs come one at a time, as the first of two, and not in lanes.
      var comesFirst: Bool
    }

    init(_ executor: SliceRun, budget: Int) {
      self.executor = executor
      let bytes = 2 * LaneGroup<Scalar>.byteCount(executor.graph, dataSizes: executor.inputs.map(\.dataSize))
      let count = (executor.n1 + (executor.isSymmetric ? 0 : executor.n2)) / Scalar.lanes + 2
      keepsAll = count * bytes <= budget * Threads.count
    }

    func kept(_ key: Key) -> LaneGroup<Scalar>? { lock.withLock { groups[any(key)] } }

    /// Says whether it is kept.
    func keep(_ group: LaneGroup<Scalar>, _ key: Key) -> Bool {
      guard keepsAll else { return false }
      group.prepareAsFirst()
      lock.withLock { groups[any(key)] = groups[any(key)] ?? group }
      return true
    }

    /// What is kept serves in both places.
    private func any(_ key: Key) -> Key { Key(index: key.index, dataSet: key.dataSet, comesFirst: false) }
  }

  /// One thread's scratch memory and its tasks.
  private final class TaskWorker {
    private let executor: SliceRun
    private let store: GroupStore
    private let results: [SliceResult<Scalar>]
    private var worker: SliceInterpreter<Scalar>?
    /// Those that the last tile used.
    private var recent: [GroupStore.Key: LaneGroup<Scalar>] = [:]

    init(_ executor: SliceRun, _ store: GroupStore, _ results: [SliceResult<Scalar>]) {
      self.executor = executor
      self.store = store
      self.results = results
    }

    func computeItself(_ index: Int, of dataSet: DataSet) throws(NetworkError) {
      let key = key(index, of: dataSet)
      let group = executor.group(key)
      try run(pair(of: group, key), executor.graph.schedule(.itself)) {
        (output, extent, k, theta) throws(NetworkError) in
        try results[output].storeItself(k, theta, extent, group.inputs, of: key.dataSet)
      }
      _ = store.keep(group, key)
    }

    func compute(_ rows: Range<Int>, group index: Int) throws(NetworkError) {
      let lanes = Scalar.lanes
      let second = key(index, of: .second)
      let firsts = Set(rows.map { key($0 / lanes, of: .first, comesFirst: true) })
      recent = recent.filter { $0.key == second || firsts.contains($0.key) }
      let columns = try group(second)
      for row in rows where !executor.isSymmetric || row < columns.inputs[columns.inputs.count - 1] {
        let first = try group(key(row / lanes, of: .first, comesFirst: true))
        let pair = LanePair(
          row, of: first, with: columns, data: executor.inputs.map { $0.row(row) }, inputCount: executor.n2)
        try run(pair, executor.graph.schedule(.cross)) { (output, extent, k, theta) throws(NetworkError) in
          try results[output].store(
            k, theta, extent, rows: Array(repeating: row, count: columns.inputs.count), columns: columns.inputs)
        }
      }
    }

    func compute(_ pairs: [Pair]) throws(NetworkError) {
      let (rows, columns) = (pairs.map(\.row), pairs.map(\.column))
      let pair = LanePair(
        try packed(rows, of: .first), with: try packed(columns, of: .second), inputCount: executor.n2)
      try run(pair, executor.graph.schedule(.cross)) { (output, extent, k, theta) throws(NetworkError) in
        try results[output].store(k, theta, extent, rows: rows, columns: columns)
      }
    }

    /// Inputs of any groups in lanes.
    private func packed(_ inputs: [Int], of dataSet: DataSet) throws(NetworkError) -> LaneGroup<Scalar> {
      let keys = inputs.map { key($0 / Scalar.lanes, of: dataSet, comesFirst: true) }
      recent = recent.filter { keys.contains($0.key) }
      return LaneGroup(
        executor.graph, inputs, of: try keys.map { (key: GroupStore.Key) throws(NetworkError) in try group(key) },
        data: executor.inputs.map { $0.rows(of: dataSet) })
    }

    private func key(_ index: Int, of dataSet: DataSet, comesFirst: Bool = false) -> GroupStore.Key {
      GroupStore.Key(index: index, dataSet: executor.isSymmetric ? .first : dataSet, comesFirst: comesFirst)
    }

    private func pair(of group: LaneGroup<Scalar>, _ key: GroupStore.Key) -> LanePair<Scalar> {
      LanePair(
        itself: group, of: key.dataSet, wantsSelfTheta: executor.isSymmetric, inputCount: executor.n2)
    }

    private func group(_ key: GroupStore.Key) throws(NetworkError) -> LaneGroup<Scalar> {
      if let group = recent[key] { return group }
      if let group = store.kept(key) { return group }
      let group = executor.group(key)
      try run(pair(of: group, key), executor.graph.schedule(.factors)) { (_, _, _, _) throws(NetworkError) in }
      if store.keep(group, key) { return group }
      if key.comesFirst {
        group.prepareAsFirst()
        group.dropLanes()
      }
      recent[key] = group
      return group
    }

    private func run(
      _ pair: LanePair<Scalar>, _ schedule: SliceSchedule,
      _ body: (
        _ output: Int, _ extent: SliceExtent, _ k: UnsafeMutablePointer<Scalar>, _ theta: UnsafeMutablePointer<Scalar>
      ) throws(NetworkError) -> Void
    ) throws(NetworkError) {
      let worker =
        self.worker ?? SliceInterpreter(executor.graph, executor.inputs, withNTK: executor.withNTK, pair)
      self.worker = worker
      try worker.run(pair, schedule, body)
    }
  }

  private func group(_ key: GroupStore.Key) -> LaneGroup<Scalar> {
    let lanes = Scalar.lanes
    let count = key.dataSet == .first ? n1 : n2
    return LaneGroup(
      graph, key.index * lanes..<min((key.index + 1) * lanes, count),
      data: inputs.map { $0.rows(of: key.dataSet) },
      maskFactors: key.dataSet == .first ? maskFactors.first : maskFactors.second)
  }
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
