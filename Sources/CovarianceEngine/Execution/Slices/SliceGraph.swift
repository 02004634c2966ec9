import CVectorKernels
import Platform

/// A covariance program as a graph of nodes whose results are computed slice by slice: what a network with positions is
/// compiled to.
///
/// Most operations never mix displacements, so a slice goes through many of them while it stays in cache: these are the steps
/// of a chain. Only where displacements mix, branches meet or several operations read one value does a slice get a place of its
/// own.
struct SliceGraph: @unchecked Sendable {
  struct Node {
    var kind: Kind
    /// Sizes of the positions of the result.
    var sizes: PositionAxes
    /// That of the result.
    var tangent: Tangent
    /// Where the sizes are among those of the graph.
    var sizeIndex: UInt16 = 0

    /// The most positions along the last axis, on the way through a chain.
    var longestRow: Int {
      guard case .chain(_, _, let steps) = kind else { return sizes[3] }
      return steps.reduce(sizes[3]) { max($0, $1.sizes[3], $1.resultSizes[3]) }
    }
  }

  enum Kind {
    case input(Int)
    /// Steps on one slice; what the source gives is the slice of displacement Δ · stride.
    case chain(source: Int, stride: PositionAxes, steps: [SliceStep])
    case combine([Int], BranchCombination)
    /// Slices along one axis are made of others.
    case table(source: Int, axis: Int, DisplacementMap)
    case permute(source: Int, order: [Int])
    /// The mean over the positions of the slice of displacement zero.
    case flatten(source: Int)
    /// The sum over all slices times `scale`, and times a factor of either input where there are masks.
    case globalPool(source: Int, scale: Double, factor: Int?)
  }

  /// Numbers that operations need per input and position: what each input gives to every slice.
  struct FactorSet {
    enum Source {
      /// For the duals of an activation, from the variances.
      case dual(RowPlan.DualRoutine)
      /// 1/√(v + ε), where v is the variance averaged over the axes along which `kept` has one position, over those that
      /// are not masked, which the factor set `mask` says.
      case normalize(epsilon: Double, kept: PositionAxes, mask: Int?)
      /// 0 where the value of the program is masked, 1 elsewhere.
      case mask(value: Int)
      /// One over the number of positions where the value is not masked.
      case visible(value: Int)

      var isSeries: Bool {
        if case .dual(.vector(let dual)) = self { dual.pointee.kind == nt_dual_series } else { false }
      }
    }

    var source: Source
    /// Where it starts among those of an input, in numbers.
    var offset: Int
    var sizes: PositionAxes
    /// Numbers per position.
    var count: Int
    /// Whether the numbers of a position stand together, instead of all positions' for each number: the many of a series
    /// would otherwise lie at distances that caches map to one place.
    var isInterleaved = false
    /// Whether it is never there at all positions: `SliceStrips` makes it for some of them at a time.
    var isInStrips = false
  }

  /// The strips of a graph that goes in lock step.
  struct Strips {
    /// Positions, and numbers per position, of the largest factor set in strips.
    var positions: Int
    var count: Int
    /// Positions of the second inputs in a strip.
    var length: Int
  }

  struct Output {
    var node: Int
    var positions: [Int]
    /// Whether the covariances between different positions are wanted.
    var wantsAllPositions: Bool
  }

  /// What was compiled.
  var program = CovarianceProgram()
  /// The values of the program that are the outputs.
  var outputValues: [Int] = []
  var nodes: [Node] = []
  var factorSets: [FactorSet] = []
  /// Numbers per input, of all factor sets.
  var factorCount = 0
  var outputs: [Output] = []
  /// All sizes that there are, which instructions point to by their places.
  var sizeTable: [PositionAxes] = []
  /// The steps of all chains.
  var steps: [UnsafeMutableBufferPointer<SliceStep>] { stepTable.steps }
  var stepTable = SliceStepTable([])
  /// The nodes of global pools that sum up slices of several displacements, and per node its place among them.
  var sums: [Int] = []
  var sumIndex: [Int?] = []
  /// Per node whether some of these come before it.
  var isAfterSum: [Bool] = []
  /// The nodes in whose chains factors are made from variances, in order.
  var factorNodes: [Int] = []
  /// Whether a global pool over an input with itself may take half of the slices twice. The rounding is another then than
  /// between equal inputs, whose correlation has to be exactly one where factors are made after the pool.
  var halvesPools = true
  var activations: [any Dual] = []
  /// What the steps' pointers point to.
  var descriptions = DualDescriptions(.short)

