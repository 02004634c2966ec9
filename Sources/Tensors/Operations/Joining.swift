/// The tensors one after another along an axis, promoted to one element type.
///
/// - Precondition: there is at least one; shapes differ only along the axis.
public func concatenate(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
  precondition(!tensors.isEmpty, "nothing to concatenate")
  let axis = normalizedAxis(axis, rank: tensors[0].rank)
  let dtype = tensors.reduce(DType.bool) { $0.promoted(with: $1.dtype) }
  return apply(.concatenate(axis: axis), tensors.map { $0.asType(dtype) })
}

/// Tensors of one shape along a new axis at the given place of the result.
public func stack(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
  concatenate(tensors.map { $0.expandedDims(axis) }, axis: axis)
}

extension Tensor {
  /// Consecutive pieces of the given sizes along an axis.
  ///
  /// - Precondition: the sizes add up to that of the axis.
  public func split(sizes: [Int], axis: Int = 0) -> [Tensor] {
    let axis = normalizedAxis(axis, rank: rank)
    precondition(sizes.reduce(0, +) == shape[axis], "sizes \(sizes) do not split an axis of \(shape[axis])")
    var start = 0
    return sizes.map { size in
      defer { start += size }
      return sliced(axis: axis, start..<start + size)
    }
  }

  /// `count` consecutive pieces of equal size along an axis.
  ///
  /// - Precondition: `count` divides the size of the axis.
  public func split(_ count: Int, axis: Int = 0) -> [Tensor] {
    let size = shape[normalizedAxis(axis, rank: rank)]
    precondition(count > 0 && size % count == 0, "\(count) equal pieces of an axis of \(size)")
    return split(sizes: [Int](repeating: size / count, count: count), axis: axis)
  }

  /// The range of positions along one axis.
  public consuming func sliced(axis: Int, _ range: Range<Int>) -> Tensor {
    let axis = normalizedAxis(axis, rank: rank)
    var (starts, limits) = ([Int](repeating: 0, count: rank), shape)
    precondition(range.lowerBound >= 0 && range.upperBound <= shape[axis], "\(range) of an axis of \(shape[axis])")
    starts[axis] = range.lowerBound
    limits[axis] = range.upperBound
    if limits == shape && range.lowerBound == 0 { return self }
    let strides = [Int](repeating: 1, count: rank)
    return apply(.slice(starts: starts, limits: limits, strides: strides), [self])
  }

  /// With `value` before the first and after the last positions: one pair per axis, negative to crop; `interior` counts
  /// the values between neighbours.
  public consuming func padded(
    _ widths: [(low: Int, high: Int)], interior: [Int]? = nil, value: Double = 0
  ) -> Tensor {
    precondition(widths.count == rank, "\(widths.count) pairs of widths for \(rank) axes")
    let dtype = self.dtype
    let interior = interior ?? widths.map { _ in 0 }
    return apply(
      .pad(low: widths.map(\.low), high: widths.map(\.high), interior: interior),
      [self, .constant(value, dtype: dtype)])
  }
}
