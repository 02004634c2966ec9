/// What is known of a tensor before its elements: the shape and the element type.
public struct TensorType: Hashable, Sendable, CustomStringConvertible {
  /// The size along each axis.
  public var shape: [Int]
  /// The element type.
  public var dtype: DType

  public init(shape: [Int], dtype: DType) {
    self.shape = shape
    self.dtype = dtype
  }

  /// The number of axes.
  public var rank: Int { shape.count }
  /// The number of elements.
  public var count: Int { shape.product }
  /// What the elements take in memory, in bytes.
  public var byteCount: Int { count * dtype.byteCount }
  /// `float32[3,2]`, of a scalar `float32[]`.
  public var description: String { "\(dtype)[\(shape.map(String.init).joined(separator: ","))]" }
}

extension Tensor {
  /// The shape and the element type.
  public var type: TensorType { TensorType(shape: shape, dtype: dtype) }
}

extension Array where Element == Int {
  /// The shape that `self` and `other` broadcast to by NumPy's rule: aligned at the last axis, sizes are equal or 1.
  func broadcast(with other: [Int]) -> [Int] {
    if self == other { return self }
    let rank = Swift.max(count, other.count)
    return (0..<rank).map { axis in
      let a = axis < rank - count ? 1 : self[axis - (rank - count)]
      let b = axis < rank - other.count ? 1 : other[axis - (rank - other.count)]
      precondition(a == b || a == 1 || b == 1, "shapes \(self) and \(other) do not broadcast")
      return a == 1 ? b : a
    }
  }

  func broadcasts(to target: [Int]) -> Bool {
    count <= target.count && zip(reversed(), target.reversed()).allSatisfy { $0 == $1 || $0 == 1 }
  }

  func removing(axes: [Int]) -> [Int] {
    indices.filter { !axes.contains($0) }.map { self[$0] }
  }
}

/// The axis counted from the first: negative ones count from the last.
func normalizedAxis(_ axis: Int, rank: Int) -> Int {
  precondition((-rank..<rank).contains(axis), "axis \(axis) of a tensor of rank \(rank)")
  return axis < 0 ? axis + rank : axis
}

/// The axes counted from the first, in ascending order; nil means all.
func normalizedAxes(_ axes: [Int]?, rank: Int) -> [Int] {
  guard let axes else { return Array(0..<rank) }
  let result = axes.map { normalizedAxis($0, rank: rank) }.sorted()
  precondition(Set(result).count == result.count, "axes \(axes) name an axis twice")
  return result
}
