import CovarianceEngine
import Tensors

/// Messages along the edges of graphs: y[j] = Σ A[i, j] x[i] over the positions i of some axes, the others by
/// themselves.
///
/// The graphs come with the data, one per input, see `GraphPatterns`. Without graphs the layer is the identity, and
/// in a kernel of two data sets of which one has no graphs it is the identity for that one.
///
/// Infinite width: K ← A1ᵀ K A2 and Θ alike; Gaussian inputs stay Gaussian.
public struct Aggregate: SingleInputLayer {
  public static let nodeName = "aggregate"

  /// How graphs are given.
  public enum Implementation: String, Sendable, CaseIterable {
    /// Adjacency matrices, shape (N, X…, X…).
    case dense
    /// Lists of edges, int32 of shape (N, E, K, 2) for K axes, or (N, E, 2) for one.
    case sparse
  }

  /// The axes of positions along which messages pass; nil for all of them.
  public let axes: [Int]?
  /// How graphs are given: as matrices or as lists of edges.
  public let implementation: Implementation
  /// Where inputs have the batch and the channels.
  public let dataLayout: DataAxes

  public init(axes: [Int]? = nil, implementation: Implementation = .dense, batchAxis: Int = 0, channelAxis: Int = -1) {
    self.axes = axes
    self.implementation = implementation
    dataLayout = DataAxes(batch: batchAxis, channel: channelAxis)
  }

  public var dataAxes: DataAxes? { dataLayout }

  public func outputShape(_ input: [Int]) throws(NetworkError) -> [Int] {
    _ = try resolvedAxes(input)
    return input
  }

  public func apply(_ parameters: Parameters, _ input: Tensor, _ context: ApplyContext) throws(NetworkError) -> Tensor {
    let axes = try resolvedAxes(input.shape)
    guard let pattern = context.pattern else { return input }
    let batch = try dataLayout.resolved(for: input.shape).batch
    do {
      let messages = try GraphMessages(
        pattern, implementation, count: input.shape[batch], sizes: axes.map { input.shape[$0] })
      return messages.pass(input, batchAxis: batch, axes: axes)
    } catch {
      throw error.inside(.name("pattern"))
    }
  }

  public func append(to program: inout CovarianceProgram, _ input: CovarianceValue) throws(NetworkError)
    -> CovarianceValue
  {
    let axes = try resolvedAxes(input.shape)
    try input.require(try dataLayout.resolved(for: input.shape))
    program.requireChannelsApart(of: input)
    let indices = axes.compactMap { input.positionAxes.firstIndex(of: $0) }
    return program.appendByChannel(
      AggregateOperation(implementation: implementation, axes: indices), input, isGaussian: input.isGaussian)
  }

  /// The aggregated axes from the front, in order.
  private func resolvedAxes(_ input: [Int]) throws(NetworkError) -> [Int] {
    let layout = try dataLayout.resolved(for: input)
    let positions = layout.positionAxes(rank: input.count)
    guard let axes else { return positions }
    var result: Set<Int> = []
    for axis in axes {
      let resolved = try resolvedAxis(axis, rank: input.count, name: "axes")
      guard positions.contains(resolved) else {
        throw NetworkError(
          path: [.name("axes")], expected: "axes of positions: of \(positions)",
          found: "\(axis), the axis of the \(resolved == layout.batch ? "batch" : "channels")")
      }
      result.insert(resolved)
    }
    return result.sorted()
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    switch arguments.take("axes") {
    case nil: axes = nil
    case .integer(let axis)?: axes = [axis]
    default: axes = try arguments.integers("axes", default: [])
    }
    implementation = try arguments.choice("implementation", default: .dense)
    dataLayout = try DataAxes(from: &arguments)
  }

  public func write(to arguments: inout LayerArguments) {
    if let axes { arguments.set("axes", axes) }
    arguments.set("implementation", implementation.rawValue, default: Implementation.dense.rawValue)
    dataLayout.write(to: &arguments)
  }
}

/// K ← A1ᵀ K A2.
struct AggregateOperation: CovarianceOperation {
  var implementation: Aggregate.Implementation
  /// Counted among positions.
  var axes: [Int]

