/// What may stand for an axis inside `tensor[...]`: an integer, a range, or a `TensorIndex`.
public protocol TensorIndexable {
  var tensorIndex: TensorIndex { get }
}

/// One place of a subscript: `x[0..<3, 1, .ellipsis, .stride(by: -1)]`.
public enum TensorIndex: Sendable, Hashable, TensorIndexable {
  /// One position, whose axis the result lacks; negative from the end.
  case position(Int)
  /// Positions from `from` up to before `to` in steps, as in Python: negative bounds count from the end, bounds outside
  /// are moved to the nearest end, nil is the end that the step starts or stops at.
  case steps(from: Int?, to: Int?, by: Int)
  /// All axes that the other places leave.
  case remaining
  /// A new axis of size 1.
  case new

  public var tensorIndex: TensorIndex { self }
}

extension TensorIndexable where Self == TensorIndex {
  /// The whole axis.
  public static var all: TensorIndex { .steps(from: nil, to: nil, by: 1) }
  /// All axes that the other places leave.
  public static var ellipsis: TensorIndex { .remaining }
  /// A new axis of size 1.
  public static var newAxis: TensorIndex { .new }
  /// Positions from `from` up to before `to` in steps: `.stride(by: -1)` reverses.
  public static func stride(from: Int? = nil, to: Int? = nil, by step: Int) -> TensorIndex {
    .steps(from: from, to: to, by: step)
  }
}

extension Int: TensorIndexable { public var tensorIndex: TensorIndex { .position(self) } }
extension Range<Int>: TensorIndexable {
  public var tensorIndex: TensorIndex { .steps(from: lowerBound, to: upperBound, by: 1) }
}
extension ClosedRange<Int>: TensorIndexable {
  public var tensorIndex: TensorIndex { .steps(from: lowerBound, to: upperBound == -1 ? nil : upperBound + 1, by: 1) }
}
extension PartialRangeFrom<Int>: TensorIndexable {
  public var tensorIndex: TensorIndex { .steps(from: lowerBound, to: nil, by: 1) }
}
extension PartialRangeUpTo<Int>: TensorIndexable {
  public var tensorIndex: TensorIndex { .steps(from: nil, to: upperBound, by: 1) }
}
extension PartialRangeThrough<Int>: TensorIndexable {
  public var tensorIndex: TensorIndex { .steps(from: nil, to: upperBound == -1 ? nil : upperBound + 1, by: 1) }
}

extension Tensor {
  /// A part of the tensor, one index per axis; axes without one are taken whole.
  ///
  /// Assigning replaces the part by a tensor or number that broadcasts to it and takes this tensor's element type; it
  /// works in place unless the memory is shared with another tensor.
  public subscript(_ indices: any TensorIndexable...) -> Tensor {
    get { part(Selection(indices.map(\.tensorIndex), of: shape)) }
    set { replace(Selection(indices.map(\.tensorIndex), of: shape), by: newValue) }
  }

  /// Positions `start` up to before `end` along one axis, in steps: `self[..., start..<end, ...]`.
  ///
  /// - Precondition: 0 ≤ start ≤ end ≤ the axis' size, and the step is positive.
  public func sliced(axis: Int, from start: Int, to end: Int, by step: Int = 1) -> Tensor {
    precondition(
      shape.indices.contains(axis) && start >= 0 && start <= end && end <= shape[axis] && step > 0,
      "slice: expected a range within axis \(axis) of shape \(shape), found \(start)..<\(end) by \(step)")
    if start == 0 && end == shape[axis] && step == 1 { return self }
    var starts = [Int](repeating: 0, count: rank)
    var (limits, strides) = (shape, [Int](repeating: 1, count: rank))
    (starts[axis], limits[axis], strides[axis]) = (start, end, step)
    return apply(.slice(starts: starts, limits: limits, strides: strides), [self])
  }

  private func part(_ selection: Selection) -> Tensor {
    var result = self
    if !selection.isWhole {
      result = apply(
        .slice(starts: selection.starts, limits: selection.limits, strides: selection.strides), [result])
    }
    if !selection.reversed.isEmpty { result = apply(.reverse(selection.reversed), [result]) }
    return result.reshaped(selection.shape)
  }

