import CovarianceEngine
import Tensors

/// A part of the activations, as a subscript selects it: `Index(.all, 1..., .stride(by: -2))`.
///
/// Infinite width: the same part of both positions' axes of K and Θ, and of both inputs' axes where the batch is
/// indexed; Gaussian inputs stay Gaussian. An axis indexed by an integer disappears. Masks are indexed alike.
///
/// In a kernel the channels must be whole, and the batch cannot be an integer.
public struct Index: SingleInputLayer {
  public static let nodeName = "index"

  /// One per axis from the first on; axes without one are taken whole.
  public let ranges: [TensorIndex]
  private let axes: DataAxes

  /// - Parameters:
  ///   - ranges: integers, Swift ranges, `.stride(from:to:by:)`, `.all` and `.ellipsis`, as in `tensor[...]`.
  ///   - batchAxis: where inputs have the batch.
  ///   - channelAxis: where inputs have the channels.
  /// - Precondition: no axis is new, no step is 0, there is at most one ellipsis.
  public init(_ ranges: any TensorIndexable..., batchAxis: Int = 0, channelAxis: Int = -1) {
    self.init(ranges, batchAxis: batchAxis, channelAxis: channelAxis)
  }

  /// - Precondition: no axis is new, no step is 0, there is at most one ellipsis.
  public init(_ ranges: [any TensorIndexable], batchAxis: Int = 0, channelAxis: Int = -1) {
    self.ranges = ranges.map(\.tensorIndex)
    axes = DataAxes(batch: batchAxis, channel: channelAxis)
    let steps = self.ranges.map { if case .steps(_, _, let step) = $0 { step } else { 1 } }
    precondition(
      !self.ranges.contains(.new) && !steps.contains(0) && self.ranges.count { $0 == .remaining } <= 1,
      "expected no new axes, no step of 0 and at most one ellipsis, found \(self.ranges)")
  }

  public var dataAxes: DataAxes? { axes }

  /// One index per axis of an input with `rank` axes.
  private func indices(rank: Int) throws(NetworkError) -> [TensorIndex] {
    let missing = rank - ranges.count { $0 != .remaining }
    guard missing >= 0 else {
      throw NetworkError(
        path: [.name("ranges")], expected: "at most \(rank), one per axis of the input", found: "\(rank - missing)")
    }
    let rest = [TensorIndex](repeating: .all, count: missing)
    guard let ellipsis = ranges.firstIndex(of: .remaining) else { return ranges + rest }
    return ranges[..<ellipsis] + rest + ranges[(ellipsis + 1)...]
  }

  private func maps(_ input: [Int], checksBatch: Bool = true) throws(NetworkError) -> AxisMaps {
    let indices = try indices(rank: input.count)
    let axes = try axes.resolved(for: input)
    var maps: [PositionMapOperation.Axis] = []
    for (axis, index) in indices.enumerated() {
      if axis == axes.batch && !checksBatch, case .position = index {
        maps.append(.removed(0))
        continue
      }
      guard let map = index.map(of: input[axis]), axis == axes.batch || map.size(from: input[axis]) != 0 else {
        throw NetworkError(
          path: [.name("ranges"), .index(axis)], expected: "at least one of \(input[axis]) positions of axis \(axis)",
          found: index.text)
      }
      maps.append(map)
    }
    return AxisMaps(axes: maps)
  }

  public func outputShape(_ input: [Int]) throws(NetworkError) -> [Int] {
    // The size along the batch axis may stand for any number of inputs.
    try maps(input, checksBatch: false).outputShape(input)
  }

  public func apply(_ parameters: Parameters, _ input: Tensor, _ context: ApplyContext) throws(NetworkError) -> Tensor {
    try maps(input.shape).apply(input)
  }

  public func outputMask(_ mask: Tensor, input: [Int]) throws(NetworkError) -> Tensor {
    try maps(input).outputMask(mask)
  }