  var name: String { Aggregate.nodeName }

  var description: String { "aggregate(\(implementation), axes: \(axes))" }

  func demand(for result: DisplacementDemand, ofOperandWith positions: [Int], operandsAreLocal: Bool)
    -> DisplacementDemand
  { result.hasPairs || !axes.isEmpty ? .all(positions) : .diagonal(positions) }

  func flops(result: Double, operands: Double, operandCount: Int, positions: [Int]) -> Double {
    positionProductFlops(result: result, operands: operands, positions: positions)
  }

  func evaluate(_ operands: [CovarianceState], _ context: CovarianceContext) throws(NetworkError) -> CovarianceState {
    let input = operands[0]
    let sizes = axes.map { input.layout.positions[$0] }
    func messages(_ pattern: Tensor?, _ name: String, count: Int) throws(NetworkError) -> GraphMessages? {
      do {
        return try pattern.map { (pattern: Tensor) throws(NetworkError) in
          try GraphMessages(pattern, implementation, count: count, sizes: sizes)
        }
      } catch {
        throw error.inside(.name(Aggregate.nodeName), .name("patterns"), .name(name))
      }
    }
    let first = try messages(context.pattern1, "first", count: input.k12.shape[0])
    let second = try messages(context.pattern2, "second", count: input.k12.shape[1])
    func passed(_ k: Tensor, _ rows: GraphMessages?, _ columns: GraphMessages?, batchAxes: Int) -> Tensor {
      let rowAxes = axes.map { $0 + batchAxes }
      let columnAxes = rowAxes.map { $0 + input.layout.positions.count }
      let half = rows?.pass(k, batchAxis: 0, axes: rowAxes) ?? k
      return columns?.pass(half, batchAxis: batchAxes - 1, axes: columnAxes) ?? half
    }
    var result = input
    let batchAxes = input.layout.selfBatchAxes
    result.k12 = passed(input.k12, first, second, batchAxes: 2)
    result.theta = try input.theta.map { passed($0, first, second, batchAxes: 2) }
    result.k11 = passed(input.k11, first, first, batchAxes: batchAxes)
    result.k22 = passed(input.k22, second, second, batchAxes: batchAxes)
    return result
  }
}

/// The graphs of some inputs over positions of given sizes, checked.
private struct GraphMessages {
  private enum Edges {
    /// Shape (N, S, S) for S positions.
    case dense(Tensor)
    /// Positions of tails and heads in N · S rows, one after another; N · S is no position. NaN instead of 1 where the
    /// graphs are not over these positions.
    case sparse(tails: Tensor, heads: Tensor, factor: Tensor?)
  }

  private let edges: Edges

  /// - Throws: `NetworkError` when the pattern's shape, type or positions are not those of `count` graphs over
  ///   positions of the given sizes.
  init(_ pattern: Tensor, _ implementation: Aggregate.Implementation, count: Int, sizes: [Int]) throws(NetworkError) {
    switch implementation {
    case .dense: edges = .dense(try Self.adjacency(pattern, count: count, sizes: sizes))
    case .sparse: edges = try Self.edges(pattern, count: count, sizes: sizes)
    }
  }

  private static func adjacency(_ pattern: Tensor, count: Int, sizes: [Int]) throws(NetworkError) -> Tensor {
    guard pattern.shape == [count] + sizes + sizes else {
      throw NetworkError(
        expected: "adjacency matrices of shape \([count] + sizes + sizes)", found: "shape \(pattern.shape)")
    }
    return pattern.reshaped([count, sizes.product, sizes.product])
  }

