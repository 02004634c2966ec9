import Tensors

/// One thread's scratch memory and its tasks.
final class SliceWorker<Scalar: SliceScalar> {
  typealias Job = SliceInterpreter<Scalar>.Job
  typealias Key = LaneGroupStore<Scalar>.Key
  typealias Body = (
    _ job: Int, _ output: Int, _ extent: SliceExtent, _ k: UnsafeMutablePointer<Scalar>,
    _ theta: UnsafeMutablePointer<Scalar>
  ) throws(NetworkError) -> Void

  private let run: SliceRun<Scalar>
  private let store: LaneGroupStore<Scalar>
  private let results: [SliceResult<Scalar>]
  private var interpreter: SliceInterpreter<Scalar>?
  /// Groups that the last tile used.
  private var recent: [Key: LaneGroup<Scalar>] = [:]
  private var graph: SliceGraph { run.graph }

  init(_ run: SliceRun<Scalar>, _ store: LaneGroupStore<Scalar>, _ results: [SliceResult<Scalar>]) {
    self.run = run
    self.store = store
    self.results = results
  }

  // MARK: - Whole tasks

  func compute(_ task: SliceTasks<Scalar>.Task) throws(NetworkError) {
    switch task {
    case .itself(let index, let dataSet):
      let key = run.key(index, of: dataSet)
      let group = run.group(key)
      let unit = Unit(.itself, [job(run.pair(of: group, key))], outputs: .itself(group, key.dataSet))
      try play(graph.sections(.itself), unit)
      _ = store.keep(group, key, graph)
    case .tile(let rows, let index):
      if graph.goesInLockStep { return try computeInLockStep(rows, group: index) }
      try play(graph.sections(.cross), try unit(rows, group: index))
    case .pairs(let pairs):
      try play(graph.sections(.cross), try unit(pairs))
    }
  }

  private func computeInLockStep(_ rows: Range<Int>, group index: Int) throws(NetworkError) {
    let lanes = Scalar.lanes
    var start = rows.lowerBound
    while start < rows.upperBound {
      let end = min(rows.upperBound, start + graph.plan.jobCount, (start / lanes + 1) * lanes)
      if let unit = try lockStepUnit(start..<end, group: index) { try play(graph.sections(.cross), unit) }
      start = end
    }
  }

  // MARK: - Parts of tasks

  /// What some sections are played for.
  final class Unit: @unchecked Sendable {
    enum Outputs {
      case itself(LaneGroup<Scalar>, DataSet)
      /// One row per job, with these columns.
      case rows([Int], columns: [Int])
      case pairs(rows: [Int], columns: [Int])
      case none
    }

    let purpose: SliceSchedule.Purpose
    let jobs: [Job]
    let outputs: Outputs
    /// The inputs of the jobs' groups with themselves, in lock step.
    let itself: (first: LanePair<Scalar>?, second: LanePair<Scalar>)?

    init(
      _ purpose: SliceSchedule.Purpose, _ jobs: [Job], outputs: Outputs,
      itself: (first: LanePair<Scalar>?, second: LanePair<Scalar>)? = nil
    ) {
      (self.purpose, self.jobs, self.outputs, self.itself) = (purpose, jobs, outputs, itself)
    }

    /// The same sums with the factors of another unit.
    func taking(_ other: Unit) -> Unit {
      Unit(
        purpose, zip(jobs, other.jobs).map { Job(pair: $1.pair, sums: $0.sums) }, outputs: outputs, itself: other.itself
      )
    }
  }

  func play(_ sections: [SliceSchedule.Section], _ unit: Unit) throws(NetworkError) {
    guard let pair = unit.jobs.first?.pair else { return }
    let interpreter =
      self.interpreter ?? SliceInterpreter(graph, run.inputs, tangent: run.tangent, pair)
    self.interpreter = interpreter
    for section in sections {
      let schedule = graph.schedule(unit.purpose, section)
      try interpreter.run(schedule, unit.jobs, itself: unit.itself) {
        (job, output, extent, k, theta) throws(NetworkError) in
        switch unit.outputs {
        case .itself(let group, let dataSet):
          try results[output].storeItself(k, theta, extent, group.inputs, of: dataSet)
        case .rows(let rows, let columns):
          try results[output].store(
            k, theta, extent, rows: Array(repeating: rows[job], count: columns.count), columns: columns)
        case .pairs(let rows, let columns):
          try results[output].store(k, theta, extent, rows: rows, columns: columns)
        case .none: break
        }
      }
    }
  }