  public func append(to program: inout CovarianceProgram, _ input: CovarianceValue) throws(NetworkError)
    -> CovarianceValue
  {
    try input.require(try axes.resolved(for: input.shape))
    let indices = try indices(rank: input.shape.count)
    let (batch, channel) = (indices[input.batchAxis], indices[input.channelAxis])
    guard channel.isWhole else {
      throw NetworkError(
        path: [.name("ranges"), .index(input.channelAxis)],
        expected: "\":\" for the channels, which have no order at infinite width", found: channel.text)
    }
    if case .position(let position) = batch {
      let single = TensorIndex.steps(from: position, to: position == -1 ? nil : position &+ 1, by: 1).text
      throw NetworkError(
        path: [.name("ranges"), .index(input.batchAxis)],
        expected: "a range for the batch, which a kernel needs (\"\(single)\" is one input)", found: batch.text)
    }
    let maps = try maps(input.shape)
    guard maps.axes[input.batchAxis].size(from: input.shape[input.batchAxis]) != 0 else {
      throw NetworkError(
        path: [.name("ranges"), .index(input.batchAxis)],
        expected: "at least one of \(input.shape[input.batchAxis]) inputs", found: batch.text)
    }
    if batch.isWhole { return maps.append(to: &program, input, batch: nil) }
    let map = PositionMapOperation.BatchMap(batch.text, selects: true) { batch.map(of: $0) ?? .selected([]) }
    return maps.append(to: &program, input, batch: map)
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    guard let value = arguments.take("ranges") else {
      throw NetworkError(path: [.name("ranges")], expected: TensorIndex.expectation, found: "nothing")
    }
    guard case .array(let values) = value else {
      throw NetworkError(path: [.name("ranges")], expected: TensorIndex.expectation, found: value.summary)
    }
    var ranges: [TensorIndex] = []
    for (place, value) in values.enumerated() {
      guard let index = TensorIndex(value), index != .remaining || !ranges.contains(.remaining) else {
        throw NetworkError(
          path: [.name("ranges"), .index(place)], expected: TensorIndex.expectation, found: value.summary)
      }
      ranges.append(index)
    }
    self.ranges = ranges
    axes = try DataAxes(from: &arguments)
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("ranges", .array(ranges.map(\.node)))
    axes.write(to: &arguments)
  }
}

extension TensorIndex {
  fileprivate static let expectation =
    "a list of \":\", \"from:to\", \"from:to:step\", integers and at most one \"...\""

  /// Whether the axis stays as it is, whatever its size.
  fileprivate var isWhole: Bool {
    if case .steps(let from, nil, 1) = self { return from == nil || from == 0 }
    return false
  }

  /// What is selected of an axis of `size` positions, by Python's rule; nil if it has no such position.
  fileprivate func map(of size: Int) -> PositionMapOperation.Axis? {
    switch self {
    case .position(let position):
      (-size..<size).contains(position) ? .removed(position < 0 ? position + size : position) : nil
    case .steps(let from, let to, let step): .steps(from: from, to: to, by: step, size: size)
    case .remaining, .new: .unchanged
    }
  }

  /// As in a network file.
  fileprivate var node: NodeValue {
    if case .position(let position) = self { return .integer(position) }
    return .string(text)
  }

  fileprivate var text: String {
    switch self {
    case .position(let position): "\(position)"
    case .steps(let from, let to, let step):
      (from.map { "\($0)" } ?? "") + ":" + (to.map { "\($0)" } ?? "") + (step == 1 ? "" : ":\(step)")
    case .remaining: "..."
    case .new: "a new axis"
    }
  }

  fileprivate init?(_ node: NodeValue) {
    /// No axis is longer.
    func isPlace(_ number: Int) -> Bool { abs(Double(number)) <= Double(Int32.max) }
    if case .integer(let position) = node {
      guard isPlace(position) else { return nil }
      self = .position(position)
      return
    }
    guard case .string(let text) = node else { return nil }
    if text == "..." {
      self = .remaining
      return
    }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { $0.filter { $0 != " " } }
    guard (2...3).contains(parts.count), parts.allSatisfy({ $0.isEmpty || Int($0).map(isPlace) ?? false })
    else { return nil }
    let numbers = parts.map { Int($0) }
    let step = numbers.count == 3 ? numbers[2] ?? 1 : 1
    guard step != 0 else { return nil }
    self = .steps(from: numbers[0], to: numbers[1], by: step)
  }
}

extension PositionMapOperation.Axis {
  fileprivate static func steps(from: Int?, to: Int?, by step: Int, size: Int) -> PositionMapOperation.Axis {
    let (lowest, highest) = step > 0 ? (0, size) : (-1, size - 1)
    func place(_ bound: Int) -> Int { min(max(bound < 0 ? bound + size : bound, lowest), highest) }
    let start = from.map(place) ?? (step > 0 ? lowest : highest)
    let end = to.map(place) ?? (step > 0 ? highest : lowest)
    let positions = Array(stride(from: start, to: end, by: step))
    return positions == Array(0..<size) ? .unchanged : .selected(positions)
  }
}