  /// Whether factors are made anew for every few slices instead of once per input, because those of all layers would take
  /// too much memory.
  var goesInLockStep = false
  /// The factor sets that are there all the time even then.
  var keptFactorSets: [Int] = []
  /// How the factors of series are made; nil where there are none, or where they are there all the time.
  var strips: Strips?
  let limits = SliceLimits.current

  /// Whether the output is made in the body of the schedules, slice by slice.
  func hasBodyItems(_ output: Output) -> Bool { output.wantsAllPositions && nodes[output.node].sizes.product > 1 }

  var hasBody: Bool { !sums.isEmpty || outputs.contains(where: hasBodyItems) }
  /// The nodes whose factors are made before and after the global pools; where slices are not many, all of them at last.
  var headFactorNodes: [Int] { hasBody ? factorNodes.filter { !isAfterSum[$0] } : [] }
  var tailFactorNodes: [Int] { hasBody ? factorNodes.filter { isAfterSum[$0] } : factorNodes }

  /// What slices may take together, in bytes.
  var sliceBytes: Int {
    limits.sliceBytes(
      positions: nodes.map(\.sizes.product).max() ?? 1, groupBytes: LaneGroup<Float>.byteCount(self, dataSizes: []),
      isInStrips: strips != nil)
  }

  /// How the work for pairs of inputs is cut; made when it is first needed.
  var plan: SlicePlan {
    schedules.lock.withLock {
      if let plan = schedules.plan { return plan }
      var made: [SliceSchedule] = []
      let plan = SlicePlan(self, &made)
      schedules.plan = plan
      for schedule in made { schedules.keep(schedule, SliceSchedules.Key(schedule.purpose, schedule.section), limits) }
      return plan
    }
  }

  /// What is done for pairs of inputs; kept, unless it is large.
  func schedule(_ purpose: SliceSchedule.Purpose, _ section: SliceSchedule.Section) -> SliceSchedule {
    let key = SliceSchedules.Key(purpose, section)
    if let schedule = schedules.lock.withLock({ schedules.known[key] }) { return schedule }
    let schedule = SliceScheduler.schedule(self, key.purpose, section, plan.traversal(purpose))
    schedules.lock.withLock { schedules.keep(schedule, key, limits) }
    return schedule
  }

  /// What is done for a pair of inputs, one after another: what some chunks of the body take, and what comes before and after.
  func sections(_ purpose: SliceSchedule.Purpose) -> [SliceSchedule.Section] {
    let makesFactorsAtOnce = goesInLockStep || purpose == .cross
    if purpose == .factors && (goesInLockStep ? !hasBody || tailFactorNodes.isEmpty : false) { return [] }
    let head: [SliceSchedule.Section] = hasBody && !makesFactorsAtOnce ? [.head] : []
    if purpose == .factors && hasBody && tailFactorNodes.isEmpty { return head }
    let chunks = plan.traversal(purpose).chunks.indices
    return head + bodySections(purpose, chunks) + [.tail]
  }

  func bodySections(_ purpose: SliceSchedule.Purpose, _ chunks: Range<Int>) -> [SliceSchedule.Section] {
    let plan = plan
    return plan.traversal(purpose).pieces(of: chunks, most: plan.pieceSize).map { .body($0) }
  }

  private let schedules = SliceSchedules()

  /// Copies of a graph share its schedules.
  private final class SliceSchedules: @unchecked Sendable {
    struct Key: Hashable {
      let purpose: SliceSchedule.Purpose
      let section: SliceSchedule.Section

      /// In the head there are only factors, whatever comes after.
      init(_ purpose: SliceSchedule.Purpose, _ section: SliceSchedule.Section) {
        self.purpose = section == .head ? .factors : purpose
        self.section = section
      }
    }

