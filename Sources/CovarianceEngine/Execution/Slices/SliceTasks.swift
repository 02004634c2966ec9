import Tensors

/// What a block of the Gram matrix is, as far as memory and tasks depend on it.
struct SliceBlockShape {
  var n1: Int
  var n2: Int
  var isSymmetric = false
  /// Whether covariances of the inputs of either data set with themselves are wanted.
  var wantsFirst = true
  var wantsSecond = true
  /// Numbers of an input, per input of the network; 0 for a kernel.
  var dataSizes: [Int]

  static func groups(_ count: Int, _ lanes: Int) -> Int { (count + lanes - 1) / lanes }

  /// Groups of both data sets.
  func groupCount(_ lanes: Int) -> Int { Self.groups(n1, lanes) + (isSymmetric ? 0 : Self.groups(n2, lanes)) }
}

/// The work of a block of the Gram matrix, cut into pieces for threads.
///
/// The unit is one input of the first data set with a group of as many of the second as there are lanes. Where there are fewer
/// units than keep the threads busy and each of them takes long, threads share the chunks of their slices, too.
struct SliceTasks<Scalar: SliceScalar> {
  enum Task {
    /// A group of inputs with themselves.
    case itself(group: Int, of: DataSet)
    case tile(rows: Range<Int>, group: Int)
    /// Any pairs, as many as there are lanes.
    case pairs([Pair])
  }

  struct Pair {
    var row: Int
    var column: Int
  }

  /// Empty where nobody asked for the list.
  private(set) var tasks: [Task] = []
  /// Whether threads share the work for single tasks.
  private(set) var sharesTasks = false
  /// Whether all groups with their factors are kept for all threads.
  let keepsGroups: Bool
  /// Groups of first inputs that a thread keeps while it works on a tile.
  let firstGroupCount: Int
  /// Whether pairs that leave lanes of a group empty are put together from several groups, which takes as long as some slices.
  let packsPairs: Bool

  /// - Parameter makesList: whether the tasks are wanted, and not only how they are worked on.
  init(_ graph: SliceGraph, _ shape: SliceBlockShape, threads: Int, makesList: Bool = true) {
    let bytes = LaneGroup<Scalar>.byteCount(graph, dataSizes: shape.dataSizes)
    let budget = graph.limits.groupBytes
    let plan = graph.plan
    firstGroupCount = max(1, min(4, budget / max(1, bytes)))
    packsPairs =
      !graph.goesInLockStep && plan.factorReads > 16 * Double(graph.factorCount) && bytes <= 24 << 20
    let bytesOfAll = shape.groupCount(Scalar.lanes) * 2 * bytes
    keepsGroups = !graph.goesInLockStep && bytesOfAll <= budget * threads
    // Only few inputs can be few tasks.
    let mayShare = shape.n1 * SliceBlockShape.groups(shape.n2, Scalar.lanes) < 64 * threads
    if makesList || mayShare { tasks = cut(shape, threads: threads) }
    let chunks = plan.traversal(.cross)
    let cost = chunks.cost * graph.steps.reduce(graph.nodes.count) { $0 + $1.count }
    sharesTasks =
      threads > 1 && mayShare && !graph.goesInLockStep && chunks.chunks.count > 1 && tasks.count < 4 * threads
      && cost >= graph.limits.sharedCost && bytesOfAll <= max(budget, 80 << 20) * threads
  }

  private func cut(_ shape: SliceBlockShape, threads: Int) -> [Task] {
    let lanes = Scalar.lanes
    let (n1, n2, isSymmetric) = (shape.n1, shape.n2, shape.isSymmetric)
    let (groups1, groups2) = (SliceBlockShape.groups(n1, lanes), SliceBlockShape.groups(n2, lanes))
    var tasks: [Task] = []
    if shape.wantsFirst { tasks += (0..<groups1).map { Task.itself(group: $0, of: .first) } }
    if shape.wantsSecond { tasks += (0..<groups2).map { Task.itself(group: $0, of: .second) } }
    // Enough tiles for threads to finish together; rows of a tile share what its columns need, as many as fit.
    let rows = min(max(1, n1 * groups2 / ((keepsGroups ? 40 : 16) * threads)), firstGroupCount * lanes)
    guard packsPairs else {
      for row in stride(from: 0, to: n1, by: rows) {
        for group in 0..<groups2 where !isSymmetric || (group + 1) * lanes > row {
          // The last row has nothing right of the diagonal.
          if isSymmetric && row + 1 == n1 { continue }
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
}