  private func job(_ pair: LanePair<Scalar>) -> Job {
    let purpose: SliceSchedule.Purpose = pair.isOfItself ? .itself : .cross
    let count = graph.sums.isEmpty ? 0 : graph.plan.traversal(purpose).chunks.count
    return Job(pair: pair, sums: ChunkSums(chunkCount: count, sumCount: graph.sums.count, lanes: Scalar.lanes))
  }

  func itselfUnit(_ key: Key, _ group: LaneGroup<Scalar>, _ purpose: SliceSchedule.Purpose) -> Unit {
    Unit(
      purpose, [job(run.pair(of: group, key))],
      outputs: purpose == .itself ? .itself(group, key.dataSet) : .none)
  }

  func unit(_ rows: Range<Int>, group index: Int) throws(NetworkError) -> Unit {
    let lanes = Scalar.lanes
    let second = run.key(index, of: .second)
    let firsts = Set(rows.map { run.key($0 / lanes, of: .first, comesFirst: true) })
    recent = recent.filter { $0.key == second || firsts.contains($0.key) }
    let columns = try group(second)
    let last = columns.inputs[columns.inputs.count - 1]
    let rows = rows.filter { !run.isSymmetric || $0 < last }
    var jobs: [Job] = []
    for row in rows {
      let first = try group(run.key(row / lanes, of: .first, comesFirst: true))
      jobs.append(
        job(
          LanePair(
            row, of: first, with: columns, data: run.inputs.map { $0.row(row) }, inputCount: run.n2)))
    }
    return Unit(.cross, jobs, outputs: .rows(rows, columns: columns.inputs))
  }

  func unit(_ pairs: [SliceTasks<Scalar>.Pair]) throws(NetworkError) -> Unit {
    let (rows, columns) = (pairs.map(\.row), pairs.map(\.column))
    let pair = LanePair(
      try packed(rows, of: .first), with: try packed(columns, of: .second), inputCount: run.n2)
    return Unit(.cross, [job(pair)], outputs: .pairs(rows: rows, columns: columns))
  }

  /// Rows of one group with the columns of another; nil where all of them are below the diagonal.
  func lockStepUnit(_ rows: Range<Int>, group index: Int) throws(NetworkError) -> Unit? {
    let (firstKey, secondKey) = (
      run.key(rows.lowerBound / Scalar.lanes, of: .first), run.key(index, of: .second)
    )
    // A group that comes first has its lanes, too, so it is the same in both places.
    recent = recent.filter { $0.key == firstKey || $0.key == secondKey }
    let (first, second) = (try group(firstKey), try group(secondKey))
    first.prepareAsFirst(graph)
    let last = second.inputs[second.inputs.count - 1]
    let rows = rows.filter { !run.isSymmetric || $0 < last }
    guard !rows.isEmpty else { return nil }
    let jobs = rows.map { row in
      job(
        LanePair(row, of: first, with: second, data: run.inputs.map { $0.row(row) }, inputCount: run.n2))
    }
    return Unit(
      .cross, jobs, outputs: .rows(rows, columns: second.inputs),
      itself: (
        first === second ? nil : run.pair(of: first, firstKey, tangent: .absent),
        run.pair(of: second, secondKey, tangent: .absent)
      ))
  }

  // MARK: - Groups

  /// Inputs of any groups in lanes.
  private func packed(_ inputs: [Int], of dataSet: DataSet) throws(NetworkError) -> LaneGroup<Scalar> {
    let keys = inputs.map { run.key($0 / Scalar.lanes, of: dataSet, comesFirst: true) }
    recent = recent.filter { keys.contains($0.key) }
    return LaneGroup(
      graph, inputs, of: try keys.map { (key: Key) throws(NetworkError) in try group(key) },
      data: run.inputs.map { $0.rows(of: dataSet) })
  }

  private func group(_ key: Key) throws(NetworkError) -> LaneGroup<Scalar> {
    if let group = recent[key] { return group }
    if let group = store.kept(key) { return group }
    let group = run.group(key)
    try play(graph.sections(.factors), itselfUnit(key, group, .factors))
    if store.keep(group, key, graph) { return group }
    if key.comesFirst {
      group.prepareAsFirst(graph)
      group.dropLanes()
    }
    recent[key] = group
    return group
  }
}