    // Not a Mutex, whose locking the thread sanitizer does not see.
    let lock = Lock()
    var plan: SlicePlan?
    private(set) var known: [Key: SliceSchedule] = [:]
    private var byteCount = 0

    /// Called under the lock.
    func keep(_ schedule: SliceSchedule, _ key: Key, _ limits: SliceLimits) {
      if case .body = key.section, byteCount + schedule.byteCount > limits.scheduleBytes { return }
      guard known[key] == nil else { return }
      byteCount += schedule.byteCount
      known[key] = schedule
    }
  }

  func isInStrips(_ step: SliceStep) -> Bool { step.factorSet.map { factorSets[$0].isInStrips } ?? false }

  func isChainWithoutSource(_ node: Int, at displacement: PositionAxes) -> Bool {
    guard case .chain(_, _, let steps) = nodes[node].kind, displacement != .zero else { return false }
    return steps.contains { $0.isLocalize }
  }
}

/// The steps of all chains of a graph, by node, in memory that instructions point to.
final class SliceStepTable: @unchecked Sendable {
  let steps: [UnsafeMutableBufferPointer<SliceStep>]

  init(_ nodes: [SliceGraph.Node]) {
    steps = nodes.map { node in
      guard case .chain(_, _, let steps) = node.kind else { return .allocate(capacity: 0) }
      let copy = UnsafeMutableBufferPointer<SliceStep>.allocate(capacity: steps.count)
      _ = copy.initialize(from: steps)
      return copy
    }
  }

  deinit {
    for steps in steps { steps.deallocate() }
  }
}

/// One operation on a slice.
struct SliceStep {
  enum Operation {
    /// The window sum of a convolution along one axis.
    case window(Window)
    /// Those of one along rows and columns.
    case window2D(rows: Window, columns: Window)
    case affine(nt_affine)
    case dual(RowPlan.DualRoutine, factorSet: Int)
    /// K and Θ times a factor of each input: layer normalisation, masks.
    case scale(factorSet: Int)
    case scaleAll(Double)
    /// An input with itself at one position.
    case dropout(keepRate: Double)
    /// Zero between different positions.
    case localize
    case fusedPass(FusedPass)
  }

  struct Window {
    var axis: Int
    var size: Int
    var stride: Int
    var dilation: Int
    var low: Int
  }

  /// A window along the rows, an affine map, an activation made of two lines, and the next window along the columns, in one
  /// pass.
  struct FusedPass {
    var rows: Window?
    var affine: nt_affine
    var dual: UnsafePointer<nt_dual>
    var factorSet: Int
    var columns: Window?
  }

  var operation: Operation
  /// Sizes of the positions of what it works on and of what it makes.
  var sizes: PositionAxes
  var resultSizes: PositionAxes
  /// The displacements of these for one of the whole chain's result.
  var stride = PositionAxes(repeating: 1)
  var resultStride = PositionAxes(repeating: 1)
  /// That of what it works on.
  var tangent: Tangent
  /// Where the sizes of what it makes are among those of the graph.
  var sizeIndex: UInt16 = 0

  /// The windows that it sums over.
  var windows: [Window] {
    switch operation {
    case .window(let window): [window]
    case .window2D(let rows, let columns): [rows, columns]
    case .fusedPass(let pass): [pass.rows, pass.columns].compactMap { $0 }
    default: []
    }
  }

  var isLocalize: Bool { if case .localize = operation { true } else { false } }

  /// The factors that it reads.
  var factorSet: Int? {
    switch operation {
    case .dual(_, let set), .scale(let set): set
    case .fusedPass(let pass): pass.factorSet
    case .window, .window2D, .affine, .scaleAll, .dropout, .localize: nil
    }
  }

  /// The sizes, and the displacements for one of the chain, where the factors of a layer's activation are needed.
  func middle(of pass: FusedPass) -> (sizes: PositionAxes, stride: PositionAxes) {
    guard let rows = pass.rows else { return (sizes, stride) }
    var (middle, middleStride) = (sizes, stride)
    middle[rows.axis] = resultSizes[rows.axis]
    middleStride[rows.axis] = resultStride[rows.axis]
    return (middle, middleStride)
  }
}