  private static func edges(_ pattern: Tensor, count: Int, sizes: [Int]) throws(NetworkError) -> Edges {
    guard pattern.dtype == .int32 else {
      throw NetworkError(expected: "edges of type int32", found: "\(pattern.dtype)")
    }
    let hasShortForm = sizes.count == 1 && pattern.rank == 3
    let expected =
      "edges of shape (\(count), edges, \(sizes.count), 2)"
      + (sizes.count == 1 ? " or (\(count), edges, 2)" : "")
    guard pattern.rank == 4 || hasShortForm, pattern.shape[0] == count, pattern.shape[pattern.rank - 1] == 2,
      hasShortForm || pattern.shape[2] == sizes.count
    else { throw NetworkError(expected: expected, found: "shape \(pattern.shape)") }
    let edgeCount = pattern.shape[1]
    // Without axes there is one position, and every edge goes from it to itself.
    guard !sizes.isEmpty && edgeCount > 0 else {
      let weight = sizes.isEmpty ? Double(edgeCount) : 0
      return .dense(Tensor(repeating: weight, shape: [count, sizes.product, sizes.product], dtype: .float64))
    }
    let coordinates = pattern.reshaped([count, edgeCount, sizes.count, 2])
    let bounds = Tensor(sizes.map(Int32.init)).reshaped([sizes.count, 1])
    let isEdge = (coordinates .>= 0).all(axes: [2, 3])
    let isOutside = isEdge .& (coordinates .>= bounds).any(axes: [2, 3])
    // A pattern being traced cannot be looked at: then kernels and outputs are NaN.
    var factor: Tensor?
    if pattern.isTraced {
      factor = select(isOutside.any(), Double.nan, Tensor(1.0))
    } else if isOutside.any().scalar(as: Bool.self) {
      throw NetworkError(
        expected: "edges between positions below \(sizes), or negative ones for none",
        found: outsider(pattern, isOutside))
    }
    let strides = Tensor(sizes.indices.map { Int32(sizes[($0 + 1)...].reduce(1, *)) }).reshaped([sizes.count, 1])
    let starts = (Tensor.arange(count) * Tensor(Int32(sizes.product))).reshaped([count, 1, 1])
    let rows = (coordinates * strides).sum(axis: 2) + starts
    let valid = select((isEdge .& .!isOutside).expandedDims(2), rows, Tensor(Int32(count * sizes.product)))
    func end(_ index: Int) -> Tensor { valid.sliced(axis: 2, from: index, to: index + 1).reshaped([count * edgeCount]) }
    return .sparse(tails: end(0), heads: end(1), factor: factor)
  }

  /// The first edge that leaves the positions.
  private static func outsider(_ pattern: Tensor, _ isOutside: Tensor) -> String {
    let edgeCount = isOutside.shape[1]
    let index = isOutside.scalars(as: Bool.self).firstIndex(of: true) ?? 0
    let edge = pattern[index / edgeCount, index % edgeCount].scalars(as: Int32.self)
    return "edge \(index % edgeCount) of graph \(index / edgeCount): "
      + "\(stride(from: 0, to: edge.count, by: 2).map { edge[$0] }) to "
      + "\(stride(from: 1, to: edge.count, by: 2).map { edge[$0] })"
  }

  /// The messages that arrive along `axes` of `x`, whose axis `batchAxis` counts inputs.
  func pass(_ x: Tensor, batchAxis: Int, axes: [Int]) -> Tensor {
    let order = [batchAxis] + axes + (0..<x.rank).filter { $0 != batchAxis && !axes.contains($0) }
    let ordered = x.transposed(order)
    let (count, positions) = (x.shape[batchAxis], axes.reduce(1) { $0 * x.shape[$1] })
    let rest = ordered.shape.dropFirst(axes.count + 1).reduce(1, *)
    let messages: Tensor
    switch edges {
    case .dense(let adjacency):
      messages = dotGeneral(
        adjacency.asType(x.dtype), ordered.reshaped([count, positions, rest]), contracting: ([1], [1]),
        batch: ([0], [0]))
    case .sparse(let tails, let heads, let factor):
      // The row behind all others is where what is no edge comes from and goes to.
      let rows = concatenate([ordered.reshaped([count * positions, rest]), .zeros([1, rest], dtype: x.dtype)])
      let sums = rows.taking(tails, axis: 0).scatteringAdd(heads, axis: 0, size: count * positions + 1)
        .sliced(axis: 0, from: 0, to: count * positions)
      messages = factor.map { sums * $0.asType(x.dtype) } ?? sums
    }
    return messages.reshaped(ordered.shape).transposed(order.inversePermutation)
  }
}
