extension Tensor {
  /// Entries along an axis at the given int32 positions: their axes take the place of `axis`.
  ///
  /// - Precondition: positions are inside the axis; negative ones count from the end.
  public func taking(_ positions: Tensor, axis: Int) -> Tensor {
    apply(.take(axis: normalizedAxis(axis, rank: rank)), [self, positions.asType(.int32)])
  }

  /// Entries along an axis at the given positions.
  public func taking(_ positions: [Int], axis: Int) -> Tensor {
    taking(Tensor(positions.map(Int32.init)), axis: axis)
  }

  /// Element by element, the one at the position along `axis` that `positions` holds; the shapes differ only along it.
  public func takingAlong(_ positions: Tensor, axis: Int) -> Tensor {
    apply(.takeAlong(axis: normalizedAxis(axis, rank: rank)), [self, positions.asType(.int32)])
  }

  /// Zeros of size `size` along an axis with the entries added at the given positions (the transpose of `taking`): the
  /// axes of `positions` stand at `axis`. Positions may repeat.
  public func scatteringAdd(_ positions: Tensor, axis: Int, size: Int) -> Tensor {
    apply(
      .scatterAdd(axis: normalizedAxis(axis, rank: rank), size: size),
      [raised(to: .int32), positions.asType(.int32)])
  }

  /// In ascending order along an axis, NaN last.
  public func sorted(axis: Int = -1) -> Tensor {
    apply(.sort(axis: normalizedAxis(axis, rank: rank)), [self])
  }

  /// The int32 positions along an axis that sort it, NaN last; equal elements keep their order.
  public func argSorted(axis: Int = -1) -> Tensor {
    apply(.argSort(axis: normalizedAxis(axis, rank: rank)), [self])
  }

  /// The elements whose position along the second axis exceeds that along the first by `offset`: the two axes are
  /// dropped and the diagonal becomes the last axis.
  public func diagonal(_ first: Int = -2, _ second: Int = -1, offset: Int = 0) -> Tensor {
    let (row, column) = (normalizedAxis(first, rank: rank), normalizedAxis(second, rank: rank))
    precondition(row != column, "a diagonal runs along two axes, found \(first) and \(second)")
    let leading = shape.indices.filter { $0 != row && $0 != column }
    let (rows, columns) = (shape[row], shape[column])
    let count = Swift.max(0, Swift.min(rows + Swift.min(offset, 0), columns - Swift.max(offset, 0)))
    // In the flattened matrix it is every (columns + 1)-th element.
    let start = count == 0 ? 0 : offset >= 0 ? offset : -offset * columns
    let flat = transposed(leading + [row, column]).reshaped(leading.map { shape[$0] } + [rows * columns])
    return flat[.ellipsis, .stride(from: start, to: start + count * (columns + 1), by: columns + 1)]
  }

  /// The matrices of the last two axes with zeros below the diagonal that `offset` names.
  public func upperTriangle(offset: Int = 0) -> Tensor { triangle { $0 .<= $1 - Double(offset) } }

  /// The matrices of the last two axes with zeros above the diagonal that `offset` names.
  public func lowerTriangle(offset: Int = 0) -> Tensor { triangle { $0 .>= $1 - Double(offset) } }

  private func triangle(_ isKept: (_ row: Tensor, _ column: Tensor) -> Tensor) -> Tensor {
    precondition(rank >= 2, "a triangle of a tensor of shape \(shape)")
    let rows = Tensor.arange(shape[rank - 2]).expandedDims(-1)
    return select(isKept(rows, .arange(shape[rank - 1])), self, 0)
  }
}