  private mutating func replace(_ selection: Selection, by newValue: consuming Tensor) {
    let dtype = self.dtype
    var values = newValue.asType(dtype).broadcast(to: selection.shape).reshaped(selection.region)
    if !selection.reversed.isEmpty { values = apply(.reverse(selection.reversed), [values]) }
    if selection.isWhole {
      self = values
    } else {
      self = apply(
        .assign(starts: selection.starts, limits: selection.limits, strides: selection.strides), [take(), values])
    }
  }
}

/// What a subscript selects: a region with positive strides, axes of it that are reversed, and the shape it gets.
private struct Selection {
  var starts: [Int] = []
  var limits: [Int] = []
  var strides: [Int] = []
  var reversed: [Int] = []
  /// The region's own shape, with all axes of the tensor.
  var region: [Int] = []
  /// The shape of the result: without the axes of positions, with the new axes.
  var shape: [Int] = []
  private(set) var isWhole = true

  init(_ indices: [TensorIndex], of tensorShape: [Int]) {
    let named = indices.count { $0 != .new && $0 != .remaining }
    precondition(named <= tensorShape.count, "\(named) indices for a tensor of shape \(tensorShape)")
    precondition(indices.count { $0 == .remaining } <= 1, "an ellipsis stands twice in \(indices)")
    let whole = TensorIndex.steps(from: nil, to: nil, by: 1)
    let rest = [TensorIndex](repeating: whole, count: tensorShape.count - named)
    var all = indices
    if let ellipsis = all.firstIndex(of: .remaining) {
      all.replaceSubrange(ellipsis...ellipsis, with: rest)
    } else {
      all += rest
    }
    for index in all {
      switch index {
      case .new: shape.append(1)
      case .remaining: break
      case .position(let position):
        let size = tensorShape[region.count]
        precondition((-size..<size).contains(position), "position \(position) of an axis of \(size)")
        append(start: position < 0 ? position + size : position, count: 1, step: 1, size: size)
      case .steps(let from, let to, let step):
        let size = tensorShape[region.count]
        shape.append(append(from: from, to: to, step: step, size: size))
      }
    }
  }

  /// Python's rule for slices; returns the number of positions.
  private mutating func append(from: Int?, to: Int?, step: Int, size: Int) -> Int {
    precondition(step != 0, "a step of 0")
    let (lowest, highest) = step > 0 ? (0, size) : (-1, size - 1)
    func place(_ bound: Int) -> Int { min(max(bound < 0 ? bound + size : bound, lowest), highest) }
    let start = from.map(place) ?? (step > 0 ? lowest : highest)
    let end = to.map(place) ?? (step > 0 ? highest : lowest)
    let count = max(0, step > 0 ? (end - start + step - 1) / step : (start - end - step - 1) / -step)
    if step < 0 && count > 1 { reversed.append(region.count) }
    append(start: step < 0 ? start + (count - 1) * step : start, count: count, step: Swift.abs(step), size: size)
    return count
  }

  private mutating func append(start: Int, count: Int, step: Int, size: Int) {
    let first = count == 0 ? 0 : start
    starts.append(first)
    limits.append(count == 0 ? 0 : first + (count - 1) * step + 1)
    strides.append(step)
    region.append(count)
    if count != size { isWhole = false }
  }
}

extension Tensor {
  /// The block of the given sizes that starts at positions known only as a tensor (int32, one per axis). A block that
  /// would reach outside is moved inside.
  public func block(at starts: Tensor, sizes: [Int]) -> Tensor {
    apply(.dynamicSlice(sizes: sizes), [self, starts.asType(.int32)])
  }

  /// The tensor with the block that starts at `starts` (int32, one per axis) replaced. A block that would reach outside is
  /// moved inside.
  public func replacingBlock(at starts: Tensor, with block: Tensor) -> Tensor {
    apply(.dynamicUpdateSlice, [self, block.asType(dtype), starts.asType(.int32)])
  }
}
